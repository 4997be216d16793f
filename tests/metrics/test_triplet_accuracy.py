import keras
import numpy as np
import pytest

from keras_latent import metrics
from keras_latent.src.metrics.triplet_accuracy import sample_triplets


def rows(rng, number=60, classes=5, missing=10, dim=3):
    labels = rng.integers(0, classes, number)
    labels[rng.permutation(number)[:missing]] = -1
    return labels, rng.normal(size=(number, dim)).astype("float32")


def loop(labels, embeddings, margin, num_triplets, seed):
    """The same triplets in a loop, by definition."""
    known = labels != -1
    labels, embeddings = labels[known], embeddings[known].astype("float64")
    correct = 0
    for a, p, n in zip(*sample_triplets(labels, num_triplets, seed), strict=True):
        d_positive = np.sqrt(((embeddings[a] - embeddings[p]) ** 2).sum())
        d_negative = np.sqrt(((embeddings[a] - embeddings[n]) ** 2).sum())
        correct += max(0.0, d_positive - d_negative + margin) == 0.0
    return correct / num_triplets


@pytest.mark.parametrize("margin", [0.0, 0.3, 10.0])
def test_against_a_loop(rng, margin):
    labels, embeddings = rows(rng)
    accuracy = metrics.TripletAccuracy(margin, num_triplets=2000, seed=4)
    want = loop(labels, embeddings, margin, 2000, 4)
    assert accuracy(labels, embeddings) == want
    assert (0 < want < 1) == (margin < 10)


def exact(labels, embeddings, margin):
    """The expectation over all triplets, with the documented sampling weights."""
    anchors = [a for a in range(len(labels)) if labels[a] >= 0 and (labels == labels[a]).sum() > 1]
    total = 0.0
    for a in anchors:
        d = np.linalg.norm(embeddings - embeddings[a], axis=1)
        same = [p for p in np.flatnonzero(labels == labels[a]) if p != a]
        other = np.flatnonzero((labels != labels[a]) & (labels >= 0))
        total += np.mean([d[p] - d[n] + margin <= 0 for p in same for n in other])
    return total / len(anchors)


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_it_estimates_the_share_of_all_triplets(rng, margin):
    labels, embeddings = rows(rng, number=40)
    labels[0] = 9  # alone in its class, so only ever a negative
    got = metrics.TripletAccuracy(margin, num_triplets=200_000)(labels, embeddings)
    assert got == pytest.approx(exact(labels, embeddings, margin), abs=4 * 0.5 / 200_000**0.5)


def test_triplets_are_drawn_uniformly():
    labels = np.array([7, 2, 7, 5, 7, 2])
    anchor, positive, negative = sample_triplets(labels, 60_000, seed=0)
    assert (labels[anchor] == labels[positive]).all() and (anchor != positive).all()
    assert (labels[anchor] != labels[negative]).all()
    np.testing.assert_allclose(
        np.bincount(anchor) / 60_000, [0.2, 0.2, 0.2, 0, 0.2, 0.2], atol=0.01
    )
    of_0 = anchor == 0
    share = lambda x: np.bincount(x[of_0], minlength=6) / of_0.sum()  # noqa: E731
    np.testing.assert_allclose(share(positive), [0, 0, 0.5, 0, 0.5, 0], atol=0.02)
    np.testing.assert_allclose(share(negative), [0, 1 / 3, 0, 1 / 3, 0, 1 / 3], atol=0.02)


def test_value_is_the_same_on_every_backend():
    rng = np.random.default_rng(3)
    labels, embeddings = rng.integers(-1, 4, 100), rng.normal(size=(100, 4)).astype("float32")
    embeddings += 0.8 * labels[:, None]
    assert metrics.TripletAccuracy(num_triplets=1000, seed=1)(labels, embeddings) == 0.792
    tensors = [keras.ops.convert_to_tensor(x) for x in (labels.astype("int32"), embeddings)]
    assert metrics.TripletAccuracy(num_triplets=1000, seed=1)(*tensors) == 0.792


def test_batches_seeds_and_reset(rng):
    labels, embeddings = rows(rng)
    whole = metrics.TripletAccuracy(num_triplets=500, seed=1)
    want = whole(labels, embeddings)
    assert whole.result() == want
    parts = metrics.TripletAccuracy(num_triplets=500, seed=1)
    for start in range(0, 60, 13):
        parts.update_state(labels[start : start + 13], embeddings[start : start + 13])
    assert parts.result() == want
    other = metrics.TripletAccuracy(num_triplets=500, seed=2)
    assert other(labels, embeddings) != want
    parts.reset_state()
    with pytest.raises(ValueError, match="0 labeled rows"):
        parts.result()
    assert parts(labels, embeddings) == want


