"""Projections to two dimensions: PCA, t-SNE, UMAP."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from keras_latent.src.utils.optional import import_extra
from keras_latent.src.visualization import scatter

# Points (N, 2), and the labels of both axes.
Plane = tuple[np.ndarray, tuple[str, str]]


def pca(points: np.ndarray, seed: int) -> Plane:
    """The first two principal components."""
    fitted = scatter.fit_pca(points)
    return fitted.transform(points), scatter.axis_labels(fitted)


def tsne(points: np.ndarray, seed: int) -> Plane:
    """t-SNE with scikit-learn's defaults; the perplexity, 30, is lower for fewer than 91 points."""
    manifold = import_extra("sklearn.manifold", "viz", "t-SNE")
    perplexity = min(30.0, (len(points) - 1) / 3)
    projection = manifold.TSNE(2, perplexity=perplexity, init="pca", random_state=seed)
    return projection.fit_transform(points), ("t-SNE 1", "t-SNE 2")


def umap(points: np.ndarray, seed: int) -> Plane:
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
    "pca": pca,
    "tsne": tsne,
    "umap": umap,
}
