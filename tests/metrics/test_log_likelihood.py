"""Compares importance sampling to closed forms, NumPy and pythae."""

import keras
import numpy as np
import pytest
from helpers import compiled, to_numpy
from keras import layers
from scipy import special, stats

from keras_latent import metrics, models
from keras_latent.src.models.base.latent_model import LatentModel
from keras_latent.src.models.base.likelihoods import Gaussian
from keras_latent.src.models.vae.networks import vae_mlp
from keras_latent.src.models.vbta.networks import vbta_mlp
from keras_latent.src.ops.counter_gaussian import counter_gaussian

PIXELS, LATENTS, VARIANCE = 6, 2, 0.3


def digits_like(rows, rng, shape=(4, 4, 1)):
    return (rng.random((rows, *shape)) < 0.4).astype("float32")


def linear_gaussian(rng, widening=1.0, wrong=0.0):
    """A VAE with known `p(x)`, and with `q(z|x)` its posterior unless widened or moved.

    `p(x) = N(b, W W^T + v I)` and `p(z|x) = N(P^-1 W^T (x - b) / v, P^-1)` with
    `P = I + W^T W / v`, which is diagonal because the columns of `W` are orthogonal.
    """
    columns, _ = np.linalg.qr(rng.normal(size=(PIXELS, LATENTS)))
    w, b = columns * [1.5, 0.7], rng.normal(size=PIXELS)
    variance = 1.0 / (1.0 + np.sum(w**2, 0) / VARIANCE)
    to_mean = w * variance / VARIANCE

    x, z = keras.Input((PIXELS,)), keras.Input((LATENTS,))
    mean, log_var = layers.Dense(LATENTS), layers.Dense(LATENTS)
    encoder = keras.Model(x, (mean(x), log_var(x)))
    mean.set_weights([to_mean, -b @ to_mean + wrong])
    log_var.set_weights([np.zeros_like(w), np.log(variance * widening)])
    output = layers.Dense(PIXELS)
    decoder = keras.Model(z, output(z))
    output.set_weights([w.T, b])
    model = models.VAE(encoder, decoder, observation_variance=VARIANCE)
    return model, stats.multivariate_normal(b, w @ w.T + VARIANCE * np.eye(PIXELS))


def vae(rng, likelihood="bernoulli", **kwargs):
    model = models.VAE(**vae_mlp((4, 4, 1), 16, 3), likelihood=likelihood, **kwargs)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * 0.2)
    return model


def by_numpy(model, x, noise, domain=()):
    """The estimate per row in float64, for noise (rows, samples, latents)."""
    z_mean, z_log_var = (
        to_numpy(t).astype("float64")[:, None] for t in model.posterior(x, *domain)
    )
    z = z_mean + np.exp(z_log_var / 2) * noise
    flat = z.reshape(-1, z.shape[-1]).astype("float32")
    out = to_numpy(model.likelihood_parameters(flat, *domain)).astype("float64")
    out = out.reshape(*noise.shape[:2], -1)
    x = x.reshape(len(x), 1, -1).astype("float64")
    if model.likelihood == "bernoulli":
        log_p = np.sum(x * out - np.logaddexp(0, out), -1)
    else:
        log_p = stats.norm.logpdf(x, out, model.observation_variance**0.5).sum(-1)
    log_q = stats.norm.logpdf(z, z_mean, np.exp(z_log_var / 2)).sum(-1)
    log_w = log_p + stats.norm.logpdf(z).sum(-1) - log_q
    w = np.exp(log_w - log_w.max(1, keepdims=True))
    ess = w.sum(1) ** 2 / (w**2).sum(1)
    errors = w.std(1, ddof=1) / w.mean(1) / np.sqrt(w.shape[1])
    return special.logsumexp(log_w, axis=1) - np.log(w.shape[1]), errors, ess


def same_noise(seed, rows, samples, dim):
    key = [keras.ops.cast(word, "int32") for word in (seed, 0)]
    counters = [keras.ops.arange(n, dtype="int32") for n in (rows, samples)]
    return to_numpy(compiled(lambda *args: counter_gaussian(key, *args, dim))(*counters))


