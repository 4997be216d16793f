"""A map of a latent space."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from keras_latent.visualization import scatter
from keras_latent.visualization.figures import finish, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def latent_map(
    embeddings: Any,
    labels: Any,
    *,
    title: str | None = None,
    path: str | os.PathLike | None = None,
) -> Figure:
    """Draw embeddings in the plane of their first two principal components.

    Args:
        embeddings: Numbers `(N, ...)`, flattened to `(N, features)`.
        labels: Integers `(N,)`, one colour each; -1 (missing) is grey.
        title: Title over the map.
        path: Where to save the figure as PNG, if anywhere.

    Returns:
        The `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there are fewer than two rows or features, a number is not finite, or
            `labels` are not one integer for each row.
        ImportError: If matplotlib or scikit-learn is not installed.

    Example:

    >>> from keras_latent import datasets, visualization
    >>> (images, labels), _ = datasets.load_arrays("digits")
    >>> figure = visualization.latent_map(images, labels, title="digits")
    >>> figure.axes[0].get_title()
    'digits'
    """
    points = scatter.check_points("embeddings", embeddings)
    labels = scatter.check_point_labels(labels, len(points))
    pca = scatter.fit_pca(points)
    figure = new_figure(6.4, 5.2)
    axes = figure.subplots()
    scatter.draw_points(axes, pca.transform(points), labels)
    scatter.label_axes(axes, pca)
    scatter.draw_legend(figure, axes)
    if title is not None:
        axes.set_title(title)
    return finish(figure, path)
