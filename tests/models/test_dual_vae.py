"""DualVAE: both updates of algorithm 1, missing attributes, and steps along dual vectors."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats
from small_networks import assert_same_weights, attributed_digits, dual_vae, quick_compile

from keras_latent import models, training
from keras_latent.src.models.base.attributes import attribute_nll, right_share

X, Y = attributed_digits(60)


def numpy(t):
    return ops.convert_to_numpy(t).copy()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@keras.saving.register_keras_serializable(package="test_dual_vae")
class OneOptimizer(models.DualVAE):
    """The same objective, moved by one optimizer."""

    def optimizer_groups(self):
        return None

    @training.portable
    def train_step(self, data):
        x, y = self.unpack(data)
        losses = {}

        def together(x, y):
            parts, terms = self.losses_of(x, y, True)
            losses.update(parts)
            return parts["vae"] + parts["attributes"], terms

        loss, _ = self.minimize(together, x, y)
        return self.track(ops.shape(x)[0], loss=loss)


def sgd(a, b):
    return {"vae": keras.optimizers.SGD(a), "attributes": keras.optimizers.SGD(b)}


def one_step(model, optimizer, y=Y):
    model.compile(optimizer, jit_compile=quick_compile())
    model.fit(X, y, batch_size=60, shuffle=False, verbose=0)
    return model


def test_attribute_nll_is_bernoullis(rng):
    logits, y = rng.normal(size=(7, 4)).astype("float32"), rng.integers(-1, 2, (7, 4))
    by_scipy = -stats.bernoulli.logpmf(np.abs(y), sigmoid(logits.astype("float64")))
    wanted = np.where(y < 0, 0.0, by_scipy).sum(1)
    np.testing.assert_allclose(numpy(attribute_nll(logits, y)), wanted, rtol=1e-5)
    share, number = right_share(ops.convert_to_tensor(logits), ops.convert_to_tensor(y))
    assert int(number) == (y >= 0).sum()
    np.testing.assert_allclose(float(share), ((logits > 0) == (y > 0))[y >= 0].mean(), rtol=1e-6)


def test_the_losses_by_hand():
    """Eq. 2 at the mean latents, with NumPy."""
    model = dual_vae(alpha=2.0, use_bias=True, observation_variance=0.1, beta=0.5)
    model.attribute_decoder.bias.assign([0.1, -0.2, 0.3])
    model.sample = lambda z_mean, z_log_var: z_mean
    losses, terms = model.losses_of(ops.convert_to_tensor(X), ops.convert_to_tensor(Y))
    z, log_var = (numpy(t).astype("float64") for t in model.posterior(X))
    error = ((X - model.reconstruct(X)) ** 2).reshape(60, -1)
    nll = (error / 0.2 + 0.5 * np.log(2 * np.pi * 0.1)).sum(1).mean()
    kl = 0.5 * (np.exp(log_var) + z**2 - 1 - log_var).sum(1).mean()
    logits = z @ model.dual_vectors().T + [0.1, -0.2, 0.3]
    bce = np.where(Y < 0, 0, np.logaddexp(0, logits) - Y * logits).sum(1).mean()
    np.testing.assert_allclose(float(losses["vae"]), nll + 0.5 * kl, rtol=1e-5)
    np.testing.assert_allclose(float(losses["attributes"]), 2 * bce, rtol=1e-5)
    np.testing.assert_allclose(float(terms["attribute_loss"]), bce, rtol=1e-5)
    np.testing.assert_allclose(model.attribute_probabilities(X), sigmoid(logits), atol=1e-5)


def test_algorithm_1_is_plain_descent_where_both_optimizers_are():
    """With SGD of equal rates, two optimizers on one pass do what one does on the sum."""
    two, one = dual_vae(), OneOptimizer.from_config(dual_vae().get_config())
    one.set_weights(two.get_weights())
    one_step(two, sgd(1e-3, 1e-3)), one_step(one, keras.optimizers.SGD(1e-3))
    assert_same_weights(two, one, 1e-6)


def test_each_optimizer_moves_its_own():
    model = dual_vae()
    weights = {
        name: [numpy(v) for v in getattr(model, name).weights]
        for name in ("encoder", "decoder", "attribute_decoder")
    }

    def moved(a, b):
        for name, values in weights.items():
            getattr(model, name).set_weights(values)
        one_step(model, sgd(a, b))
        return {
            name: any(
                np.abs(numpy(v) - w).max() > 1e-9
                for v, w in zip(getattr(model, name).weights, values, strict=True)
            )
            for name, values in weights.items()
        }

    assert moved(1e-3, 0.0) == {"encoder": True, "decoder": True, "attribute_decoder": False}
    assert moved(0.0, 1e-3) == {"encoder": True, "decoder": False, "attribute_decoder": True}


def test_one_draw_for_both_updates():
    """Noise is drawn once a step: the stream has moved as far as a plain VAE's."""
    dual = one_step(dual_vae(), sgd(1e-3, 1e-3))
    plain = models.VAE(dual.encoder, dual.decoder, seed=1)
    plain.compile(keras.optimizers.SGD(1e-3), jit_compile=quick_compile())
    plain.fit(X, batch_size=60, verbose=0)
    states = [numpy(m.seed_generator.state.value) for m in (dual, plain)]
    np.testing.assert_array_equal(*states)


