import keras
import numpy as np
import pytest
import torch
from helpers import compiled, to_numpy
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.miners import BatchHardMiner, TripletMarginMiner
from pytorch_metric_learning.utils.loss_and_miner_utils import get_all_triplets_indices
from scipy.spatial.distance import cdist

from keras_latent import ops

DISTANCE = LpDistance(normalize_embeddings=False)


def batch(rng, rows=40, classes=4):
    z = rng.normal(size=(rows, 5)).astype("float32")
    return z, rng.integers(0, classes, size=rows), cdist(z, z).astype("float32")


def triplets(anchor, positive, negative, weight=None):
    rows = np.stack([to_numpy(x) for x in (anchor, positive, negative)], axis=-1)
    return {tuple(row) for row in (rows if weight is None else rows[to_numpy(weight) > 0])}


@pytest.mark.parametrize("wrap", [lambda fn: fn, compiled], ids=["eager", "compiled"])
def test_hard_matches_pytorch_metric_learning(rng, wrap):
    z, labels, distances = batch(rng)
    fn = wrap(lambda d, labels: ops.hard_triplets(d, *ops.triplet_masks(labels)))
    positive, negative, weight = fn(distances, labels)
    expected = BatchHardMiner(distance=DISTANCE)(torch.as_tensor(z), torch.as_tensor(labels))
    assert triplets(np.arange(40), positive, negative, weight) == triplets(*expected)


def test_hard_ignores_anchors_without_a_triplet(rng):
    z, labels, distances = batch(rng, rows=12, classes=9)
    result = ops.hard_triplets(distances, *ops.triplet_masks(labels))
    expected = BatchHardMiner(distance=DISTANCE)(torch.as_tensor(z), torch.as_tensor(labels))
    assert 0 < to_numpy(result[2]).sum() < 12
    assert triplets(np.arange(12), *result) == triplets(*expected)


@pytest.mark.parametrize("margin", [0.05, 0.5, 5.0])
def test_semi_hard_is_a_triplet_of_pytorch_metric_learning(rng, margin):
    z, labels, distances = batch(rng)
    miner = TripletMarginMiner(margin, type_of_triplets="semihard", distance=DISTANCE)
    expected = triplets(*miner(torch.as_tensor(z), torch.as_tensor(labels)))
    positive, negative, weight = ops.semi_hard_triplets(
        distances, *ops.triplet_masks(labels), margin, seed=1
    )
    found = triplets(np.arange(40), positive, negative, weight)
    assert found <= expected
    # A weight of 0 means that there is no semi-hard negative for the sampled positive.
    pairs = {(a, p) for a, p, _ in expected}
    drawn = enumerate(to_numpy(positive))
    assert {pair for pair in drawn if pair in pairs} == {(a, p) for a, p, _ in found}
    # The nearest of several is chosen.
    for a, p, n in found:
        assert distances[a, n] == min(distances[a, m] for b, q, m in expected if (a, p) == (b, q))


def test_semi_hard_falls_back_to_the_farthest_negative(rng):
    _, labels, distances = batch(rng)
    masks = ops.triplet_masks(labels)
    distances = np.where(to_numpy(masks[0]), distances + 100.0, distances).astype("float32")
    distances[0] = 1.0  # this anchor's negatives are as far as its positives
    alone = ops.semi_hard_triplets(distances, *masks, margin=1.0, seed=1)
    assert not to_numpy(alone[2]).any()
    _, negative, weight = ops.semi_hard_triplets(distances, *masks, 1.0, seed=1, fallback=True)
    assert to_numpy(weight).all()
    farthest = np.where(to_numpy(masks[1]), distances, -np.inf).argmax(axis=1)
    np.testing.assert_array_equal(to_numpy(negative), farthest)


@pytest.mark.parametrize("wrap", [lambda fn: fn, compiled], ids=["eager", "compiled"])
def test_all_matches_pytorch_metric_learning(rng, wrap):
    _, labels, _ = batch(rng, rows=15)
    result = wrap(lambda labels: ops.all_triplets(*ops.triplet_masks(labels)))(labels)
    expected = get_all_triplets_indices(torch.as_tensor(labels))
    assert triplets(*result) == triplets(*expected)


