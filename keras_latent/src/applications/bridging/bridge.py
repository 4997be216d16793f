"""What the bridging applications share: the two sides, and training the bridge."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_latent import datasets, models, visualization
from keras_latent.src.applications.running import training
from keras_latent.src.applications.running.run_directory import RunDirectory
from keras_latent.src.applications.settings import BRIDGE_PRESETS, BRIDGE_VARIANTS, Bridge

#: Titles of the rows of interpolations, and what is transferred.
INTERPOLATIONS = (("ends transferred", "ends"), ("all transferred", "all"))


@dataclass(frozen=True)
class Side:
    """One domain of a bridge.

    Attributes:
        model: The frozen generative model.
        classifier: The evaluation classifier of its data.
        train: Latents to train the bridge on: `(rows, 2, dim)` if the model can encode, otherwise
            `(rows, dim)`.
        train_labels: Labels of the training latents.
        test: Latents to evaluate, of the same form.
        real: Real test data. If the model can encode, these are the rows of `test`.
        real_labels: Their labels.
        labeller: Trains or loads a classifier other than `classifier`, which labels training
            latents by what they decode to.
    """

    model: Any
    classifier: keras.Model
    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    real: np.ndarray
    real_labels: np.ndarray
    labeller: Callable[[], keras.Model] | None = None

    @property
    def encodes(self) -> bool:
        """Whether the model can encode, so that its latents have means and variances."""
        return self.test.ndim == 3

    def classify(self, data: np.ndarray) -> np.ndarray:
        """The class of each row, according to the classifier."""
        return self.classifier.predict(data, batch_size=500, verbose=0).argmax(1)


def extend(arguments: argparse.Namespace, before: int) -> str:
    """Says how a run with more steps compares with one from the start.

    Raises:
        ValueError: If the interval between saved states would change.
    """
    each, now = (_epochs(steps)[1] for steps in (before, arguments.steps))
    if each != now:
        raise ValueError(
            f"A run of {before} steps cannot be extended to {arguments.steps}: it was saved every "
            f"{each} steps, and a run of {arguments.steps} is saved every {now}. Add `--overwrite` "
            "to start again."
        )
    decays = BRIDGE_PRESETS[arguments.preset].decay
    return training.NEW_SCHEDULE if decays else training.SAME_AS_LONGER_RUN


def some_labels(labels: np.ndarray, number: int, seed: int) -> np.ndarray:
    """Keeps `number` labels, split evenly among the classes, and sets the others to -1.

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
                f"`--labels` needs {share} rows of class {k}, which has {len(rows)}. "
                f"Received: --labels={number}"
            )
        rows = rng.permutation(rows)[:share]
        kept[rows] = k
    return kept


def train_bridge(
    sides: dict[str, Side], arguments: argparse.Namespace, preset: Bridge, directory: RunDirectory
) -> tuple[models.LatentDomainTransfer, dict[str, Any]]:
    """Trains or resumes the bridge between two sides, and saves the models and the bridge.

    Args:
        sides: The two domains.
        arguments: The options of the run.
        preset: The settings of `--preset`.
        directory: The folder of the run.

    Returns:
        The source's model, bridge and target's model as one, and facts about labels and training.
    """
    labels: dict[str, np.ndarray] = {}
    facts: dict[str, Any] = {}
    number = None if arguments.labels == "all" else int(arguments.labels)
    for d, side in sides.items():
        labels[d] = side.train_labels
        if number is not None:
            labels[d] = some_labels(side.train_labels, number, arguments.seed)
            if preset.propagate and number:
                labels[d], facts[f"propagated_labels_{d}"] = propagated(side, labels[d])
        elif preset.relabel and side.labeller is not None:
            # As for a GAN's latents (`rejection_sample`), what the latent decodes to counts. The
            # classifier that evaluates the bridge must not say so.
            decoded = side.model.decode(side.train[:, 0])
            seen = side.labeller().predict(decoded, batch_size=500, verbose=0).argmax(1)
            labels[d] = seen.astype(labels[d].dtype)
            changed = np.mean(labels[d] != side.train_labels)
            facts[f"relabelled_{d}"] = round(float(changed), 4)
    rare = bool(number) and not preset.propagate
    epochs, steps = _epochs(arguments.steps)
    batches = datasets.LatentBatches(
        {d: side.train for d, side in sides.items()},
        None if number == 0 else labels,
        batch_size=arguments.batch_size,
        labelled_per_batch=arguments.batch_size if rare else None,
        steps=steps,
        seed=arguments.seed,
    )
    keras.utils.set_random_seed(arguments.seed)
    bridge = models.BridgingVAE.from_preset(
        preset.model,
        load_weights=False,
        latent_dims=[side.train.shape[-1] for side in sides.values()],
        **BRIDGE_VARIANTS[arguments.variant] | {"seed": arguments.seed},
    )
    rate: Any = 1e-3
    if preset.decay:
        rate = keras.optimizers.schedules.CosineDecay(rate, epochs * steps, alpha=0.01)
    bridge.compile(keras.optimizers.Adam(rate))
    started = training.start(bridge, directory, batches.skip_epochs)
    start = time.perf_counter()
    training.fit(bridge, batches, directory, started, epochs=epochs, verbose=arguments.verbose)
    facts["steps"] = epochs * steps
    # Unknown for a resumed training.
    facts["bridge_seconds"] = None if started[1] else round(time.perf_counter() - start, 1)
    visualization.training_curves(directory.history(), directory / "training.png")
    transfer = models.LatentDomainTransfer(sides["source"].model, bridge, sides["target"].model)
    directory.save(transfer)
    return transfer, facts


def _epochs(steps: int) -> tuple[int, int]:
    """The number of epochs, each of which is logged and saved, and the steps in each."""
    each = min(steps, 500)
    return -(-steps // each), each


def propagated(side: Side, labels: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """Labels of all rows, propagated from a few, and the accuracy of the new ones."""
    latents = side.train[:, 0] if side.encodes else side.train
    found, _ = datasets.propagate_labels(latents, labels)
    unknown = labels < 0
    right = found[unknown] == side.train_labels[unknown]
    return found.astype(labels.dtype), {"accuracy": round(float(right.mean()), 4)}
