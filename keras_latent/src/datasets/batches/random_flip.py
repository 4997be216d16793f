"""Random mirroring of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_latent.src.datasets import array_checks
from keras_latent.src.datasets.batches.augment import check_draw
from keras_latent.src.training.inputs import one_array
from keras_latent.src.utils import checks
from keras_latent.src.utils.optional import import_extra
from keras_latent.src.utils.types import Rows

if TYPE_CHECKING:
    import tensorflow as tf


class RandomFlip:
    """Mirrors each image left to right with a probability of one half.

    This suits faces, which look equally natural either way. As with `RandomAffine`, NumPy draws
    the random numbers, so that all backends and formats get the same images, even after
    `skip_epochs`; `keras.layers.RandomFlip` draws its own.

    Args:
        seed: Seed for calls of the object, 0 or more. A `DomainPair` draws with its own seed
            instead; see `pair_from_arrays`.

    Raises:
        ValueError: If `seed` is not an integer of 0 or more.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> images = np.random.default_rng(0).random((5, 64, 64, 3), dtype="float32")
    >>> flip = datasets.RandomFlip()
    >>> flip(images).shape
    (5, 64, 64, 3)
    >>> first = np.arange(5) == 0
    >>> bool((flip.transform(images, first)[0] == images[0, :, ::-1]).all())
    True
    """

    def __init__(self, seed: int = 0):
        self.seed = checks.integer("seed", seed, at_least=0)
        self._rng = np.random.default_rng(self.seed)

    def factors(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draw which of `count` images are mirrored: bool array `(count,)`."""
        count = check_draw(rng, count)
        return rng.random(count) < 0.5

    def transform(self, images: Rows, factors: Rows) -> np.ndarray:
        """Mirror the images where `factors` is True.

        Args:
            images: Array `(N, height, width, channels)`; finite floats, uint8 or bool.
            factors: bool array `(N,)`.

        Returns:
            float32 array of the shape of `images`.

        Raises:
            ValueError: If `images` or `factors` has another shape, or an image is not finite.
        """
        images = array_checks.image_batch("images", images).copy()
        mirrored = one_array("factors", factors)
        if mirrored.shape != (len(images),) or mirrored.dtype != bool:
            raise ValueError(
                f"`factors` must have shape ({len(images)},), bools: which ones are mirrored. "
                f"Received: factors.shape={mirrored.shape}, dtype={mirrored.dtype}"
            )
        images[mirrored] = images[mirrored, :, ::-1]
        return images

    def transform_in_graph(self, images: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
        """The same as `transform`, for float32 images of static shape in a `tf.data.Dataset`."""
        tf = import_extra("tensorflow", "tensorflow", "`transform_in_graph`")
        return tf.where(factors[:, None, None, None], images[:, :, ::-1], images)

    def __call__(self, images: Rows) -> np.ndarray:
        """Apply `transform` with newly drawn `factors`."""
        images = array_checks.image_batch("images", images)
        return self.transform(images, self.factors(self._rng, len(images)))

    def __repr__(self) -> str:
        return f"RandomFlip(seed={self.seed})"
