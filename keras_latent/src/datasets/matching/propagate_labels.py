"""Labels for all rows from a few, by propagation along a nearest-neighbor graph."""

import warnings
from typing import Any

import numpy as np

from keras_latent.src.datasets import array_checks
from keras_latent.src.utils import checks
from keras_latent.src.utils.optional import import_extra
from keras_latent.src.utils.types import Rows


def propagate_labels(
    points: Rows,
    labels: Rows,
    *,
    neighbors: int = 10,
    class_priors: Any = "uniform",
) -> tuple[np.ndarray, np.ndarray]:
    """Propagate a few labels to all rows by Poisson learning.

    Rows and their nearest neighbors form a graph with weights
    `w_ij = exp(-4 |x_i - x_j|^2 / d_k(x_i)^2)`, where `d_k` is the distance to the k-th neighbor,
    symmetrized by `W + W^T`. Labelled rows are sources and sinks in the Poisson equation

        L u(x_i) = sum_j (y_j - ybar) delta_ij,   sum_i d_i u(x_i) = 0

    with the graph Laplacian `L = D - W`, one-hot labels `y_j`, their mean `ybar` and the
    degrees `d_i`. A row's label is `argmax_c u_c(x_i) b_c / ybar_c`, where `b` are the class
    priors. The paper solves the equation by fixed-point iteration; we use conjugate gradients.

    The method is made for very few labels, even one per class. It works better on points whose
    classes cluster more clearly than pixels do, such as latent means. For its accuracy on latents
    of MNIST, see `benchmarks/results/bridging_table3.json`.

    Args:
        points: `(N, ...)`, floats on any scale, or uint8; compared by Euclidean distance.
        labels: Integers `(N,)`; -1 means missing. Class numbers may have gaps.
        neighbors: `k`, the number of neighbors of a row, not counting itself; less than `N`.
        class_priors: Frequencies of the classes among all rows: `"uniform"`; `"observed"`, as
            among the labels; or one positive number per class that occurs in `labels`, in
            ascending order of the class numbers. If each class has equally many labels, the first
            two are the same. If labels are drawn at random from roughly balanced classes,
            `"uniform"` is better, because `u` grows with the number of a class's labels.

    Returns:
        `labels`, int64 `(N,)`: the given labels, with missing ones filled in.
        `confidence`, float64 `(N,)`: 1 for given labels. For the others, the fraction of them
        whose margin between the best and the second-best class is no larger. So
        `confidence > 0.5` selects the more certain half. It is a rank, not a probability.

        Rows that are not connected to a labelled row keep -1, with confidence 0 and a
        `UserWarning`. A connected component only gets classes that have a label in it.

    Raises:
        ValueError: If points are not finite, labels are not one integer of -1 or more per row,
            there are no labels, `neighbors` is not from 1 to N - 1, or the priors do not
            match the classes.
        ImportError: If scikit-learn is not installed (extra `data`).

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> (images, truth), _ = datasets.load_arrays("digits")
    >>> known = [np.flatnonzero(truth == digit)[0] for digit in range(10)]
    >>> labels = np.full(len(truth), -1)
    >>> labels[known] = truth[known]
    >>> found, confidence = datasets.propagate_labels(images, labels)
    >>> bool(np.mean(found == truth) > 0.8)
    True

    Source: Calder, Cook, Thorpe and Slepcev, "Poisson Learning: Graph Based Semi-Supervised
    Learning At Very Low Label Rates", ICML 2020, algorithm 1 and section 4.
    """
    checks.integer("neighbors", neighbors)
    points = array_checks.images("points", points)
    points = points.reshape(len(points), -1).astype("float32", copy=False)
    if neighbors >= len(points):
        raise ValueError(
            f"`neighbors` must be less than the number of points. Received: neighbors={neighbors}, "
            f"{len(points)} points"
        )
    labels = _check_labels(labels, len(points))
    known = np.flatnonzero(labels >= 0)
    classes, of_known = np.unique(labels[known], return_inverse=True)
    share = np.bincount(of_known) / len(known)
    priors = _check_priors(class_priors, share)

    one_hot = np.eye(len(classes))[of_known]
    scores, reached = poisson_potentials(neighbor_graph(points, neighbors), known, one_hot)
    if not reached.any(axis=1).all():
        warnings.warn(
            f"{np.count_nonzero(~reached.any(axis=1))} of {len(points)} points keep the label -1, "
            "because no chain of neighbors connects them to a labelled one. Label one of them, or "
            f"raise `neighbors={neighbors}`.",
            stacklevel=2,
        )
    # Exclude classes that have no label in this component of the graph.
    scores = np.where(reached, scores * (priors / share), -np.inf)

    missing = np.flatnonzero((labels < 0) & reached.any(axis=1))
    found, confidence = labels.copy(), np.where(labels >= 0, 1.0, 0.0)
    found[missing] = classes[scores[missing].argmax(axis=1)]
    if len(classes) == 1:
        margin = np.zeros(len(missing))
    else:
        best = np.partition(scores[missing], -2, axis=1)
        margin = best[:, -1] - best[:, -2]
    confidence[missing] = np.searchsorted(np.sort(margin), margin, "right") / max(1, len(missing))
    return found, confidence


