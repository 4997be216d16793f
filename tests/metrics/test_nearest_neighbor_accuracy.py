import sys

import keras
import numpy as np
import pytest

from keras_latent import metrics


@pytest.fixture
def reference(rng):
    labels = rng.integers(0, 4, 80)
    return labels, (rng.normal(size=(80, 3)) + labels[:, None] * 0.7).astype("float32")


@pytest.fixture
def rows(rng):
    labels = rng.integers(0, 4, 50)
    return labels, (rng.normal(size=(50, 3)) + labels[:, None] * 0.7).astype("float32")


def loop(reference, rows, neighbors):
    known = reference[0] >= 0
    found = []
    for row in rows[1]:
        d = np.linalg.norm(reference[1][known].astype("float64") - row, axis=1)
        near = reference[0][known][np.argsort(d)[:neighbors]]
        found.append(np.bincount(near).argmax())  # ties go to the smallest label
    return np.mean((found == rows[0])[rows[0] >= 0])


def accuracy(reference, neighbors=1):
    metric = metrics.NearestNeighborAccuracy(neighbors)
    metric.adapt(*reference)
    return metric


@pytest.mark.parametrize("neighbors", [1, 2, 5])
def test_against_a_loop(reference, rows, neighbors):
    want = loop(reference, rows, neighbors)
    assert accuracy(reference, neighbors)(*rows) == pytest.approx(want) and 0 < want < 1


def test_missing_labels_are_ignored(reference, rows):
    reference[0][::3] = rows[0][::4] = -1
    metric = accuracy(reference)
    assert metric(*rows) == pytest.approx(loop(reference, rows, 1))
    metric.update_state(np.full(5, -1), rows[1][:5])
    assert metric.result() == pytest.approx(loop(reference, rows, 1))


def test_batches_tensors_and_reset(reference, rows):
    metric = accuracy(reference)
    want = metric(*rows)
    metric.reset_state()
    for start in range(0, 50, 12):
        part = [x[start : start + 12] for x in rows]
        metric.update_state(keras.ops.convert_to_tensor(part[0].astype("int32")), part[1])
    assert metric.result() == pytest.approx(want)
    # New references reset the metric. Rows that are references themselves are classified correctly.
    metric.adapt(*rows)
    assert metric(*rows) == 1.0


def test_serialization():
    metric = metrics.NearestNeighborAccuracy(3, name="mine")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(copy) is metrics.NearestNeighborAccuracy
    assert copy.get_config() == metric.get_config() and copy.neighbors == 3


def test_errors(reference, rows):
    fresh = metrics.NearestNeighborAccuracy()
    with pytest.raises(ValueError, match=r"no references yet: call `adapt\(labels, embeddings\)`"):
        fresh.update_state(*rows)
    with pytest.raises(ValueError, match="has seen no row with a label yet"):
        accuracy(reference).result()
    with pytest.raises(ValueError, match=r"`neighbors=3` needs at least as many .*: 2 rows"):
        metrics.NearestNeighborAccuracy(3).adapt(np.array([0, 1, -1]), np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"the 3 columns of the references.*\(50, 2\)"):
        accuracy(reference).update_state(rows[0], rows[1][:, :2])
    with pytest.raises(ValueError, match=r"not one-hot.*\(80, 4\)"):
        fresh.adapt(np.eye(4, dtype=int)[reference[0]], reference[1])
    with pytest.raises(ValueError, match="`embeddings` must be finite"):
        accuracy(reference).update_state(rows[0], rows[1] * np.nan)
    for bad in (0, -1, 1.0, True, None):
        with pytest.raises(ValueError, match="`neighbors` must be a positive integer"):
            metrics.NearestNeighborAccuracy(bad)


def test_without_scikit_learn(reference, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.neighbors", None)
    with pytest.raises(ImportError, match=r"pip install keras-latent\[viz\]"):
        accuracy(reference)
