"""Images and what a model made of them, row under row."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keras_latent.src.visualization.figures import draw_row, finish, new_figure, to_pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def translation_grid(
    rows: Mapping[str, Any] | Sequence[tuple[str, Any]],
    path: str | os.PathLike | None = None,
) -> Figure:
    """Draw rows of images, one labelled row under the other, aligned by column.

    Args:
        rows: Titles and images: a dict, or a list of `(title, images)`, where a title may
            occur twice. Images are `(N, H, W, C)` with one or three channels, or
            `(N, H, W)`: uint8, or floats, of which what is outside [0, 1] is clipped. All
            rows have the same `N`; sizes and channels may differ from row to row.
        path: Where to save the figure as PNG, if anywhere.

    Returns:
        The `matplotlib.figure.Figure`, with one axes a row.

    Raises:
        ValueError: If there are no rows, a row is not images, or rows differ in `N`.
        ImportError: If matplotlib is not installed.

    Example:

    >>> from keras_latent import datasets, visualization
    >>> (images, _), _ = datasets.load_arrays("digits")
    >>> rows = {"source": images[:8], "transposed": images[:8].swapaxes(1, 2)}
    >>> figure = visualization.translation_grid(rows)
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['source', 'transposed']

    Source: the rows of figure 4 of the VBTA paper (original, reconstruction, translation).
    """
    rows = list(rows.items() if isinstance(rows, Mapping) else rows)
    if not rows:
        raise ValueError(f"`rows` must have one row or more. Received: rows={rows!r}.")
    rows = [(title, to_pixels(f"rows[{title!r}]", images, rank=4)) for title, images in rows]
    counts = {title: len(images) for title, images in rows}
    columns = len(rows[0][1])
    if any(len(images) != columns for _, images in rows):
        raise ValueError(
            "`rows` must all have the same number of images, since they are drawn in columns. "
            f"Received: {counts}."
        )

    widest = max(len(str(title)) for title, _ in rows)
    figure = new_figure(0.85 * columns + 0.11 * widest + 0.2, 0.9 * len(rows) + 0.1)
    lines = figure.subplots(len(rows), squeeze=False)[:, 0]
    for axes, (title, images) in zip(lines, rows, strict=True):
        draw_row(axes, images)
        axes.set_ylabel(title, rotation=0, ha="right", va="center", fontsize=11)
    return finish(figure, path)