def neighbor_graph(points: np.ndarray, neighbors: int) -> Any:
    """Weights of the nearest-neighbor graph, sparse `(N, N)`, symmetric, zero diagonal."""
    sparse = import_extra("scipy.sparse", "data", "`propagate_labels`")
    sklearn = import_extra("sklearn.neighbors", "data", "`propagate_labels`")
    search = sklearn.NearestNeighbors(n_neighbors=neighbors, algorithm="brute").fit(points)
    distance, near = search.kneighbors()  # Without arguments, a row is not its own neighbor.
    distance = distance.astype("float64")
    # If all neighbors are copies of the row, 0 / tiny makes their weights 1.
    radius = np.maximum(distance[:, -1:], np.finfo("float32").tiny)
    weights = np.exp(-4 * (distance / radius) ** 2)
    starts = np.arange(0, near.size + 1, neighbors)
    graph = sparse.csr_array((weights.ravel(), near.ravel(), starts), shape=(len(points),) * 2)
    return (graph + graph.T).tocsr()


def poisson_potentials(
    weights: Any, known: np.ndarray, one_hot: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Solve the Poisson equation with labels as sources on a graph.

    The equation has a solution only if the sources of each connected component sum to 0, so the
    mean label is taken per component.

    Args:
        weights: Symmetric sparse weights `(N, N)`, zero diagonal.
        known: Rows with a label, `(labels,)`.
        one_hot: Their labels, `(labels, classes)`.

    Returns:
        `u`, float64 `(N, classes)`, whose degree-weighted mean is 0 in each component, and bool
        `(N, classes)`: whether the row's component has a label of the class.
    """
    sparse = import_extra("scipy.sparse", "data", "`propagate_labels`")
    solvers = import_extra("scipy.sparse.linalg", "data", "`propagate_labels`")
    parts, part = import_extra(
        "scipy.sparse.csgraph", "data", "`propagate_labels`"
    ).connected_components(weights, directed=False)
    count = np.zeros((parts, one_hot.shape[1]))
    np.add.at(count, part[known], one_hot)
    mean = count / np.maximum(count.sum(axis=1, keepdims=True), 1)
    source = np.zeros((len(part), one_hot.shape[1]))
    source[known] = one_hot - mean[part[known]]

    degree = weights.sum(axis=1)
    laplacian = (sparse.diags_array(degree) - weights).tocsr()
    inverse_degree = sparse.diags_array(1 / degree)
    size = np.bincount(part, degree)
    u = np.empty_like(source)
    for column in range(source.shape[1]):
        # `L` is singular, but the source and thus all iterates are orthogonal to its null space.
        solution, failed = solvers.cg(laplacian, source[:, column], rtol=1e-6, M=inverse_degree)
        if failed:
            raise RuntimeError(f"Conjugate gradients did not converge in {failed} steps.")
        u[:, column] = solution - (np.bincount(part, degree * solution) / size)[part]
    return u, count[part] > 0


def _check_labels(value: Any, rows: int) -> np.ndarray:
    labels = array_checks.labels("labels", value, rows)
    if labels.ndim != 1:
        raise ValueError(
            f"`labels` must be one class number per row, shape ({rows},). "
            f"Received: labels.shape={labels.shape}"
        )
    if labels.max() < 0:
        raise ValueError("`labels` must contain at least one label. Received: only -1 (missing)")
    return labels.astype("int64")


def _check_priors(value: Any, share: np.ndarray) -> np.ndarray:
    """Priors of the classes that occur among the labels, `(classes,)`, summing to 1."""
    if isinstance(value, str):
        checks.choice("class_priors", value, ("observed", "uniform"))
        return share if value == "observed" else np.full(len(share), 1 / len(share))
    priors = np.asarray(value)
    numbers = priors.dtype.kind in "fiu" and priors.shape == share.shape
    if not numbers or not np.isfinite(priors).all() or priors.min() <= 0:
        raise ValueError(
            "`class_priors` must be 'uniform', 'observed' or one positive number for each of the "
            f"{len(share)} classes among the labels. Received: class_priors={value!r}"
        )
    return priors / priors.sum()