def test_all_matches_pytorch_metric_learning_across_domains(rng):
    labels, others = rng.integers(0, 3, size=7), rng.integers(0, 3, size=9)
    result = ops.all_triplets(*ops.triplet_masks(labels, others))
    expected = get_all_triplets_indices(torch.as_tensor(labels), torch.as_tensor(others))
    assert triplets(*result) == triplets(*expected)


def test_random_draws_all_valid_pairs_uniformly():
    labels = np.array([0, 0, 0, 1, 1, -1])
    masks = [keras.ops.repeat(m[:1], 3000, axis=0) for m in ops.triplet_masks(labels)]
    positive, negative, weight = (to_numpy(x) for x in ops.random_triplets(*masks, seed=0))
    assert (weight == 1).all()
    np.testing.assert_allclose(
        np.bincount(positive, minlength=6) / 3000, [0, 0.5, 0.5, 0, 0, 0], atol=0.04
    )
    np.testing.assert_allclose(
        np.bincount(negative, minlength=6) / 3000, [0, 0, 0, 0.5, 0.5, 0], atol=0.04
    )
    together = np.mean((positive == 1) & (negative == 3))
    np.testing.assert_allclose(together, 0.25, atol=0.04)


def test_random_draws_of_two_anchors_are_independent():
    labels = np.array([0, 0, 0, 1, 1])
    masks = [keras.ops.repeat(m[:1], 4000, axis=0) for m in ops.triplet_masks(labels)]
    for chosen in to_numpy(ops.random_triplets(*masks, seed=1))[:2]:
        for lag in (1, 2, 3, 7, 64):
            assert np.mean(chosen[lag:] == chosen[:-lag]) == pytest.approx(0.5, abs=0.03)


def test_masks():
    labels, others = np.array([3, -1, 5]), np.array([5, 3, -1, 3])
    positives, negatives = (to_numpy(mask) for mask in ops.triplet_masks(labels, others))
    np.testing.assert_array_equal(positives, [[0, 1, 0, 1], [0] * 4, [1, 0, 0, 0]])
    np.testing.assert_array_equal(negatives, [[1, 0, 0, 0], [0] * 4, [0, 1, 0, 1]])
    assert not np.diag(to_numpy(ops.triplet_masks(labels)[0])).any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_distances_do_not_override_masks(value):
    distances = np.full((4, 4), value, "float32")
    masks = ops.triplet_masks(np.array([0, 0, 1, 1]))
    for result in (
        ops.hard_triplets(distances, *masks),
        ops.semi_hard_triplets(distances, *masks, margin=1.0, seed=0),
    ):
        positive, negative, weight = (to_numpy(x) for x in result)
        np.testing.assert_array_equal(positive, [1, 0, 3, 2])
        assert ((negative >= 0) & (negative < 4)).all()
        assert np.isfinite(weight).all()
    np.testing.assert_array_equal(to_numpy(ops.hard_triplets(distances, *masks)[1]), [2, 2, 0, 0])


def test_bad_arguments_raise():
    masks = ops.triplet_masks(np.array([0, 0, 1]))
    with pytest.raises(ValueError, match=r"`labels` must have rank 1.*\(3, 1\)"):
        ops.triplet_masks(np.zeros((3, 1), "int32"))
    with pytest.raises(ValueError, match="`other_labels` must hold integers.*dtype=float32"):
        ops.triplet_masks(np.zeros((3,), "int32"), np.zeros((3,), "float32"))
    with pytest.raises(ValueError, match="`distances` and `positives` must have the same shape"):
        ops.hard_triplets(np.zeros((2, 3)), *masks)
    with pytest.raises(ValueError, match="`positives` and `negatives` must have the same shape"):
        ops.semi_hard_triplets(np.zeros((3, 3)), masks[0], masks[1][:2], margin=1.0)
    with pytest.raises(ValueError, match="`positives` and `negatives` must have the same shape"):
        ops.random_triplets(masks[0], masks[1][:2])
    with pytest.raises(ValueError, match="`positives` and `negatives` must have the same shape"):
        ops.all_triplets(masks[0], masks[1][:2])
