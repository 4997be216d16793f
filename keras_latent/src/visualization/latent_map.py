"""A map of a latent space."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

from keras_latent.src.datasets.checks import check_choice, check_integer
from keras_latent.src.visualization import scatter
from keras_latent.src.visualization.figures import finish, new_figure
from keras_latent.src.visualization.projections import PROJECTIONS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def latent_map(
    embeddings: Any,
    labels: Any,
    *,
    method: Literal["pca", "tsne", "umap"] = "pca",
    seed: int = 0,
    title: str | None = None,
    path: str | os.PathLike | None = None,
) -> Figure:
    """Draw embeddings in a plane.

    Distances in the plane of PCA are distances in the latent space, less what the other components
    would add. t-SNE and UMAP show who is near whom; distances between groups, and the axes,
    mean nothing in their maps.

    Args:
        embeddings: Numbers `(N, ...)`, flattened to `(N, features)`.
        labels: Integers `(N,)`, one colour each; -1 (missing) is grey.
        method: `"pca"`: the first two principal components; `"tsne"`: t-SNE, which may
            take half a minute for 1,500 rows; `"umap"`: UMAP, which needs the package
            umap-learn.
        seed: Seed of UMAP, and of t-SNE, which begins with the principal components and mostly
            is the same for every seed.
        title: Title over the map.
        path: Where to save the figure as PNG, if anywhere.

    Returns:
        The `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there are fewer than two rows or features (of UMAP: than five rows), a
            number is not finite, `labels` are not one integer for each row, `method` is
            unknown or `seed` is not an integer of 0 or more.
        ImportError: If matplotlib or scikit-learn, or where it is asked for umap-learn, is
            not installed.

    Example:

    >>> from keras_latent import datasets, visualization
    >>> (images, labels), _ = datasets.load_arrays("digits")
    >>> figure = visualization.latent_map(images, labels, title="digits")
    >>> figure.axes[0].get_title()
    'digits'
    """
    points = scatter.check_points("embeddings", embeddings)
    labels = scatter.check_point_labels(labels, len(points))
    check_choice("method", method, PROJECTIONS)
    seed = check_integer("seed", seed, at_least=0)
    figure = new_figure(6.4, 5.2)  # Says so at once if matplotlib is missing.
    coordinates, names = PROJECTIONS[method](points, seed)
    axes = figure.subplots()
    scatter.draw_points(axes, coordinates, labels)
    scatter.label_axes(axes, names)
    scatter.draw_legend(figure, axes)
    if title is not None:
        axes.set_title(title)
    return finish(figure, path)
