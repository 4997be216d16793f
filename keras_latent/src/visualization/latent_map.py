"""A two-dimensional map of a latent space."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from keras_latent.src.utils import checks
from keras_latent.src.utils.optional import import_extra
from keras_latent.src.visualization import scatter
from keras_latent.src.visualization.figures import finish, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Points (N, 2), and the labels of both axes.
Plane = tuple[np.ndarray, tuple[str, str]]


def _pca(points: np.ndarray, seed: int) -> Plane:
    """The first two principal components."""
    fitted = scatter.fit_pca(points)
    return fitted.transform(points), scatter.axis_labels(fitted)


def _tsne(points: np.ndarray, seed: int) -> Plane:
    """t-SNE with scikit-learn's defaults; the perplexity, 30, is lower for fewer than 91 points."""
    manifold = import_extra("sklearn.manifold", "viz", "t-SNE")
    perplexity = min(30.0, (len(points) - 1) / 3)
    projection = manifold.TSNE(2, perplexity=perplexity, init="pca", random_state=seed)
    return projection.fit_transform(points), ("t-SNE 1", "t-SNE 2")


def _umap(points: np.ndarray, seed: int) -> Plane:
    """UMAP with umap-learn's defaults: 15 neighbors, or fewer for fewer than 16 points."""
    try:
        from umap import UMAP
    except ImportError as error:
        raise ImportError(
            "`method='umap'` needs the package 'umap-learn', which cannot be imported "
            f"({error}). Install it with `pip install umap-learn`, or pass `method='tsne'`."
        ) from error
    if len(points) < 5:
        raise ValueError(
            "`embeddings` must have five rows or more for `method='umap'`. "
            f"Received: {len(points)} rows."
        )
    # With several threads, results for the same seed differ.
    projection = UMAP(n_neighbors=min(15, len(points) - 1), random_state=seed, n_jobs=1)
    return projection.fit_transform(points), ("UMAP 1", "UMAP 2")


PROJECTIONS: dict[str, Callable[[np.ndarray, int], Plane]] = {
    "pca": _pca,
    "tsne": _tsne,
    "umap": _umap,
}


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
    if title is not None:
        checks.text("title", title)
    figure = new_figure(6.4, 5.2)  # raises before the projection if matplotlib is missing
    coordinates, names = PROJECTIONS[method](points, seed)
    axes = figure.subplots()
    scatter.draw_points(axes, coordinates, labels)
    scatter.label_axes(axes, names)
    scatter.draw_legend(figure, axes)
    if title is not None:
        axes.set_title(title)
    return finish(figure, path)
