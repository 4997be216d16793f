"""What the three bridging applications share: the bridge's training, and the measures."""

import argparse
import time
from dataclasses import dataclass

import keras
import numpy as np

from keras_latent import datasets, models
from keras_latent.src.applications import fitting
from keras_latent.src.applications.run_directory import RunDirectory
from keras_latent.src.cli.options.bridging import PRESETS, VARIANTS
from keras_latent.src.models.base.two_domain_verbs import OTHER
from keras_latent.src.models.base.validation import DOMAINS
from keras_latent.src.utils.files import replaced_when_complete

LATENTS = ("sampled", "mean")


@dataclass(frozen=True)
class Side:
    """One domain of a bridge: its frozen model, its latents and its judge.

    Attributes:
        model: The generative model.
        judge: Classifier of its data, by which transfers are scored.
        train: Latents to train the bridge on: `(rows, 2, dim)` where the model can encode, else
            `(rows, dim)`.
        train_labels: Their labels, in the numbers that both domains share.
        test: Latents that are scored, likewise.
        class_of: Shared number of each class of the judge.
    """

    model: keras.Model
    judge: keras.Model
    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    class_of: np.ndarray

    def seen(self, data: np.ndarray) -> np.ndarray:
        """The class that the judge sees in each row, in the shared numbers."""
        return self.class_of[self.judge.predict(data, batch_size=500, verbose=0).argmax(1)]


def prolong(arguments: argparse.Namespace, before: int) -> str:
    """What to say where a run goes on beyond the steps it was begun for.

    Raises:
        ValueError: If the steps between two saved states, of which there must be whole ones, are
            others.
    """
    each, now = (_epochs(steps)[1] for steps in (before, arguments.steps))
    if each != now:
        raise ValueError(
            f"A run of {before} steps cannot go on to {arguments.steps}: it was saved every {each} "
            f"steps, and a run of {arguments.steps} is every {now}. Add `--overwrite` to start "
            "afresh."
        )
    decays = PRESETS[arguments.preset]["decay"]
    return fitting.ON_A_NEW_SCHEDULE if decays else fitting.AS_A_LONGER_RUN


