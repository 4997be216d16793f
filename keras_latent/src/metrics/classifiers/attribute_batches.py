"""Augmented batches of images and attributes from large sets of uint8 images."""

import math

import keras
import numpy as np

from keras_latent.src.metrics.classifiers.augmentation import as_float, augmented_images
from keras_latent.src.training.inputs import check_values, one_array


class Batches(keras.utils.PyDataset):
    """Batches of float images and attributes, shuffled and augmented in each epoch.

    A batch depends only on the seed, the epoch and its index. All batches have the same size, so
    shapes are static; the last batch of an epoch is filled up with the first rows. Without a seed,
    rows are returned unchanged and in order.
    """

    def __init__(
        self,
        images: np.ndarray,
        attributes: np.ndarray,
        batch_size: int,
        max_shift: int = 0,
        flip: bool = False,
        softness: float = 0.0,
        seed: int | None = None,
    ):
        super().__init__()
        self.images, self.attributes = images, attributes
        self.batch_size = min(batch_size, len(images))
        self.augmentation = (max_shift, flip, softness)
        self.seed = seed
        self.skip_epochs(0)

    def __len__(self) -> int:
        return math.ceil(len(self.images) / self.batch_size)

    def on_epoch_end(self) -> None:
        self.skip_epochs(self.epoch + 1)

    def skip_epochs(self, epochs: int) -> None:
        """Continue as if this many epochs had been delivered."""
        self.epoch = epochs
        rows = np.arange(len(self.images))
        if self.seed is not None:
            rows = np.random.default_rng((self.seed, self.epoch)).permutation(rows)
        self.order = np.resize(rows, len(self) * self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        first = index * self.batch_size
        if self.seed is None:  # the last batch may be shorter, so that each row counts once
            rows = self.order[first : min(first + self.batch_size, len(self.images))]
            return as_float(self.images[rows]), self.attributes[rows]
        rows = self.order[first : first + self.batch_size]
        rng = np.random.default_rng((self.seed, self.epoch, index))
        return augmented_images(self.images[rows], *self.augmentation, rng), self.attributes[rows]


def checked_attributes(
    images_name: str, images: np.ndarray, attributes_name: str, attributes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The images unchanged, and their attributes as int8.

    Raises:
        ValueError: Unless images are `(rows, height, width, channels)`, uint8 or floats in
            [0, 1], and attributes are `(rows, n)` with values -1, 0 and 1.
    """
    images, attributes = one_array(images_name, images), one_array(attributes_name, attributes)
    shapes_fit = images.ndim == 4 and attributes.ndim == 2 and len(images) == len(attributes)
    if not shapes_fit or not attributes.size:
        raise ValueError(
            f"`{images_name}` must have shape (rows, height, width, channels) and "
            f"`{attributes_name}` (rows, n), with 1 row or more. Received shapes: {images.shape} "
            f"and {attributes.shape}"
        )
    if images.dtype != np.uint8:
        check_values(images_name, images, unit_interval=True)
    numbers = attributes.dtype.kind in "biuf"
    values = np.unique(attributes) if numbers else np.array([str(attributes.dtype)])
    if not np.isin(values, (-1, 0, 1)).all():
        raise ValueError(
            f"`{attributes_name}` must be 1, 0, or -1 for missing. "
            f"Received: values {values[:5].tolist()}"
        )
    return images, attributes.astype("int8")
