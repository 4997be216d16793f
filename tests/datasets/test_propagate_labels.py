import sys

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from keras_latent import datasets
from keras_latent.src.datasets.matching.propagate_labels import (
    neighbor_graph,
    poisson_potentials,
    propagate_labels,
)


@pytest.fixture
def cloud(rng):
    """80 points of three classes, numbered 2, 5 and 9, in one connected graph."""
    truth = rng.choice([2, 5, 9], 80)
    centers = np.array([[0.0, 0.0, 0.0], [1.5, 0.0, 0.0], [0.0, 1.5, 0.0]])
    points = rng.normal(size=(80, 3)) * 0.7 + centers[np.searchsorted([2, 5, 9], truth)]
    labels = np.full(80, -1)
    labels[:12] = truth[:12]
    return points.astype("float32"), labels, truth


def dense_graph(points, k):
    """The weights by their definition, one pair at a time."""
    distance = cdist(points.astype("float64"), points.astype("float64"))
    np.fill_diagonal(distance, np.inf)
    weights = np.zeros_like(distance)
    for i, row in enumerate(distance):
        near = np.argsort(row)[:k]
        weights[i, near] = np.exp(-4 * row[near] ** 2 / row[near[-1]] ** 2)
    return weights + weights.T


def dense_solution(weights, labels):
    """Solve the Poisson equation by least squares, with a degree-weighted mean of 0."""
    known = np.flatnonzero(labels >= 0)
    classes = np.unique(labels[known])
    one_hot = (labels[known, None] == classes).astype(float)
    source = np.zeros((len(labels), len(classes)))
    source[known] = one_hot - one_hot.mean(axis=0)
    degree = weights.sum(axis=1)
    u = np.linalg.lstsq(np.diag(degree) - weights, source, rcond=None)[0]
    return u - degree @ u / degree.sum(), classes, one_hot.mean(axis=0)


def test_the_graph_against_its_definition(cloud):
    points, _, _ = cloud
    np.testing.assert_allclose(
        neighbor_graph(points, 6).toarray(), dense_graph(points, 6), rtol=1e-4, atol=1e-9
    )


def test_the_solution_against_least_squares(cloud):
    points, labels, _ = cloud
    weights = neighbor_graph(points, 6)
    want, classes, _ = dense_solution(weights.toarray(), labels)
    known = np.flatnonzero(labels >= 0)
    u, reached = poisson_potentials(weights, known, (labels[known, None] == classes).astype(float))
    np.testing.assert_allclose(u, want, atol=1e-4 * np.abs(want).max())
    assert reached.all()


@pytest.mark.parametrize("priors", ["uniform", "observed", [1, 2, 5]])
def test_labels_and_confidence_against_least_squares(cloud, priors):
    points, labels, _ = cloud
    u, classes, share = dense_solution(dense_graph(points, 6), labels)
    prior = {"uniform": np.ones(3), "observed": share}.get(str(priors), np.array([1, 2, 5]))
    assert len(set(share)) > 1  # Otherwise, the first two are the same.
    scores = u * prior / share
    found, confidence = propagate_labels(points, labels, neighbors=6, class_priors=priors)
    assert found.dtype == np.int64 and confidence.dtype == np.float64
    known = labels >= 0
    np.testing.assert_array_equal(found[known], labels[known])
    np.testing.assert_array_equal(found[~known], classes[scores.argmax(axis=1)][~known])
    np.testing.assert_array_equal(confidence[known], 1)
    best = np.sort(scores, axis=1)[~known]
    rank = np.argsort(np.argsort(best[:, -1] - best[:, -2])) + 1
    np.testing.assert_allclose(confidence[~known], rank / len(rank))


def test_priors_change_what_is_found(cloud):
    points, labels, _ = cloud
    shares = [
        np.mean(propagate_labels(points, labels, class_priors=priors)[0] == 9)
        for priors in ([1, 1, 0.05], [1, 1, 1], [1, 1, 20])
    ]
    assert shares[0] < shares[1] < shares[2]


