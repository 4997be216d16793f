"""What a pair does to the images of its training batches."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from keras_latent.src.datasets.numpy_pipeline import gather

DOMAINS = ("source", "target")


class Augmentation:
    """One domain's augmentation: a function of a batch and of numbers drawn for its rows.

    An object with the methods `factors` and `transform` of `RandomAffine` gets numbers that
    are drawn for it. A Keras layer, or any other function, gets none, and is on its own.

    Args:
        augment: Such an object, a Keras layer or a function.
        domain: `"source"` or `"target"`, for errors.
    """

    def __init__(self, augment: Any, domain: str):
        self._name = f"the augmentation of the {domain}, {augment!r},"
        self._draw = _no_factors
        # The same in TensorFlow's graph, where there is one: without Python in every batch.
        self.transform_in_graph = getattr(augment, "transform_in_graph", None)
        if hasattr(augment, "factors") and hasattr(augment, "transform"):
            self._draw, self._transform = augment.factors, augment.transform
        elif isinstance(augment, keras.layers.Layer):
            self._transform = _of_layer(augment)
        elif callable(augment):
            self._transform = lambda images, _: augment(images)
        else:
            raise ValueError(
                "`augment` must be a function of a batch of images, a Keras layer, an object with "
                "`factors` and `transform` such as `RandomAffine`, or a dict of these with the "
                f"keys 'source' and 'target'. Received for the {domain}: {augment!r}."
            )

    def factors(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Numbers for `count` rows: array `(count, ...)`."""
        factors = np.asarray(self._draw(rng, count))
        if factors.shape[:1] != (count,):
            raise ValueError(
                f"`augment`: {self._name} must draw one row of factors for each of {count} "
                f"images. Received: factors.shape={factors.shape}."
            )
        return factors

    def transform(self, images: np.ndarray, factors: np.ndarray) -> np.ndarray:
        """What becomes of float32 images `(N, ...)`: float32, of the same shape."""
        # A copy for those who write into it: the array may be TensorFlow's memory.
        augmented = self._transform(images.copy(), factors)
        augmented = np.asarray(keras.ops.convert_to_numpy(augmented), dtype=np.float32)
        if augmented.shape != images.shape:
            raise ValueError(
                f"`augment`: {self._name} must keep the shape of the images. Received: "
                f"{augmented.shape} for {images.shape}."
            )
        return augmented


def resolve_augment(
    augment: Any, source: np.ndarray, target: np.ndarray, batch_size: int
) -> dict[str, Augmentation]:
    """Turn the argument `augment` into the domains' augmentations, each tried on one batch."""
    if not isinstance(augment, Mapping):
        augment = dict.fromkeys(DOMAINS, augment)
    if unknown := set(augment) - set(DOMAINS):
        raise ValueError(
            "`augment` as a dict must have no other keys than 'source' and 'target'. "
            f"Received: {sorted(map(str, unknown))}."
        )
    augmentations = {}
    for domain, images in zip(DOMAINS, (source, target), strict=True):
        if augment.get(domain) is not None:
            augmentations[domain] = Augmentation(augment[domain], domain)
            _try(augmentations[domain], domain, gather(images, np.arange(batch_size) % len(images)))
    return augmentations


def _try(augmentation: Augmentation, domain: str, images: np.ndarray) -> None:
    factors = augmentation.factors(np.random.default_rng(0), len(images))
    augmented = augmentation.transform(images, factors)
    finite = np.isfinite(augmented)
    if not finite.all():
        rows = (~finite.reshape(len(images), -1).all(axis=1)).sum()
        raise ValueError(
            f"`augment` must return finite images. Received NaN or infinity in {rows} of "
            f"{len(images)} images of the {domain}."
        )


def _no_factors(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.empty((count, 0), dtype=np.float32)


def _of_layer(layer: keras.layers.Layer) -> Callable[[np.ndarray, np.ndarray], Any]:
    def transform(images: np.ndarray, factors: np.ndarray) -> Any:
        # Batches are made on the CPU, while the accelerator trains.
        with keras.device("cpu:0"):
            return layer(images, training=True)

    return transform
