import keras
import numpy as np
import pytest
from helpers import compiled, gradients, to_numpy, torch_gradients
from keras import ops

from keras_latent.ops import sliced_wasserstein
from keras_latent.src.ops import sorting
from keras_latent.src.ops.sorting import sort_columns

LENGTHS = [1, 2, 3, 17, 128, 129]


def difficult(rng, num):
    """Random, tied, equal and sorted columns (both ways), and special values."""
    special = np.float32([np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-42, -1e-42, 3e38, -3e38])
    negative_nan = np.where(rng.random(num) < 0.5, np.float32(-np.nan), rng.normal(size=num))
    columns = [
        rng.normal(size=num),
        rng.integers(0, 3, size=num),
        np.ones(num),
        np.arange(num),
        -np.arange(num),
        rng.choice(special, size=num),
        rng.choice(special[:3], size=num),
        np.full(num, np.nan),
        np.copysign(negative_nan, -1),
    ]
    return np.stack(columns, axis=1).astype("float32")


@pytest.mark.parametrize("num", LENGTHS)
def test_sorts_like_numpy(rng, num):
    x = difficult(rng, num)
    expected = np.sort(x, axis=0)
    np.testing.assert_array_equal(to_numpy(compiled(sort_columns)(ops.array(x))), expected)
    # Eager calls use the sort of the backend, and not all of them order NaN or subnormals.
    np.testing.assert_array_equal(to_numpy(sort_columns(x[:, :5])), expected[:, :5])


@pytest.mark.parametrize("num", [1, 3, 129])
def test_gradient_matches_torch(rng, num):
    import torch

    x = rng.permuted(np.tile(np.arange(num)[:, None], (1, 4)), axis=0).astype("float32")
    weights = rng.normal(size=x.shape).astype("float32")
    weighted = lambda x: sort_columns(x) * ops.array(weights)  # noqa: E731
    oracle = lambda x: torch.sort(x, dim=0).values * torch.as_tensor(weights, device=x.device)  # noqa: E731
    expected = torch_gradients(oracle, x)[0]
    np.testing.assert_array_equal(gradients(compiled(weighted), x)[0], expected.astype("float32"))
    np.testing.assert_array_equal(gradients(weighted, x)[0], expected.astype("float32"))


@pytest.mark.parametrize("num", [3, 129])
def test_gradient_among_ties_and_special_values_is_a_permutation(rng, num):
    x = difficult(rng, num)
    weights = rng.normal(size=x.shape).astype("float32")
    weighted = compiled(lambda x: sort_columns(x) * ops.array(weights))
    gradient = gradients(weighted, x)[0]
    np.testing.assert_array_equal(np.sort(gradient, axis=0), np.sort(weights, axis=0))
    np.testing.assert_array_equal(gradient, gradients(weighted, x)[0])
    # Equal values share the weights of the positions that they occupy.
    for column, values in enumerate(x.T[:5]):
        for value in np.unique(values):
            places = np.sort(values) == value
            np.testing.assert_array_equal(
                np.sort(gradient[values == value, column]), np.sort(weights[places, column])
            )


def test_gradient_of_sorted_columns_is_unchanged(rng):
    x = np.sort(rng.normal(size=(12, 3)), axis=0)
    weights = rng.normal(size=x.shape).astype("float32")
    weighted = compiled(lambda x: sort_columns(x) * ops.array(weights))
    np.testing.assert_array_equal(gradients(weighted, x)[0], weights)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_sorted_in_float32(rng, dtype):
    x = ops.cast(rng.normal(size=(20, 3)), dtype)
    found = to_numpy(compiled(sort_columns)(x))
    assert found.dtype == "float32"
    np.testing.assert_array_equal(found, np.sort(to_numpy(ops.cast(x, "float32")), axis=0))


@pytest.mark.parametrize("sizes", [(12, 12), (20, 33)])
@pytest.mark.parametrize("p", [1, 2])
def test_distance_with_the_network_and_with_the_backends_sort(rng, monkeypatch, sizes, p):
    x, y = (rng.normal(size=(num, 4)).astype("float32") for num in sizes)
    projections = rng.normal(size=(6, 4)).astype("float32")
    distance = lambda x, y: sliced_wasserstein(x, y, projections, p)  # noqa: E731
    found = gradients(compiled(distance), x, y)
    monkeypatch.setattr(sorting, "MAX_NETWORK_ROWS", 1)
    for mine, real in zip(found, gradients(distance, x, y), strict=True):
        np.testing.assert_allclose(mine, real, rtol=1e-5, atol=1e-7)


def test_the_network_is_used_where_it_is_faster(rng, monkeypatch):
    calls = []
    network = sorting._network_sort
    monkeypatch.setattr(sorting, "_network_sort", lambda x: calls.append(x.shape) or network(x))
    x = ops.array(rng.normal(size=(5, 3)).astype("float32"))
    sort_columns(x)
    assert not calls  # eager
    fresh = lambda x: sort_columns(x)  # noqa: E731
    compiled(fresh)(x)
    has_network = keras.backend.backend() != "torch" and sorting._on_cpu()
    assert bool(calls) == has_network
    calls.clear()
    monkeypatch.setattr(sorting, "MAX_NETWORK_ROWS", 4)
    compiled(lambda x: sort_columns(x))(x)
    assert not calls  # too long


def test_a_graph_that_is_not_compiled_and_unknown_sizes(rng):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("of TensorFlow")
    import tensorflow as tf

    x = difficult(rng, 17)[:, :5]  # without NaN, which the TensorFlow sort does not order
    for signature in (None, [tf.TensorSpec((None, x.shape[1]), "float32")]):
        graph = tf.function(lambda x: sort_columns(x), input_signature=signature)
        np.testing.assert_array_equal(to_numpy(graph(tf.constant(x))), np.sort(x, axis=0))


def test_bad_rank_raises():
    with pytest.raises(ValueError, match="`x` must have rank 2"):
        sort_columns(np.zeros(3, "float32"))