def test_missing_attributes_do_not_count():
    model = dual_vae()
    u = model.dual_vectors().copy()
    one_step(model, sgd(0.0, 0.1), np.full_like(Y, -1))
    np.testing.assert_array_equal(model.dual_vectors(), u)
    partly = Y.copy()
    partly[:, 1] = -1
    one_step(model, sgd(0.0, 0.1), partly)
    changed = np.abs(model.dual_vectors() - u).max(axis=1) > 1e-7
    assert changed.tolist() == [True, False, True]


@pytest.mark.parametrize("missing", [0.0, 0.5])
def test_learns_attributes_of_digits(missing, rng):
    x, y = attributed_digits(400)
    y = np.where(rng.random(y.shape) < missing, -1, y)
    model = dual_vae(latent_dim=8, observation_variance=0.05, alpha=5.0, use_bias=True)
    model.compile({name: keras.optimizers.Adam(5e-3) for name in ("vae", "attributes")})
    history = model.fit(x, y, batch_size=50, epochs=25, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["attribute_accuracy"][-1] > 0.8
    test = model.evaluate(x, y, verbose=0, return_dict=True)
    assert set(test) == set(history)
    right = (model.attribute_probabilities(x) > 0.5) == (attributed_digits(400)[1] > 0)
    assert right[:, 1:].mean() > 0.8
    # A step along a dual vector raises the probability of its attribute; back, it falls.
    for column in range(3):
        before = model.attribute_probabilities(x)[:, column]
        for sign in (1, -1):
            moved = model.transfer(x, column, sign * 3.0)
            after = model.attribute_probabilities(np.clip(moved, 0, 1))[:, column]
            assert sign * (after - before).mean() > 0.1


def named():
    return dual_vae(["round", "straight", "large"])


def test_in_lengths_of_the_dual_vector_transfer_is_equation_3():
    model, unit = named(), {"unit": "dual_vector"}
    z, u = model.encode(X), model.dual_vectors()
    one = model.transfer(X, "straight", 2.0, **unit)
    np.testing.assert_allclose(one, model.decode(z + 2.0 * u[1]), atol=1e-5)
    several = model.transfer(X, ["large", "round"], -0.5, **unit)
    assert several.shape == (60, 2, 8, 8, 1)
    np.testing.assert_allclose(several[:, 1], model.decode(z - 0.5 * u[0]), atol=1e-5)
    every = model.transfer(X, strength=2.0, **unit)
    assert every.shape == (60, 3, 8, 8, 1)
    np.testing.assert_allclose(every[:, 1], one, atol=1e-5)
    rows = np.linspace(-1, 1, 60)
    np.testing.assert_allclose(
        model.transfer(X, 0, rows, **unit),
        model.decode((z + rows[:, None] * u[0]).astype("float32")),
        atol=1e-5,
    )
    each = model.transfer(X, [0, 2], np.stack([rows, -rows], 1), **unit)
    np.testing.assert_allclose(each[:, 1], model.transfer(X, 2, -rows, **unit), atol=1e-5)
    both = model.transfer(X, ["round", "large"], [2.0] * 60, together=True, **unit)
    np.testing.assert_allclose(both, model.decode(z + 2 * u[0] + 2 * u[2]), atol=1e-5)
    symbolic = model.transfer_function(["large", "round"], -0.5, **unit)(ops.convert_to_tensor(X))
    np.testing.assert_allclose(numpy(symbolic), several, atol=1e-5)
    inputs = {"x": ops.convert_to_tensor(X), "strength": ops.full((60,), -0.5)}
    symbolic = model.transfer_function(["large", "round"], 9.0, **unit)(inputs)
    np.testing.assert_allclose(numpy(symbolic), several, atol=1e-5)
    to_margin = model.boundary_function(["large", "round"], present=True)(
        inputs | {"strength": ops.full((60,), 2.0)}
    )
    wanted = model.to_boundary(X, ["large", "round"], 2.0, present=True)
    np.testing.assert_allclose(numpy(to_margin), wanted, atol=1e-5)


def test_a_strength_of_1_is_a_step_of_length_1():
    """One standard deviation of the prior, whatever the lengths of the dual vectors."""
    model = named()
    model.attribute_decoder.kernel.assign(3.0 * model.attribute_decoder.kernel)
    z, u = model.encode(X), model.dual_vectors()
    step = u / np.linalg.norm(u, axis=1, keepdims=True)
    every = model.transfer(X, strength=-2.0)
    for i in range(3):
        np.testing.assert_allclose(every[:, i], model.decode(z - 2.0 * step[i]), atol=1e-5)
    both = model.transfer(X, [0, 2], 2.0, together=True)
    np.testing.assert_allclose(both, model.decode(z + 2.0 * (step[0] + step[2])), atol=1e-5)
    symbolic = model.transfer_function(strength=-2.0)(ops.convert_to_tensor(X))
    np.testing.assert_allclose(numpy(symbolic), every, atol=1e-5)
    isolated = model.directions("isolated", unit="deviation")
    np.testing.assert_allclose(np.linalg.norm(isolated, axis=1), 1.0, rtol=1e-5)
    moved = model.transfer(X, 1, 1.5, direction="isolated")
    np.testing.assert_allclose(moved, model.decode(z + 1.5 * isolated[1]), atol=1e-5)


@pytest.mark.once
def test_latents_of_the_preset_have_the_deviation_of_the_prior_along_its_directions():
    """So a strength of 3 is an edit that stays near the data, where the decoder was trained."""
    model = models.DualVAE.from_preset("dual_vae_digits")
    deviations = (model.encode(X) @ model.directions("dual", unit="deviation").T).std(axis=0)
    assert np.abs(deviations - 1.0).max() < 0.4
    moved = model.transfer(X, strength=3.0)
    assert moved.min() > -1.0 and moved.max() < 2.0
    assert np.mean(np.abs(moved - 0.5) > 0.75) < 0.1


def test_isolated_directions_leave_other_logits_alone():
    model = named()
    u, v = model.dual_vectors(), model.directions("isolated")
    np.testing.assert_allclose(np.linalg.norm(v, axis=1), np.linalg.norm(u, axis=1), rtol=1e-5)
    change = u @ v.T
    assert (np.diag(change) > 0).all()
    np.testing.assert_allclose(change - np.diag(np.diag(change)), 0.0, atol=1e-5)
    moved = model.transfer(X, "round", 2.0, direction="isolated", unit="dual_vector")
    np.testing.assert_allclose(moved, model.decode(model.encode(X) + 2 * v[0]), atol=1e-5)


@pytest.mark.parametrize("direction", ["dual", "isolated"])
@pytest.mark.parametrize("use_bias", [False, True])
def test_to_boundary(direction, use_bias, monkeypatch):
    model = dual_vae(use_bias=use_bias)
    if use_bias:
        model.attribute_decoder.bias.assign([1.0, -1.0, 0.5])
    decoded = []
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda z, **k: decoded.append(z) or decode(z, **k))

    def logits():
        return numpy(model.attribute_logits(decoded[-1]))

    start = numpy(model.attribute_logits(model.encode(X)))
    assert model.to_boundary(X, 1, direction=direction).shape == X.shape
    np.testing.assert_allclose(logits()[:, 1], 0.0, atol=1e-5)
    if direction == "isolated":
        np.testing.assert_allclose(logits()[:, 0], start[:, 0], atol=1e-5)
    model.to_boundary(X, 1, 2.0, direction=direction)
    np.testing.assert_allclose(logits()[:, 1], -2.0 * np.sign(start[:, 1]), atol=1e-4)
    model.to_boundary(X, 1, 0.1, present=True, direction=direction)
    np.testing.assert_allclose(logits()[:, 1], np.maximum(start[:, 1], 0.1), atol=1e-5)
    model.to_boundary(X, 1, 0.1, present=False, direction=direction)
    np.testing.assert_allclose(logits()[:, 1], np.minimum(start[:, 1], -0.1), atol=1e-5)
    assert model.to_boundary(X, direction=direction).shape == (60, 3, 8, 8, 1)
    columns = logits().reshape(60, 3, 3)
    np.testing.assert_allclose(columns[:, [0, 1, 2], [0, 1, 2]], 0.0, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.transfer(X, "Round"), r"must be one of \['round.*Did you mean 'round'"),
        (lambda m: m.transfer(X, 3), "a number from 0 to 2. Received: 3"),
        (lambda m: m.transfer(X, True), "a number from 0 to 2. Received: True"),
        (lambda m: m.transfer(X, []), "a list of one or more"),
        (lambda m: m.transfer(X, 0, [1.0, 2.0]), r"`strength` must be .*\(60,\).*shape=\(2,\)"),
        (lambda m: m.transfer(X, 0, np.nan), "`strength` must be a finite"),
        (lambda m: m.transfer(X, 0, direction="up"), "`direction` must be one of"),
        (lambda m: m.transfer(X, 0, unit="inch"), "`unit` must be one of.*'inch'"),
        (lambda m: m.transfer(X[..., 0], 0), r"`x` must have shape \('batch', 8, 8, 1\)"),
        (lambda m: m.to_boundary(X, 0, -1.0), "`margin` must be a non-negative"),
        (lambda m: m.fit(X), r"needs attributes as `y`.*\(60, 3\).*NoneType"),
        (lambda m: m.fit(X, Y[:, 0]), r"`y` must have shape \(60, 3\).*shape=\(60,\)"),
        (lambda m: m.fit(X, Y[:, :2]), r"shape=\(60, 2\)"),
        (lambda m: m.fit(X, Y[:9]), r"shape=\(9, 3\)"),
        (lambda m: m.fit(X, Y + 1), "`y` must be 1 .* -1 .missing.*values from 0 to 2"),
        (lambda m: m.fit(X, np.where(Y > 0, 1, -1)), "holds -1 and 1 but no 0"),
        (lambda m: m.compile("adam"), "trained by 2 optimizers.*'attributes', 'vae'"),
    ],
)
def test_errors(call, message):
    model = named()
    model.compile()
    with pytest.raises(ValueError, match=f"(?s){message}"):
        call(model)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attributes": 0}, "`attributes` must be an integer from 1 to 100000"),
        ({"attributes": "round"}, "`attributes` must be the number"),
        ({"attributes": ["a", "a"]}, "each once"),
        ({"alpha": -1.0}, "`alpha` must be"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        dual_vae(**({"attributes": 3} | arguments))


def test_more_attributes_than_latents_cannot_be_isolated():
    with pytest.raises(ValueError, match="as many latents as attributes. Received: 4 latents, 5"):
        dual_vae(5).directions("isolated")


def test_logged_accuracy_is_over_known_labels(monkeypatch):
    """Batches count by their known labels: here 60 and 6 of them."""
    model = dual_vae(seed=3)
    monkeypatch.setattr(model, "sample", lambda z_mean, z_log_var: z_mean)
    x, y = X[:40], (X[:40].reshape(40, -1)[:, 20:23] > 0.3).astype("int32")
    y[20:, :] = np.where(np.arange(60).reshape(20, 3) < 6, y[20:], -1)
    model.compile(run_eagerly=True)
    logs = model.evaluate(x, y, batch_size=20, verbose=0, return_dict=True)
    right = (model.attribute_probabilities(x) > 0.5) == (y > 0)
    shares = [right[rows][y[rows] >= 0].mean() for rows in (slice(20), slice(20, 40))]
    assert abs(shares[0] - shares[1]) > 0.05  # otherwise any weights would do
    assert logs["attribute_accuracy"] == pytest.approx(right[y >= 0].mean(), abs=1e-5)
