"""Small random rotations, scalings and shifts of images, in one resampling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_latent.src.datasets import array_checks
from keras_latent.src.datasets.batches.augment import check_draw
from keras_latent.src.training.inputs import one_array
from keras_latent.src.utils import checks
from keras_latent.src.utils.optional import import_extra
from keras_latent.src.utils.types import Rows

if TYPE_CHECKING:
    import tensorflow as tf


class RandomAffine:
    """Randomly rotates, scales and shifts each image, with a single bilinear resampling.

    A single resampling blurs less than three and takes a third of the time. The image is rotated
    and scaled about its center and then shifted: the pixel at `p` moves to
    `center + scale * R(angle) (p - center) + (dy, dx)`. Positive angles rotate counterclockwise,
    scales above 1 enlarge, and positive shifts go down and to the right. The area outside the
    image is `fill_value`. NumPy draws the random numbers and transforms the images on the CPU,
    so that all backends get the same images. In a `tf.data.Dataset`, TensorFlow transforms them,
    with the same result to 1e-5.

    Images in [0, 1] stay in [0, 1] if `fill_value` is in [0, 1].

    Args:
        rotation: Largest angle in degrees, in both directions.
        scale: Smallest and largest factor.
        shift: Largest shift in pixels, in both directions and along both axes.
        fill_value: Value of pixels outside the image.
        seed: Seed for calls of the object, 0 or more. A `DomainPair` draws with its own seed
            instead; see `pair_from_arrays`.

    Raises:
        ValueError: If `rotation` or `shift` is negative, `scale` is not two positive numbers in
            ascending order, `fill_value` is not a number, or one of them is not finite.

    Source: the defaults are the LSTNet paper's for MNIST and USPS.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> images = np.random.default_rng(0).random((5, 28, 28, 1), dtype="float32")
    >>> augment = datasets.RandomAffine(rotation=10.0, shift=2.0)
    >>> augment(images).shape
    (5, 28, 28, 1)
    >>> one_down = np.array([[0, 1, 1, 0]] * 5)      # angle, scale, dy, dx
    >>> bool((augment.transform(images, one_down)[:, 1:] == images[:, :-1]).all())
    True
    """

    def __init__(
        self,
        rotation: float = 10.0,
        scale: tuple[float, float] = (0.9, 1.1),
        shift: float = 2.0,
        fill_value: float = 0.0,
        seed: int = 0,
    ):
        self.rotation = checks.non_negative("rotation", rotation)
        self.scale = _check_scale(scale)
        self.shift = checks.non_negative("shift", shift)
        self.fill_value = checks.finite("fill_value", fill_value)
        self.seed = checks.integer("seed", seed, at_least=0)
        self._rng = np.random.default_rng(self.seed)

    def factors(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draw random transformations for `count` images.

        Args:
            rng: Random number generator.
            count: Number of images.

        Returns:
            float32 array `(count, 4)`: angle in degrees, scale, dy and dx in pixels, each
            uniform in its range and independent of the others.
        """
        count = check_draw(rng, count)
        high = np.array([self.rotation, self.scale[1], self.shift, self.shift])
        low = np.array([-self.rotation, self.scale[0], -self.shift, -self.shift])
        return rng.uniform(low, high, (count, 4)).astype(np.float32)

    def transform(self, images: Rows, factors: Rows) -> np.ndarray:
        """Rotate, scale and shift each image by its row of `factors`.

        Args:
            images: Array `(N, height, width, channels)`; finite floats, uint8 or bool.
            factors: Array `(N, 4)`: angle in degrees, scale (positive), dy and dx in pixels.

        Returns:
            float32 array of the shape of `images`.

        Raises:
            ValueError: If `images` or `factors` has another shape or is not finite, or a scale
                is not positive.
        """
        images = array_checks.image_batch("images", images)
        factors = one_array("factors", factors)
        if factors.shape != (len(images), 4) or factors.dtype.kind not in "iuf":
            raise ValueError(
                f"`factors` must have shape ({len(images)}, 4): angle, scale, dy and dx of each "
                f"image. Received: factors.shape={factors.shape}, dtype={factors.dtype}"
            )
        factors = factors.astype(np.float64)
        invalid = ~np.isfinite(factors).all(axis=1) | ~(factors[:, 1] > 0)
        if invalid.any():
            raise ValueError(
                "`factors` must be finite, and the scales (column 1) positive. Received: "
                f"{factors[invalid][0].tolist()} in row {np.flatnonzero(invalid)[0]}"
            )
        rows, columns = _origins(factors, *images.shape[1:3])
        return _sample(images, rows, columns, self.fill_value)

    def transform_in_graph(self, images: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
        """The same as `transform`, for float32 images of static shape in a `tf.data.Dataset`."""
        tf = import_extra("tensorflow", "tensorflow", "`transform_in_graph`")
        size = images.shape[1:3]
        angle, scale, dy, dx = tf.unstack(tf.cast(factors, tf.float64), axis=1)
        angle *= np.pi / 180
        cos, sin = tf.cos(angle) / scale, tf.sin(angle) / scale
        center_y, center_x = (size[0] - 1) / 2, (size[1] - 1) / 2
        # As in `_origins`, but columns come before rows.
        start_y, start_x = center_y + dy, center_x + dx
        of_column = [cos, -sin, center_x - cos * start_x + sin * start_y]
        of_row = [sin, cos, center_y - sin * start_x - cos * start_y]
        zero = tf.zeros_like(cos)
        sampled = tf.raw_ops.ImageProjectiveTransformV3(
            images=images,
            transforms=tf.cast(tf.stack([*of_column, *of_row, zero, zero], axis=1), tf.float32),
            output_shape=size,
            fill_value=self.fill_value,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
        )
        return tf.ensure_shape(sampled, images.shape)

    def __call__(self, images: Rows) -> np.ndarray:
        """Apply `transform` with newly drawn `factors`."""
        images = array_checks.image_batch("images", images)
        return self.transform(images, self.factors(self._rng, len(images)))

    def __repr__(self) -> str:
        return (
            f"RandomAffine(rotation={self.rotation}, scale={self.scale}, shift={self.shift}, "
            f"fill_value={self.fill_value}, seed={self.seed})"
        )


def _origins(factors: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows and columns that the result's pixels come from, float32 `(N, height, width)`."""
    angle, scale, dy, dx = factors[:, :, None].swapaxes(0, 1)
    cos, sin = np.cos(np.deg2rad(angle)) / scale, np.sin(np.deg2rad(angle)) / scale
    center_y, center_x = (height - 1) / 2, (width - 1) / 2
    # The inverse: first undo the shift, then the rotation and the scale. Numbers per row or column
    # are float64, numbers per pixel float32.
    y = np.arange(height) - center_y - dy
    x = np.arange(width) - center_x - dx
    rows = _outer_sum(cos * y + center_y, sin * x)
    columns = _outer_sum(-sin * y, cos * x + center_x)
    return rows, columns


def _outer_sum(of_row: np.ndarray, of_column: np.ndarray) -> np.ndarray:
    return of_row.astype(np.float32)[:, :, None] + of_column.astype(np.float32)[:, None, :]


def _sample(
    images: np.ndarray, rows: np.ndarray, columns: np.ndarray, fill_value: float
) -> np.ndarray:
    """Interpolate bilinearly between the four pixels around each position."""
    count, height, width, channels = images.shape
    # Positions outside the image need a margin of one pixel before it and two after it.
    padded = np.full((count, height + 3, width + 3, channels), fill_value, dtype=np.float32)
    padded[:, 1:-2, 1:-2] = images
    pixels = padded.reshape(-1, channels)

    top, down = _split(rows, height)
    left, right = _split(columns, width)
    first = np.arange(count)[:, None, None] * ((height + 3) * (width + 3))
    first = first + (top + 1) * (width + 3) + (left + 1)
    down, right = down[..., None], right[..., None]

    def across(corner: np.ndarray) -> np.ndarray:
        here, there = pixels.take(corner, axis=0), pixels.take(corner + 1, axis=0)
        return here + right * (there - here)

    above, below = across(first), across(first + width + 3)
    return above + down * (below - above)


def _split(positions: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The pixel before each position, and the position's distance from it, from 0 to 1."""
    positions = np.clip(positions, -1, size)
    before = np.floor(positions)
    return before.astype(np.intp), positions - before


def _check_scale(value: Any) -> tuple[float, float]:
    try:
        low, high = map(float, checks.items("scale", value))
    except (TypeError, ValueError):
        low, high = np.nan, np.nan
    if not 0 < low <= high < np.inf:
        raise ValueError(
            "`scale` must be two positive numbers, the smallest and the largest factor. "
            f"Received: scale={value!r}"
        )
    return low, high
