import keras
import numpy as np
import pytest
import scipy.stats
from helpers import compiled, gradients, to_numpy

from keras_latent import ops


def test_bound_log_var_clips_and_casts():
    result = to_numpy(ops.bound_log_var(np.float16([-6e4, -20, 1.5, 20, 6e4])))
    assert result.dtype == "float32"
    np.testing.assert_array_equal(result, [-20, -20, 1.5, 20, 20])
    np.testing.assert_array_equal(
        gradients(ops.bound_log_var, [[-1e4, 1.0, 1e4]])[0], [[0.0, 1.0, 0.0]]
    )


@pytest.mark.parametrize("wrap", [lambda fn: fn, compiled], ids=["eager", "compiled"])
def test_log_softplus_matches_numpy(wrap):
    x = np.linspace(-80, 80, 2001).astype("float32")
    expected = np.log(np.log1p(np.exp(np.float64(x))))
    np.testing.assert_allclose(to_numpy(wrap(ops.log_softplus)(x)), expected, rtol=1e-5, atol=1e-6)


def test_log_softplus_is_accurate_where_the_series_starts():
    x = np.linspace(-12, -9, 200).astype("float32")
    expected = np.log(np.log1p(np.exp(np.float64(x))))
    np.testing.assert_allclose(to_numpy(ops.log_softplus(x)), expected, rtol=0, atol=2e-6)


def test_log_softplus_gradient_is_finite_everywhere():
    x = np.float32([-1e30, -1e4, -100, -10.001, -9.999, 0, 1, 100, 1e4, 1e30])
    gradient = gradients(ops.log_softplus, x)[0]
    inside = np.float64(x[3:7])
    exact = 1 / ((1 + np.exp(-inside)) * np.log1p(np.exp(inside)))
    np.testing.assert_allclose(gradient[3:7], exact, rtol=1e-4)
    np.testing.assert_allclose(gradient[:3], 1.0)
    np.testing.assert_allclose(gradient[7:], 1 / x[7:], rtol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_log_softplus_keeps_the_dtype(dtype):
    result = ops.log_softplus(keras.ops.cast([-300.0, 0.0, 5.0], dtype))
    assert keras.backend.standardize_dtype(result.dtype) == dtype
    assert np.isfinite(to_numpy(keras.ops.cast(result, "float32"))).all()


def test_log_softplus_as_an_activation_survives_saving(tmp_path):
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, activation=ops.log_softplus)]
    )
    x = np.ones((4, 3), "float32")
    model.save(tmp_path / "head.keras")
    loaded = keras.saving.load_model(tmp_path / "head.keras")
    assert loaded.layers[-1].activation is ops.log_softplus
    np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-6)


def test_samples_follow_the_gaussian():
    mean, log_var = np.full((20_000, 1), 2.0, "float32"), np.full((20_000, 1), -1.0, "float32")
    sample = to_numpy(ops.sample_gaussian(mean, log_var, seed=3))[:, 0]
    assert scipy.stats.kstest(sample, "norm", args=(2.0, np.exp(-0.5))).pvalue > 1e-3


def test_sample_is_reparametrized():
    mean, log_var = np.zeros((5, 2), "float32"), np.full((5, 2), 0.5, "float32")
    draw = lambda mean, log_var: ops.sample_gaussian(mean, log_var, seed=1)  # noqa: E731
    sample = to_numpy(draw(mean, log_var))
    by_mean, by_log_var = gradients(draw, mean, log_var)
    np.testing.assert_allclose(by_mean, 1.0)
    np.testing.assert_allclose(by_log_var, 0.5 * sample, rtol=1e-5, atol=1e-6)


def test_seeds():
    x = np.zeros((5, 2), "float32")
    first, second = ops.sample_gaussian(x, x, seed=1), ops.sample_gaussian(x, x, seed=1)
    np.testing.assert_array_equal(to_numpy(first), to_numpy(second))
    generator = keras.random.SeedGenerator(1)
    first, second = ops.sample_gaussian(x, x, generator), ops.sample_gaussian(x, x, generator)
    assert np.abs(to_numpy(first) - to_numpy(second)).min() > 0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("extreme", [-1e4, 1e4])
def test_extreme_log_variances_stay_finite(dtype, extreme):
    mean = keras.ops.zeros((50, 4), dtype)
    sample = ops.sample_gaussian(mean, keras.ops.full((50, 4), extreme, dtype), seed=1)
    assert keras.backend.standardize_dtype(sample.dtype) == dtype
    assert np.isfinite(to_numpy(keras.ops.cast(sample, "float32"))).all()


def test_bad_shapes_raise():
    with pytest.raises(ValueError, match="`mean` and `log_var` must have the same shape"):
        ops.sample_gaussian(np.zeros((3, 2)), np.zeros((3, 1)))
