"""JMVAE: its objective against torch.distributions, pairs, log-likelihoods and training."""

import keras
import numpy as np
import pytest
import torch
from keras import layers
from scipy import stats
from small_networks import DIGIT, SKETCH, batch, digits, jmvae, quick_compile, to_numpy
from torch.distributions import Bernoulli, Normal, kl_divergence

from keras_latent import metrics, models
from keras_latent.src.models.jmvae.networks import jmvae_mlp

DOMAINS = ("source", "target")
SOME = np.arange(12) % 3 == 0


def normal(q):
    mean, log_var = (torch.tensor(t, dtype=torch.float64) for t in to_numpy(q))
    return Normal(mean, (log_var / 2).exp())


def double(t):
    t = to_numpy(t)
    return torch.tensor(t.reshape(len(t), -1), dtype=torch.float64)


@pytest.fixture
def fixed_draw(monkeypatch, rng):
    """Models whose draw is given: what is decoded, and not the mean."""

    def of(model):
        z = rng.normal(size=(12, model.latent_dim)).astype("float32")
        monkeypatch.setattr(model, "sample", lambda *q: keras.ops.convert_to_tensor(z))
        return model, z

    return of


def oracle(model, x, z):
    """The terms in float64, averaged over the pairs."""
    joint = normal(model.joint_posterior(x["source"], x["target"]))
    rows = {"joint_kl_loss": kl_divergence(joint, Normal(0.0, 1.0)).sum(1)}
    for d in DOMAINS:
        alone = normal(model.posterior(x[d], d))
        rows[f"{d}_divergence_loss"] = kl_divergence(joint, alone).sum(1)
        made = double(model.likelihood_parameters(z, d))
        if model.likelihood == "bernoulli":
            p = Bernoulli(logits=made, validate_args=False)
        else:
            p = Normal(made, model.observation_variance**0.5)
        rows[f"{d}_reconstruction_loss"] = -p.log_prob(double(x[d])).sum(1)
    known = torch.tensor(x["paired"])
    return {name: r[known].mean().item() if known.any() else 0.0 for name, r in rows.items()}


@pytest.mark.parametrize("paired", [SOME, SOME | True, SOME & False, np.arange(12) == 5])
@pytest.mark.parametrize(
    "options", [{"alpha": 0.3, "observation_variance": 0.05}, {"likelihood": "bernoulli"}]
)
def test_terms(options, paired, fixed_draw):
    model, z = fixed_draw(jmvae(**options))
    x = batch(12, paired)
    loss, terms = to_numpy(model.negative_elbo(x))
    expected = oracle(model, x, z)
    assert set(terms) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(terms[name], value, rtol=2e-5, atol=1e-6, err_msg=name)
    total = sum(
        value * (model.alpha if "divergence" in name else 1.0) for name, value in expected.items()
    )
    np.testing.assert_allclose(loss, total, rtol=2e-5)
    assert model.alpha == options.get("alpha", 1.0)


def test_draws_are_of_the_joint_posterior(monkeypatch):
    model, seen = jmvae(), []
    x = batch(12, SOME)

    def sample(*q):
        seen.append(to_numpy(q))
        return q[0]

    monkeypatch.setattr(model, "sample", sample)
    model.negative_elbo(x)
    (q,) = seen
    for got, wanted in zip(q, model.joint_posterior(x["source"], x["target"]), strict=True):
        np.testing.assert_allclose(got, to_numpy(wanted), rtol=1e-6)


def test_unpaired_rows_do_not_matter():
    results = []
    for value in (0.0, 0.9):
        keras.utils.set_random_seed(2)
        model = jmvae(seed=4)
        model.compile(keras.optimizers.SGD(1e-3), jit_compile=quick_compile())
        x = batch(12, SOME)
        x["source"] = np.where(SOME[:, None, None, None], x["source"], np.float32(value))
        logs = model.train_on_batch(x, return_dict=True)
        results.append([*map(to_numpy, model.trainable_variables), *logs.values()])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_without_a_pair_nothing_is_learned_and_that_is_said():
    model = jmvae()
    model.compile(keras.optimizers.SGD(1.0), jit_compile=quick_compile())
    before = model.get_weights()
    with pytest.warns(UserWarning, match="None of the 12 rows of `paired`.*known pairs only"):
        history = model.fit(batch(12, SOME & False), verbose=0).history
    assert all(values == [0.0] for values in history.values())
    for a, b in zip(before[:-1], model.get_weights()[:-1], strict=True):  # the last is the seed
        np.testing.assert_array_equal(a, b)


