"""Translated images in the plane of a domain's principal components (VBTA, figure 3)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from keras_latent.src.utils import checks
from keras_latent.src.visualization import scatter
from keras_latent.src.visualization.figures import finish, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pca_comparison(
    reference: Any,
    translated: Any,
    labels: Any,
    path: str | os.PathLike | None = None,
    *,
    titles: tuple[str, str] = ("reference", "translated"),
) -> Figure:
    """Draw a domain and images translated into it side by side, in the same plane.

    The plane is spanned by the first two principal components of `reference` alone, so images
    that do not resemble the domain appear in other places.

    Args:
        reference: Images of the domain `(N, ...)`, flattened to `(N, features)`.
        translated: Images translated into the domain `(N, ...)`, with the same number of features
            and in the same units (both uint8, or both floats in the same range).
        labels: Integers `(N,)`, the labels of both sets of images; -1 (missing) is gray.
        path: If given, the figure is saved here as PNG.
        titles: Titles of the two panels.

    Returns:
        The `matplotlib.figure.Figure`. Both panels have the same limits.

    Raises:
        ValueError: If the two sets differ in rows or features, there are fewer than two rows or
            features, a number is not finite, or `labels` are not one integer per row.
        ImportError: If matplotlib or scikit-learn is not installed.

    Source: figure 3 of the VBTA paper, projections of y (left) and of its translation (right);
    "in both cases the PCA model was optimized only using the dataset y".

    Example:

    >>> from keras_latent import datasets, visualization
    >>> (images, labels), _ = datasets.load_arrays("digits")
    >>> figure = visualization.pca_comparison(images, images.swapaxes(1, 2), labels)
    >>> [axes.get_title() for axes in figure.axes]
    ['reference', 'translated']
    """
    points = [
        scatter.check_points("reference", reference),
        scatter.check_points("translated", translated),
    ]
    if points[0].shape != points[1].shape:
        raise ValueError(
            "`reference` and `translated` must have the same rows and features. Received: "
            f"{points[0].shape} and {points[1].shape} after flattening."
        )
    if not isinstance(titles, (tuple, list)) or len(titles) != 2:
        raise ValueError(f"`titles` must be two titles. {checks.received('titles', titles)}")
    for title in titles:
        checks.text("titles", title)
    labels = scatter.check_point_labels(labels, len(points[0]))
    pca = scatter.fit_pca(points[0])
    figure = new_figure(10.0, 4.8)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, rows, title in zip(panels, points, titles, strict=True):
        scatter.draw_points(axes, pca.transform(rows), labels)
        scatter.label_axes(axes, scatter.axis_labels(pca))
        axes.set_title(title)
    panels[1].set_ylabel("")  # shared by both panels, like the tick labels
    scatter.draw_legend(figure, panels[0])
    return finish(figure, path)
