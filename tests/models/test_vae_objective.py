"""The VAE's loss terms, against torch.distributions in float64."""

import numpy as np
import pytest
import torch
from small_networks import digits, to_numpy, vae
from torch import distributions


def normal(mean, variance):
    mean, variance = (torch.tensor(np.asarray(t), dtype=torch.float64) for t in (mean, variance))
    return distributions.Independent(distributions.Normal(mean, variance.sqrt()), 1)


def oracle(model, x, z):
    """The two terms by torch.distributions, for latents `z` that were drawn."""
    z_mean, z_log_var = to_numpy(model.posterior(x))
    q = normal(z_mean, np.exp(z_log_var))
    prior = normal(np.zeros_like(z_mean), np.ones_like(z_mean))
    kl = distributions.kl_divergence(q, prior).mean().item()
    rows = torch.tensor(x.reshape(len(x), -1), dtype=torch.float64)
    out = torch.tensor(to_numpy(model.decoder(z)).reshape(len(x), -1), dtype=torch.float64)
    if model.likelihood == "bernoulli":
        # Grey pixels as probabilities: `Bernoulli` without its check of the support.
        p = distributions.Bernoulli(logits=out, validate_args=False)
    else:
        p = distributions.Normal(out, model.observation_variance**0.5)
    return -p.log_prob(rows).sum(1).mean().item(), kl


@pytest.mark.parametrize(
    "options",
    [
        {"likelihood": "gaussian"},
        {"likelihood": "gaussian", "observation_variance": 0.05, "beta": 3.0},
        {"likelihood": "bernoulli", "beta": 0.0},
    ],
)
def test_terms(options, monkeypatch):
    x, _ = digits(20)
    model = vae(**options)
    drawn = []

    def recorded(*q):
        drawn.append(type(model).sample(model, *q))
        return drawn[-1]

    for sample in (lambda z_mean, z_log_var: z_mean, recorded):
        monkeypatch.setattr(model, "sample", sample)
        loss, terms = to_numpy(model.negative_elbo(x))
        z = to_numpy(drawn[-1] if drawn else model.posterior(x)[0])
        nll, kl = oracle(model, x, z)
        np.testing.assert_allclose(terms["reconstruction_loss"], nll, rtol=1e-5)
        np.testing.assert_allclose(terms["kl_loss"], kl, rtol=1e-5)
        np.testing.assert_allclose(loss, nll + model.beta * kl, rtol=1e-5)


def test_the_draw_is_of_the_posterior():
    """Mean and spread of many draws of one row are those of q(z|x)."""
    x, _ = digits(1)
    model = vae()
    q = model.posterior(np.repeat(x, 20_000, axis=0))
    z = to_numpy(model.sample(*q))
    mean, log_var = (t[0] for t in to_numpy(q))
    np.testing.assert_allclose(z.mean(0), mean, atol=0.03)
    np.testing.assert_allclose(z.std(0), np.exp(log_var / 2), rtol=0.03)
    assert not np.array_equal(z, to_numpy(model.sample(*q))), "every step draws anew"


def test_seed_gives_the_same_noise():
    x, _ = digits(5)
    draws = [to_numpy(m.sample(*m.posterior(x * 0))) for m in (vae(), vae())]
    # Biases start at 0, so that the two posteriors of a black image are the same.
    np.testing.assert_array_equal(*draws)
