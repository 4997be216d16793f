"""LSTNet's losses and its step: torch.nn.functional, autograd and a naive step are the oracles."""

import keras
import numpy as np
import pytest
import torch
from keras import layers
from small_networks import (
    DIGIT,
    SKETCH,
    assert_same_weights,
    batch,
    lstnet,
    lstnet_mlp,
    lstnet_parts,
    quick_compile,
    to_numpy,
    weights,
)
from torch.nn import functional

from keras_latent import models, training

DOMAINS = ("source", "target")
WEIGHTS = {"w1": 2.0, "w2": 3.0, "wl": 5.0, "w3": 7.0, "w4": 11.0, "w5": 13.0, "w6": 17.0}
NONE = dict.fromkeys(WEIGHTS, 0.0)


def signed(rng, rows=(9, 6)):
    """Random images in [-1, 1]."""
    shapes = (DIGIT, SKETCH)
    return {
        d: keras.ops.convert_to_tensor(rng.uniform(-1, 1, (n, *shape)).astype("float32"))
        for d, n, shape in zip(DOMAINS, rows, shapes, strict=True)
    }


def sgd(rate, translators=None):
    """Plain descent, of the translators by a rate of their own."""
    rates = {"discriminators": rate, "translators": rate if translators is None else translators}
    return {team: keras.optimizers.SGD(r) for team, r in rates.items()}


@pytest.mark.parametrize("rows", [(9, 6), (4, 4), (1, 5)])
def test_translations_are_compositions(rows, rng):
    """Both domains pass the shared parts as one batch, and come out where they belong."""
    model, x = lstnet_mlp(), signed(rng, rows)

    def encode(x, d):
        return model.shared_encoder(getattr(model, f"{d}_encoder")(x))

    def decode(z, d):
        return getattr(model, f"{d}_generator")(model.shared_generator(z))

    expected = {
        "latent": {d: encode(x[d], d) for d in DOMAINS},
        "reconstructed": {d: decode(encode(x[d], d), d) for d in DOMAINS},
        "translated": {
            "source": decode(encode(x["target"], "target"), "source"),
            "target": decode(encode(x["source"], "source"), "target"),
        },
    }
    there = expected["translated"]
    expected["latent_of_translated"] = {
        "source": encode(there["target"], "target"),
        "target": encode(there["source"], "source"),
    }
    back = expected["latent_of_translated"]
    expected["cycled"] = {d: decode(back[d], d) for d in DOMAINS}
    found = model.translations(x)
    assert set(found) == set(expected)
    for name in expected:
        for d in DOMAINS:
            one, other = to_numpy((found[name][d], expected[name][d]))
            assert one.shape == other.shape
            np.testing.assert_allclose(one, other, atol=1e-5, err_msg=f"{name} {d}")


def oracle(model, x, made):
    """The terms in float64, by torch.nn.functional."""
    made = keras.tree.map_structure(lambda t: torch.tensor(to_numpy(t)).double(), made)
    x = {d: torch.tensor(to_numpy(x[d])).double() for d in DOMAINS}
    games = {d: (x[d], made["translated"][d]) for d in DOMAINS}
    games["latent"] = (made["latent"]["source"], made["latent"]["target"])
    terms, played = {}, 0.0
    for name, weight in (("source", model.w1), ("target", model.w2), ("latent", model.wl)):
        judge = getattr(model, f"{name}_discriminator")
        true, false = (
            torch.tensor(to_numpy(judge(images.float().numpy()))).double() for images in games[name]
        )

        def nll(logits, label):
            labels = torch.full_like(logits, label)
            return functional.binary_cross_entropy_with_logits(logits, labels).item()

        played += weight * (nll(true, 1.0 - model.label_smoothing) + nll(false, 0.0))
        fooled = nll(false, 1.0) + (nll(true, 0.0) if name == "latent" else 0.0)
        terms[f"{name}_adversarial_loss"] = fooled
        right = (true > 0).double().mean() + (false < 0).double().mean()
        terms[f"{name}_discriminator_accuracy"] = right.item() / 2
    terms["discriminator_loss"] = played
    for d in DOMAINS:
        terms[f"{d}_reconstruction_loss"] = functional.l1_loss(made["reconstructed"][d], x[d])
        terms[f"{d}_cycle_loss"] = functional.l1_loss(made["cycled"][d], x[d])
        variances = [images.var(0, unbiased=False) for images in (made["translated"][d], x[d])]
        terms[f"{d}_spread"] = variances[0].mean() / variances[1].mean()
    terms["feature_loss"] = sum(
        functional.l1_loss(made["latent_of_translated"][d], made["latent"][d]) for d in DOMAINS
    )
    terms = {name: float(value) for name, value in terms.items()}
    named = {
        "w1": "source_adversarial",
        "w2": "target_adversarial",
        "wl": "latent_adversarial",
        "w3": "source_reconstruction",
        "w4": "target_reconstruction",
        "w5": "source_cycle",
        "w6": "target_cycle",
    }
    terms["loss"] = sum(getattr(model, w) * terms[f"{name}_loss"] for w, name in named.items())
    terms["loss"] += model.feature_weight * terms["feature_loss"]
    return terms


