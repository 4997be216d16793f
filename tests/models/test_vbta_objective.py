"""VBTA's objective on fixed weights: a NumPy loop over known pairs is the oracle."""

import keras
import numpy as np
import pytest
import torch
from small_networks import DIGIT, batch, quick_compile, to_numpy, vbta
from torch import distributions

from keras_latent import training
from keras_latent.src.models.base import blocks
from keras_latent.src.models.vbta.networks import vbta_mlp

SOME = np.arange(12) % 3 == 0


def symmetric_kl(p, q, i, j):
    """1/2 KL(p_i || q_j) + 1/2 KL(q_j || p_i), by torch.distributions."""
    one, other = (
        distributions.Normal(
            torch.tensor(mean[k], dtype=torch.float64),
            torch.tensor(np.exp(log_var[k] / 2), dtype=torch.float64),
        )
        for (mean, log_var), k in ((p, i), (q, j))
    )
    kl = distributions.kl_divergence
    return 0.5 * (kl(one, other).sum() + kl(other, one).sum()).item()


def triplet_oracle(q, paired):
    """softplus(d_ij - d_ik), k the nearest of the other target rows; mean over pairs."""
    losses = []
    for i in np.flatnonzero(paired):
        rows = range(len(paired))
        d = [symmetric_kl(q["source"], q["target"], i, k) for k in rows]
        d_ik = min(d[k] for k in rows if k != i)
        losses.append(np.logaddexp(0.0, d[i] - d_ik))
    return np.mean(losses) if losses else 0.0


def nll(model, x, parameters):
    """-log p(x|z) of each row, (batch,)."""
    x = torch.tensor(x.reshape(len(x), -1), dtype=torch.float64)
    parameters = to_numpy(parameters).reshape(len(x), -1)
    parameters = torch.tensor(parameters, dtype=torch.float64)
    if model.likelihood == "bernoulli":
        p = distributions.Bernoulli(logits=parameters, validate_args=False)
    else:
        p = distributions.Normal(parameters, model.observation_variance**0.5)
    return -p.log_prob(x).sum(1).numpy()


@pytest.fixture
def mean_latents(monkeypatch):
    """Models whose draw is the mean: no noise between the loss and its oracle."""

    def of(model):
        monkeypatch.setattr(model, "sample", lambda z_mean, z_log_var: z_mean)
        return model

    return of


@pytest.mark.parametrize(
    "options",
    [
        {"likelihood": "gaussian", "observation_variance": 0.05, "cross_reconstruction": 2.0},
        {"likelihood": "bernoulli", "cross_reconstruction": 0.5},
        {"likelihood": "gaussian"},
    ],
)
@pytest.mark.parametrize("paired", [SOME, SOME | True, SOME & False, np.arange(12) == 5])
def test_terms(options, paired, mean_latents):
    weights = {"alpha": 0.7, "beta": 1.3, "gamma": 10.0}
    model = mean_latents(vbta(**weights, **options))
    x = batch(12, paired)
    loss, terms = to_numpy(model.negative_elbo(x))

    q = {d: to_numpy(model.posterior(x[d], d)) for d in ("source", "target")}
    expected = {"triplet_loss": triplet_oracle(q, paired)}
    cross = 0.0
    for d, other in (("source", "target"), ("target", "source")):
        mean, log_var = (t.astype("float64") for t in q[d])
        kl = 0.5 * (np.exp(log_var) + mean**2 - 1 - log_var).sum(1)
        expected[f"{d}_kl_loss"] = kl.mean()
        own = model.likelihood_parameters(q[d][0], d)
        expected[f"{d}_reconstruction_loss"] = nll(model, x[d], own).mean()
        if paired.any():
            crossed = model.likelihood_parameters(q[other][0], d)
            cross += nll(model, x[d], crossed)[paired].mean()
    if model.cross_reconstruction:
        expected["cross_reconstruction_loss"] = cross

    assert set(terms) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(terms[name], value, rtol=2e-5, atol=1e-6, err_msg=name)
    total = (
        0.7 * (expected["source_kl_loss"] + expected["target_kl_loss"])
        + 1.3 * (expected["source_reconstruction_loss"] + expected["target_reconstruction_loss"])
        + 10.0 * expected["triplet_loss"]
        + model.cross_reconstruction * cross
    )
    np.testing.assert_allclose(loss, total, rtol=2e-5)