def test_exact_posterior_gives_the_closed_form_with_any_sample(rng):
    model, p = linear_gaussian(rng)
    x = p.rvs(50, rng).astype("float32")
    for samples in (1, 7):
        result = metrics.log_likelihood(model, x, samples)
        np.testing.assert_allclose(result.values, p.logpdf(x), atol=2e-5)
        np.testing.assert_allclose(result.effective_sample_size, samples, rtol=1e-4)
    assert result.mean == pytest.approx(p.logpdf(x).mean(), abs=1e-5)
    assert result.monte_carlo_error < 1e-3


def test_wrong_posterior_reaches_the_closed_form(rng):
    model, p = linear_gaussian(rng, widening=2.0, wrong=0.1)
    x = p.rvs(200, rng).astype("float32")
    result = metrics.log_likelihood(model, x, 4000)
    z_scores = (result.values - p.logpdf(x)) / result.row_errors
    assert 0.8 < z_scores.std() < 1.2 and abs(z_scores.mean()) < 0.25
    assert abs(result.mean - p.logpdf(x).mean()) < 4 * result.monte_carlo_error
    assert result.monte_carlo_error == pytest.approx(
        np.sqrt(np.sum(result.row_errors**2)) / 200, rel=1e-5
    )
    assert result.standard_error == pytest.approx(stats.sem(result.values), rel=1e-5)
    assert result.samples == 4000 and result.values.dtype == np.float32
    assert result.effective_sample_size.min() > 1 and result.effective_sample_size.max() < 4000


@pytest.mark.once
def test_more_samples_raise_the_bound_and_shrink_the_error(rng):
    model, p = linear_gaussian(rng, widening=4.0, wrong=0.5)
    x = p.rvs(120, rng).astype("float32")
    # The same chunk, and so the same program.
    few, more = (metrics.log_likelihood(model, x, s, chunk=2) for s in (2, 20))
    many, most = (metrics.log_likelihood(model, x, s, chunk=2000) for s in (2000, 100_000))
    assert few.mean + 0.1 < more.mean and more.mean + 0.01 < many.mean < most.mean + 0.01
    assert most.mean == pytest.approx(p.logpdf(x).mean(), abs=4 * most.monte_carlo_error)
    ratio = many.monte_carlo_error / most.monte_carlo_error
    assert ratio == pytest.approx(np.sqrt(50), rel=0.1)
    fewer = metrics.log_likelihood(model, x[:30], 20)
    assert fewer.standard_error == pytest.approx(2 * more.standard_error, rel=0.4)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_against_numpy_on_the_same_noise(rng, likelihood):
    model, x = vae(rng, likelihood, observation_variance=0.2), digits_like(9, rng)
    result = metrics.log_likelihood(model, x, 300, seed=5, batch_size=4, chunk=70)
    values, errors, ess = by_numpy(model, x, same_noise(5, 9, 300, 3))
    np.testing.assert_allclose(result.values, values, atol=1e-4)
    np.testing.assert_allclose(result.row_errors, errors, rtol=1e-3)
    np.testing.assert_allclose(result.effective_sample_size, ess, rtol=1e-3)


def test_against_numpy_on_other_noise(rng):
    model, x = vae(rng), digits_like(6, rng)
    result = metrics.log_likelihood(model, x, 20_000)
    values, errors, _ = by_numpy(model, x, rng.normal(size=(6, 20_000, 3)))
    assert np.abs(result.values - values).max() < 5 * (errors + result.row_errors).max()
    assert result.row_errors.max() < 0.05


@pytest.mark.parametrize("domain", ["source", "target"])
def test_two_domains(rng, domain):
    shapes = {"source": (4, 4, 1), "target": (3, 2, 2)}
    parts = vbta_mlp(shapes["source"], 16, 3)
    other = vbta_mlp(shapes["target"], 16, 3)
    parts |= {name: other[name] for name in ("target_encoder", "target_decoder")}
    model = models.VBTA(**parts, likelihood="bernoulli")
    x = digits_like(5, rng, shapes[domain])
    result = metrics.log_likelihood(model, x, 100, domain=domain, seed=2)
    values, _, _ = by_numpy(model, x, same_noise(2, 5, 100, 3), (domain,))
    np.testing.assert_allclose(result.values, values, atol=1e-4)


