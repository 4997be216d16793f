"""Augmentation of the images of a pair's training batches."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from keras_latent.src.utils import checks

DOMAINS = ("source", "target")


def check_draw(rng: Any, count: Any) -> int:
    """Check the arguments of a method `factors`, and return `count`."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            "`rng` must be a NumPy generator, such as `np.random.default_rng(0)`. "
            f"Received: rng={rng!r}"
        )
    return checks.integer("count", count, at_least=0)


def gather(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows of `images` as float32, uint8 divided by 255."""
    batch = np.take(images, rows, axis=0)
    return batch / np.float32(255) if batch.dtype == np.uint8 else batch


class Augmentation:
    """The augmentation of one domain: a function of a batch and of numbers drawn for its rows.

    Objects with the methods `factors` and `transform` of `RandomAffine` get numbers drawn for
    them. Keras layers and other functions draw their own.

    Args:
        augment: Such an object, a Keras layer or a function.
        domain: `"source"` or `"target"`, for errors.
    """

    def __init__(self, augment: Any, domain: str):
        self._name = f"the augmentation of the {domain}, {augment!r},"
        self._draw: Callable[[np.random.Generator, int], Any] = _no_factors
        self._transform: Callable[[np.ndarray, np.ndarray], Any]
        # The same in TensorFlow's graph if available, which avoids running Python for each batch.
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
                f"keys 'source' and 'target'. Received for the {domain}: {augment!r}"
            )

    def factors(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draw numbers for `count` rows: array `(count, ...)`."""
        factors = np.asarray(self._draw(rng, count))
        if factors.shape[:1] != (count,):
            raise ValueError(
                f"`augment`: {self._name} must draw one row of factors for each of {count} "
                f"images. Received: factors.shape={factors.shape}"
            )
        return factors

    def transform(self, images: np.ndarray, factors: np.ndarray) -> np.ndarray:
        """Augment float32 images `(N, ...)`; the result is float32 and has the same shape."""
        # Copy, in case the function writes to its input, which may be TensorFlow's memory.
        augmented = self._transform(images.copy(), factors)
        augmented = np.asarray(keras.ops.convert_to_numpy(augmented), dtype=np.float32)
        if augmented.shape != images.shape:
            raise ValueError(
                f"`augment`: {self._name} must keep the shape of the images. Received: "
                f"{augmented.shape} for {images.shape}"
            )
        return augmented


def resolve_augment(
    augment: Any, source: np.ndarray, target: np.ndarray, batch_size: int
) -> dict[str, Augmentation]:
    """Convert the argument `augment` to augmentations by domain, and try each on one batch."""
    if not isinstance(augment, Mapping):
        augment = dict.fromkeys(DOMAINS, augment)
    if unknown := set(augment) - set(DOMAINS):
        raise ValueError(
            "`augment` as a dict must have no other keys than 'source' and 'target'. "
            f"Received: {sorted(map(str, unknown))}"
        )
    augmentations = {}
    for domain, images in zip(DOMAINS, (source, target), strict=True):
        if augment.get(domain) is not None:
            augmentations[domain] = Augmentation(augment[domain], domain)
            _try(augmentations[domain], domain, gather(images, np.arange(batch_size) % len(images)))
    return augmentations


def _try(augmentation: Augmentation, domain: str, images: np.ndarray) -> None:
    factors = augmentation.factors(np.random.default_rng(0), len(images))
    finite = np.isfinite(augmentation.transform(images, factors))
    if not finite.all():
        rows = (~finite.reshape(len(images), -1).all(axis=1)).sum()
        raise ValueError(
            f"`augment` must return finite images. Received: NaN or infinity in {rows} of "
            f"{len(images)} images of the {domain}"
        )


def _no_factors(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.empty((count, 0), dtype=np.float32)


def _of_layer(layer: keras.layers.Layer) -> Callable[[np.ndarray, np.ndarray], Any]:
    def transform(images: np.ndarray, factors: np.ndarray) -> Any:
        # Prepare batches on the CPU while the accelerator trains.
        with keras.device("cpu:0"):
            return layer(images, training=True)

    return transform
