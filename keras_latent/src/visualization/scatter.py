"""Scatter plots of points, colored by label, and their PCA."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_latent.src.utils.optional import import_extra
from keras_latent.src.visualization.figures import to_array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from sklearn.decomposition import PCA


def fit_pca(points: np.ndarray) -> PCA:
    """A deterministic PCA in two dimensions."""
    decomposition = import_extra("sklearn.decomposition", "viz", "PCA")
    return decomposition.PCA(n_components=2, random_state=0).fit(points)


def check_points(argument: str, value: Any) -> np.ndarray:
    """Flatten rows to `(N, features)`. They must be finite, with two rows and features or more."""
    array = to_array(argument, value)
    if array.ndim < 2 or len(array) < 2 or array[0].size < 2:
        raise ValueError(
            f"`{argument}` must have two rows and two features or more. "
            f"Received: {argument}.shape={array.shape}."
        )
    points = array.reshape(len(array), -1).astype(np.float32)
    if not np.isfinite(points).all():
        raise ValueError(f"`{argument}` must be finite. Received: NaN or infinity.")
    return points


def check_point_labels(value: Any, rows: int) -> np.ndarray:
    """Integer labels `(rows,)`."""
    labels = to_array("labels", value)
    integers = np.issubdtype(labels.dtype, np.integer)
    if labels.shape != (rows,) or not integers or np.any((labels < -1) | (labels >= 2**31)):
        raise ValueError(
            f"`labels` must be integers of shape ({rows},), one per point, with -1 for a missing "
            f"label. Received: labels.shape={labels.shape}, labels.dtype={labels.dtype}"
            f"{f', from {labels.min()} to {labels.max()}' if integers and labels.size else ''}."
        )
    return labels


def draw_points(axes: Axes, points: np.ndarray, labels: np.ndarray) -> None:
    """Scatter `(N, 2)` points in one color per label; points with label -1 are gray."""
    classes = np.unique(labels)
    matplotlib = import_extra("matplotlib", "viz", "Drawing")
    known = classes[classes >= 0]
    name = "tab10" if len(known) <= 10 else "tab20" if len(known) <= 20 else "turbo"
    palette = matplotlib.colormaps[name]
    # Qualitative maps are indexed by integers, the continuous one by fractions.
    places = np.arange(len(known)) if name != "turbo" else np.linspace(0, 1, len(known))
    colors = {label: palette(place) for label, place in zip(known, places, strict=True)}
    colors[-1] = (0.7, 0.7, 0.7, 1.0)
    # One shuffled scatter: if drawn label by label, the last label would cover the others.
    order = np.random.default_rng(0).permutation(len(points))
    size = float(np.clip(30_000 / len(points), 4, 20))
    axes.scatter(
        points[order, 0],
        points[order, 1],
        c=[colors[label] for label in labels[order]],
        s=size,
        alpha=0.7,
        linewidths=0,
    )
    for label in classes:
        title = "missing" if label < 0 else str(label)
        axes.scatter([], [], color=colors[label], s=30, label=title)


def axis_labels(pca: PCA) -> tuple[str, str]:
    """Labels of both axes, with the share of the variance that each explains."""
    first, second = pca.explained_variance_ratio_
    return f"component 1 ({first:.1%} of variance)", f"component 2 ({second:.1%} of variance)"


def label_axes(axes: Axes, labels: tuple[str, str]) -> None:
    """Label both axes."""
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])


def draw_legend(figure: Figure, axes: Axes) -> None:
    """Add one legend to the right of all panels."""
    handles, titles = axes.get_legend_handles_labels()
    columns = 1 + len(titles) // 21
    figure.legend(
        handles, titles, title="label", loc="outside right center", frameon=False, ncols=columns
    )
