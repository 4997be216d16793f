"""A buffer of past images for a discriminator."""

from typing import Any

import keras
from keras import ops

from keras_latent.src.utils.types import Tensor


class ImageBuffer(keras.layers.Layer):
    """Mixes images with past ones (Shrivastava et al., 2017).

    The first `size` images are stored and returned as they are. After that, each image is, with
    probability 1/2, replaced by one from a random slot, and stored there; otherwise it is returned
    and not stored.

    All rows of a batch look into the buffer as it was before. So rows that draw one slot get the
    same past image, and the last of them is stored. Its images and their number are weights.

    Args:
        size: Number of slots.
        shape: Shape of one image.
        seed_generator: The `keras.random.SeedGenerator` that draws.
        **kwargs: `name` of `keras.layers.Layer`.
    """

    def __init__(
        self,
        size: int,
        shape: tuple[int, ...],
        seed_generator: keras.random.SeedGenerator,
        **kwargs: Any,
    ):
        super().__init__(**kwargs, dtype="float32")
        self.size, self.seed_generator = size, seed_generator
        # Each device and each process of a distributed training keeps its own images.
        state = {"initializer": "zeros", "trainable": False, "aggregation": "only_first_replica"}
        self.images = self.add_weight(shape=(size, *shape), name="images", **state)
        self.filled = self.add_weight(shape=(), name="filled", **state)
        self.built = True

    def call(self, images: Tensor) -> Tensor:
        """Images `(batch, ...)`, about half of which are past ones once the buffer is full."""
        rows = ops.shape(images)[0]
        row = ops.arange(rows, dtype="int32")
        past = ops.convert_to_tensor(self.images)
        filled = ops.cast(self.filled, "int32")
        free = filled + row
        fills = free < self.size
        drawn = keras.random.randint((rows,), 0, self.size, seed=self.seed_generator)
        slot = ops.where(fills, free, drawn)
        swaps = keras.random.uniform((rows,), seed=self.seed_generator) < 0.5
        swaps = ops.logical_and(swaps, filled >= self.size)

        seen = ops.where(_per_image(swaps, images), ops.take(past, slot, axis=0), images)

        # The last of the rows that are stored in each slot, or -1.
        stored = ops.logical_or(fills, swaps)[:, None]
        stored = ops.logical_and(stored, slot[:, None] == ops.arange(self.size, dtype="int32"))
        last = ops.max(ops.where(stored, row[:, None], -1), axis=0)
        new = ops.take(images, ops.maximum(last, 0), axis=0)
        self.images.assign(ops.where(_per_image(last >= 0, new), new, past))
        self.filled.assign(ops.cast(ops.minimum(filled + rows, self.size), "float32"))
        return seen


def _per_image(flags: Tensor, images: Tensor) -> Tensor:
    """Flags of rows in a shape that broadcasts with images."""
    return ops.reshape(flags, (-1, *(1 for _ in images.shape[1:])))