def test_one_label_a_class_of_digits():
    (images, truth), _ = datasets.load_arrays("digits")
    for seed in range(3):
        rng = np.random.default_rng(seed)
        known = [rng.choice(np.flatnonzero(truth == digit)) for digit in range(10)]
        labels = np.full(len(truth), -1)
        labels[known] = truth[known]
        found, confidence = propagate_labels(images, labels)
        right = (found == truth)[labels < 0]
        assert right.mean() > 0.8
        # The same images as floats in [0, 1].
        again, _ = propagate_labels(images / np.float32(255), labels)
        assert np.mean(found == again) > 0.99
        sure = confidence[labels < 0] > 0.5
        assert sure.mean() == pytest.approx(0.5, abs=0.01)
        assert right[sure].mean() > right[~sure].mean() + 0.05


@pytest.fixture
def islands(rng):
    """Three distant clouds of 20 points, with labels of no, one and two classes."""
    points = rng.normal(size=(60, 2)) + np.repeat([0.0, 1e3, 2e3], 20)[:, None]
    labels = np.full(60, -1)
    labels[20:22] = 4
    labels[[40, 41, 42]] = 4, 7, 7
    return points, labels


def test_components_without_a_label_get_none(islands):
    points, labels = islands
    with pytest.warns(UserWarning, match="20 of 60 points keep the label -1.*`neighbors=5`"):
        found, confidence = propagate_labels(points, labels, neighbors=5)
    assert set(found[:20]) == {-1} and set(confidence[:20]) == {0.0}
    assert set(found[20:40]) == {4} and set(confidence[20:40]) == {1.0}  # The only class there.
    assert set(found[40:]) == {4, 7} and confidence[40:].min() > 0
    # As if the component were alone; the priors correct for the labels of the other one.
    alone = propagate_labels(points[40:], labels[40:], neighbors=5)[0]
    whole = propagate_labels(points[20:], labels[20:], neighbors=5, class_priors=[3, 1])[0]
    np.testing.assert_array_equal(whole[20:], alone)


def test_small_cases(rng):
    points = rng.normal(size=(9, 2, 2))
    found, confidence = propagate_labels(points, [3] + [-1] * 8, neighbors=3)
    np.testing.assert_array_equal(found, 3)  # The only class.
    labels = rng.integers(0, 2, 9)
    found, confidence = propagate_labels(points, labels, neighbors=3)  # No label is missing.
    np.testing.assert_array_equal(found, labels)
    np.testing.assert_array_equal(confidence, 1)
    copies = np.repeat(rng.normal(size=(2, 3)), 8, axis=0)
    with pytest.warns(UserWarning, match="8 of 16"):
        found, _ = propagate_labels(copies, [1] + [-1] * 15, neighbors=4)
    np.testing.assert_array_equal(found[:8], 1)


def test_errors(cloud):
    points, labels, _ = cloud
    bad = points.copy()
    bad[3] = np.nan
    for points_, labels_, options, message in (
        (bad, labels, {}, "`points` must be finite.*row 3"),
        (points, labels[:5], {}, r"`labels` must have shape \(80,\)"),
        (points, labels.astype(float), {}, "`labels` must be integers.*float64"),
        (
            points,
            np.stack([labels] * 2, 1),
            {},
            r"class number per row, shape \(80,\).*\(80, 2\)",
        ),
        (points, labels - 1, {}, "class numbers of 0 or more, or -1"),
        (points, np.full(80, -1), {}, "at least one label. Received: only -1"),
        (points, labels, {"neighbors": 0}, "`neighbors` must be a positive integer"),
        (points, labels, {"neighbors": 80}, "less than the number of points.*80 points"),
        (points, labels, {"class_priors": "unifrom"}, "Did you mean 'uniform'"),
        (points, labels, {"class_priors": [0.5, 0.5]}, "one positive number for each of the 3"),
        (points, labels, {"class_priors": [1, 1, 0]}, "one positive number for each of the 3"),
    ):
        with pytest.raises(ValueError, match=message):
            propagate_labels(points_, labels_, **options)


def test_without_scikit_learn(cloud, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.neighbors", None)
    with pytest.raises(ImportError, match=r"`propagate_labels` needs .*keras-latent\[data\]"):
        propagate_labels(*cloud[:2])
