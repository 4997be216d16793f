import numpy as np
import pytest
import torch
from helpers import compiled, gradients, to_numpy, torch_gradients
from torch.distributions import Independent, Normal, kl_divergence

from keras_latent import ops


def gaussians(rng, rows, dim=6):
    return (
        rng.normal(size=(rows, dim)).astype("float32"),
        rng.normal(size=(rows, dim)).astype("float32"),
    )


def torch_gaussian(mean, log_var):
    mean, log_var = torch.as_tensor(mean).double(), torch.as_tensor(log_var).double()
    return Independent(Normal(mean, torch.exp(0.5 * log_var)), 1)


def torch_kl(*pair):
    return kl_divergence(torch_gaussian(*pair[:2]), torch_gaussian(*pair[2:]))


def torch_symmetric_kl(*pair):
    return 0.5 * (torch_kl(*pair) + torch_kl(*pair[2:], *pair[:2]))


def torch_pairwise(mean_a, log_var_a, mean_b, log_var_b):
    a = mean_a[:, None], log_var_a[:, None]
    b = mean_b[None], log_var_b[None]
    return torch_symmetric_kl(*a, *b)


@pytest.mark.parametrize("wrap", [lambda fn: fn, compiled], ids=["eager", "compiled"])
def test_kl_matches_torch(rng, wrap):
    pair = *gaussians(rng, 50), *gaussians(rng, 50)
    np.testing.assert_allclose(
        to_numpy(wrap(ops.gaussian_kl)(*pair)), torch_kl(*pair), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(
        to_numpy(wrap(ops.symmetric_kl)(*pair)), torch_symmetric_kl(*pair), rtol=1e-5, atol=1e-5
    )


def test_default_other_is_the_standard_normal(rng):
    a = gaussians(rng, 50)
    zeros = np.zeros_like(a[0])
    np.testing.assert_allclose(
        to_numpy(ops.gaussian_kl(*a)), torch_kl(*a, zeros, zeros), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(
        to_numpy(ops.gaussian_kl(*a, other_mean=a[0])),
        torch_kl(zeros, a[1], zeros, zeros),
        rtol=1e-5,
        atol=1e-5,
    )


@pytest.mark.parametrize("name", ["gaussian_kl", "symmetric_kl"])
def test_gradients_match_torch(rng, name):
    pair = *gaussians(rng, 8), *gaussians(rng, 8)
    oracle = {"gaussian_kl": torch_kl, "symmetric_kl": torch_symmetric_kl}[name]
    for ours, theirs in zip(
        gradients(getattr(ops, name), *pair), torch_gradients(oracle, *pair), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("wrap", [lambda fn: fn, compiled], ids=["eager", "compiled"])
def test_pairwise_matches_torch(rng, wrap):
    pair = *gaussians(rng, 40), *gaussians(rng, 30)
    expected = torch_pairwise(*map(torch.as_tensor, pair))
    np.testing.assert_allclose(
        to_numpy(wrap(ops.pairwise_symmetric_kl)(*pair)), expected, rtol=1e-4, atol=1e-4
    )


def test_pairwise_gradient_matches_torch(rng):
    pair = *gaussians(rng, 6), *gaussians(rng, 5)
    for ours, theirs in zip(
        gradients(ops.pairwise_symmetric_kl, *pair),
        torch_gradients(torch_pairwise, *pair),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shift,log_scale", [(0.0, 0.0), (1e3, 0.0), (0.0, -12.0), (50.0, 8.0)])
def test_pairwise_keeps_its_stated_accuracy(rng, shift, log_scale):
    (m, log_v), (n, log_w) = gaussians(rng, 40, dim=64), gaussians(rng, 30, dim=64)
    spread = np.exp(0.5 * log_scale)
    pair = m * spread + shift, log_v + log_scale, n * spread + shift, log_w + log_scale
    pair = tuple(np.float32(x) for x in pair)
    expected = torch_pairwise(*map(torch.as_tensor, pair)).numpy()
    error = np.abs(to_numpy(ops.pairwise_symmetric_kl(*pair)) - expected).max()
    # A large shift rounds the inputs themselves, so the bound applies to the rounded inputs.
    own = max(
        np.sum(np.square(m) / np.exp(log_v) + np.exp(log_v), axis=-1).max(),
        np.sum(np.square(n) / np.exp(log_w) + np.exp(log_w), axis=-1).max(),
    )
    rounding = 1e-7 * abs(shift) / spread * 64 * np.exp(3)
    assert error < 3e-6 * own + rounding


def test_properties(rng):
    a, b = gaussians(rng, 50), gaussians(rng, 50)
    kl = to_numpy(ops.gaussian_kl(*a, *b))
    assert kl.min() > 0
    np.testing.assert_array_equal(to_numpy(ops.gaussian_kl(*a, *a)), 0)
    np.testing.assert_array_equal(to_numpy(ops.symmetric_kl(*a, *a)), 0)
    np.testing.assert_allclose(
        to_numpy(ops.symmetric_kl(*a, *b)), to_numpy(ops.symmetric_kl(*b, *a)), rtol=1e-6
    )
    pairwise = to_numpy(ops.pairwise_symmetric_kl(*a, *b))
    assert pairwise.min() >= 0
    np.testing.assert_allclose(
        pairwise, to_numpy(ops.pairwise_symmetric_kl(*b, *a)).T, rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(
        np.diag(pairwise), to_numpy(ops.symmetric_kl(*a, *b)), rtol=1e-4, atol=1e-4
    )


def test_small_divergences_are_accurate():
    log_var = np.full((1, 1), 1e-3, "float32")
    expected = 0.5 * (np.expm1(np.float64(log_var)) - log_var)
    zeros = np.zeros_like(log_var)
    np.testing.assert_allclose(to_numpy(ops.gaussian_kl(zeros, log_var)), expected[0], rtol=1e-3)
    np.testing.assert_allclose(
        to_numpy(ops.symmetric_kl(zeros, log_var, zeros, zeros)),
        np.sinh(0.5e-3) ** 2,
        rtol=1e-5,
    )


@pytest.mark.parametrize("extreme", [1e4, -1e4])
def test_extreme_log_variances_stay_finite(extreme):
    mean, other = np.ones((2, 3), "float32"), np.zeros((2, 3), "float32")
    log_var = np.full((2, 3), extreme, "float32")
    for fn in (ops.gaussian_kl, ops.symmetric_kl, ops.pairwise_symmetric_kl):
        assert np.isfinite(to_numpy(fn(mean, log_var, other, other))).all()
        assert np.isfinite(to_numpy(fn(mean, log_var, other, -log_var))).all()
        for gradient in gradients(fn, mean, log_var, other, -log_var):
            assert np.isfinite(gradient).all()


def test_half_precision_is_computed_in_float32(rng):
    a, b = gaussians(rng, 10), gaussians(rng, 10)
    halves = [np.float16(x) for x in (*a, *b)]
    result = ops.symmetric_kl(*halves)
    assert to_numpy(result).dtype == "float32"
    np.testing.assert_allclose(to_numpy(result), torch_symmetric_kl(*halves), rtol=1e-5)


def test_bad_shapes_raise():
    x = np.zeros((4, 3), "float32")
    with pytest.raises(ValueError, match=r"`mean` must have rank 2.*\(3,\)"):
        ops.gaussian_kl(x[0], x[0])
    with pytest.raises(ValueError, match="`mean` and `log_var` must have the same shape"):
        ops.gaussian_kl(x, x[:, :2])
    with pytest.raises(ValueError, match="`mean` and `other_mean` must have the same shape"):
        ops.gaussian_kl(x, x, x[:2])
    with pytest.raises(ValueError, match="`log_var` and `other_log_var` must have the same"):
        ops.gaussian_kl(x, x, x, x[:2])
    with pytest.raises(ValueError, match="`mean_a` and `mean_b` must have the same shape"):
        ops.symmetric_kl(x, x, x[:2], x[:2])
    with pytest.raises(ValueError, match="`mean_a` and `mean_b` must have the same last axis"):
        ops.pairwise_symmetric_kl(x, x, x[:, :2], x[:, :2])
