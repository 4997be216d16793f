"""VBTA on digits and their transposes: section 6.1 of its paper."""

import argparse
from typing import Any

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization
from keras_latent.src.applications.running import training
from keras_latent.src.applications.running.evaluation import (
    accuracy,
    dtype_policy,
    floats,
    labelled,
)
from keras_latent.src.applications.running.run_directory import RunDirectory
from keras_latent.src.applications.running.spread import shown, spread, warn_of_collapse
from keras_latent.src.applications.settings import TRANSPOSE_DATASETS, TRANSPOSE_PRESETS


def extend(arguments: argparse.Namespace, before: int) -> str:
    """Says how a run with more epochs compares with one from the start."""
    return training.SAME_AS_LONGER_RUN


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict[str, Any]:
    """Trains or resumes, saves the model, evaluates it and draws."""
    data = TRANSPOSE_DATASETS[arguments.dataset]
    pair = datasets.load_pair(
        f"{arguments.dataset}_transpose",
        paired="all" if arguments.paired == "all" else int(arguments.paired),
        paired_per_batch=arguments.paired_per_batch,
        matched=arguments.match,
        disjoint=arguments.disjoint,
        split=data.split,
        batch_size=arguments.batch_size,
        seed=arguments.seed,
        data_dir=arguments.data_dir,
    )
    if arguments.verbose:
        print(pair)
    classifier = evaluation_classifier(arguments.dataset, arguments.data_dir, arguments.verbose)
    keras.utils.set_random_seed(arguments.seed)
    preset = TRANSPOSE_PRESETS.get(arguments.preset, arguments.preset).format(data.family)
    model = models.VBTA.from_preset(preset, load_weights=False, seed=arguments.seed)
    model.compile(keras.optimizers.Adam(arguments.learning_rate))
    training.fit(
        model,
        pair.train,
        directory,
        training.start(model, directory, pair.skip_epochs),
        validation_data=pair.test,
        epochs=arguments.epochs,
        verbose=arguments.verbose,
    )
    directory.save(model)
    visualization.training_curves(directory.history(), directory / "training.png")
    return measure(model, pair, classifier, directory)


def evaluation_classifier(
    dataset: str, data_dir: str | None = None, verbose: int = 0
) -> keras.Model:
    """The classifier of a dataset's real source images, trained once and cached."""
    data = TRANSPOSE_DATASETS[dataset]
    # On all images and in their order, so that all runs of a dataset share one classifier.
    pair = datasets.load_pair(f"{dataset}_transpose", split=data.split, data_dir=data_dir)
    with dtype_policy():
        return metrics.reference_classifier(
            *labelled(pair, "source", "train"),
            epochs=data.classifier_epochs,
            max_shift=data.max_shift,
            softness=0.5 if data.max_shift else 0.0,
            verbose=verbose,
        )


def measure(
    model: models.VBTA,
    pair: datasets.DomainPair,
    classifier: keras.Model,
    directory: RunDirectory,
) -> dict[str, Any]:
    """Translates the test images in both directions, scores and draws them."""
    source, labels = labelled(pair, "source")
    source, target = floats(source), floats(labelled(pair, "target")[0])
    to_source = model.translate(target, to="source")
    to_target = model.translate(source, to="target")
    reconstruction = model.reconstruct(source)

    one_per_class = np.unique(labels, return_index=True)[1]
    rows = {
        "source x": source,
        "reconstruction": reconstruction,
        "f(x)": to_target,
        "target y": target,
        "g(y)": to_source,
    }
    visualization.translation_grid(
        {title: images[one_per_class] for title, images in rows.items()},
        directory / "translations.png",
    )
    samples = model.generate(10, seed=0)
    visualization.translation_grid(
        {"x from z": samples["source"], "y from z": samples["target"]},
        directory / "samples.png",
    )
    # Figure 3 of the paper, but with the principal components of x, since g(y) is in its domain.
    # Those of y, which the caption mentions, would compare upright digits with transposed ones.
    visualization.pca_comparison(
        source,
        to_source,
        labels,
        directory / "pca.png",
        titles=("source x", "g(y), translated to the source"),
    )
    return {
        "transfer_accuracy": {
            "target_to_source": accuracy(classifier, labels, to_source),
            # The classifier knows the source domain, so translations are transposed back.
            "source_to_target": accuracy(classifier, labels, np.swapaxes(to_target, 1, 2)),
        },
        "reconstruction_accuracy": accuracy(classifier, labels, reconstruction),
        "spread": {
            "target_to_source": spread(to_source, source, labels, labels),
            "source_to_target": spread(to_target, target, labels, labels),
            "reconstruction": spread(reconstruction, source, labels, labels),
        },
        "classifier_accuracy": accuracy(classifier, labels, source),
        "test_rows": len(labels),
    }


def report(figures: dict[str, Any]) -> None:
    """Prints the figures."""
    transfer, spreads = figures["transfer_accuracy"], figures.get("spread", {})
    print(
        f"Transfer accuracy on {figures['test_rows']} test images: "
        f"{transfer['target_to_source']:.4f} target to source "
        f"({shown(spreads.get('target_to_source'))}), "
        f"{transfer['source_to_target']:.4f} source to target "
        f"({shown(spreads.get('source_to_target'))}); "
        f"reconstructions {figures['reconstruction_accuracy']:.4f} "
        f"({shown(spreads.get('reconstruction'))}), "
        f"real images {figures['classifier_accuracy']:.4f}"
    )
    warn_of_collapse(
        {name.replace("_", " "): value for name, value in spreads.items()},
        "Look at translations.png, and train longer (`--epochs`).",
    )
