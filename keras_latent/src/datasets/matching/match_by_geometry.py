"""Matching of two domains by rotating one point cloud onto the other."""

from typing import Any

import numpy as np

from keras_latent.src.datasets import array_checks
from keras_latent.src.datasets.matching.known_pairs import resolve_known_pairs
from keras_latent.src.utils import checks
from keras_latent.src.utils.optional import import_extra
from keras_latent.src.utils.types import Rows


def match_by_geometry(
    source: Rows,
    target: Rows,
    *,
    known_pairs: Any = 0,
    components: int = 50,
    iterations: int = 40,
    starts: int = 20,
    sample: int = 5000,
    seed: int = 0,
) -> np.ndarray:
    """Pair rows of two domains without labels, by the shape of their point clouds.

    If two domains are approximately the same point cloud, rotated or reflected in pixel space
    (images and their transposes, permuted pixels, inverted gray values), an orthogonal map
    between them can be found without a single known pair:

    1. Each domain is projected onto its principal components. Components of equal rank
       correspond, and the sign of the skewness along each component gives its direction.
    2. Iterative closest points: in a random sample of each domain, rows that are mutual nearest
       neighbors, together with the known pairs, yield a better orthogonal map (Procrustes).
       This is repeated. If the skewness is small compared to its standard error, directions are
       uncertain. So there are several starts with redrawn directions, and the start that ends
       with the most mutual neighbors is refined on larger samples.
    3. The pairs are the rows that are mutual nearest neighbors in the end.

    If the domains are not of this kind, few rows are mutual nearest neighbors, and the pairs are
    meaningless. For digits and their transposes, in disjoint sets of images, about 4 rows in 10
    are. Look at some pairs before you train on them.

    Args:
        source: Images `(N_source, ...)`, uint8 or float.
        target: Images `(N_target, ...)`, likewise; their shape may differ.
        known_pairs: Pairs known in advance: an integer `n` (the first `n` rows of both) or an
            integer array `(n, 2)`. They guide the map and come first in the result.
        components: Largest number of principal components per domain.
        iterations: Steps of iterative closest points, per start and for the refinement.
        starts: How many sets of directions are tried, each on a fifth of `sample`.
        sample: Rows of each domain per step of the refinement.
        seed: Seed of the samples.

    Returns:
        int64 array `(pairs, 2)`: row of `source`, row of `target`, for the argument `paired` of
        `pair_from_arrays`. No row is in two pairs unless it is in two known pairs.

    Raises:
        ValueError: If images or known pairs are not valid for `pair_from_arrays`, a domain has
            fewer than 2 rows, or an integer is not positive.
        ImportError: If scikit-learn is not installed (extra `data`).

    Source: Hoshen and Wolf, "Non-Adversarial Unsupervised Word Translation", EMNLP 2018
    (principal components, then mini-batch iterative closest points). The signs by skewness
    and the known pairs are our additions.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> digits = datasets.load_arrays("digits")[0][0]
    >>> pairs = datasets.match_by_geometry(digits[:300], digits[:300].swapaxes(1, 2), starts=3)
    >>> pairs.shape[1], len(pairs) > 100
    (2, True)
    """
    decomposition = import_extra("sklearn.decomposition", "data", "`match_by_geometry`")
    checks.integer("seed", seed, at_least=0)
    sizes = {"components": components, "iterations": iterations, "starts": starts, "sample": sample}
    for name, value in sizes.items():
        checks.integer(name, value)
    clouds = [array_checks.images(n, v) for n, v in (("source", source), ("target", target))]
    clouds = [images.reshape(len(images), -1) for images in clouds]
    if min(map(len, clouds)) < 2:
        raise ValueError(
            "`source` and `target` must have at least 2 rows. "
            f"Received: {len(clouds[0])} and {len(clouds[1])} rows"
        )
    known = resolve_known_pairs(known_pairs, len(clouds[0]), len(clouds[1]), "known_pairs")

    components = min(components, *(side for cloud in clouds for side in cloud.shape))
    pca = decomposition.PCA(components, svd_solver="full")
    a, b = (pca.fit_transform(cloud.astype("float32")) for cloud in clouds)
    rng = np.random.default_rng(seed)
    free = [np.setdiff1d(np.arange(len(z)), known[:, side]) for side, z in enumerate((a, b))]

    def closest_points(rotation: np.ndarray, sample: int) -> tuple[np.ndarray, int]:
        """The final rotation, and how many rows of the sample are mutual neighbors."""
        for _ in range(iterations):
            i, j = (rng.choice(rows, min(sample, len(rows)), replace=False) for rows in free)
            near = _mutual_neighbors(a[i] @ rotation, b[j])
            pairs = np.concatenate([known, np.stack([i[near[:, 0]], j[near[:, 1]]], axis=1)])
            rotation = _procrustes(a[pairs[:, 0]], b[pairs[:, 1]])
        return rotation, len(near)

    ends = []
    for start in range(starts):
        # The first start uses the measured directions.
        directions = [_directions(z, rng if start else None) for z in (a, b)]
        ends.append(closest_points(np.diag(directions[0] * directions[1]), -(-sample // 5)))
    rotation, _ = closest_points(max(ends, key=lambda end: end[1])[0], sample)
    near = _mutual_neighbors(a[free[0]] @ rotation, b[free[1]])
    found = np.stack([free[0][near[:, 0]], free[1][near[:, 1]]], axis=1)
    return np.concatenate([known, found])


def _directions(z: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
    """The sign of each column's skewness, with `rng` of a skewness drawn around it."""
    skewness = (z.astype("float64") ** 3).mean(axis=0) / z.std(axis=0) ** 3
    if rng is not None:
        skewness += np.sqrt(6 / len(z)) * rng.standard_normal(len(skewness))
    return np.where(skewness < 0, -1, 1).astype("float32")


def _procrustes(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The orthogonal matrix that makes `a @ matrix` closest to `b`."""
    left, _, right = np.linalg.svd(a.T @ b)
    return left @ right


def _mutual_neighbors(a: np.ndarray, b: np.ndarray, chunk: int = 1000) -> np.ndarray:
    """Rows of `a` and of `b` that are each other's nearest neighbors, `(pairs, 2)`."""
    if not len(a) or not len(b):
        return np.empty((0, 2), "int64")
    squares = (b**2).sum(axis=1)
    of_a = np.empty(len(a), "int64")
    of_b, nearest = np.zeros(len(b), "int64"), np.full(len(b), np.inf, "float32")
    # Search both directions in chunks, because a table of all distances would be too large.
    for start in range(0, len(a), chunk):
        rows = a[start : start + chunk]
        distance = squares - 2 * rows @ b.T
        of_a[start : start + chunk] = distance.argmin(axis=1)
        distance += (rows**2).sum(axis=1, keepdims=True)
        closest = distance.argmin(axis=0)
        distance = distance[closest, np.arange(len(b))]
        of_b = np.where(distance < nearest, closest + start, of_b)
        nearest = np.minimum(distance, nearest)
    rows = np.flatnonzero(of_b[of_a] == np.arange(len(a)))
    return np.stack([rows, of_a[rows]], axis=1)
