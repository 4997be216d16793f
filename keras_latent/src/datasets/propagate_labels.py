"""Labels for all rows from a few, spread along the graph of nearest neighbours."""

import warnings
from typing import Any

import numpy as np

from keras_latent.src.datasets import checks
from keras_latent.src.utils.optional import import_extra


def propagate_labels(
    points: Any,
    labels: Any,
    *,
    neighbors: int = 10,
    class_priors: Any = "uniform",
) -> tuple[np.ndarray, np.ndarray]:
    """Give every row the label that flows to it from the few labelled rows: Poisson learning.

    Rows and their nearest neighbours form a graph with weights
    `w_ij = exp(-4 |x_i - x_j|^2 / d_k(x_i)^2)`, `d_k` the distance to the k-th neighbour,
    symmetrised by `W + W^T`. Labelled rows are sources and sinks of a flow through it, the
    Poisson equation

        L u(x_i) = sum_j (y_j - ybar) delta_ij,   sum_i d_i u(x_i) = 0

    with the graph Laplacian `L = D - W`, one-hot labels `y_j`, their mean `ybar` and the
    degrees `d_i`. A row's label is `argmax_c u_c(x_i) b_c / ybar_c`, with `b` the class
    priors. The paper iterates towards the solution; here conjugate gradients find it.

    Made for very few labels, one a class. Points in which classes lie together better than in
    pixels, such as latent means, are what to give it: `benchmarks/results/bridging_table3.json`
    says how many labels came out right for latents of MNIST.

    Args:
        points: `(N, ...)`, floats of any unit, or uint8; compared by Euclidean distance.
        labels: Integers `(N,)`; -1 means missing. Class numbers may have gaps.
        neighbors: `k`, the neighbours of each row, itself not counted; less than `N`.
        class_priors: How frequent the classes are among all rows: `"uniform"`, as often as
            each other; `"observed"`, as often as among the labels; or one positive number for
            each class that occurs in `labels`, in ascending order of the class numbers. With
            evenly split labels, the first two are the same. With labels drawn at random the
            uniform ones are better where classes are about balanced: `u` grows with the number of
            a class's labels.

    Returns:
        `labels`, int64 `(N,)`: given labels as they were, all others filled in.
        `confidence`, float64 `(N,)`: 1 for given labels; for the others, the share of them
        whose lead of the best class over the second is no larger. So `confidence > 0.5` is
        the surer half. It is a rank, not a probability.

        Rows that no chain of neighbours connects with a labelled row keep -1, with confidence
        0 and a `UserWarning`. A part of the graph only gets classes that it has labels of.

    Raises:
        ValueError: If points are not finite, labels are not one integer of -1 or more a row,
            there is no label at all, `neighbors` is not from 1 to N - 1, or the priors do not
            fit the classes.
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
    checks.check_integer("neighbors", neighbors, at_least=1)
    points = checks.check_images("points", points)
    points = points.reshape(len(points), -1).astype("float32", copy=False)
    if neighbors >= len(points):
        raise ValueError(
            f"`neighbors` must be less than the number of points. Received: neighbors={neighbors}, "
            f"{len(points)} points."
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
            f"{np.count_nonzero(~reached.any(axis=1))} of {len(points)} points keep the label -1: "
            "no chain of neighbours connects them with a labelled one. Label one of them, or "
            f"raise `neighbors={neighbors}`.",
            stacklevel=2,
        )
    # Where a class has no label in this part of the graph, it is no candidate.
    scores = np.where(reached, scores * (priors / share), -np.inf)

    missing = np.flatnonzero((labels < 0) & reached.any(axis=1))
    found, confidence = labels.copy(), np.where(labels >= 0, 1.0, 0.0)
    found[missing] = classes[scores[missing].argmax(axis=1)]
    if len(classes) == 1:
        lead = np.zeros(len(missing))
    else:
        best = np.partition(scores[missing], -2, axis=1)
        lead = best[:, -1] - best[:, -2]
    confidence[missing] = np.searchsorted(np.sort(lead), lead, "right") / max(1, len(missing))
    return found, confidence


def neighbor_graph(points: np.ndarray, neighbors: int):
    """Weights of a graph of nearest neighbours, sparse `(N, N)`, symmetric, zero diagonal."""
    sparse = import_extra("scipy.sparse", "data", "`propagate_labels`")
    sklearn = import_extra("sklearn.neighbors", "data", "`propagate_labels`")
    search = sklearn.NearestNeighbors(n_neighbors=neighbors, algorithm="brute").fit(points)
    distance, near = search.kneighbors()  # of each row, without the row itself
    distance = distance.astype("float64")
    # Where all neighbours are copies of the row, 0 / tiny makes their weights 1.
    radius = np.maximum(distance[:, -1:], np.finfo("float32").tiny)
    weights = np.exp(-4 * (distance / radius) ** 2)
    starts = np.arange(0, near.size + 1, neighbors)
    graph = sparse.csr_array((weights.ravel(), near.ravel(), starts), shape=(len(points),) * 2)
    return (graph + graph.T).tocsr()


def poisson_potentials(
    weights: Any, known: np.ndarray, one_hot: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Solution of the Poisson equation of label sources on a graph.

    The equation has one only where the sources of each connected part sum to 0, so the mean
    label is that of the part.

    Args:
        weights: Symmetric sparse weights `(N, N)`, zero diagonal.
        known: Rows with a label, `(labels,)`.
        one_hot: Their labels, `(labels, classes)`.

    Returns:
        `u`, float64 `(N, classes)`, of degree-weighted mean 0 over each part, and boolean
        `(N, classes)`: whether the row's part has a label of the class.
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
        # `L` is singular, but conjugate gradients stay where it is not, as the source does.
        solution, failed = solvers.cg(laplacian, source[:, column], rtol=1e-6, M=inverse_degree)
        if failed:
            raise RuntimeError(f"Conjugate gradients did not converge in {failed} steps.")
        u[:, column] = solution - (np.bincount(part, degree * solution) / size)[part]
    return u, count[part] > 0


def _check_labels(value, rows):
    labels = checks.check_labels("labels", np.asarray(value), rows)
    if labels.ndim != 1:
        raise ValueError(
            f"`labels` must hold one class number a row, ({rows},). "
            f"Received: labels.shape={labels.shape}."
        )
    if labels.max() < 0:
        raise ValueError("`labels` must hold one label or more. Received: -1 (missing) everywhere.")
    return labels.astype("int64")


def _check_priors(value, share):
    """Priors of the classes that occur among the labels, `(classes,)`, of sum 1."""
    if isinstance(value, str):
        checks.check_choice("class_priors", value, ("observed", "uniform"))
        return share if value == "observed" else np.full(len(share), 1 / len(share))
    priors = np.asarray(value)
    numbers = priors.dtype.kind in "fiu" and priors.shape == share.shape
    if not numbers or not np.isfinite(priors).all() or priors.min() <= 0:
        raise ValueError(
            "`class_priors` must be 'uniform', 'observed' or one positive number for each of the "
            f"{len(share)} classes among the labels. Received: class_priors={value!r}."
        )
    return priors / priors.sum()
