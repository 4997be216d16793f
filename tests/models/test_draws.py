"""Objectives are of draws from the posterior, not of its mean, and draws are of their seed."""

import keras
import numpy as np
import pytest
from keras import ops
from small_networks import (
    attributed_digits,
    batch,
    cvae,
    dual_vae,
    labelled_digits,
    tvae,
    vae,
    vbta,
)

from keras_latent import models
from keras_latent.src.models.bridging.networks import bridging_mlp
from keras_latent.src.models.vae.vae import VAE

ROWS = 12
X, Y = attributed_digits(ROWS)


def numpy(t):
    return ops.convert_to_numpy(t).astype("float64")


def half_squares(x, made):
    """`-log N(x | made, 1)`, averaged over rows."""
    x, made = (t.reshape(len(t), -1) for t in (x, made))
    return 0.5 * np.mean(np.sum((x - made) ** 2 + np.log(2 * np.pi), axis=1))


def drawing(model, monkeypatch, *draws):
    """The model, whose draws are these, one after the other."""
    left = [ops.convert_to_tensor(z) for z in draws]
    monkeypatch.setattr(model, "sample", lambda z_mean, z_log_var: left.pop(0))
    return model


@pytest.fixture
def z(rng):
    return rng.normal(size=(ROWS, 4)).astype("float32")


def test_cvae_decodes_a_draw(z, monkeypatch):
    model = drawing(cvae(), monkeypatch, z)
    _, terms = model.negative_elbo(*model.unpack((X, Y)))
    wanted = half_squares(X, model.decode(z, Y))
    assert float(terms["reconstruction_loss"]) == pytest.approx(wanted, rel=1e-5)


def test_tvae_decodes_a_draw(z, monkeypatch):
    model = drawing(tvae(), monkeypatch, z)
    x, labels = labelled_digits(ROWS)
    _, terms = model.tvae_loss(ops.convert_to_tensor(x), ops.convert_to_tensor(labels))
    wanted = half_squares(x, model.decode(z))
    assert float(terms["reconstruction_loss"]) == pytest.approx(wanted, rel=1e-5)


def test_dual_vae_sees_attributes_in_a_draw(z, monkeypatch):
    model = drawing(dual_vae(), monkeypatch, z)
    _, terms = model.losses_of(ops.convert_to_tensor(X), ops.convert_to_tensor(Y))
    logits = z @ model.dual_vectors().T
    wanted = np.where(Y < 0, 0, np.logaddexp(0, logits) - Y * logits).sum(1).mean()
    assert float(terms["attribute_loss"]) == pytest.approx(wanted, rel=1e-5)
    right = ((logits > 0) == (Y > 0))[Y >= 0].mean()
    assert float(terms["attribute_accuracy"][0]) == pytest.approx(right, rel=1e-5)
    wanted = half_squares(X, model.decode(z))
    assert float(terms["reconstruction_loss"]) == pytest.approx(wanted, rel=1e-5)


def test_vbta_decodes_and_compares_draws(rng, monkeypatch):
    """With one latent every direction is 1 or -1, and the distance is that of sorted draws."""
    model = vbta(latent_dim=1, swd=1.0, cross_reconstruction=1.0)
    z = {d: rng.normal(size=(ROWS, 1)).astype("float32") for d in ("source", "target")}
    drawing(model, monkeypatch, *z.values())
    x = batch(ROWS)
    _, terms = model.negative_elbo({k: ops.convert_to_tensor(v) for k, v in x.items()})
    for d, rows in z.items():
        wanted = half_squares(x[d], model.decode(rows, d))
        assert float(terms[f"{d}_reconstruction_loss"]) == pytest.approx(wanted, rel=1e-5)
    crossed = half_squares(x["source"], model.decode(z["target"], "source"))
    crossed += half_squares(x["target"], model.decode(z["source"], "target"))
    assert float(terms["cross_reconstruction_loss"]) == pytest.approx(crossed, rel=1e-5)
    wanted = np.mean((np.sort(z["source"], 0) - np.sort(z["target"], 0)) ** 2)
    assert float(terms["swd_loss"]) == pytest.approx(wanted, rel=1e-4)


