"""StarGAN: its losses against PyTorch, the order of its updates, transfers, and training."""

import keras
import numpy as np
import pytest
import torch
from keras import layers, ops
from small_networks import attributed_digits, digits, quick_compile, star_gan, to_numpy
from torch.nn import functional

from keras_latent import models
from keras_latent.src.models.star_gan import networks

X, Y = attributed_digits(24)
WEIGHTS = {
    "classification_weight": 3.0,
    "reconstruction_weight": 5.0,
    "gradient_penalty_weight": 7.0,
}


def signs(y):
    return np.where(y < 0, 0, 2 * y - 1).astype("float32")


def rates(discriminator, generator):
    return {
        "discriminator": keras.optimizers.SGD(discriminator),
        "generator": keras.optimizers.SGD(generator),
    }


def weights_of(network):
    return [torch.tensor(to_numpy(v)).double() for v in network.trainable_variables]


def generator_by_hand(model, x, c):
    """The dense generator, on images in [-1, 1], in float64."""
    kernel, bias, out, out_bias = weights_of(model.generator)
    h = torch.relu(torch.cat([x.flatten(1), torch.tensor(c).double()], 1) @ kernel + bias)
    return torch.tanh(h @ out + out_bias).reshape(x.shape)


def discriminator_by_hand(model, x):
    kernel, bias, source, classes, classes_bias = weights_of(model.discriminator)
    h = functional.leaky_relu(x.flatten(1) @ kernel + bias, 0.01)
    return (h @ source)[:, 0], h @ classes + classes_bias


def cross_entropy(logits, y):
    """Sum over the known attributes, mean over rows."""
    y = torch.tensor(y).double()
    each = functional.binary_cross_entropy_with_logits(logits, y.clamp(0), reduction="none")
    return (each * (y >= 0)).sum() / len(y)


def oracle(model, x, y, c, e):
    """All terms for images in [0, 1], the targets `c`, and penalties at `e x + (1 - e) made`."""
    x = 2 * torch.tensor(x).double() - 1
    made = generator_by_hand(model, x, signs(c))
    back = generator_by_hand(model, made, signs(y))
    (real, logits), (fake, logits_of_made) = (discriminator_by_hand(model, i) for i in (x, made))
    e = torch.tensor(e).double()
    point = (e * x + (1 - e) * made).requires_grad_()
    (slope,) = torch.autograd.grad(discriminator_by_hand(model, point)[0].sum(), point)
    known = torch.tensor(y >= 0)
    terms = {
        "adversarial_loss": -fake.mean(),
        "classification_loss": cross_entropy(logits_of_made, c),
        "reconstruction_loss": functional.l1_loss(back, x),
        "wasserstein": real.mean() - fake.mean(),
        "gradient_penalty": ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean(),
        "real_classification_loss": cross_entropy(logits, y),
        "discriminator_accuracy": ((logits > 0) == torch.tensor(y > 0))[known].double().mean(),
    }
    terms["loss"] = (
        terms["adversarial_loss"]
        + 3 * terms["classification_loss"]
        + 5 * terms["reconstruction_loss"]
    )
    terms["discriminator_loss"] = (
        -terms["wasserstein"]
        + 3 * terms["real_classification_loss"]
        + 7 * terms["gradient_penalty"]
    )
    return {name: value.item() for name, value in terms.items()}


def randomized(model, rng):
    """A model whose biases are not 0."""
    for network in (model.generator, model.discriminator):
        network.set_weights([w + 0.3 * rng.standard_normal(w.shape) for w in network.get_weights()])
    return model


def missing(rng, shape=(24, 3)):
    return rng.integers(-1, 2, shape).astype("int32")


def test_terms(rng):
    """Each term, its weight, the missing attributes, and the penalty between the images."""
    model, y, c = randomized(star_gan(**WEIGHTS), rng), missing(rng), missing(rng)
    e = to_numpy(keras.random.uniform((24, 1, 1, 1), seed=keras.random.SeedGenerator(1)))
    x = rng.random(X.shape).astype("float32")
    expected = oracle(model, x, y, c, e)
    inputs, labels, targets = (ops.convert_to_tensor(v) for v in (2 * x - 1, y, c))
    made = model.translated(inputs, ops.convert_to_tensor(signs(c)))
    played, found = to_numpy(model.discriminator_loss(inputs, labels, made))
    loss, terms = to_numpy(model.generator_loss(inputs, labels, targets))
    found |= terms | {"loss": loss}
    assert played == found["discriminator_loss"]
    assert set(found) == set(expected) == set(model.trackers)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.once
