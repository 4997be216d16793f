import numpy as np
import pytest
import torch
from helpers import compiled, gradients, to_numpy, torch_gradients

from keras_latent import ops


@pytest.mark.parametrize("wrap", [lambda fn: fn, compiled], ids=["eager", "compiled"])
def test_hinge_matches_torch(rng, wrap):
    a, p, n = rng.normal(size=(3, 20, 5)).astype("float32")
    expected = torch.nn.functional.triplet_margin_loss(
        *map(torch.as_tensor, (a, p, n)), margin=0.7, eps=0.0, reduction="none"
    )
    fn = wrap(lambda a, p, n: ops.triplet_hinge(ops.euclidean(a, p), ops.euclidean(a, n), 0.7))
    np.testing.assert_allclose(to_numpy(fn(a, p, n)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("wrap", [lambda fn: fn, compiled], ids=["eager", "compiled"])
def test_softplus_is_minus_log_p_of_the_triplet(rng, wrap):
    d = rng.uniform(0, 20, size=(2, 50)).astype("float32")
    expected = torch.nn.functional.cross_entropy(
        -torch.as_tensor(d.T), torch.zeros(50, dtype=torch.long), reduction="none"
    )
    np.testing.assert_allclose(
        to_numpy(wrap(ops.triplet_softplus)(*d)), expected, rtol=1e-5, atol=1e-6
    )


def test_softplus_gradient_matches_torch(rng):
    d = rng.uniform(0, 5, size=(2, 50))
    oracle = lambda p, n: torch.nn.functional.softplus(p - n)  # noqa: E731
    for ours, theirs in zip(
        gradients(ops.triplet_softplus, *d), torch_gradients(oracle, *d), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_softplus_of_far_triplets_is_finite():
    result = to_numpy(ops.triplet_softplus([1e10, 0.0], [0.0, 1e10]))
    np.testing.assert_allclose(result, [1e10, 0.0])
    for gradient in gradients(ops.triplet_softplus, [1e10, 0.0], [0.0, 1e10]):
        assert np.isfinite(gradient).all()


def test_weighted_mean_matches_numpy(rng):
    values, weights = rng.uniform(size=(2, 30)).astype("float32")
    np.testing.assert_allclose(
        to_numpy(ops.weighted_mean(values, weights)),
        np.average(values, weights=weights),
        rtol=1e-5,
    )


@pytest.mark.parametrize("value", [1.0, np.nan, np.inf])
def test_weighted_mean_of_nothing_is_zero(value):
    values, weights = np.full((4,), value, "float32"), np.zeros((4,), "float32")
    assert to_numpy(compiled(ops.weighted_mean)(values, weights)) == 0.0
    for gradient in gradients(ops.weighted_mean, values, weights):
        np.testing.assert_array_equal(gradient, 0)


def test_weighted_mean_ignores_values_without_weight():
    values, weights = np.float32([1.0, np.nan, 3.0]), np.float32([1.0, 0.0, 1.0])
    assert to_numpy(ops.weighted_mean(values, weights)) == 2.0
    np.testing.assert_allclose(gradients(ops.weighted_mean, values, weights)[0], [0.5, 0, 0.5])


def test_bad_arguments_raise():
    x = np.zeros((4,), "float32")
    with pytest.raises(ValueError, match="`margin` must be a non-negative .*Received: margin=-1"):
        ops.triplet_hinge(x, x, margin=-1)
    with pytest.raises(ValueError, match="`d_positive` and `d_negative` must have the same"):
        ops.triplet_hinge(x, x[:2], margin=1)
    with pytest.raises(ValueError, match="`d_positive` and `d_negative` must have the same"):
        ops.triplet_softplus(x, x[:2])
    with pytest.raises(ValueError, match=r"`values` and `weights` must have the same.*\(2,\)"):
        ops.weighted_mean(x, x[:2])
