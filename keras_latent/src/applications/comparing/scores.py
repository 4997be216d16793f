"""What translations are worth, by the same measures for every method."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from keras_latent import datasets, metrics
from keras_latent.src.applications.running.evaluation import (
    accuracy,
    dtype_policy,
    floats,
    labelled,
)
from keras_latent.src.applications.running.spread import spread
from keras_latent.src.utils.domains import DOMAINS, OTHER

#: Test images per domain that are translated, at most.
TEST_ROWS = 10_000
#: Images that an evaluation classifier sees in its training, about, and its epochs.
SEEN, EPOCHS = 960_000, (8, 60)


class Scores:
    """The measures of a pair's test images.

    If both domains have the same classes, classifiers of real images give the accuracy of
    translations. Otherwise, if images have one shape, a classifier that tells the domains apart
    gives the share of translations that it takes for the other domain.

    Args:
        pair: The pair, with test images.
        classifiers: Classifiers by domain, images to logits; `None`: trained here, and cached.
        verbose: Whether to print the progress of that.

    Raises:
        ValueError: If the classifiers are not of both domains, or there is nothing to measure.

    Attributes:
        classifiers: The classifiers by domain, or none.
        labels: Labels of the test images by domain: classes, or the number of the domain.
        of_classes: Whether the labels are classes.
    """

    def __init__(
        self,
        pair: datasets.DomainPair,
        classifiers: Mapping[str, keras.Model] | None = None,
        verbose: int = 0,
    ):
        self.images = {d: floats(labelled(pair, d)[0][:TEST_ROWS]) for d in DOMAINS}
        self.of_classes = all(
            y is not None and y.ndim == 1
            for d in DOMAINS
            for part in ("train", "test")
            for y in [labelled(pair, d, part)[1]]
        )
        if classifiers is not None and set(classifiers) != set(DOMAINS):
            raise ValueError(
                '`classifiers` must be a dict of "source" and "target". '
                f"Received: {sorted(classifiers)}"
            )
        if classifiers and not self.of_classes and pair.source_shape != pair.target_shape:
            raise ValueError(
                "`classifiers` need labels of both domains, one per image, or images of one shape. "
                f"Received: {pair!r}"
            )
        self.classifiers: dict[str, keras.Model] = dict(classifiers or {})
        self.labels: dict[str, np.ndarray] = {}
        if self.of_classes:
            self.labels = {d: labelled(pair, d)[1][:TEST_ROWS] for d in DOMAINS}
            if classifiers is None:
                self.classifiers = {d: _classifier(pair, d, verbose) for d in DOMAINS}
        elif pair.source_shape == pair.target_shape:
            self.labels = {d: np.full(len(self.images[d]), i) for i, d in enumerate(DOMAINS)}
            if classifiers is None:
                self.classifiers = dict.fromkeys(DOMAINS, _of_domains(pair, verbose))
        self._extractors = {d: _features(c) for d, c in self.classifiers.items()}
        self._real = {d: self._extract(self.images[d], d) for d in self.classifiers}

    def measure(self, translate: Callable[[np.ndarray, str], np.ndarray]) -> dict[str, Any]:
        """The figures of both directions.

        Args:
            translate: Translates images into a domain.
        """
        found: dict[str, Any] = {"accuracy": {}, "frechet": {}, "kernel": {}, "spread": {}}
        for to in ("target", "source"):
            name = f"{OTHER[to]}_to_{to}"
            made = translate(self.images[OTHER[to]], to)
            if to not in self.classifiers:
                continue
            wanted = self.labels[OTHER[to]]
            if not self.of_classes:
                wanted = np.full(len(made), DOMAINS.index(to))
            found["accuracy"][name] = accuracy(self.classifiers[to], wanted, made)
            found["spread"][name] = spread(made, self.images[to], wanted, self.labels[to])
            features = self._extract(made, to)
            distance = metrics.FrechetDistance(_identity(features.shape[1]))
            distance.update_state(self._real[to], features)
            found["frechet"][name] = round(distance.result(), 4)
            found["kernel"][name] = round(metrics.kernel_distance(self._real[to], features), 5)
        return {name: values for name, values in found.items() if values}

    def framing(self) -> dict[str, dict[str, Any]]:
        """The figures without a translation, and of real images."""

        def untranslated(x: np.ndarray, to: str) -> np.ndarray:
            height, width, channels = self.images[to].shape[1:]
            made = keras.ops.convert_to_numpy(keras.ops.image.resize(x, (height, width)))
            if made.shape[-1] != channels:
                made = np.repeat(made.mean(axis=-1, keepdims=True), channels, axis=-1)
            return np.clip(made, 0, 1).astype("float32")

        real = {
            f"{OTHER[d]}_to_{d}": accuracy(self.classifiers[d], self.labels[d], self.images[d])
            for d in reversed(DOMAINS)
            if d in self.classifiers
        }
        return {"source only": self.measure(untranslated), "oracle": {"accuracy": real}}

    def _extract(self, images: np.ndarray, domain: str) -> np.ndarray:
        return self._extractors[domain].predict(images, batch_size=500, verbose=0)


def _classifier(pair: datasets.DomainPair, domain: str, verbose: int) -> keras.Model:
    """A classifier of the real training images of a domain."""
    images, labels = labelled(pair, domain, "train")
    return _trained(images, labels, f"the {domain}", verbose)


def _of_domains(pair: datasets.DomainPair, verbose: int) -> keras.Model:
    """A classifier of real training images by their domain."""
    parts = [labelled(pair, d, "train")[0] for d in DOMAINS]
    labels = np.repeat([0, 1], [len(images) for images in parts])
    return _trained(np.concatenate(parts), labels, "both domains", verbose)


def _trained(images: np.ndarray, labels: np.ndarray, what: str, verbose: int) -> keras.Model:
    if verbose:
        print(f"Evaluation classifier of {what}:", flush=True)
    least, most = EPOCHS
    with dtype_policy():
        return metrics.reference_classifier(
            images,
            labels,
            epochs=min(most, max(least, math.ceil(SEEN / len(images)))),
            max_shift=2 if images.shape[1] >= 28 else 1,
            softness=0.5,
            verbose=verbose,
        )


def _features(classifier: keras.Model) -> keras.Model:
    """The features that the last layer of a classifier takes, averaged over positions."""
    flat = [layer for layer in classifier.layers if isinstance(layer, keras.layers.Flatten)]
    x = flat[-1].input if flat else classifier.layers[-1].input
    if len(x.shape) == 4:
        x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(classifier.inputs, x)


def _identity(dimensions: int) -> keras.Model:
    return keras.Sequential([keras.Input((dimensions,)), keras.layers.Identity()])
