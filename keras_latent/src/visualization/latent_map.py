"""A two-dimensional map of a latent space."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

from keras_latent.src.utils import checks
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
    """Draw embeddings in two dimensions.

    With PCA, distances in the plane are distances in the latent space, minus the contribution of
    the other components. t-SNE and UMAP show which points are close; their axes and the distances
    between groups have no meaning.

    Args:
        embeddings: Numbers `(N, ...)`, flattened to `(N, features)`.
        labels: Integers `(N,)`, one color per label; -1 (missing) is gray.
        method: `"pca"`: the first two principal components; `"tsne"`: t-SNE, which may
            take half a minute for 1,500 rows; `"umap"`: UMAP, which needs the package
            umap-learn.
        seed: Seed of UMAP and t-SNE. t-SNE starts from the principal components, so its result
            is usually the same for all seeds.
        title: Title of the map.
        path: If given, the figure is saved here as PNG.

    Returns:
        The `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there are fewer than two rows (five for UMAP) or features, a number is not
            finite, `labels` are not one integer per row, `method` is unknown, or `seed` is not
            an integer of 0 or more.
        ImportError: If matplotlib or scikit-learn (or umap-learn, for UMAP) is not installed.

    Example:

    >>> from keras_latent import datasets, visualization
    >>> (images, labels), _ = datasets.load_arrays("digits")
    >>> figure = visualization.latent_map(images, labels, title="digits")
    >>> figure.axes[0].get_title()
    'digits'
    """
    points = scatter.check_points("embeddings", embeddings)
    labels = scatter.check_point_labels(labels, len(points))
    checks.choice("method", method, list(PROJECTIONS))
    seed = checks.integer("seed", seed, at_least=0)
    figure = new_figure(6.4, 5.2)  # raises before the projection if matplotlib is missing
    coordinates, names = PROJECTIONS[method](points, seed)
    axes = figure.subplots()
    scatter.draw_points(axes, coordinates, labels)
    scatter.label_axes(axes, names)
    scatter.draw_legend(figure, axes)
    if title is not None:
        axes.set_title(title)
    return finish(figure, path)