def test_an_error_in_a_formula_would_show(mean_latents):
    """The oracle tells d_ij - d_ik from its opposite, and nearest from farthest."""
    model = mean_latents(vbta())
    x = batch(12, SOME)
    q = {d: to_numpy(model.posterior(x[d], d)) for d in ("source", "target")}
    d = np.array(
        [[symmetric_kl(q["source"], q["target"], i, k) for k in range(12)] for i in range(12)]
    )
    off = d + np.diag(np.full(12, np.inf))
    wrong = np.mean(np.logaddexp(0, off.min(1) - np.diag(d))[SOME])
    assert abs(wrong - triplet_oracle(q, SOME)) > 0.01


def gaussians(means):
    means = np.asarray(means, "float32")[:, None]
    return means, np.zeros_like(means)


def triplet(target, paired=(True, False)):
    model = vbta(hidden=2, latent_dim=1, target=DIGIT)
    loss = model.triplet_loss(
        gaussians([0.0, 9.0]), gaussians(target), keras.ops.convert_to_tensor(np.array(paired))
    )
    return float(to_numpy(loss))


def test_erratum_a_far_negative_and_a_near_positive_are_rewarded():
    # d between unit Gaussians is half the squared distance of their means.
    assert triplet([1.0, 2.0]) == pytest.approx(np.logaddexp(0, 0.5 - 2.0), rel=1e-5)
    far, near = triplet([1.0, 3.0]), triplet([1.0, 1.5])
    assert far < triplet([1.0, 2.0]) < near
    assert triplet([0.5, 2.0]) < triplet([1.0, 2.0]) < triplet([1.5, 2.0])


def test_unpaired_rows_are_negatives_and_never_anchors():
    # The second anchor is at 9: d = 49/2 to its own, 64/2 to the other.
    one, other = np.logaddexp(0, 0.5 - 2.0), np.logaddexp(0, 24.5 - 32.0)
    assert triplet([1.0, 2.0], (True, True)) == pytest.approx((one + other) / 2, rel=1e-5)
    assert triplet([1.0, 2.0], (False, True)) == pytest.approx(other, rel=1e-4)
    assert triplet([1.0, 2.0], (False, False)) == 0.0


def test_one_row_has_no_negative_and_no_triplet():
    model = vbta(hidden=2, latent_dim=1, target=DIGIT)
    q = gaussians([0.0])
    assert float(to_numpy(model.triplet_loss(q, q, keras.ops.convert_to_tensor([True])))) == 0.0


def test_without_a_known_pair_gradients_are_finite():
    model = vbta(cross_reconstruction=1.0, gamma=100.0)
    model.compile(keras.optimizers.SGD(1e-3))
    before = [np.array(to_numpy(v)) for v in model.trainable_variables]
    logs = model.train_on_batch(batch(12, SOME & False), return_dict=True)
    assert logs["triplet_loss"] == 0.0 and logs["cross_reconstruction_loss"] == 0.0
    after = [to_numpy(v) for v in model.trainable_variables]
    assert all(np.isfinite(v).all() for v in after)
    assert any((a != b).any() for a, b in zip(before, after, strict=True))


def test_unpaired_rows_get_no_gradient_of_the_terms_of_pairs():
    """With alpha = beta = 0, what an unpaired source row holds cannot matter."""
    results = []
    for scale in (1.0, 0.3):
        keras.utils.set_random_seed(2)
        model = vbta(alpha=0.0, beta=0.0, gamma=1.0, seed=4)
        model.compile(keras.optimizers.SGD(0.1), jit_compile=quick_compile())
        x = batch(12, SOME)
        x["source"] = np.where(SOME[:, None, None, None], x["source"], x["source"] * scale)
        model.train_on_batch(x)
        results.append([to_numpy(v) for v in model.trainable_variables])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_terms_of_train_and_test_steps_are_those_of_the_objective(mean_latents):
    model = mean_latents(vbta(cross_reconstruction=1.0))
    model.compile(keras.optimizers.SGD(0.0))
    x = batch(12, SOME)
    loss, terms = to_numpy(model.negative_elbo(x))
    expected = {"loss": loss, **terms}
    for step in (model.train_on_batch, model.test_on_batch):
        logs = step(x, return_dict=True)
        assert set(logs) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(logs[name], value, rtol=2e-5)
        model.reset_metrics()