def test_attributes_that_are_all_missing_teach_nothing():
    model = star_gan()
    y, x = ops.convert_to_tensor(np.full_like(Y, -1)), ops.convert_to_tensor(2 * X - 1)
    made = model.translated(x, 0.0 * ops.cast(y, "float32"))
    _, played = to_numpy(model.discriminator_loss(x, y, made))
    _, terms = to_numpy(model.generator_loss(x, y, y))
    assert played["real_classification_loss"] == terms["classification_loss"] == 0.0


@pytest.mark.once
def test_weights_and_optimizers_of_the_paper():
    model = star_gan()
    assert (model.classification_weight, model.reconstruction_weight) == (1.0, 10.0)
    assert (model.gradient_penalty_weight, model.critic_steps) == (10.0, 5)
    for member in model.default_optimizer().values():
        assert float(to_numpy(member.learning_rate)) == pytest.approx(1e-4)
        assert (member.beta_1, member.beta_2) == (0.5, 0.999)


def test_targets_are_the_rows_of_the_batch_in_another_order():
    model = star_gan(attributes=2)
    y = np.stack([np.arange(40), np.arange(40) + 100], 1).astype("int32")
    ones, others = (to_numpy(model.targets(ops.convert_to_tensor(y))) for _ in range(2))
    np.testing.assert_array_equal(ones[np.argsort(ones[:, 0])], y)
    assert (ones != y).any() and (ones != others).any()


@pytest.mark.once
def test_a_step_is_updates_on_parts_of_the_batch_then_one_of_the_generator(monkeypatch):
    """Three updates of the critic, on eight rows each, then one of the generator on the last."""
    model, calls = star_gan(critic_steps=3, seed=4), []
    for name in ("discriminator_loss", "generator_loss"):
        call, network = getattr(model, name), getattr(model, name.removesuffix("_loss"))

        def recorded(x, *rest, name=name, call=call, network=network):
            seen = [to_numpy(v).copy() for v in (x, *rest[:2], network.trainable_variables[0])]
            calls.append((name, *seen, rest[-1]))
            return call(x, *rest)

        monkeypatch.setattr(model, name, recorded)
    model.compile(rates(0.1, 0.1), run_eagerly=True)
    before = to_numpy(model.generator.trainable_variables[0]).copy()
    c = Y[to_numpy(keras.random.shuffle(ops.arange(24), seed=keras.random.SeedGenerator(4)))]
    made = to_numpy(model.translated(2 * X - 1, signs(c)))
    model.train_on_batch(X, Y)
    assert [call[0] for call in calls] == 3 * ["discriminator_loss"] + ["generator_loss"]
    for i, (_, x, y, translated, weight, training) in enumerate(calls[:3]):
        rows = slice(8 * i, 8 * i + 8)
        np.testing.assert_allclose(x, 2 * X[rows] - 1, atol=1e-6)
        np.testing.assert_array_equal(y, Y[rows])
        np.testing.assert_allclose(translated, made[rows], atol=1e-5)
        assert training is True
        assert i == 0 or np.abs(weight - calls[i - 1][4]).max() > 0
    _, x, y, targets, weight, training = calls[3]
    np.testing.assert_allclose(x, 2 * X[16:] - 1, atol=1e-6)
    np.testing.assert_array_equal(y, Y[16:])
    np.testing.assert_array_equal(targets, c[16:])
    np.testing.assert_array_equal(weight, before)
    assert training is True


def test_each_player_moves_its_own_network():
    for rate, still in ((rates(0.1, 0.0), "generator"), (rates(0.0, 0.1), "discriminator")):
        model = star_gan(critic_steps=2)
        model.compile(rate, jit_compile=quick_compile())
        before = {n: getattr(model, n).get_weights() for n in ("generator", "discriminator")}
        model.train_on_batch(X, Y)
        for name, old in before.items():
            new = getattr(model, name).get_weights()
            moved = max(np.abs(a - b).max() for a, b in zip(old, new, strict=True))
            assert (moved == 0.0) == (name == still), name


