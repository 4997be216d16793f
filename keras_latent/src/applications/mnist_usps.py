"""LSTNet between MNIST and USPS without labels: the experiment of section 3 of its paper."""

import argparse

import keras
import numpy as np

from keras_latent import callbacks, datasets, metrics, models, visualization
from keras_latent.src.applications import fitting
from keras_latent.src.applications.epoch_choice import EpochChoice, mutual_information
from keras_latent.src.applications.judging import accuracy, float32, floats
from keras_latent.src.applications.run_directory import RunDirectory
from keras_latent.src.cli.options.mnist_usps import PRESETS
from keras_latent.src.models.base.two_domain_verbs import OTHER
from keras_latent.src.models.base.validation import DOMAINS
from keras_latent.src.utils.files import replaced_when_complete

#: Domain to the epochs of its classifier, the pixels by which its images are moved, and its
#: label smoothing.
CLASSIFIERS = {"source": (16, 2, 0.0), "target": (60, 1, 0.1)}
#: Training images of each domain by which epochs are measured.
MEASURED_ROWS = 2000


def prolong(arguments: argparse.Namespace, before: int) -> str:
    """What to say where a run goes on beyond the epochs it was begun for."""
    falling = PRESETS.get(arguments.preset, PRESETS["small"])[3]
    return fitting.ON_A_NEW_SCHEDULE if falling else fitting.AS_A_LONGER_RUN


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict:
    """Trains or resumes, chooses an epoch for each direction, measures and draws.

    Returns:
        The figures of `metrics.json`.
    """
    pair = datasets.load_pair(
        "mnist_usps",
        batch_size=arguments.batch_size,
        augment=True,
        seed=arguments.seed,
        data_dir=arguments.data_dir,
    )
    if arguments.verbose:
        print(pair)
    judges = train_judges(pair, arguments)

    keras.utils.set_random_seed(arguments.seed)
    preset, _, _, falling = PRESETS.get(arguments.preset, (arguments.preset, 0, 0, 0.75))
    model = models.LSTNet.from_preset(preset, load_weights=False, seed=arguments.seed)
    steps = round(falling * arguments.epochs * pair.steps_per_epoch)
    model.compile({team: _adam(arguments, steps) for team in model.optimizer_groups()})
    started = fitting.start(model, directory, pair.skip_epochs)
    choice = EpochChoice(
        directory / "epochs",
        lambda: measure_epoch(model, pair, judges, arguments.seed),
        tuple(f"{d}_information" for d in DOMAINS),
        started[1],
    )
    fitting.fit(
        model,
        pair.train,
        directory,
        started,
        epochs=arguments.epochs,
        verbose=arguments.verbose,
        before=[
            callbacks.CollapseMonitor(),
            callbacks.TranslationGrid(
                *(_one_of_each(pair, d) for d in DOMAINS),
                directory / "grids",
                every=arguments.grid_every,
                tensorboard=arguments.tensorboard,
            ),
        ],
        after=[choice],
    )

    visualization.training_curves(directory.history("history.csv"), directory / "training.png")
    return measure(model, pair, judges, choice, directory)


def _adam(arguments, falling_steps):
    rate = arguments.learning_rate
    if falling_steps:
        rate = keras.optimizers.schedules.CosineDecay(rate, falling_steps, alpha=0.05)
    return keras.optimizers.Adam(rate, beta_1=0.8)


def train_judges(pair: datasets.DomainPair, arguments: argparse.Namespace) -> dict:
    """A classifier of the real training images of each domain."""
    judges = {}
    for domain, (epochs, max_shift, label_smoothing) in CLASSIFIERS.items():
        if arguments.verbose:
            print(f"Evaluation classifier of the {domain}:", flush=True)
        with float32():
            judges[domain] = metrics.reference_classifier(
                getattr(pair, f"{domain}_train"),
                getattr(pair, f"{domain}_train_labels"),
                epochs=arguments.classifier_epochs or epochs,
                max_shift=max_shift,
                softness=0.5,
                label_smoothing=label_smoothing,
                verbose=arguments.verbose,
            )
    return judges