def test_networks_of_the_paper():
    """Section 5.3: 784 -> 512 ReLU; two heads of 64; 64 -> 512 ReLU; 512 -> 784."""
    parts = vbta_mlp((28, 28, 1))
    counts = {name: network.count_params() for name, network in parts.items()}
    assert counts == {
        "source_encoder": 784 * 512 + 512,
        "target_encoder": 784 * 512 + 512,
        "shared_encoder": 2 * (512 * 64 + 64),
        "shared_decoder": 64 * 512 + 512,
        "source_decoder": 512 * 784 + 784,
        "target_decoder": 512 * 784 + 784,
    }
    assert isinstance(vbta(), training.PortableModel)


def test_the_variance_of_the_papers_heads_is_a_softplus():
    heads = blocks.gaussian_heads(3, 2, "heads")
    h = np.array([[0.3, -2.0, 5.0]], "float32")
    kernel, bias = heads.get_layer("z_log_var").get_weights()
    _, z_log_var = to_numpy(heads(h))
    np.testing.assert_allclose(np.exp(z_log_var), np.logaddexp(0, h @ kernel + bias), rtol=1e-5)


def test_sliced_wasserstein_of_the_latents(mean_latents, monkeypatch):
    """With the directions held fixed: sorted projections, by NumPy."""
    model = mean_latents(vbta(swd=2.0))
    x = batch(12, SOME)
    z = {d: to_numpy(model.posterior(x[d], d))[0] for d in ("source", "target")}
    directions = np.random.default_rng(0).normal(size=(z["source"].shape[1], 50))
    directions = (directions / np.linalg.norm(directions, axis=0)).astype("float32")
    monkeypatch.setattr(
        "keras_latent.src.layers.sliced_wasserstein.random_projections",
        lambda *args: keras.ops.convert_to_tensor(directions.T),
    )
    loss, terms = to_numpy(model.negative_elbo(x))
    a, b = (np.sort(z[d] @ directions, axis=0) for d in ("source", "target"))
    np.testing.assert_allclose(terms["swd_loss"], np.mean((a - b) ** 2), rtol=1e-4)
    plain, _ = to_numpy(mean_latents(_without_swd(model)).negative_elbo(x))
    np.testing.assert_allclose(loss, plain + 2.0 * terms["swd_loss"], rtol=1e-5)


def _without_swd(model):
    copy = type(model).from_config(model.get_config() | {"swd": 0.0})
    for name in ("source_encoder", "target_encoder", "source_decoder", "target_decoder"):
        getattr(copy, name).set_weights(getattr(model, name).get_weights())
    for name in ("shared_encoder", "shared_decoder"):
        if getattr(model, name) is not None:
            getattr(copy, name).set_weights(getattr(model, name).get_weights())
    return copy


def test_the_distance_draws_two_domains_together():
    """An offset between the domains, which triplets do not see, goes."""
    x = batch(40, np.zeros(40, bool))
    x |= {"source": 0.3 * x["source"], "target": 0.3 * x["target"] + 0.7}
    found = {}
    for weight in (0.0, 200.0):
        keras.utils.set_random_seed(0)
        model = vbta(swd=weight, alpha=0.01, observation_variance=0.05, seed=0)
        model.compile(keras.optimizers.Adam(1e-2), jit_compile=quick_compile())
        model.fit(x, batch_size=40, epochs=40, verbose=0)
        z = [model.encode(x[d], d) for d in ("source", "target")]
        found[weight] = np.linalg.norm(z[0].mean(0) - z[1].mean(0)) / z[0].std()
    assert found[200.0] < 0.5 * found[0.0]
