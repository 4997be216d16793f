import numpy as np
import pytest
import scipy.stats
import torch
from helpers import compiled, gradients, to_numpy, torch_gradients
from torch.distributions import Bernoulli

from keras_latent import ops


def torch_bernoulli(x, logits):
    return Bernoulli(logits=logits, validate_args=False).log_prob(x).sum(dim=(1, 2, 3))


@pytest.mark.parametrize("wrap", [lambda fn: fn, compiled], ids=["eager", "compiled"])
@pytest.mark.parametrize("variance", [1.0, 0.01])
def test_gaussian_matches_scipy(rng, wrap, variance):
    x, mean = rng.normal(size=(2, 5, 4, 3, 2)).astype("float32")
    expected = scipy.stats.norm.logpdf(x, mean, np.sqrt(variance)).sum(axis=(1, 2, 3))
    result = wrap(lambda x, mean: ops.gaussian_log_prob(x, mean, variance))(x, mean)
    np.testing.assert_allclose(to_numpy(result), expected, rtol=1e-5)


def test_gaussian_takes_a_variance_per_element(rng):
    x, mean = rng.normal(size=(2, 5, 4)).astype("float32")
    variance = rng.uniform(0.5, 2.0, size=(4,)).astype("float32")
    expected = scipy.stats.norm.logpdf(x, mean, np.sqrt(variance)).sum(axis=1)
    np.testing.assert_allclose(
        to_numpy(ops.gaussian_log_prob(x, mean, variance)), expected, rtol=1e-5
    )


@pytest.mark.parametrize("wrap", [lambda fn: fn, compiled], ids=["eager", "compiled"])
def test_bernoulli_matches_scipy_and_torch(rng, wrap):
    logits = rng.normal(scale=3.0, size=(5, 4, 3, 2)).astype("float32")
    binary = rng.integers(0, 2, size=logits.shape).astype("float32")
    expected = scipy.stats.bernoulli.logpmf(binary, scipy.special.expit(np.float64(logits)))
    result = to_numpy(wrap(ops.bernoulli_log_prob)(binary, logits))
    np.testing.assert_allclose(result, expected.sum(axis=(1, 2, 3)), rtol=1e-5)
    grey = rng.uniform(size=logits.shape).astype("float32")
    np.testing.assert_allclose(
        to_numpy(ops.bernoulli_log_prob(grey, logits)),
        torch_bernoulli(torch.as_tensor(grey), torch.as_tensor(logits)),
        rtol=1e-5,
    )


def test_bernoulli_gradient_matches_torch_also_at_zero(rng):
    x = rng.uniform(size=(3, 2, 2, 1))
    logits = np.zeros((3, 2, 2, 1))
    logits[0] = rng.normal(size=(2, 2, 1))
    ours = gradients(ops.bernoulli_log_prob, x, logits)
    theirs = torch_gradients(torch_bernoulli, x, logits)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5, atol=1e-6)


def test_gaussian_gradient_is_the_error(rng):
    x, mean = rng.normal(size=(2, 5, 4)).astype("float32")
    np.testing.assert_allclose(
        gradients(ops.gaussian_log_prob, x, mean)[1], x - mean, rtol=1e-5, atol=1e-6
    )


def test_extremes_stay_finite():
    x = np.array([[0.0, 1.0, 0.0, 1.0]], "float32")
    logits = np.array([[1e4, 1e4, -1e4, -1e4]], "float32")
    np.testing.assert_allclose(to_numpy(ops.bernoulli_log_prob(x, logits)), [-2e4])
    assert np.isfinite(gradients(ops.bernoulli_log_prob, x, logits)[1]).all()


def test_half_precision_sums_in_float32():
    x = np.zeros((2, 784), "float16")
    result = to_numpy(ops.bernoulli_log_prob(x, x))
    assert result.dtype == "float32"
    np.testing.assert_allclose(result, 784 * np.log(0.5), rtol=1e-5)
    assert to_numpy(ops.gaussian_log_prob(x, x)).dtype == "float32"


def test_a_batch_of_numbers_is_not_summed():
    x = np.zeros((3,), "float32")
    assert to_numpy(ops.bernoulli_log_prob(x, x)).shape == (3,)
    assert to_numpy(ops.gaussian_log_prob(x, x)).shape == (3,)


def test_bad_arguments_raise():
    x = np.zeros((4, 3), "float32")
    with pytest.raises(ValueError, match=r"`x` and `mean` must have the same shape.*\(4, 3\)"):
        ops.gaussian_log_prob(x, x[:2])
    with pytest.raises(ValueError, match="`x` and `logits` must have the same shape"):
        ops.bernoulli_log_prob(x, x[:, :2])
    with pytest.raises(ValueError, match="`x` must have at least one axis"):
        ops.bernoulli_log_prob(0.0, 0.0)
    for variance in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="`variance` must be a positive .*Received: variance="):
            ops.gaussian_log_prob(x, x, variance)