@pytest.mark.once
def test_a_row_does_not_depend_on_batches_and_chunks(rng):
    model, x = vae(rng), digits_like(11, rng)
    want = metrics.log_likelihood(model, x, 130, seed=3)
    for sizes in ({"batch_size": 4}, {"chunk": 1}, {"batch_size": 1, "chunk": 64}):
        got = metrics.log_likelihood(model, x, 130, seed=3, **sizes)
        np.testing.assert_allclose(got.values, want.values, atol=2e-5)
        np.testing.assert_allclose(got.effective_sample_size, want.effective_sample_size, rtol=1e-4)
    again = metrics.log_likelihood(model, x, 130, seed=3)
    np.testing.assert_array_equal(again.values, want.values)
    first = metrics.log_likelihood(model, x[:3], 130, seed=3)
    np.testing.assert_allclose(first.values, want.values[:3], atol=2e-5)
    for seed in (4, 3 + 2**32):
        other = metrics.log_likelihood(model, x, 130, seed=seed)
        assert np.abs(other.values - want.values).min() > 1e-4


@pytest.mark.once
def test_rows_have_independent_noise(rng):
    model = vae(rng)
    x = np.repeat(digits_like(1, rng), 500, axis=0)
    result = metrics.log_likelihood(model, x, 200)
    assert result.values.std() == pytest.approx(np.mean(result.row_errors), rel=0.2)
    assert result.standard_error == pytest.approx(result.monte_carlo_error, rel=0.2)


def test_it_follows_the_weights_and_compiles_once(rng):
    model, x = vae(rng), digits_like(5, rng)
    state = [to_numpy(v) for v in model.variables]
    traces = []
    log_prob = model.log_prob
    model.log_prob = lambda *a: traces.append(1) or log_prob(*a)
    before = metrics.log_likelihood(model, x, 50, chunk=10)
    compiled = len(traces)
    for variable in model.trainable_variables:
        variable.assign(variable * 0.5)
    after = metrics.log_likelihood(model, x, 100, seed=9, chunk=10)
    values, _, _ = by_numpy(model, x, same_noise(9, 5, 100, 3))
    np.testing.assert_allclose(after.values, values, atol=1e-4)
    assert np.abs(before.values - after.values).min() > 1e-3
    if keras.backend.backend() != "torch":
        assert len(traces) == compiled
    assert len(model.variables) == len(state)
    assert before.mean == pytest.approx(before.values.mean(), rel=1e-6)


def test_float32_under_mixed_precision(rng):
    x = digits_like(5, rng)
    want = metrics.log_likelihood(vae(np.random.default_rng(1)), x, 200)
    keras.config.set_dtype_policy("mixed_bfloat16")
    got = metrics.log_likelihood(vae(np.random.default_rng(1)), x, 200)
    assert got.values.dtype == np.float32
    np.testing.assert_allclose(got.values, want.values, atol=0.2)
    assert np.any(got.values != got.values.astype("float16"))


class Own(LatentModel):
    """A custom model that defines only what the docstring of `LatentModel` requires."""

    event_shape, latent_dim, observation = (4,), 2, Gaussian()

    def posterior(self, x):
        return x[:, :2], x[:, 2:] * 0.0

    def likelihood_parameters(self, z):
        return keras.ops.concatenate([z, -z], axis=-1)


def test_a_custom_model(rng):
    x = rng.random((6, 4)).astype("float32")
    result = metrics.log_likelihood(Own(), x, 20_000)
    w = np.concatenate([np.eye(2), -np.eye(2)])
    p = stats.multivariate_normal(np.zeros(4), w @ w.T + np.eye(4))
    np.testing.assert_allclose(result.values, p.logpdf(x), atol=5 * result.row_errors.max())


@pytest.mark.once
def test_rows_on_disk_and_tensors(rng, tmp_path):
    model, x = vae(rng), digits_like(5, rng)
    want = metrics.log_likelihood(model, x, 10).values
    np.save(tmp_path / "x.npy", x)
    for rows in (np.load(tmp_path / "x.npy", mmap_mode="r"), keras.ops.convert_to_tensor(x)):
        np.testing.assert_array_equal(metrics.log_likelihood(model, rows, 10).values, want)