def test_bridging_vae_decodes_compares_and_classifies_draws(rng, monkeypatch):
    """Three domains: the distance is the mean over their three pairs."""
    domains = ("a", "b", "c")
    networks = bridging_mlp(3, 3, 1, hidden=8, depth=1)
    model = models.BridgingVAE(**networks, domains=domains, num_classes=4, beta_swd=0.7)
    latents = {d: rng.normal(size=(ROWS, 3)).astype("float32") for d in domains}
    labels = {d: rng.integers(0, 4, ROWS) for d in domains}
    shared = {d: rng.normal(i, 1.0, size=(ROWS, 1)) for i, d in enumerate(domains)}
    shared = {d: rows.astype("float32") for d, rows in shared.items()}
    drawing(model, monkeypatch, np.concatenate(list(shared.values())))
    loss, terms = model.bridging_loss(
        {d: ops.convert_to_tensor(rows) for d, rows in latents.items()},
        {d: ops.convert_to_tensor(y.astype("int32")) for d, y in labels.items()},
    )
    wanted = sum(np.mean((latents[d] - model.decode(shared[d], d)) ** 2) for d in domains)
    assert float(terms["reconstruction_loss"]) == pytest.approx(wanted, rel=1e-4)
    a, b, c = (np.sort(rows, axis=0) for rows in shared.values())
    wanted = (np.mean((a - b) ** 2) + np.mean((a - c) ** 2) + np.mean((b - c) ** 2)) / 3
    assert float(terms["swd_loss"]) == pytest.approx(wanted, rel=1e-4)
    wanted = 0.0
    for d in domains:
        logits = numpy(model.classifier(shared[d]))
        logits -= np.logaddexp.reduce(logits, axis=1, keepdims=True)
        wanted -= logits[np.arange(ROWS), labels[d]].mean()
    assert float(terms["classification_loss"]) == pytest.approx(wanted, rel=1e-4)
    parts = {"reconstruction": 1.0, "kl": 0.005, "swd": 0.7, "classification": 0.05}
    total = sum(weight * float(terms[f"{name}_loss"]) for name, weight in parts.items())
    assert float(loss) == pytest.approx(total, rel=1e-5)


# Seeds ---------------------------------------------------------------------------------------


def test_encode_draws_by_its_seed():
    model = vae()
    draws = [model.encode(X, sample=True, seed=seed) for seed in (3, 3, 4)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert np.abs(draws[0] - draws[2]).max() > 0.1
    # Noise of the posterior's deviation, the same on every backend.
    mean, log_var = (numpy(t) for t in model.posterior(ops.convert_to_tensor(X)))
    noise = np.random.default_rng(3).standard_normal(mean.shape, "float32")
    np.testing.assert_allclose(draws[0], mean + np.exp(log_var / 2) * noise, atol=1e-5)


@pytest.fixture(scope="module")
def chain():
    keras.utils.set_random_seed(0)
    networks = bridging_mlp(4, 2, 2, hidden=8, depth=1)
    return models.LatentDomainTransfer(vae(), models.BridgingVAE(**networks), vae())


@pytest.mark.parametrize("verb", ["reconstruct", "transfer"])
def test_a_chain_draws_by_its_seed(chain, verb):
    draws = [getattr(chain, verb)(X, sample=True, seed=seed) for seed in (3, 3, 4)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert np.abs(draws[0] - draws[2]).max() > 1e-3
    assert np.abs(draws[0] - getattr(chain, verb)(X)).max() > 1e-3


def test_both_draws_of_a_chain_have_noise_of_their_own(chain, monkeypatch):
    seeds = []

    def recorded(verb):
        def call(*args, seed=None, **kwargs):
            seeds.append(seed)
            return verb(*args, seed=seed, **kwargs)

        return call

    for name in ("encode", "transfer_latents"):
        monkeypatch.setattr(chain, name, recorded(getattr(chain, name)))
    chain.transfer(X, sample=True, seed=3)
    first, second = (np.random.default_rng(seed).standard_normal(3) for seed in seeds)
    assert np.abs(first - second).min() > 1e-6


def test_a_model_draws_by_its_seed():
    zeros = ops.zeros((5, 4))
    parts = vae().get_config()
    draws = []
    for seed in (3, 3, 4):
        model = VAE.from_config(parts | {"seed": seed})
        draws.append(numpy(model.sample(zeros, zeros)))
    np.testing.assert_array_equal(draws[0], draws[1])
    assert np.abs(draws[0] - draws[2]).max() > 0.1
