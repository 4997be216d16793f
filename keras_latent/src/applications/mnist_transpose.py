"""VBTA on digits and their transposes: the experiment of section 6.1 of its paper."""

import argparse

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization
from keras_latent.src.applications import fitting
from keras_latent.src.applications.judging import accuracy, float32, floats
from keras_latent.src.applications.run_directory import RunDirectory
from keras_latent.src.cli.options.mnist_transpose import DATASETS, PRESETS
from keras_latent.src.utils.files import replaced_when_complete


def prolong(arguments: argparse.Namespace, before: int) -> str:
    """What to say where a run goes on beyond the epochs it was begun for."""
    return fitting.AS_A_LONGER_RUN


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict:
    """Trains or resumes, saves the model, measures and draws.

    Returns:
        The figures of `metrics.json`.
    """
    family, split, _, classifier_epochs, max_shift = DATASETS[arguments.dataset]
    verbose = arguments.verbose

    pair = datasets.load_pair(
        f"{arguments.dataset}_transpose",
        paired="all" if arguments.paired == "all" else int(arguments.paired),
        paired_per_batch=arguments.paired_per_batch,
        matched=arguments.match,
        disjoint=arguments.disjoint,
        split=split,
        batch_size=arguments.batch_size,
        seed=arguments.seed,
        data_dir=arguments.data_dir,
    )
    if verbose:
        print(pair)
    # On all images and in their order, so that every run of a data set has the same judge.
    everything = datasets.load_pair(
        f"{arguments.dataset}_transpose", split=split, data_dir=arguments.data_dir
    )
    with float32():
        classifier = metrics.reference_classifier(
            everything.source_train,
            everything.source_train_labels,
            epochs=classifier_epochs,
            max_shift=max_shift,
            softness=0.5 if max_shift else 0.0,
            verbose=verbose,
        )

    keras.utils.set_random_seed(arguments.seed)
    preset = PRESETS.get(arguments.preset, arguments.preset).format(family)
    model = models.VBTA.from_preset(preset, load_weights=False, seed=arguments.seed)
    model.compile(keras.optimizers.Adam(arguments.learning_rate))
    fitting.fit(
        model,
        pair.train,
        directory,
        fitting.start(model, directory, pair.skip_epochs),
        validation_data=pair.test,
        epochs=arguments.epochs,
        verbose=verbose,
    )

    with replaced_when_complete(directory / "model.keras") as temporary:
        model.save(temporary)
    visualization.training_curves(directory.history("history.csv"), directory / "training.png")
    return measure(model, pair, classifier, directory)


def measure(
    model: models.VBTA,
    pair: datasets.DomainPair,
    classifier: keras.Model,
    directory: RunDirectory,
) -> dict:
    """Translates the test images both ways, scores and draws them."""
    source, target = (floats(x) for x in (pair.source_test, pair.target_test))
    labels = pair.source_test_labels
    to_source = model.translate(target, to="source")
    to_target = model.translate(source, to="target")
    reconstruction = model.reconstruct(source)

    one_of_each = [np.flatnonzero(labels == k)[0] for k in np.unique(labels)]
    rows = {
        "source x": source,
        "reconstruction": reconstruction,
        "f(x)": to_target,
        "target y": target,
        "g(y)": to_source,
    }
    visualization.translation_grid(
        {title: images[one_of_each] for title, images in rows.items()},
        directory / "translations.png",
    )
    samples = model.generate(10, seed=0)
    visualization.translation_grid(
        {"x from z": samples["source"], "y from z": samples["target"]},
        directory / "samples.png",
    )
    # Figure 3 of the paper, with the components of the domain that g(y) belongs to: those
    # of y, of which the caption speaks, would compare upright digits with transposed ones.
    visualization.pca_comparison(
        source,
        to_source,
        labels,
        directory / "pca.png",
        titles=("source x", "g(y), translated to the source"),
    )

    def score(images):
        return accuracy(classifier, labels, images)

    return {
        "transfer_accuracy": {
            "target_to_source": score(to_source),
            # The classifier knows the source domain: what came out is transposed back.
            "source_to_target": score(np.swapaxes(to_target, 1, 2)),
        },
        "reconstruction_accuracy": score(reconstruction),
        "classifier_accuracy": score(source),
        "test_rows": len(labels),
    }


def report(figures: dict) -> None:
    """Prints the figures."""
    transfer = figures["transfer_accuracy"]
    print(
        f"Transfer accuracy on {figures['test_rows']} test images: "
        f"{transfer['target_to_source']:.4f} target to source, "
        f"{transfer['source_to_target']:.4f} source to target "
        f"(reconstructions {figures['reconstruction_accuracy']:.4f}, "
        f"real images {figures['classifier_accuracy']:.4f})"
    )