@pytest.mark.once
def test_one_row_and_one_sample(rng):
    result = metrics.log_likelihood(vae(rng), digits_like(1, rng), 1)
    assert np.isnan(result.standard_error) and np.isnan(result.monte_carlo_error)
    assert result.effective_sample_size[0] == 1.0 and np.isfinite(result.mean)
    assert "values" not in repr(result)


@pytest.mark.parametrize(
    "change, match",
    [
        ({"samples": 0}, "`samples` must be an integer"),
        ({"samples": 1.5}, "Received: samples=1.5"),
        ({"chunk": 0}, "`chunk`"),
        ({"batch_size": -1}, "`batch_size`"),
        ({"batch_size": True}, "`batch_size`"),
        ({"seed": -1}, "`seed`"),
        ({"seed": None}, "`seed`"),
        ({"domain": "source"}, "has one domain"),
        ({"x": np.zeros((0, 4, 4, 1), "float32")}, "one row or more"),
        ({"x": np.zeros((2, 4, 4), "float32")}, "must have shape"),
        ({"x": np.full((2, 4, 4, 1), 2.0, "float32")}, "must lie in"),
        ({"x": np.full((2, 4, 4, 1), np.nan, "float32")}, "must be finite"),
        ({"model": object()}, "LatentModel"),
        ({"model": LatentModel()}, "LatentModel with a likelihood"),
    ],
)
def test_errors(rng, change, match):
    arguments = {"model": vae(rng), "x": digits_like(2, rng), "samples": 5} | change
    with pytest.raises(ValueError, match=match):
        metrics.log_likelihood(**arguments)


@pytest.mark.parametrize("domain", [None, "x"])
def test_a_domain_is_required(rng, domain):
    model = models.VBTA(**vbta_mlp((4, 4, 1), 8, 2))
    with pytest.raises(ValueError, match=r"`domain` must be one of \['source', 'target'\]"):
        metrics.log_likelihood(model, digits_like(2, rng), domain=domain)


def test_diverged_weights(rng):
    model = vae(rng)
    model.trainable_variables[0].assign(model.trainable_variables[0] * np.nan)
    with pytest.raises(ValueError, match="NaN for 2 of 2 rows"):
        metrics.log_likelihood(model, digits_like(2, rng), 5)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_against_pythae(rng, likelihood):
    """`get_nll` with the same weights; pythae's Gaussian has unit variance."""
    pytest.importorskip("pythae")
    import torch
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    model, x = vae(rng, likelihood), digits_like(8, rng)
    first, mean, log_var, hidden, output = (
        [torch.tensor(w) for w in pair]
        for pair in zip(*[iter([to_numpy(v) for v in model.trainable_variables])] * 2, strict=True)
    )
    apply = lambda weights, x: x @ weights[0] + weights[1]  # noqa: E731

    class Encoder(BaseEncoder):
        def forward(self, x):
            h = torch.relu(apply(first, x.flatten(1)))
            raw = apply(log_var, h)
            log_variance = torch.log(torch.nn.functional.softplus(raw))
            return ModelOutput(embedding=apply(mean, h), log_covariance=log_variance)

    class Decoder(BaseDecoder):
        def forward(self, z):
            out = apply(output, torch.relu(apply(hidden, z)))
            out = torch.sigmoid(out) if likelihood == "bernoulli" else out
            return ModelOutput(reconstruction=out)

    loss = {"bernoulli": "bce", "gaussian": "mse"}[likelihood]
    config = VAEConfig(input_dim=(1, 4, 4), latent_dim=3, reconstruction_loss=loss)
    peer = VAE(config, Encoder(), Decoder())
    torch.manual_seed(0)
    with torch.no_grad():
        theirs = peer.get_nll(torch.tensor(x), n_samples=20_000, batch_size=5_000)
    result = metrics.log_likelihood(model, x, 20_000)
    assert result.monte_carlo_error < 0.02
    # Independent estimates; pythae's `nll` is the mean log-likelihood.
    assert abs(result.mean - theirs) < 5 * result.monte_carlo_error
