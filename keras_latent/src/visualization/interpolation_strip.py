"""A figure of interpolations."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_latent.src.visualization.figures import draw_row, finish, new_figure, to_pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def interpolation_strip(images: Any, path: str | os.PathLike | None = None) -> Figure:
    """Draw interpolations, one per row, from left to right.

    Args:
        images: uint8 or float images `(rows, steps, H, W, C)` with one or three channels, or
            `(rows, steps, H, W)`. Floats are clipped to [0, 1].
        path: If given, the figure is saved here as PNG.

    Returns:
        The `matplotlib.figure.Figure`, with one axes per row. Each column is labeled with its
        position, from 0 to 1.

    Raises:
        ValueError: If `images` has a different shape.
        ImportError: If matplotlib is not installed.

    Example:

    >>> import numpy as np
    >>> from keras_latent import visualization
    >>> fade = np.linspace(0, 1, 5)[None, :, None, None, None] * np.ones((1, 5, 8, 8, 1))
    >>> figure = visualization.interpolation_strip(fade)
    >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
    ['0', '0.25', '0.5', '0.75', '1']
    """
    images = to_pixels("images", images, rank=5)
    rows, steps = images.shape[:2]
    figure = new_figure(0.85 * steps + 0.1, 0.9 * rows + 0.3)
    lines = figure.subplots(rows, squeeze=False)[:, 0]
    for axes, strip in zip(lines, images, strict=True):
        draw_row(axes, strip)
    fractions = [f"{fraction:.2g}" for fraction in np.linspace(0, 1, steps)]
    lines[0].set_xticks(range(steps), fractions, fontsize=10)
    lines[0].tick_params(top=False, labeltop=True, bottom=False, labelbottom=False)
    return finish(figure, path)