OPTIONS = [{}, {"label_smoothing": 0.2}, {"feature_weight": 19.0, "label_smoothing": 0.1}]


@pytest.mark.parametrize("options", OPTIONS)
def test_terms(options, rng):
    model, x = lstnet_mlp(**WEIGHTS, **options), signed(rng)
    made = model.translations(x)
    expected = oracle(model, x, made)
    loss, found = to_numpy(model.discriminators_loss(x, made))
    np.testing.assert_allclose(loss, expected["discriminator_loss"], rtol=1e-5)
    loss, terms = to_numpy(model.translators_loss(x, made))
    found |= terms | {"loss": loss}
    if not options.get("feature_weight"):
        assert expected.pop("feature_loss") > 0.0
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("options", OPTIONS)
def test_steps_log_the_terms(options):
    """With learning rate 0 and without noise, a step's logs are the objective's terms."""
    model, x = lstnet_mlp(**WEIGHTS, **options), batch(12)
    model.compile(sgd(0.0), jit_compile=quick_compile())
    inputs = {d: keras.ops.convert_to_tensor(2 * x[d] - 1) for d in DOMAINS}
    expected = oracle(model, inputs, model.translations(inputs))
    if not model.feature_weight:
        del expected["feature_loss"]  # no part of the objective, no log
    for step in (model.train_on_batch, model.test_on_batch):
        logs = step(x, return_dict=True)
        assert set(logs) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(logs[name], value, rtol=1e-4, err_msg=name)
        model.reset_metrics()


def test_both_teams_want_the_opposite():
    """Non-saturating: the gradient of a lost game is large where log(1 - D)'s is none."""
    logits = keras.ops.convert_to_tensor(np.array([[-20.0], [20.0]], "float32"))
    model = lstnet_mlp()
    model._logits = lambda name, inputs, training: inputs
    empty = {d: keras.ops.zeros((2, 1)) for d in DOMAINS}
    made = {
        name: dict.fromkeys(DOMAINS, logits)
        for name in ("latent", "reconstructed", "translated", "cycled")
    }
    _, terms = to_numpy(model.translators_loss(empty, made))
    assert terms["source_adversarial_loss"] == pytest.approx(10.0, rel=1e-5)  # (20 + 0) / 2
    assert terms["latent_adversarial_loss"] == pytest.approx(20.0, rel=1e-5)
    _, terms = to_numpy(model.discriminators_loss(empty, made))
    log_2 = np.log(2.0)
    expected = 20.0 * 2 * (log_2 + 10.0) + 30.0 * 20.0
    assert terms["discriminator_loss"] == pytest.approx(expected, rel=1e-5)


# Steps -----------------------------------------------------------------------------------


class Naive(models.LSTNet):
    """The paper's two updates one after the other, each with translations of its own."""

    @training.portable
    def train_step(self, data):
        x = self.unpack(data)

        def first(x):
            return self.discriminators_loss(x, self.translations(x, training=True), True)

        def second(x):
            return self.translators_loss(x, self.translations(x, training=True), training=True)

        _, seen = self.minimize(first, x, of="discriminators")
        loss, terms = self.minimize(second, x, of="translators")
        return self.track(keras.ops.shape(x["source"])[0], loss=loss, **terms, **seen)


