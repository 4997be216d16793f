"""LSTNet between MNIST and USPS without labels: section 3 of its paper."""

import argparse
from typing import Any

import keras
import numpy as np

from keras_latent import callbacks, datasets, metrics, models, visualization
from keras_latent.src.applications.running import training
from keras_latent.src.applications.running.evaluation import (
    accuracy,
    dtype_policy,
    floats,
    labelled,
    one_per_class,
)
from keras_latent.src.applications.running.run_directory import RunDirectory
from keras_latent.src.applications.running.spread import shown, spread, warn_of_collapse
from keras_latent.src.applications.settings import USPS_PRESETS, training_of
from keras_latent.src.utils.domains import DOMAINS, OTHER
from keras_latent.src.utils.weight_files import load_weights

#: Epochs of each domain's classifier, the pixels by which its images are shifted, and its label
#: smoothing.
CLASSIFIERS = {"source": (16, 2, 0.0), "target": (60, 1, 0.1)}
#: Training images per domain by which epochs are measured.
MEASURED_ROWS = 2000


def extend(arguments: argparse.Namespace, before: int) -> str:
    """Says how a run with more epochs compares with one from the start."""
    decays = training_of(arguments.preset, USPS_PRESETS).decay
    return training.NEW_SCHEDULE if decays else training.SAME_AS_LONGER_RUN


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict[str, Any]:
    """Trains or resumes, chooses an epoch for each direction, evaluates and draws."""
    pair = datasets.load_pair(
        "mnist_usps",
        batch_size=arguments.batch_size,
        augment=True,
        seed=arguments.seed,
        data_dir=arguments.data_dir,
    )
    if arguments.verbose:
        print(pair)
    classifiers = train_classifiers(pair, arguments)

    keras.utils.set_random_seed(arguments.seed)
    preset = training_of(arguments.preset, USPS_PRESETS)
    model = models.LSTNet.from_preset(
        preset.model, load_weights=False, seed=arguments.seed, ema_momentum=preset.ema_momentum
    )
    rate = arguments.learning_rate
    if preset.decay:
        rate = keras.optimizers.schedules.CosineDecay(rate, arguments.epochs * pair.steps_per_epoch)
    optimizers = model.default_optimizer()
    for optimizer in optimizers.values():
        optimizer.learning_rate = rate
    model.compile(optimizers)
    started = training.start(model, directory, pair.skip_epochs)
    choice = callbacks.EpochChoice(
        directory / "epochs",
        lambda: measure_epoch(model, pair, classifiers, arguments.seed),
        tuple(f"{d}_information" for d in DOMAINS),
        started[1],
    )
    grid = callbacks.TranslationGrid(
        one_per_class(pair, "source"),
        one_per_class(pair, "target"),
        directory / "grids",
        every=arguments.grid_every,
        tensorboard=arguments.tensorboard,
    )
    training.fit(
        model,
        pair.train,
        directory,
        started,
        epochs=arguments.epochs,
        verbose=arguments.verbose,
        before=[callbacks.CollapseMonitor(), grid],
        after=[choice],
    )
    visualization.training_curves(directory.history(), directory / "training.png")
    return measure(model, pair, classifiers, choice, directory)


def train_classifiers(
    pair: datasets.DomainPair, arguments: argparse.Namespace
) -> dict[str, keras.Model]:
    """An evaluation classifier of the real training images of each domain."""
    classifiers = {}
    for domain, (epochs, max_shift, label_smoothing) in CLASSIFIERS.items():
        if arguments.verbose:
            print(f"Evaluation classifier of the {domain}:", flush=True)
        with dtype_policy():
            classifiers[domain] = metrics.reference_classifier(
                *labelled(pair, domain, "train"),
                epochs=arguments.classifier_epochs or epochs,
                max_shift=max_shift,
                softness=0.5,
                label_smoothing=label_smoothing,
                verbose=arguments.verbose,
            )
    return classifiers


