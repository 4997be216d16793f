"""Curves of what `fit` logged."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_latent.src.utils import checks
from keras_latent.src.visualization.figures import finish, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def training_curves(
    history: Mapping[str, Sequence[float]] | Any, path: str | os.PathLike | None = None
) -> Figure:
    """Draw what `fit` logged: one panel per quantity, with its training and validation curves.

    Args:
        history: The return value of `model.fit`, or its `.history`, a dict that maps names to
            one number per epoch. `"val_NAME"` is drawn in the panel of `"NAME"`.
        path: If given, the figure is saved here as PNG.

    Returns:
        The `matplotlib.figure.Figure`. Epochs count from 1.

    Raises:
        ValueError: If there is nothing to draw, or an entry is not one number per epoch.
        ImportError: If matplotlib is not installed.

    Example:

    >>> from keras_latent import visualization
    >>> figure = visualization.training_curves({"loss": [3.0, 2.0], "val_loss": [3.1, 2.4]})
    >>> [axes.get_title() for axes in figure.axes]
    ['loss']
    """
    history = getattr(history, "history", history)
    if not isinstance(history, Mapping) or not history:
        raise ValueError(
            "`history` must be what `model.fit` returned, or a dict with one entry or more. "
            f"{checks.received('history', history)}"
        )
    panels: dict[str, list[tuple[str, np.ndarray]]] = {}
    for name, values in history.items():
        checks.text("history", name)
        try:
            values = np.asarray(values)
        except ValueError:  # ragged lists
            values = np.asarray(None)
        if values.ndim != 1 or not len(values) or values.dtype.kind not in "iuf":
            raise ValueError(
                "`history` must hold a list of one number per epoch for each name. Received: "
                f"history[{name!r}] of shape {values.shape} and dtype {values.dtype}."
            )
        part = "validation" if name.startswith("val_") else "training"
        panels.setdefault(name.removeprefix("val_"), []).append((part, values))

    columns = 2 if len(panels) == 4 else min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(3.6 * columns + 0.4, 2.6 * rows + 0.2)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, curves) in zip(grid, panels.items(), strict=False):
        _draw_panel(axes, name, curves)
    for axes in grid[len(panels) :]:
        axes.remove()
    return finish(figure, path)


def _draw_panel(axes: Axes, name: str, curves: list[tuple[str, np.ndarray]]) -> None:
    for part, values in curves:
        style = {"training": "C0", "validation": "C1"}[part]
        # Markers if there are few epochs: a line of one epoch would be invisible.
        marker = "o" if len(values) < 20 else None
        epochs = np.arange(1, len(values) + 1)
        axes.plot(epochs, values, color=style, marker=marker, markersize=3, label=part)
    axes.set_title(name)
    axes.set_xlabel("epoch")
    locator: Any = axes.xaxis.get_major_locator()
    locator.set_params(integer=True, min_n_ticks=1)
    axes.grid(alpha=0.3)
    if len(curves) > 1 or curves[0][0] == "validation":
        axes.legend(frameon=False)