@pytest.mark.parametrize("make", [lstnet, lstnet_mlp])
def test_a_step_is_the_two_updates_of_the_paper(make):
    model, x = make(feature_weight=5.0, r1_weight=0.1), batch(16)
    naive = Naive.from_config(model.get_config())
    naive.set_weights(model.get_weights())
    start = weights(model)
    logs = []
    for m in (model, naive):
        m.compile(sgd(1e-4), jit_compile=quick_compile())
        logs.append([m.train_on_batch(x, return_dict=True) for _ in range(3)][-1])
    for one, other in zip(model.trainable_variables, naive.trainable_variables, strict=True):
        np.testing.assert_allclose(*to_numpy((one, other)), rtol=1e-5, atol=1e-5)
    for name, value in logs[0].items():
        np.testing.assert_allclose(value, logs[1][name], rtol=1e-4, err_msg=name)
    moved = [np.abs(a - b).max() for a, b in zip(start, weights(model), strict=True)]
    assert np.median(moved) > 1e-4  # ten times the tolerance


def test_translators_are_judged_by_the_updated_discriminators():
    """And the discriminators by what the translators made before they moved."""
    model, x = lstnet_mlp(), batch(16)
    model.compile(sgd(0.01, translators=0.0), jit_compile=quick_compile())
    inputs = {d: keras.ops.convert_to_tensor(2 * x[d] - 1) for d in DOMAINS}
    before = oracle(model, inputs, model.translations(inputs))
    logs = model.train_on_batch(x, return_dict=True)
    after = oracle(model, inputs, model.translations(inputs))
    for name in ("source", "target", "latent"):
        term = f"{name}_adversarial_loss"
        assert abs(after[term] - before[term]) > 1e-3
        np.testing.assert_allclose(logs[term], after[term], rtol=1e-4)
    np.testing.assert_allclose(logs["discriminator_loss"], before["discriminator_loss"], rtol=1e-4)
    assert after["discriminator_loss"] < before["discriminator_loss"]


def test_each_team_moves_its_own_networks():
    for still, rates in (("generator", (0.01, 0.0)), ("discriminator", (0.0, 0.01))):
        model, x = lstnet_mlp(), batch(12)
        model.compile(sgd(*rates), jit_compile=quick_compile())
        before = {v.path: np.array(to_numpy(v)) for v in model.trainable_variables}
        model.train_on_batch(x)
        for v in model.trainable_variables:
            judging = "discriminator" in v.path
            moved = np.abs(to_numpy(v) - before[v.path]).max() > 0
            assert moved == (judging != (still == "discriminator")), v.path


def test_moments_move_once_a_pass():
    """The translations are made once a step: moving averages see each image once."""
    model, x = lstnet(), batch(16)
    model.compile(sgd(0.0), jit_compile=quick_compile())
    layer = model.source_encoder.layers[1]
    assert isinstance(layer, layers.BatchNormalization)
    convolved = to_numpy(model.source_encoder.layers[0](2 * x["source"] - 1))
    made = to_numpy(model.translations({d: 2 * x[d] - 1 for d in DOMAINS}, training=True))
    again = to_numpy(model.source_encoder.layers[0](made["translated"]["source"]))
    expected = np.zeros(4)
    for _ in range(2):  # `translations` above, and the step
        for pixels in (convolved, again):
            expected = 0.99 * expected + 0.01 * pixels.mean((0, 1, 2))
    model.train_on_batch(x)
    np.testing.assert_allclose(to_numpy(layer.moving_mean), expected, rtol=1e-3, atol=1e-6)


# What is not in the paper ----------------------------------------------------------------


def linear(shape):
    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(1)])


def with_linear_discriminators(**kwargs):
    judges = {"source_discriminator": linear(DIGIT), "target_discriminator": linear(SKETCH)}
    return models.LSTNet(**lstnet_parts() | judges | {"seed": 1} | kwargs)


