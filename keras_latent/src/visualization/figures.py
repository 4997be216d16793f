"""Figures without pyplot: no global state, no display, the same in scripts and notebooks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_latent.src.utils.files import replaced_when_complete
from keras_latent.src.utils.optional import import_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of `width` x `height` inches whose parts make room for each other."""
    import_extra("matplotlib.figure", "viz", "Drawing")
    from keras_latent.src.visualization.notebook_figure import NotebookFigure

    return NotebookFigure(figsize=(width, height), dpi=150, layout="constrained")


def finish(figure: Figure, path: str | os.PathLike | None) -> Figure:
    """Save `figure` as PNG if there is a `path`, all of it or nothing, and return it."""
    if path is not None:
        with replaced_when_complete(path) as temporary:
            figure.savefig(temporary, format="png")
    return figure


def to_array(argument: str, value: Any) -> np.ndarray:
    """NumPy version of an array, or of a tensor of any backend, that has numbers only."""
    import keras

    array = value if isinstance(value, np.ndarray) else keras.ops.convert_to_numpy(value)
    if array.dtype == object or not np.issubdtype(array.dtype, np.number) and array.dtype != bool:
        raise ValueError(f"`{argument}` must hold numbers. Received: dtype={array.dtype}.")
    return array


def to_pixels(argument: str, value: Any, rank: int) -> np.ndarray:
    """Images ready to draw: `(..., H, W)` or `(..., H, W, 3)`, floats clipped to [0, 1].

    Args:
        argument: Name of the argument, for the error.
        value: uint8 or float images, channels last, one or three of them, of `rank`
            dimensions; or without the channels, of `rank - 1`.
        rank: Dimensions with channels: 4 for a row of images, 5 for rows of steps.
    """
    images = to_array(argument, value)
    if images.dtype == np.uint8:
        images = images / np.float32(255)
    if images.ndim == rank - 1:
        images = images[..., None]
    if images.ndim != rank or images.shape[-1] not in (1, 3) or 0 in images.shape:
        leading = {4: "N", 5: "rows, steps"}[rank]
        raise ValueError(
            f"`{argument}` must be images ({leading}, H, W, C) with one or three channels, or "
            f"({leading}, H, W). Received: shape {np.shape(value)}."
        )
    images = np.clip(np.nan_to_num(images.astype(np.float32)), 0.0, 1.0)
    return images[..., 0] if images.shape[-1] == 1 else images


def draw_image(axes: Axes, image: np.ndarray) -> None:
    """Draw one image of `to_pixels` without ticks or a frame."""
    axes.imshow(image, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)


def draw_row(axes: Axes, images: Sequence[np.ndarray]) -> None:
    """Draw images of `to_pixels` side by side in one axes: each is one unit wide, with its gap."""
    height, width = images[0].shape[:2]
    top = 0.94 * height / width
    for i, image in enumerate(images):
        axes.imshow(
            image,
            cmap="gray",
            vmin=0.0,
            vmax=1.0,
            interpolation="nearest",
            extent=(i - 0.47, i + 0.47, 0.0, top),
        )
    axes.set(xlim=(-0.5, len(images) - 0.5), ylim=(0.0, top), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_anchor("W")  # the layout measures a label from where the slot begins
