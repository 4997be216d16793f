"""Matplotlib figures without pyplot, and so without global state or a display."""

from __future__ import annotations

import numbers
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_latent.src.utils import checks
from keras_latent.src.utils.files import replaced_when_complete
from keras_latent.src.utils.optional import import_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


#: Images in a row. A picture of more is larger than matplotlib can write.
MAX_IMAGES = 400


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of `width` x `height` inches with constrained layout."""
    import_extra("matplotlib.figure", "viz", "Drawing")
    from keras_latent.src.visualization.notebook_figure import NotebookFigure

    return NotebookFigure(figsize=(width, height), dpi=150, layout="constrained")


def finish(figure: Figure, path: str | os.PathLike | None) -> Figure:
    """Save `figure` as PNG, atomically, if there is a `path`. Return the figure."""
    if path is not None:
        with replaced_when_complete(checks.path("path", path)) as temporary:
            figure.savefig(temporary, format="png")
    return figure


def to_array(argument: str, value: Any) -> np.ndarray:
    """Convert an array or a tensor of any backend to NumPy; it must contain real numbers only."""
    import keras

    try:
        array = value if isinstance(value, np.ndarray) else keras.ops.convert_to_numpy(value)
        kind = np.asarray(array).dtype.kind
    except Exception as error:  # each backend has its own
        raise ValueError(
            f"`{argument}` must be one array of numbers. {checks.received(argument, value)}"
        ) from error
    if kind not in "biuf":
        raise ValueError(f"`{argument}` must contain numbers. Received: dtype={array.dtype}.")
    return array


def to_pixels(argument: str, value: Any, rank: int) -> np.ndarray:
    """Convert images for drawing: `(..., H, W)` or `(..., H, W, 3)`, floats clipped to [0, 1].

    They are uint8 or floats, of rank `rank` with one or three channels last, or of rank `rank - 1`
    without. `rank` is 4 for a row of images and 5 for rows of interpolation steps.
    """
    images = to_array(argument, value)
    if images.dtype == np.uint8:
        images = images / np.float32(255)
    if images.dtype.kind in "iu":
        raise ValueError(
            f"`{argument}` must be uint8, or floats in [0, 1]. Received: dtype={images.dtype}."
        )
    if images.ndim == rank - 1:
        images = images[..., None]
    if images.ndim != rank or images.shape[-1] not in (1, 3) or 0 in images.shape:
        leading = {4: "N", 5: "rows, steps"}[rank]
        raise ValueError(
            f"`{argument}` must be images ({leading}, H, W, C) with one or three channels, or "
            f"({leading}, H, W). Received: shape {images.shape}."
        )
    check_counts(argument, images.shape[: rank - 3])
    images = np.clip(np.nan_to_num(images.astype(np.float32)), 0.0, 1.0)
    return images[..., 0] if images.shape[-1] == 1 else images


def check_counts(argument: str, counts: Sequence[int], most: int = MAX_IMAGES) -> None:
    """More images or sounds than a picture can hold would take forever to draw."""
    if max(counts) > most:
        raise ValueError(
            f"`{argument}` must have at most {most} rows and columns, to be drawn. For the first "
            f"eight, pass `x[:8]`. Received: {tuple(counts)}."
        )


def to_rows(
    rows: Mapping[str, Any] | Sequence[tuple[str, Any]],
    convert: Callable[[str, Any], np.ndarray],
    content: str,
) -> list[tuple[str, np.ndarray]]:
    """Titles and converted data of the rows of a grid, which must have the same length.

    `convert` takes the name of a row for error messages, and its data.
    """
    try:
        items: Any = rows.items() if isinstance(rows, Mapping) else rows
        pairs = [(title, data) for title, data in items]
        titles = all(isinstance(title, (str, numbers.Number)) for title, _ in pairs)
    except (TypeError, ValueError):
        titles = False
    if not titles or not pairs:
        raise ValueError(
            "`rows` must be a dict of titles and data, or a list of `(title, data)`, with one row "
            f"or more. {checks.received('rows', rows)}"
        )
    converted = [(title, convert(f"rows[{title!r}]", data)) for title, data in pairs]
    counts = [(title, len(data)) for title, data in converted]
    if len({count for _, count in counts}) > 1:
        raise ValueError(
            f"`rows` must all have the same number of {content}, because they are drawn in "
            f"columns. Received: {counts}."
        )
    return converted


def draw_image(axes: Axes, image: np.ndarray) -> None:
    """Draw an image of `to_pixels` without ticks or a frame."""
    axes.imshow(image, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)


def draw_row(axes: Axes, images: np.ndarray) -> None:
    """Draw images of `to_pixels` side by side in one axes, each one unit wide with its gap."""
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
    axes.set_anchor("W")  # the layout positions the label at the left edge of the slot
