"""Batches of images and attributes, changed anew every epoch, from large sets of uint8 images."""

import math

import keras
import numpy as np

from keras_latent.src.metrics.reference_classifier import shifted, softened
from keras_latent.src.models.base.validation import check_values


class Batches(keras.utils.PyDataset):
    """Batches of float images and attributes, shuffled and changed anew every epoch.

    What a batch holds depends on the seed, the epoch and its number only. All have the same
    size, one static shape: the last one of an epoch is filled up with the first rows.
    Without a seed rows come as they are, in their order.
    """

    def __init__(
        self, images, attributes, batch_size, max_shift=0, flip=False, softness=0.0, seed=None
    ):
        super().__init__()
        self.images, self.attributes = images, attributes
        self.batch_size = min(batch_size, len(images))
        self.change = {"max_shift": max_shift, "flip": flip, "softness": softness}
        self.seed, self.epoch = seed, -1
        self.on_epoch_end()

    def __len__(self):
        return math.ceil(len(self.images) / self.batch_size)

    def on_epoch_end(self):
        self.skip_epochs(1)

    def skip_epochs(self, epochs: int) -> None:
        """Moves on to the order after so many epochs."""
        self.epoch += epochs
        rows = np.arange(len(self.images))
        if self.seed is not None:
            rows = np.random.default_rng((self.seed, self.epoch)).permutation(rows)
        self.order = np.resize(rows, len(self) * self.batch_size)

    def __getitem__(self, index):
        first = index * self.batch_size
        if self.seed is None:  # the last may be shorter: a row counts once
            rows = self.order[first : min(first + self.batch_size, len(self.images))]
            return as_float(self.images[rows]), self.attributes[rows]
        rows = self.order[first : first + self.batch_size]
        rng = np.random.default_rng((self.seed, self.epoch, index))
        return changed(self.images[rows], **self.change, rng=rng), self.attributes[rows]


def as_float(images: np.ndarray) -> np.ndarray:
    """uint8 or float images as float32 in [0, 1]."""
    if images.dtype == np.uint8:
        return images.astype("float32") / np.float32(255)
    return images.astype("float32", copy=False)


def changed(images, max_shift: int, flip: bool, softness: float, rng) -> np.ndarray:
    """Images `(rows, height, width, channels)` moved, mirrored and softened; float32."""
    if flip:
        images = images.copy()
        mirrored = rng.random(len(images)) < 0.5
        images[mirrored] = images[mirrored, :, ::-1]
    # Nothing black comes in: the edge is repeated as far as the shift and the blur reach.
    margin = max_shift + (2 if softness else 0)
    edge = (margin, margin)
    images = shifted(np.pad(images, ((0, 0), edge, edge, (0, 0)), mode="edge"), max_shift, rng)
    images = softened(as_float(images), softness, rng)
    height, width = images.shape[1:3]
    return images[:, margin : height - margin, margin : width - margin]


def checked_attributes(images_name, images, attributes_name, attributes):
    """Images as they are, and their attributes as int8.

    Raises:
        ValueError: If they are not `(rows, height, width, channels)`, uint8 or floats in [0, 1],
            and `(rows, n)` of -1, 0 and 1.
    """
    images, attributes = np.asarray(images), np.asarray(attributes)
    fit_together = images.ndim == 4 and attributes.ndim == 2 and len(images) == len(attributes)
    if not fit_together or not attributes.size:
        raise ValueError(
            f"`{images_name}` must have shape (rows, height, width, channels) and "
            f"`{attributes_name}` (rows, n), 1 row or more. Received shapes: {images.shape} and "
            f"{attributes.shape}"
        )
    if images.dtype != np.uint8:
        check_values(images_name, images, unit_interval=True)
    values = np.unique(attributes)
    if not np.isin(values, (-1, 0, 1)).all():
        raise ValueError(
            f"`{attributes_name}` must hold 1, 0, or -1 for missing. "
            f"Received: values {values[:5].tolist()}"
        )
    return images, attributes.astype("int8")