def test_rows_without_a_label_are_ignored(rng):
    labels, embeddings = rows(rng)
    changed = embeddings.copy()
    changed[labels == -1] = 1e6
    values = [metrics.TripletAccuracy(num_triplets=500)(labels, e) for e in (embeddings, changed)]
    assert values[0] == values[1]
    known = labels >= 0
    assert metrics.TripletAccuracy(num_triplets=500)(labels[known], embeddings[known]) == values[0]


def test_equality_is_zero_loss():
    """As in the paper, collapsed embeddings score 1 at margin 0, and 0 at any other margin."""
    labels, embeddings = np.array([0, 0, 1, 1]), np.ones((4, 2))
    assert metrics.TripletAccuracy(0.0, num_triplets=100)(labels, embeddings) == 1.0
    assert metrics.TripletAccuracy(1e-6, num_triplets=100)(labels, embeddings) == 0.0
    # Exactly at the margin: 1 - 3 + 2 = 0.
    embeddings = np.array([[0.0], [1.0], [-3.0], [4.0]])
    labels = np.array([0, 0, 1, 2])
    assert metrics.TripletAccuracy(2.0, num_triplets=100)(labels, embeddings) == 1.0
    assert metrics.TripletAccuracy(2.1, num_triplets=1000)(labels, embeddings) < 1.0


def test_serialization(rng):
    accuracy = metrics.TripletAccuracy(0.5, num_triplets=300, seed=9, name="mine")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(accuracy))
    assert type(copy) is metrics.TripletAccuracy and copy.get_config() == accuracy.get_config()
    labels, embeddings = rows(rng)
    assert copy(labels, embeddings) == accuracy(labels, embeddings)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([3, 3, 3, -1], r"two classes or more.*3 labeled rows of 1 classes"),
        ([0, 1, 2, 3], r"one of them with two rows or more.*4 labeled rows of 4 classes"),
        ([-1, -1, -1, -1], r"Received: 0 labeled rows of 0 classes"),
    ],
)
def test_labels_that_allow_no_triplet(labels, message):
    with pytest.raises(ValueError, match=message):
        metrics.TripletAccuracy()(np.array(labels), np.zeros((4, 2)))


@pytest.mark.parametrize(
    ("labels", "embeddings", "message"),
    [
        (np.eye(4, dtype=int), np.zeros((4, 2)), r"not one-hot.*shape=\(4, 4\)"),
        (np.zeros(4), np.zeros((4, 2)), r"one integer label per row.*dtype=float64"),
        (np.arange(4) - 2, np.zeros((4, 2)), r"`labels` must be 0 or more, or -1.*: -2"),
        (np.arange(4), np.zeros(4), r"`embeddings` must have shape \(4, dim\).*\(4,\)"),
        (np.arange(4), np.zeros((3, 2)), r"one row per label. Received: shape=\(3, 2\)"),
        (np.arange(4), np.full((4, 2), np.nan), r"`embeddings` must be finite"),
        (np.arange(4), np.zeros((4, 2), int), r"`embeddings` must hold floats. Received"),
    ],
)
def test_bad_rows(labels, embeddings, message):
    with pytest.raises(ValueError, match=message):
        metrics.TripletAccuracy().update_state(labels, embeddings)


def test_bad_arguments():
    for seed in (-1, None, 0.5, "0"):
        with pytest.raises(ValueError, match="`seed` must be an integer of 0 or more. Received"):
            metrics.TripletAccuracy(seed=seed)
    accuracy = metrics.TripletAccuracy()
    accuracy.update_state(np.array([0, 0, 1]), np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"must have 2 columns, like the earlier.*\(3, 5\)"):
        accuracy.update_state(np.array([0, 0, 1]), np.zeros((3, 5)))
    with pytest.raises(ValueError, match="`margin` must be a non-negative finite number.*=-1"):
        metrics.TripletAccuracy(-1)
    for bad in (0, 2.5, True):
        with pytest.raises(ValueError, match="`num_triplets` must be a positive integer"):
            metrics.TripletAccuracy(num_triplets=bad)
