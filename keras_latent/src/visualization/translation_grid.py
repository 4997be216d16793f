"""A grid of images and their translations."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keras_latent.src.visualization.figures import draw_row, finish, new_figure, to_pixels, to_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def translation_grid(
    rows: Mapping[str, Any] | Sequence[tuple[str, Any]],
    path: str | os.PathLike | None = None,
) -> Figure:
    """Draw labeled rows of images, aligned by column.

    Args:
        rows: A dict of titles and images, or a list of `(title, images)`, in which titles may
            repeat. Images are uint8 or floats, `(N, H, W, C)` with one or three channels, or
            `(N, H, W)`. Floats are clipped to [0, 1]. All rows must have the same `N`; sizes and
            channels may differ between rows.
        path: If given, the figure is saved here as PNG.

    Returns:
        The `matplotlib.figure.Figure`, with one axes per row.

    Raises:
        ValueError: If there are no rows, a row does not contain images, or rows differ in `N`.
        ImportError: If matplotlib is not installed.

    Example:

    >>> from keras_latent import datasets, visualization
    >>> (images, _), _ = datasets.load_arrays("digits")
    >>> rows = {"source": images[:8], "transposed": images[:8].swapaxes(1, 2)}
    >>> figure = visualization.translation_grid(rows)
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['source', 'transposed']

    Source: figure 4 of the VBTA paper (original, reconstruction, translation).
    """
    drawn = to_rows(rows, functools.partial(to_pixels, rank=4), "images")
    columns = len(drawn[0][1])
    widest = max(len(str(title)) for title, _ in drawn)
    figure = new_figure(0.85 * columns + 0.11 * widest + 0.2, 0.9 * len(drawn) + 0.1)
    lines = figure.subplots(len(drawn), squeeze=False)[:, 0]
    for axes, (title, images) in zip(lines, drawn, strict=True):
        draw_row(axes, images)
        axes.set_ylabel(title, rotation=0, ha="right", va="center", fontsize=11)
    return finish(figure, path)