def some_labels(labels: np.ndarray, number: int, seed: int) -> np.ndarray:
    """Labels of which all but `number`, split evenly among the classes, are -1.

    Raises:
        ValueError: If a class has too few rows.
    """
    classes = np.unique(labels)
    shares = np.full(len(classes), number // len(classes))
    rng = np.random.default_rng([seed, 7])
    shares[rng.permutation(len(classes))[: number % len(classes)]] += 1
    kept = np.full_like(labels, -1)
    for k, share in zip(classes, shares, strict=True):
        rows = np.flatnonzero(labels == k)
        if share > len(rows):
            raise ValueError(
                f"`--labels` asks for {share} rows of class {k}, which has {len(rows)}."
            )
        rows = rng.permutation(rows)[:share]
        kept[rows] = k
    return kept


def train_bridge(
    sides: dict[str, Side], arguments: argparse.Namespace, settings: dict, directory: RunDirectory
) -> tuple[models.BridgingVAE, dict]:
    """Trains or resumes the bridge between two sides.

    Args:
        sides: The two domains.
        arguments: Options of the run.
        settings: Of the preset: `preset` (of `BridgingVAE`), `model` (arguments that replace
            its), `learning_rate`, `decay`, `propagate` (few labels to their neighbours),
            `relabel` (where all labels are given, those of what a base model makes of a row).
        directory: Folder of the run.

    Returns:
        The bridge, and what there is to say about the labels and its training.
    """
    labels, facts = {}, {}
    number = None if arguments.labels == "all" else int(arguments.labels)
    for d, side in sides.items():
        labels[d] = side.train_labels
        if number is not None:
            labels[d] = some_labels(side.train_labels, number, arguments.seed)
            if settings["propagate"] and number:
                labels[d], facts[f"propagated_labels_{d}"] = propagated(side, labels[d])
        elif settings["relabel"] and side.train.ndim == 3:
            # As of a GAN's latents (`rejection_sample`): what counts is what the latent decodes to.
            labels[d] = side.seen(side.model.decode(side.train[:, 0])).astype(labels[d].dtype)
            changed = np.mean(labels[d] != side.train_labels)
            facts[f"relabelled_{d}"] = round(float(changed), 4)
    rare = bool(number) and not settings["propagate"]
    latents = {d: side.train for d, side in sides.items()}
    epochs, steps = _epochs(arguments.steps)
    batches = datasets.LatentBatches(
        latents,
        None if number == 0 else labels,
        batch_size=arguments.batch_size,
        labelled_per_batch=arguments.batch_size if rare else None,
        steps=steps,
        seed=arguments.seed,
    )
    keras.utils.set_random_seed(arguments.seed)
    bridge = models.BridgingVAE.from_preset(
        settings["preset"],
        load_weights=False,
        **settings["model"] | VARIANTS[arguments.variant] | {"seed": arguments.seed},
    )
    rate = settings["learning_rate"]
    if settings["decay"]:
        rate = keras.optimizers.schedules.CosineDecay(rate, epochs * steps, alpha=0.01)
    bridge.compile(keras.optimizers.Adam(rate))
    started = fitting.start(bridge, directory, batches.skip_epochs)
    start = time.perf_counter()
    fitting.fit(bridge, batches, directory, started, epochs=epochs, verbose=arguments.verbose)
    facts["steps"] = epochs * steps
    # Of the whole training, which this start did not see if it was resumed.
    facts["bridge_seconds"] = None if started[1] else round(time.perf_counter() - start, 1)
    return bridge, facts


def _epochs(steps: int) -> tuple[int, int]:
    """Epochs, which are what is logged and saved, and steps in each."""
    each = min(steps, 500)
    return -(-steps // each), each


def propagated(side: Side, labels: np.ndarray) -> tuple[np.ndarray, dict]:
    """Labels of all rows, found from the few, and how many of them are right."""
    points = side.train[:, 0] if side.train.ndim == 3 else side.train
    found, confidence = datasets.propagate_labels(points, labels)
    unknown = labels < 0
    right = found[unknown] == side.train_labels[unknown]
    return found.astype(labels.dtype), {"accuracy": round(float(right.mean()), 4)}


def measure(transfer: models.LatentDomainTransfer, sides: dict[str, Side], seed: int) -> dict:
    """Tables 1 and 2: do decoded latents keep their class on their way?

    The share of rows in whose decoded latents, and in whose reconstruction or transfer, the
    judges see the same class; with draws of `z` and `z'`, and with means, over all test rows.
    """
    figures = {"reconstruction_accuracy": {}, "transfer_accuracy": {}, "test_rows": {}}
    for d, side in sides.items():
        figures["test_rows"][d] = len(side.test)
        for kind in LATENTS:
            sample = kind == "sampled"
            z = points(side.test, sample, seed)
            before = side.seen(transfer.decode(z, d))
            for to in (d, OTHER[d]):
                moved = transfer.transfer_latents(z, d, to, sample=sample, seed=seed + 1)
                after = sides[to].seen(transfer.decode(moved, to))
                name = "reconstruction_accuracy" if to == d else "transfer_accuracy"
                key = d if to == d else f"{d}_to_{to}"
                share = round(float(np.mean(before == after)), 6)
                figures[name].setdefault(key, {})[kind] = share
    return figures


def points(latents: np.ndarray, sample: bool, seed: int) -> np.ndarray:
    """Latents `(rows, dim)`: draws or means of distributions; of points, the points."""
    if latents.ndim == 2:
        return latents
    z_mean, z_log_var = latents[:, 0], latents[:, 1]
    if not sample:
        return z_mean
    noise = np.random.default_rng(seed).standard_normal(z_mean.shape, "float32")
    return z_mean + np.exp(0.5 * z_log_var) * noise


def save(transfer: models.LatentDomainTransfer, directory: RunDirectory) -> None:
    """The whole chain in one file."""
    with replaced_when_complete(directory / "model.keras") as temporary:
        transfer.save(temporary)


def report(figures: dict) -> None:
    """Prints the tables."""
    for name in ("reconstruction_accuracy", "transfer_accuracy"):
        for key, values in figures[name].items():
            shares = ", ".join(f"{values[kind]:.4f} ({kind} latents)" for kind in LATENTS)
            rows = figures["test_rows"][key.split("_to_")[0]]
            print(f"{name.split('_')[0]} {key}: {shares}, {rows} test rows")
    for d, found in ((d, figures.get(f"propagated_labels_{d}")) for d in DOMAINS):
        if found:
            print(f"labels propagated in the {d}: {found['accuracy']:.4f} of them right")
    for latents, value in figures.get("fid", {}).items():
        print(f"Frechet distance of transfers, {latents} latents: {value:.4f}")
