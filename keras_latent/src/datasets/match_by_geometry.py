"""Pairs of rows that no one has paired, found by turning one domain onto the other."""

from typing import Any

import numpy as np

from keras_latent.src.datasets import checks
from keras_latent.src.datasets.known_pairs import resolve_known_pairs
from keras_latent.src.utils.optional import import_extra


def match_by_geometry(
    source: Any,
    target: Any,
    *,
    known_pairs: Any = 0,
    components: int = 50,
    iterations: int = 40,
    starts: int = 20,
    sample: int = 5000,
    seed: int = 0,
) -> np.ndarray:
    """Pair rows of two domains without labels, by the shape of their point clouds.

    For domains that are about the same cloud of points, turned or mirrored in pixel space
    (images and their transposes, permuted pixels, inverted grey values), an orthogonal map
    from one to the other can be found with no pair at all:

    1. Both domains are expressed in their own principal components. Components of the same
       rank belong together, and the skewness along each tells which of its two directions
       does.
    2. Iterated closest points: of a random sample of each domain, the rows that are each
       other's nearest neighbours, and the known pairs, give a better orthogonal map
       (Procrustes), and so on. Directions are uncertain where the skewness is small beside
       its standard error: other starts draw them anew, and the start that ends with the most
       mutual neighbours is kept and refined on larger samples.
    3. Rows that are each other's nearest neighbours at last are the pairs.

    Where the domains are not of this kind, few rows are each other's nearest neighbours, and
    the pairs mean nothing: on digits and their transposes about 4 rows in 10 of disjoint
    sets of images are. Look at some pairs before you train on them.

    Args:
        source: Images `(N_source, ...)`, uint8 or float.
        target: Images `(N_target, ...)`, likewise; their shape may be another.
        known_pairs: Pairs known beforehand: an integer `n` (the first `n` rows of both) or an
            integer array `(n, 2)`. They guide the map and come first in the result.
        components: Principal components of each domain, at most; both get equally many.
        iterations: Steps of the iterated closest points, of each start and of the refinement.
        starts: How many sets of directions are tried, each on a fifth of `sample`.
        sample: Rows of each domain in such a step.
        seed: Seed of the samples.

    Returns:
        int64 array `(pairs, 2)`: row of `source`, row of `target`, fit to be the `paired` of
        `pair_from_arrays`. No row is in two pairs unless it is in two known ones.

    Raises:
        ValueError: If images or known pairs are not what `pair_from_arrays` takes, or a
            domain has fewer than 2 rows, or an integer is not positive.
        ImportError: If scikit-learn is not installed (extra `data`).

    Source: Hoshen and Wolf, "Non-Adversarial Unsupervised Word Translation", EMNLP 2018
    (principal components, then mini-batch iterated closest points); the signs by skewness
    and the known pairs are ours.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> digits = datasets.load_arrays("digits")[0][0]
    >>> pairs = datasets.match_by_geometry(digits[:300], digits[:300].swapaxes(1, 2), starts=3)
    >>> pairs.shape[1], len(pairs) > 100
    (2, True)
    """
    decomposition = import_extra("sklearn.decomposition", "data", "`match_by_geometry`")
    checks.check_integer("seed", seed, at_least=0)
    sizes = {"components": components, "iterations": iterations, "starts": starts, "sample": sample}
    for name, value in sizes.items():
        checks.check_integer(name, value, at_least=1)
    clouds = [checks.check_images(n, v) for n, v in (("source", source), ("target", target))]
    clouds = [images.reshape(len(images), -1) for images in clouds]
    if min(map(len, clouds)) < 2:
        raise ValueError(
            "`source` and `target` must have 2 rows or more. "
            f"Received: {len(clouds[0])} and {len(clouds[1])} rows."
        )
    known = resolve_known_pairs(known_pairs, *map(len, clouds))

    components = min(components, *(side for cloud in clouds for side in cloud.shape))
    pca = decomposition.PCA(components, svd_solver="full", random_state=seed)
    a, b = (pca.fit_transform(cloud.astype("float32")) for cloud in clouds)
    rng = np.random.default_rng(seed)
    free = [np.setdiff1d(np.arange(len(z)), known[:, side]) for side, z in enumerate((a, b))]

    def closest_points(rotation, sample):
        """The rotation at the end, and how many of the sample are mutual neighbours."""
        for _ in range(iterations):
            i, j = (rng.choice(rows, min(sample, len(rows)), replace=False) for rows in free)
            near = _mutual_neighbours(a[i] @ rotation, b[j])
            pairs = np.concatenate([known, np.stack([i[near[:, 0]], j[near[:, 1]]], axis=1)])
            rotation = _procrustes(a[pairs[:, 0]], b[pairs[:, 1]])
        return rotation, len(near)

    ends = []
    for start in range(starts):
        # The first start takes the directions as measured.
        directions = [_directions(z, rng if start else None) for z in (a, b)]
        ends.append(closest_points(np.diag(directions[0] * directions[1]), -(-sample // 5)))
    rotation, _ = closest_points(max(ends, key=lambda end: end[1])[0], sample)
    near = _mutual_neighbours(a[free[0]] @ rotation, b[free[1]])
    found = np.stack([free[0][near[:, 0]], free[1][near[:, 1]]], axis=1)
    return np.concatenate([known, found])


def _directions(z, rng):
    """The sign of each column's skewness; with `rng`, of one as likely as that."""
    skewness = (z.astype("float64") ** 3).mean(axis=0) / z.std(axis=0) ** 3
    if rng is not None:
        skewness += np.sqrt(6 / len(z)) * rng.standard_normal(len(skewness))
    return np.where(skewness < 0, -1, 1).astype("float32")


def _procrustes(a, b):
    """The orthogonal matrix that brings `a @ matrix` closest to `b`."""
    left, _, right = np.linalg.svd(a.T @ b)
    return left @ right


def _mutual_neighbours(a, b, chunk=1000):
    """`(pairs, 2)`: rows of `a` and of `b` that are each other's nearest."""
    if not len(a) or not len(b):
        return np.empty((0, 2), "int64")
    squares = (b**2).sum(axis=1)
    of_a = np.empty(len(a), "int64")
    of_b, nearest = np.zeros(len(b), "int64"), np.full(len(b), np.inf, "float32")
    # One product serves both directions: a table of all distances would be too large.
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
