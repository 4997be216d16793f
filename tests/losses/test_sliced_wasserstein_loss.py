import keras
import numpy as np
import pytest
from helpers import gradients, to_numpy

from keras_latent import ops
from keras_latent.losses import SlicedWasserstein


@pytest.fixture
def batches(rng):
    return np.float32(rng.normal(1.0, size=(8, 3))), np.float32(rng.normal(size=(8, 3)))


def directly(y_true, y_pred, num=10, p=2, seed=0):
    return float(ops.sliced_wasserstein(y_true, y_pred, ops.random_projections(num, 3, seed), p))


@pytest.mark.parametrize("p", [1, 2])
def test_is_the_distance_between_the_two_sets(batches, rng, p):
    loss = SlicedWasserstein(10, p=p, seed=0)
    expected = directly(*batches, p=p)
    np.testing.assert_allclose(float(loss(*batches)), expected, rtol=1e-5)
    np.testing.assert_allclose(
        float(loss(rng.permutation(batches[0]), batches[1])), expected, rtol=1e-5
    )
    np.testing.assert_allclose(
        float(loss(batches[0][:5], batches[1])),
        directly(batches[0][:5], batches[1], p=p),
        rtol=1e-5,
    )


def test_reductions_work_as_usual(batches):
    value = directly(*batches)
    expected = {"sum_over_batch_size": value, "mean": value, "sum": 8 * value, None: [value] * 8}
    for reduction, result in expected.items():
        loss = SlicedWasserstein(10, seed=0, reduction=reduction)
        np.testing.assert_allclose(to_numpy(loss(*batches)), result, rtol=1e-5)
    weight = np.float32([0, 1, 2, 1, 0, 1, 0, 1])
    loss = SlicedWasserstein(10, seed=0)
    np.testing.assert_allclose(
        float(loss(*batches, sample_weight=weight)), weight.mean() * value, rtol=1e-5
    )


def test_gradient_matches_the_distance(batches):
    loss = SlicedWasserstein(10, seed=0)
    projections = ops.random_projections(10, 3, 0)
    ours = gradients(loss, *batches)
    theirs = gradients(lambda x, y: ops.sliced_wasserstein(x, y, projections), *batches)
    for mine, reference in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-6)


def test_config_keeps_the_directions(batches):
    loss = SlicedWasserstein(num_projections=7, p=1, reduction="sum", name="swd")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, SlicedWasserstein)
    assert again.get_config() == loss.get_config()
    assert float(again(*batches)) == float(loss(*batches))
    assert SlicedWasserstein().seed != SlicedWasserstein().seed


def test_compile_fit_save_and_load(rng, tmp_path):
    x, y = np.float32(rng.normal(size=(44, 3))), np.float32(rng.normal(3.0, size=(44, 2)))
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss=SlicedWasserstein(8, seed=0))
    losses = model.fit(x, y, batch_size=16, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.evaluate(x, y, verbose=0), model.evaluate(x, y, verbose=0), rtol=1e-5
    )


def test_bad_arguments_raise(batches):
    with pytest.raises(ValueError, match="`num_projections` must be a positive integer. .*=0"):
        SlicedWasserstein(0)
    with pytest.raises(ValueError, match=r"`p` must be one of \[1, 2\]. Received: p=0"):
        SlicedWasserstein(p=0)
    with pytest.raises(ValueError, match="`y_true` must have rank 2"):
        SlicedWasserstein()(batches[0][0], batches[1])
    with pytest.raises(ValueError, match="must have the same last axis"):
        SlicedWasserstein()(batches[0][:, :2], batches[1])