def test_r1_of_linear_discriminators_is_their_squared_weight(rng):
    """The slope of a linear function is its weight, wherever it is taken."""
    model, x = with_linear_discriminators(r1_weight=3.0), signed(rng)
    kernels = [getattr(model, f"{d}_discriminator").get_weights()[0] for d in DOMAINS]
    squares = sum(float(np.sum(kernel**2)) for kernel in kernels)
    made = model.translations(x)
    loss, terms = to_numpy(model.discriminators_loss(x, made, training=True))
    assert terms["r1_penalty"] == pytest.approx(squares, rel=1e-5)
    assert loss == pytest.approx(terms["discriminator_loss"] + 1.5 * squares, rel=1e-5)
    # No part of an evaluation.
    assert "r1_penalty" not in model.discriminators_loss(x, made)[1]


def test_r1_moves_the_weights_by_its_second_derivative():
    """d/dw of r/2 |w|^2 is r w; of several layers, what PyTorch's double backward says."""
    rate, r1 = 0.01, 3.0
    model = with_linear_discriminators(**NONE, r1_weight=r1)
    before = {d: getattr(model, f"{d}_discriminator").get_weights() for d in DOMAINS}
    latent = model.latent_discriminator.get_weights()
    x = batch(12)
    model.compile(sgd(rate, translators=0.0), jit_compile=quick_compile())
    logs = model.train_on_batch(x, return_dict=True)
    squares = sum(float(np.sum(kernel**2)) for kernel, _ in before.values())
    assert logs["r1_penalty"] == pytest.approx(squares, rel=1e-5)
    for d in DOMAINS:
        kernel, bias = getattr(model, f"{d}_discriminator").get_weights()
        np.testing.assert_allclose(kernel, before[d][0] * (1 - rate * r1), rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(bias, before[d][1])
    for old, new in zip(latent, model.latent_discriminator.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)

    model = lstnet_mlp(**NONE, r1_weight=r1)
    old = {d: getattr(model, f"{d}_discriminator").get_weights() for d in DOMAINS}
    model.compile(sgd(rate, translators=0.0), jit_compile=quick_compile())
    logs = model.train_on_batch(x, return_dict=True)
    total = 0.0
    for d in DOMAINS:
        w = [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in old[d]]
        images = torch.tensor(2 * x[d].reshape(12, -1) - 1).double().requires_grad_()
        logits = torch.tanh(images @ w[0] + w[1]) @ w[2] + w[3]
        (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        penalty = (slope**2).sum(1).mean()
        total += penalty.item()
        found = torch.autograd.grad(0.5 * r1 * penalty, w, allow_unused=True)
        new = getattr(model, f"{d}_discriminator").get_weights()
        for array, gradient, value in zip(old[d], found, new, strict=True):
            step = 0.0 if gradient is None else rate * gradient.numpy()
            np.testing.assert_allclose(value, array - step, rtol=1e-4, atol=1e-6)
        assert np.abs(new[0] - old[d][0]).max() > 1e-4
    assert logs["r1_penalty"] == pytest.approx(total, rel=1e-4)


def test_r1_goes_through_convolutions_and_pooling():
    model, x = lstnet(**NONE, r1_weight=1.0), batch(12)
    model.compile(sgd(0.05, translators=0.0), jit_compile=quick_compile())
    penalties = []
    for _ in range(5):
        penalties.append(model.train_on_batch(x, return_dict=True)["r1_penalty"])
        model.reset_metrics()
    assert np.isfinite(penalties).all() and penalties[-1] < penalties[0]


def test_instance_noise_is_for_training_alone(rng):
    options = {"instance_noise": 0.5}
    model, x = with_linear_discriminators(**options), signed(rng, (4000, 4000))
    quiet = with_linear_discriminators()
    quiet.set_weights(model.get_weights())
    made = keras.tree.map_structure(keras.ops.stop_gradient, quiet.translations(x))
    terms = {}
    for name, m, in_training in (
        ("quiet", quiet, True),
        ("test", model, False),
        ("one", model, True),
        ("other", model, True),
    ):
        _, terms[name] = to_numpy(m.discriminators_loss(x, made, in_training))
        terms[name] |= to_numpy(m.translators_loss(x, made, in_training))[1]
    for name, value in terms["quiet"].items():
        assert terms["test"][name] == pytest.approx(value, rel=1e-6), name
        if name.startswith("latent") or "reconstruction" in name or "cycle" in name:
            assert terms["one"][name] == pytest.approx(value, rel=1e-6), name
    for name in ("discriminator_loss", "source_adversarial_loss", "target_adversarial_loss"):
        values = {float(terms[kind][name]) for kind in ("quiet", "one", "other")}
        assert len(values) == 3, name  # drawn anew each time
    # Of a linear discriminator, noise of 0.5 becomes noise of 0.5 |w|.
    for d in DOMAINS:
        noise = to_numpy(model._logits(d, x[d], True)) - to_numpy(model._logits(d, x[d], False))
        kernel = getattr(model, f"{d}_discriminator").get_weights()[0]
        assert noise.std() == pytest.approx(0.5 * np.sqrt(np.sum(kernel**2)), rel=0.05)
        assert abs(noise.mean()) < 0.05 * noise.std()
    images = np.zeros((3, *DIGIT), "float32")
    np.testing.assert_array_equal(model.translate(images), quiet.translate(images))


class Recorder(keras.callbacks.Callback):
    """The weights of some networks after every step."""

    def __init__(self, names):
        super().__init__()
        self.names, self.steps = names, []

    def on_train_batch_end(self, batch, logs=None):
        model = self.model
        self.steps.append([w for name in self.names for w in getattr(model, name).get_weights()])


def test_translators_end_as_their_moving_averages():
    momentum = 0.7
    names = ["source_encoder", "shared_generator", "source_discriminator"]
    model = lstnet_mlp(ema_momentum=momentum)
    model.compile(jit_compile=quick_compile())
    recorder = Recorder(names)
    x = batch(80)
    model.fit(x, batch_size=20, shuffle=False, verbose=0, callbacks=[recorder])
    averages = recorder.steps[0]  # of one step
    for step in recorder.steps[1:]:
        averages = [momentum * a + (1 - momentum) * w for a, w in zip(averages, step, strict=True)]
    assert len(recorder.steps) == 4
    ends = [w for name in names for w in getattr(model, name).get_weights()]
    judging = len(model.source_discriminator.weights)
    for i, (end, average, last) in enumerate(zip(ends, averages, recorder.steps[-1], strict=True)):
        assert np.abs(average - last).max() > 1e-5
        expected = last if i >= len(ends) - judging else average
        np.testing.assert_allclose(end, expected, rtol=1e-6, atol=1e-7)


def test_default_optimizers_are_the_papers():
    for momentum in (None, 0.9):
        model = lstnet_mlp(ema_momentum=momentum)
        model.compile()
        members = model.optimizer.members
        assert list(members) == ["discriminators", "translators"]
        for name, member in members.items():
            assert isinstance(member, keras.optimizers.Adam)
            assert float(to_numpy(member.learning_rate)) == pytest.approx(1e-4)
            assert (member.beta_1, member.beta_2) == (0.8, 0.999)
            assert member.use_ema == (name == "translators" and momentum is not None)
        if momentum:
            assert members["translators"].ema_momentum == momentum


def test_spectral_normalisation_trains():
    model = lstnet(spectral_normalization=True, r1_weight=0.1)
    state = {v.path: np.array(to_numpy(v)) for v in model.source_discriminator.variables}
    vectors = [path for path in state if "vector_u" in path]
    assert len(vectors) == 2
    model.compile(sgd(1e-3), jit_compile=quick_compile())
    for _ in range(3):
        logs = model.train_on_batch(batch(12), return_dict=True)
    assert all(np.isfinite(value) for value in logs.values())
    for v in model.source_discriminator.variables:
        assert np.abs(to_numpy(v) - state[v.path]).max() > 0, v.path
    # Of a trained discriminator, no singular value of a layer is far above 1.
    for _ in range(20):
        model.source_discriminator(2 * batch(12)["source"] - 1, training=True)
    for layer in model.source_discriminator.layers:
        if isinstance(layer, layers.SpectralNormalization):
            kernel = to_numpy(layer.layer.kernel)
            assert np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2) < 1.1


def test_an_equal_copy_computes_equal_losses(rng):
    model = lstnet_mlp(**WEIGHTS, label_smoothing=0.1)
    copy = models.LSTNet.from_config(model.get_config())
    copy.set_weights(model.get_weights())
    assert_same_weights(model, copy)
    x = signed(rng)
    losses = [to_numpy(m.translators_loss(x, m.translations(x))[0]) for m in (model, copy)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