@pytest.mark.once
def test_logs_are_means_over_the_pairs(monkeypatch):
    """Batches with 4 pairs and 1 weigh as 4 to 1, and batches without none count for nothing."""
    model = jmvae()
    monkeypatch.setattr(model, "sample", lambda z_mean, z_log_var: z_mean)
    model.compile(run_eagerly=True)
    x = batch(18, np.isin(np.arange(18), [0, 1, 2, 3, 7]))
    whole = model.evaluate(x, batch_size=18, verbose=0, return_dict=True)
    parts = model.evaluate(x, batch_size=6, verbose=0, return_dict=True)
    assert parts == pytest.approx(whole, rel=1e-5)


@pytest.mark.once
def test_one_domain_is_enough_for_all_methods():
    model, x = jmvae(), batch(5)
    z = model.encode(x["source"])
    np.testing.assert_allclose(z, to_numpy(model.posterior(x["source"], "source")[0]), rtol=1e-5)
    np.testing.assert_allclose(model.translate(x["source"]), model.decode(z, "target"), atol=1e-6)
    made = model.predict({d: x[d] for d in DOMAINS}, verbose=0)
    np.testing.assert_allclose(made["source_translation"], model.translate(x["source"]), atol=1e-5)
    drawn = [model.encode(x["target"], "target", sample=True, seed=s) for s in (1, 1, 2)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert np.abs(drawn[0] - drawn[2]).max() > 0.1
    images = model.generate(3, seed=0)
    assert {d: i.shape for d, i in images.items()} == {
        "source": (3, *DIGIT),
        "target": (3, *SKETCH),
    }


# Log-likelihoods -----------------------------------------------------------------------------


def linear_gaussian(rng):
    """A JMVAE of vectors of 3 and 2 with one latent, known densities and exact posteriors.

    `x = a z + noise`, `y = b z + noise` with variance `v`: a Gaussian of 5 dimensions.
    """
    weights, v = {"source": rng.normal(size=3), "target": rng.normal(size=2)}, 0.3

    def exact(*domains):
        w = [weights[d] for d in domains]
        variance = 1 / (1 + sum(np.sum(part**2) for part in w) / v)
        images = [keras.Input(part.shape) for part in w]
        h = layers.Concatenate()(images) if len(images) > 1 else images[0]
        mean, log_var = layers.Dense(1, use_bias=False), layers.Dense(1)
        made = keras.Model(images if len(images) > 1 else h, (mean(h), log_var(h)))
        mean.set_weights([np.concatenate(w)[:, None] * variance / v])
        log_var.set_weights([np.zeros((h.shape[1], 1)), np.log([variance])])
        return made

    parts = {f"{d}_encoder": exact(d) for d in DOMAINS} | {"joint_encoder": exact(*DOMAINS)}
    for d, w in weights.items():
        decoder = keras.Sequential([keras.Input((1,)), layers.Dense(len(w), use_bias=False)])
        decoder.set_weights([w[None]])
        parts[f"{d}_decoder"] = decoder
    w = np.concatenate(list(weights.values()))
    density = stats.multivariate_normal(np.zeros(5), np.outer(w, w) + v * np.eye(5))
    return models.JMVAE(**parts, observation_variance=v), density


def test_log_likelihoods_of_pairs_and_of_one_domain_by_closed_forms(rng):
    model, p = linear_gaussian(rng)
    rows = p.rvs(20, rng).astype("float32")
    x, y = rows[:, :3], rows[:, 3:]
    pairs = model.pairs()
    joint = metrics.log_likelihood(pairs, pairs.rows(x, y), samples=3)
    np.testing.assert_allclose(joint.values, p.logpdf(rows), atol=2e-5)
    np.testing.assert_allclose(joint.effective_sample_size, 3, rtol=1e-4)
    alone = metrics.log_likelihood(model, y, samples=3, domain="target")
    wanted = stats.multivariate_normal(np.zeros(2), p.cov[3:, 3:]).logpdf(y)
    np.testing.assert_allclose(alone.values, wanted, atol=2e-5)
    # log p(x|y), by the formula of a conditional Gaussian.
    gain = p.cov[:3, 3:] @ np.linalg.inv(p.cov[3:, 3:])
    noise = stats.multivariate_normal(np.zeros(3), p.cov[:3, :3] - gain @ p.cov[3:, :3])
    np.testing.assert_allclose(joint.values - alone.values, noise.logpdf(x - y @ gain.T), atol=5e-5)


@pytest.mark.once
def test_pairs_have_the_observation_and_the_shapes_of_the_model():
    model, x = jmvae(likelihood="bernoulli"), batch(4)
    pairs = model.pairs()
    assert pairs.event_shape == (64 + 72,) and pairs.unit_interval
    result = metrics.log_likelihood(pairs, pairs.rows(x["source"], x["target"]), samples=200)
    sums = [metrics.log_likelihood(model, x[d], samples=200, domain=d).mean for d in DOMAINS]
    # Untrained: nearly independent given any latent.
    assert result.mean == pytest.approx(sum(sums), rel=0.1)
    with pytest.raises(ValueError, match="`source` and `target` must have equally many rows"):
        pairs.rows(x["source"], x["target"][:3])
    with pytest.raises(ValueError, match="`target`"):
        pairs.rows(x["source"], x["source"])


# Networks ------------------------------------------------------------------------------------


@pytest.mark.once
def test_networks_have_the_sizes_of_vbtas():
    counts = {name: part.count_params() for name, part in jmvae_mlp((28, 28, 1)).items()}
    heads = 2 * (512 * 64 + 64)
    encoder, decoder = 784 * 512 + 512 + heads, 64 * 512 + 512 + 512 * 784 + 784
    assert counts == {
        **{f"{d}_encoder": encoder for d in DOMAINS},
        **{f"{d}_decoder": decoder for d in DOMAINS},
        "joint_encoder": 2 * 784 * 512 + 512 + heads,
    }


@pytest.mark.once
def test_networks_for_images_of_two_sizes(rng):
    shapes = {"source": (28, 28, 1), "target": (32, 16, 3)}
    model = models.JMVAE(**models.networks_for("JMVAE", *shapes.values(), width=2, latent_dim=5))
    x = {d: rng.random((2, *shape), "float32") for d, shape in shapes.items()}
    assert model.translate(x["source"]).shape == (2, 32, 16, 3)
    assert model.joint_posterior(**x)[0].shape == (2, 5)
    same = models.networks_for("JMVAE", (64, 64, 3), width=2)
    kernels = [w.shape[-1] for w in same["joint_encoder"].weights if len(w.shape) == 4]
    assert kernels == [2, 4, 8, 8] * 2
    assert same["source_encoder"] is not same["target_encoder"]


@pytest.mark.once
def test_a_joint_encoder_must_fit():
    parts, other = jmvae_mlp(DIGIT, 4, 3), jmvae_mlp(DIGIT, 4, 2)
    with pytest.raises(ValueError, match="`joint_encoder` must take a list of images"):
        models.JMVAE(**parts | {"joint_encoder": parts["source_encoder"]})
    with pytest.raises(ValueError, match="`joint_encoder` must return latents of the size .* 3"):
        models.JMVAE(**parts | {"joint_encoder": other["joint_encoder"]})
    with pytest.raises(ValueError, match="`joint_encoder` must return `.z_mean, z_log_var.`"):
        one = keras.Model(parts["joint_encoder"].inputs, parts["joint_encoder"].outputs[0])
        models.JMVAE(**parts | {"joint_encoder": one})


# Training ------------------------------------------------------------------------------------


@pytest.mark.once
def test_digits_are_translated_into_their_transposes():
    """Better than by the best constant image, which takes all encoders and decoders to learn."""
    keras.utils.set_random_seed(0)
    x, y = digits(500)
    train, test = slice(0, 400), slice(400, None)
    model = jmvae(64, 16, target=DIGIT, observation_variance=0.05, seed=0)
    model.compile(keras.optimizers.Adam(5e-3))
    pairs = {"source": x[train], "target": y[train], "paired": np.ones(400, bool)}
    model.fit(pairs, batch_size=50, epochs=10, verbose=0)
    constant = np.square(y[test] - y[train].mean(0)).mean()
    assert np.square(model.translate(x[test]) - y[test]).mean() < 0.85 * constant
    assert np.square(model.translate(y[test], to="source") - x[test]).mean() < 0.85 * constant