def measure_epoch(
    model: models.LSTNet,
    pair: datasets.DomainPair,
    classifiers: dict[str, keras.Model],
    seed: int,
) -> dict[str, float]:
    """Measures an epoch, by the domain that images are translated into.

    The criteria use training images of both domains, and labels only of the domain translated into.
    `test_accuracy` is recorded to compare them with afterwards; it chooses nothing.
    """
    rng = np.random.default_rng(seed)
    some = {}
    for d in DOMAINS:
        images, labels = labelled(pair, d, "train")
        rows = rng.permutation(len(images))[:MEASURED_ROWS]
        some[d] = floats(images[rows]), labels[rows]
    row = {}
    for to, classifier in classifiers.items():
        domain = OTHER[to]
        images, (known, labels) = some[domain][0], some[to]
        translated = model.translate(images, to=to)
        scores = classifier.predict(translated, batch_size=500, verbose=0)
        row[f"{to}_information"] = metrics.mutual_information(scores)
        row[f"{to}_negative_entropy"] = metrics.negative_entropy(scores)
        row[f"{to}_density"] = metrics.soft_neighborhood_density(scores)
        row[f"{to}_circular_validation"] = metrics.circular_validation(
            model.translate(known, to=domain), labels, images, scores
        )
        # Translated back and forth once more, an image should keep its class.
        again = classifier.predict(model.cycle(translated, domain=to), batch_size=500, verbose=0)
        row[f"{to}_cycle_agreement"] = float(np.mean(scores.argmax(1) == again.argmax(1)))
        test, labels = labelled(pair, domain)
        translated = model.translate(floats(test), to=to)
        row[f"{to}_test_accuracy"] = accuracy(classifier, labels, translated)
    return row


def measure(
    model: models.LSTNet,
    pair: datasets.DomainPair,
    classifiers: dict[str, keras.Model],
    choice: callbacks.EpochChoice,
    directory: RunDirectory,
) -> dict[str, Any]:
    """Translates both test sets with the epochs chosen for them, scores and draws."""
    figures: dict[str, Any] = {"transfer_accuracy": {}, "classifier_accuracy": {}}
    figures |= {"spread": {}, "chosen_epoch": {}, "test_rows": {}}
    for to, classifier in classifiers.items():
        domain, criterion = OTHER[to], f"{to}_information"
        load_weights(model, choice.weights(criterion))
        name, (test, labels) = f"{domain}_to_{to}", labelled(pair, domain)
        figures["chosen_epoch"][name] = choice.chosen(criterion)
        translated = model.translate(floats(test), to=to)
        figures["transfer_accuracy"][name] = accuracy(classifier, labels, translated)
        real, real_labels = labelled(pair, to)
        figures["spread"][name] = spread(translated, floats(real), labels, real_labels)
        figures["classifier_accuracy"][to] = accuracy(classifier, real_labels, floats(real))
        figures["test_rows"][domain] = len(labels)
        directory.save(model, f"model_to_{to}.keras")
        images = one_per_class(pair, domain)
        visualization.translation_grid(
            {
                domain: images,
                "reconstruction": model.reconstruct(images, domain),
                f"translated to {to}": model.translate(images, to=to),
                "and back": model.cycle(images, domain),
            },
            directory / f"{name}.png",
        )
    figures["epochs"] = choice.measurements()
    figures["rank_correlation"] = rank_correlations(figures["epochs"])
    return figures


def rank_correlations(epochs: list[dict[str, float]]) -> dict[str, float]:
    """Spearman's correlation over the epochs between each criterion and the test accuracy."""

    def ranks(name: str) -> np.ndarray:
        values = np.array([row[name] for row in epochs])
        above, equal = values[:, None] > values, values[:, None] == values
        return above.sum(1) + equal.sum(1) / 2  # equal values share their mean rank

    found = {}
    for name in epochs[0] if len(epochs) > 2 else ():
        criterion, truth = ranks(name), ranks(f"{name.split('_')[0]}_test_accuracy")
        if not name.endswith("_test_accuracy") and criterion.std() and truth.std():
            found[name] = round(float(np.corrcoef(criterion, truth)[0, 1]), 3)
    return found


def report(figures: dict[str, Any]) -> None:
    """Prints the figures."""
    spreads = figures.get("spread", {})
    for to, domain in OTHER.items():
        name = f"{domain}_to_{to}"
        print(
            f"{name}: {figures['transfer_accuracy'][name]:.4f} of "
            f"{figures['test_rows'][domain]} translated test images classified correctly "
            f"({shown(spreads.get(name))}; epoch {figures['chosen_epoch'][name]}; real images of "
            f"the {to}: {figures['classifier_accuracy'][to]:.4f})"
        )
    warn_of_collapse(
        {name.replace("_", " "): value for name, value in spreads.items()},
        "Look at grids/, and try a smaller `--learning-rate`.",
    )