def measure_epoch(model, pair, judges, seed) -> dict:
    """Measurements of an epoch, by the domain that is translated into.

    `information` and `cycle_agreement` use no label of the domain that the images come from,
    and training images only. `test_accuracy` is kept for a look back, and chooses nothing.
    """
    rng = np.random.default_rng(seed)
    row = {}
    for to, judge in judges.items():
        domain = OTHER[to]
        images = getattr(pair, f"{domain}_train")
        rows = rng.permutation(len(images))[:MEASURED_ROWS]
        translated = model.translate(floats(images[rows]), to=to)
        scores = judge.predict(translated, batch_size=500, verbose=0)
        row[f"{to}_information"] = mutual_information(scores)
        # Translated once more there and back, an image should stay what it was.
        again = judge.predict(model.cycle(translated, domain=to), batch_size=500, verbose=0)
        row[f"{to}_cycle_agreement"] = float(np.mean(scores.argmax(1) == again.argmax(1)))
        test = model.translate(floats(getattr(pair, f"{domain}_test")), to=to)
        row[f"{to}_test_accuracy"] = accuracy(judge, getattr(pair, f"{domain}_test_labels"), test)
    return row


def measure(model, pair, judges, choice: EpochChoice, directory: RunDirectory) -> dict:
    """Translates both test sets with the epochs chosen for them, scores and draws."""
    figures = {"transfer_accuracy": {}, "classifier_accuracy": {}, "chosen_epoch": {}}
    test = {d: floats(getattr(pair, f"{d}_test")) for d in DOMAINS}
    labels = {d: getattr(pair, f"{d}_test_labels") for d in DOMAINS}
    for to, judge in judges.items():
        domain, criterion = OTHER[to], f"{to}_information"
        model.load_weights(choice.weights(criterion))
        figures["chosen_epoch"][f"{domain}_to_{to}"] = choice.chosen(criterion)
        figures["transfer_accuracy"][f"{domain}_to_{to}"] = accuracy(
            judge, labels[domain], model.translate(test[domain], to=to)
        )
        figures["classifier_accuracy"][to] = accuracy(judge, labels[to], test[to])
        with replaced_when_complete(directory / f"model_to_{to}.keras") as temporary:
            model.save(temporary)
        images = _one_of_each(pair, domain)
        visualization.translation_grid(
            {
                domain: images,
                "reconstruction": model.reconstruct(images, domain),
                f"translated to {to}": model.translate(images, to=to),
                "and back": model.cycle(images, domain),
            },
            directory / f"{domain}_to_{to}.png",
        )
    figures["test_rows"] = {d: len(labels[d]) for d in DOMAINS}
    figures["epochs"] = choice.measurements()
    figures["rank_correlation"] = rank_correlations(figures["epochs"])
    return figures


def rank_correlations(epochs: list[dict]) -> dict[str, float]:
    """Spearman's correlation over the epochs between each criterion and the test accuracy."""

    def ranks(name):
        values = np.array([row[name] for row in epochs])
        above, equal = values[:, None] > values, values[:, None] == values
        return above.sum(1) + equal.sum(1) / 2  # equals share their mean rank

    found = {}
    for name in epochs[0] if len(epochs) > 2 else ():
        criterion, truth = ranks(name), ranks(f"{name.split('_')[0]}_test_accuracy")
        if not name.endswith("_test_accuracy") and criterion.std() and truth.std():
            found[name] = round(float(np.corrcoef(criterion, truth)[0, 1]), 3)
    return found


def report(figures: dict) -> None:
    """Prints the figures."""
    for domain, to in (("target", "source"), ("source", "target")):
        name = f"{domain}_to_{to}"
        print(
            f"{name}: {figures['transfer_accuracy'][name]:.4f} of "
            f"{figures['test_rows'][domain]} translated test images (epoch "
            f"{figures['chosen_epoch'][name]}; the classifier on real images of the {to}: "
            f"{figures['classifier_accuracy'][to]:.4f})"
        )


def _one_of_each(pair, domain):
    """A test image of each class, in [0, 1]."""
    labels = getattr(pair, f"{domain}_test_labels")
    rows = [np.flatnonzero(labels == k)[0] for k in np.unique(labels)]
    return floats(getattr(pair, f"{domain}_test")[rows])
