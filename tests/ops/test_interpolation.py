import numpy as np
import pytest
from helpers import compiled, gradients, to_numpy
from scipy.spatial import geometric_slerp

from keras_latent import ops


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


@pytest.mark.parametrize("wrap", [lambda fn: fn, compiled], ids=["eager", "compiled"])
def test_slerp_matches_scipy(rng, wrap):
    a, b = unit(rng.normal(size=(2, 10, 5)))
    expected = np.stack([geometric_slerp(*ends, np.linspace(0, 1, 7)) for ends in zip(a, b)])  # noqa: B905
    fn = wrap(lambda a, b: ops.interpolate(a, b, steps=7, kind="spherical"))
    result = to_numpy(fn(np.float32(a), np.float32(b)))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)
    at = to_numpy(ops.slerp(np.float32(a), np.float32(b), 1 / 6))
    np.testing.assert_allclose(at, expected[:, 1], rtol=1e-5, atol=1e-5)


def test_lerp_matches_numpy(rng):
    a, b = rng.normal(size=(2, 10, 5)).astype("float32")
    result = to_numpy(ops.interpolate(a, b, steps=6))
    np.testing.assert_allclose(result, np.linspace(a, b, 6, axis=1), rtol=1e-5, atol=1e-6)
    t = rng.uniform(size=10).astype("float32")
    np.testing.assert_allclose(
        to_numpy(ops.lerp(a, b, t)), a + t[:, None] * (b - a), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("kind", ["linear", "spherical"])
def test_ends_are_included(rng, kind):
    a, b = rng.normal(size=(2, 10, 5)).astype("float32")
    result = to_numpy(ops.interpolate(a, b, steps=2, kind=kind))
    assert result.shape == (10, 2, 5)
    rtol = 0 if kind == "linear" else 3e-7
    np.testing.assert_allclose(result[:, 0], a, rtol=rtol)
    np.testing.assert_allclose(result[:, 1], b, rtol=rtol)


def test_slerp_keeps_equal_norms_and_takes_t_per_row(rng):
    a, b = 3.0 * unit(rng.normal(size=(2, 10, 5))).astype("float32")
    t = rng.uniform(size=10).astype("float32")
    result = to_numpy(ops.slerp(a, b, t))
    np.testing.assert_allclose(np.linalg.norm(result, axis=-1), 3.0, rtol=1e-5)
    one = to_numpy(ops.slerp(a[:1], b[:1], t[0]))
    np.testing.assert_allclose(result[:1], one, rtol=1e-6)


@pytest.mark.parametrize(
    "a,b",
    [([1.0, 0.0], [1.0, 0.0]), ([1.0, 0.0], [2.0, 0.0]), ([1.0, 0.0], [-1.0, 0.0])]
    + [([0.0, 0.0], [1.0, 0.0]), ([0.0, 0.0], [0.0, 0.0]), ([1.0, 1.0], [1.0, 1.00001])],
)
def test_slerp_falls_back_to_lerp(a, b):
    a, b = np.float32([a]), np.float32([b])
    np.testing.assert_allclose(
        to_numpy(ops.slerp(a, b, 0.25)), to_numpy(ops.lerp(a, b, 0.25)), rtol=1e-6
    )
    for gradient in gradients(lambda a, b: ops.slerp(a, b, 0.25), a, b):
        np.testing.assert_allclose(gradient.sum(), 1.5 if gradient[0, 0] > 0.5 else 0.5, rtol=1e-3)


def test_slerp_is_continuous_at_the_fallback():
    angles = np.float32([0.9e-3, 1.1e-3])
    b = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    a = np.float32([[1.0, 0.0]] * 2)
    expected = np.stack([np.cos(0.3 * angles), np.sin(0.3 * angles)], axis=-1)
    np.testing.assert_allclose(to_numpy(ops.slerp(a, b, 0.3)), expected, atol=1e-6)


def test_bad_arguments_raise():
    x = np.zeros((4, 3), "float32")
    with pytest.raises(ValueError, match="`a` must have rank 2"):
        ops.lerp(x[0], x[0], 0.5)
    with pytest.raises(ValueError, match="`a` and `b` must have the same shape"):
        ops.slerp(x, x[:2], 0.5)
    with pytest.raises(ValueError, match=r"`t` must be a number.*t.shape=\(2, 2\)"):
        ops.lerp(x, x, np.zeros((2, 2)))
    with pytest.raises(ValueError, match="`steps` must be an integer of 2 or more.*steps=1"):
        ops.interpolate(x, x, steps=1)
    with pytest.raises(ValueError, match="`kind` must be .* Received: kind='cubic'"):
        ops.interpolate(x, x, steps=3, kind="cubic")