def test_logs_are_those_of_the_losses(monkeypatch):
    """Without updates, a step logs the mean of the parts; evaluation takes any number of rows."""
    model = star_gan(gradient_penalty_weight=0.0, critic_steps=2)
    monkeypatch.setattr(
        model, "targets", lambda y: y[::-1] if hasattr(y, "base") else ops.flip(y, 0)
    )
    model.compile(rates(0.0, 0.0), jit_compile=quick_compile())
    logs = model.train_on_batch(X, Y, return_dict=True)
    assert set(logs) == set(model.trackers) - {"gradient_penalty"}
    x, y = (ops.convert_to_tensor(v) for v in (2 * X - 1, Y))
    c = ops.flip(y, 0)
    made = model.translated(x, ops.convert_to_tensor(signs(Y[::-1])))
    _, terms = to_numpy(model.discriminator_loss(x, y, made))
    for name in ("wasserstein", "real_classification_loss", "discriminator_loss"):
        assert logs[name] == pytest.approx(terms[name], rel=1e-4, abs=1e-6), name
    loss, terms = to_numpy(model.generator_loss(x[12:], y[12:], c[12:]))
    for name, value in (terms | {"loss": loss}).items():
        assert logs[name] == pytest.approx(value, rel=1e-4), name
    model.reset_metrics()
    logs = model.evaluate(X[:7], Y[:7], verbose=0, return_dict=True)
    loss, _ = to_numpy(model.generator_loss(x[:7], y[:7], ops.flip(y[:7], 0)))
    assert logs["loss"] == pytest.approx(loss, rel=1e-4)


def test_reconstruction_and_transfers_compose_the_generator():
    model = star_gan()

    def made(c):
        return to_numpy(model.generator([2 * X - 1, c.astype("float32")])) / 2 + 0.5

    own = signs(Y)
    np.testing.assert_allclose(model.reconstruct(X, Y), made(own), atol=1e-5)
    np.testing.assert_allclose(model.reconstruct(X), made(0 * own), atol=1e-5)
    np.testing.assert_allclose(to_numpy(model([X, own])), made(own), atol=1e-5)
    inputs = {"x": ops.convert_to_tensor(X), "y": ops.convert_to_tensor(Y)}
    # The value that an attribute of -1, 0 (not known) or 1 gets.
    for strength, values in {
        0.0: (-1.0, 0.0, 1.0),
        0.5: (0.0, 0.5, 1.0),
        1.0: (1.0, 1.0, 1.0),
        2.0: (3.0, 2.0, 1.0),
        -1.0: (-1.0, -1.0, -1.0),
        -1.5: (-1.0, -1.5, -2.0),
    }.items():
        every = model.transfer(X, strength=strength, attributes=Y)
        assert every.shape == (24, 3, 8, 8, 1)
        for column in range(3):
            c = own.copy()
            c[:, column] = np.array(values)[own[:, column].astype(int) + 1]
            np.testing.assert_allclose(every[:, column], made(c), atol=1e-5)
        symbolic = to_numpy(model.transfer_function([2, 0], strength)(inputs))
        np.testing.assert_allclose(symbolic, every[:, [2, 0]], atol=1e-5)
    strengths = np.linspace(-1, 1, 24)
    c = own.copy()
    c[:, 1] = own[:, 1] + np.abs(strengths) * (np.sign(strengths) - own[:, 1])
    one = model.transfer(X, 1, strengths, attributes=Y)
    np.testing.assert_allclose(one, made(c), atol=1e-5)
    assert len(model._programs.by_key) == 2


