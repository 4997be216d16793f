import keras
import numpy as np
import ot
import pytest
import torch
from helpers import compiled, gradients, to_numpy, torch_gradients

from keras_latent import ops

SIZES = [(16, 16), (16, 24), (7, 31), (1, 5)]


def directions(num, dim, seed=0):
    return to_numpy(ops.random_projections(num, dim, seed))


def batches(rng, sizes, dim=4):
    return tuple(rng.normal(i, 1 + i, size=(n, dim)).astype("float32") for i, n in enumerate(sizes))


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("sizes", SIZES)
def test_matches_pot(rng, sizes, p):
    x, y = batches(rng, sizes)
    projections = directions(10, 4)
    expected = ot.sliced_wasserstein_distance(
        np.float64(x), np.float64(y), projections=np.float64(projections.T), p=p
    )
    result = to_numpy(ops.sliced_wasserstein(x, y, projections, p))
    np.testing.assert_allclose(result ** (1 / p), expected, rtol=1e-5)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("sizes", SIZES)
def test_one_direction_matches_pot(rng, sizes, p):
    x, y = batches(rng, sizes, dim=1)
    expected = ot.wasserstein_1d(np.float64(x[:, 0]), np.float64(y[:, 0]), p=p)
    np.testing.assert_allclose(
        to_numpy(ops.sliced_wasserstein(x, y, [[1.0]], p)), expected, rtol=1e-5
    )


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("sizes", [(8, 8), (6, 9)])
def test_gradient_matches_pot_in_torch(rng, sizes, p):
    x, y = batches(rng, sizes)
    projections = directions(10, 4)
    oracle = lambda x, y: (  # noqa: E731
        ot.sliced_wasserstein_distance(
            x, y, projections=torch.as_tensor(projections.T).double(), p=p
        )
        ** p
    )
    ours = gradients(lambda x, y: ops.sliced_wasserstein(x, y, projections, p), x, y)
    for mine, theirs in zip(ours, torch_gradients(oracle, x, y), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sizes", [(8, 8), (6, 9)])
def test_compiled_and_with_unknown_sizes(rng, sizes):
    x, y = batches(rng, sizes)
    projections = directions(10, 4)
    fn = lambda x, y: ops.sliced_wasserstein(x, y, projections, p=1)  # noqa: E731
    expected = to_numpy(fn(x, y))
    np.testing.assert_allclose(to_numpy(compiled(fn)(x, y)), expected, rtol=1e-5)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        spec = tf.TensorSpec((None, 4), "float32")
        for jit in (True, False):
            traced = tf.function(fn, input_signature=(spec, spec), jit_compile=jit)
            np.testing.assert_allclose(to_numpy(traced(x, y)), expected, rtol=1e-5)


def test_unequal_sizes_beyond_the_range_of_int32(rng):
    x, y = np.float32(rng.normal(size=(50_001, 1))), np.float32(rng.normal(size=(50_000, 1)))
    expected = ot.wasserstein_1d(np.float64(x[:, 0]), np.float64(y[:, 0]), p=1)
    np.testing.assert_allclose(
        to_numpy(ops.sliced_wasserstein(x, y, [[1.0]], p=1)), expected, rtol=1e-3
    )


@pytest.mark.parametrize("p", [1, 2])
def test_properties(rng, p):
    x, y = batches(rng, (12, 18))
    projections = directions(10, 4)
    distance = lambda x, y: float(ops.sliced_wasserstein(x, y, projections, p))  # noqa: E731
    assert distance(x, x) == 0
    assert distance(x, rng.permutation(x)) < 1e-6
    assert distance(x, np.repeat(x, 3, axis=0)) < 1e-6
    assert distance(x, y) > 0
    np.testing.assert_allclose(distance(x, y), distance(y, x), rtol=1e-5)
    np.testing.assert_allclose(distance(x + 5, y + 5), distance(x, y), rtol=1e-4)
    np.testing.assert_allclose(distance(2 * x, 2 * y), 2**p * distance(x, y), rtol=1e-4)


def test_ties_have_finite_gradients():
    x, y = np.zeros((4, 2), "float32"), np.zeros((6, 2), "float32")
    for p in (1, 2):
        for gradient in gradients(
            lambda x, y, p=p: ops.sliced_wasserstein(x, y, np.eye(2, dtype="float32"), p), x, y
        ):
            np.testing.assert_array_equal(gradient, 0)


def test_half_precision_is_computed_in_float32(rng):
    x, y = (np.float16(b) for b in batches(rng, (6, 6)))
    projections = directions(10, 4)
    half = ops.sliced_wasserstein(x, y, projections)
    assert to_numpy(half).dtype == "float32"
    full = ops.sliced_wasserstein(np.float32(x), np.float32(y), projections)
    np.testing.assert_allclose(to_numpy(half), to_numpy(full), rtol=1e-6)


def test_random_projections_are_uniform_unit_vectors():
    found = directions(20_000, 3)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(found.mean(axis=0), 0.0, atol=0.02)
    np.testing.assert_allclose(found.T @ found / len(found), np.eye(3) / 3, atol=0.02)
    np.testing.assert_array_equal(found, directions(20_000, 3))
    assert np.abs(found - directions(20_000, 3, seed=1)).max() > 0.1


def test_bad_arguments_raise():
    x, projections = np.zeros((4, 3), "float32"), np.eye(3, dtype="float32")
    with pytest.raises(ValueError, match=r"`p` must be one of \[1, 2\]. Received: p=3"):
        ops.sliced_wasserstein(x, x, projections, p=3)
    with pytest.raises(ValueError, match="`y` must have rank 2"):
        ops.sliced_wasserstein(x, x[0], projections)
    with pytest.raises(ValueError, match=r"`x` must have at least one row.*\(0, 3\)"):
        ops.sliced_wasserstein(x[:0], x, projections)
    with pytest.raises(ValueError, match="`x` and `y` must have the same last axis"):
        ops.sliced_wasserstein(x, x[:, :2], projections)
    with pytest.raises(ValueError, match="`x` and `projections` must have the same last axis"):
        ops.sliced_wasserstein(x, x, projections[:, :2])
    with pytest.raises(ValueError, match="`num` must be a positive integer. Received: num=0"):
        ops.random_projections(0, 3)