@pytest.mark.once
def test_learns_to_change_digits():
    """A network that knows real images, which the generator did not see, believes the change."""
    x, y = attributed_digits(600)
    y = np.maximum(y, 0)[:, :1]
    judge = keras.Sequential(
        [keras.Input(x.shape[1:]), layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(1)]
    )
    nll = keras.losses.BinaryCrossentropy(from_logits=True)
    judge.compile(keras.optimizers.Adam(0.01), nll)
    judge.fit(x, y, batch_size=60, epochs=6, verbose=0)
    parts = networks.star_gan(x.shape[1:], 1, None, 64)
    model = models.StarGAN(**parts, attributes=["has a loop"], critic_steps=2, seed=0)
    model.compile({n: keras.optimizers.Adam(4e-3, 0.5) for n in ("discriminator", "generator")})
    history = model.fit(x, y, batch_size=60, epochs=5, verbose=0).history
    for name in ("classification_loss", "reconstruction_loss", "real_classification_loss"):
        assert history[name][-1] < 0.8 * history[name][0], name
    changed = model.transfer(x, 0, np.where(y > 0, -1.0, 1.0), attributes=y)
    before, after = (float(to_numpy(nll(1 - y, judge(images)))) for images in (x, changed))
    assert after < 0.4 * before


# Networks and errors -------------------------------------------------------------------------


@pytest.mark.once
def test_attributes_are_tiled_beside_the_colors(rng):
    """A change of attributes is one of every pixel, and instances are normalized alone."""
    made = networks.star_gan((16, 8, 3), 2, width=2)
    x, c = rng.random((3, 16, 8, 3)).astype("float32"), np.eye(3, 2, dtype="float32")
    joined = keras.Model(made["generator"].inputs, made["generator"].get_layer(index=4).output)
    values = to_numpy(joined([x, c]))
    np.testing.assert_array_equal(values[..., :3], x)
    np.testing.assert_array_equal(values[..., 3:], np.broadcast_to(c[:, None, None], (3, 16, 8, 2)))
    together = to_numpy(made["generator"]([x, c]))
    alone = to_numpy(made["generator"]([x[:1], c[:1]]))
    assert np.abs(together).max() <= 1
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)


@pytest.mark.once
def test_instance_normalization(rng):
    layer = layers.GroupNormalization(groups=-1, epsilon=1e-5)
    x = rng.standard_normal((2, 5, 4, 3)).astype("float32") * 3 + 1
    expected = functional.instance_norm(torch.tensor(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    np.testing.assert_allclose(to_numpy(layer(x)), expected.numpy(), atol=1e-4)


@pytest.mark.once
def test_errors():
    model = star_gan()
    parts = {"generator": model.generator, "discriminator": model.discriminator}
    model.compile(jit_compile=quick_compile())
    for call, message in (
        (lambda: model.fit(X, Y, batch_size=12), r"critic_steps=5.*Received: a batch of 12 rows"),
        (lambda: model.fit(X, Y, batch_size=20), r"batch of 20 has 4 training rows.*4 rows less"),
        (lambda: model.train_on_batch(X[:4], Y[:4]), "Received: a batch of 4 rows"),
        (lambda: model.fit(X * 255, Y), "pixels in 0..255"),
        (lambda: model.fit(X), "needs attributes"),
        (lambda: model.predict(X, verbose=0), r"`predict` takes `\[images, attributes\]`"),
        (lambda: model.transfer(X, 0, attributes=Y[:5]), "`attributes` must have shape"),
        (lambda: model.transfer(X, "attribute_4"), "`attribute` must be one of"),
        (lambda: model.transfer(X, 0, [1.0]), "`strength` must be a finite number"),
        (lambda: models.StarGAN(**parts, attributes=2), r"`generator` must take two tensors"),
        (
            lambda: models.StarGAN(model.generator, star_gan(2).discriminator, 3),
            r"`discriminator` must return a pair: scores \(batch, 1\).*\(batch, 3\).*\(None, 2\)",
        ),
        (
            lambda: models.StarGAN(
                model.generator,
                keras.Sequential([keras.Input(X.shape[1:]), layers.Flatten(), layers.Dense(1)]),
                3,
            ),
            r"`discriminator` must return a pair.*Received: outputs of shape \(None, 1\)",
        ),
        (lambda: models.StarGAN(**parts, attributes=3, critic_steps=0), "`critic_steps` must be"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_predict_takes_any_signed_attributes():
    model, x = star_gan(), digits(4)[0]
    made = model.predict([x, np.full((4, 3), 2.0, "float32")], verbose=0)
    assert made.shape == x.shape and made.min() >= 0 and made.max() <= 1
