"""CVAE and FaderNetwork: what DualVAE is compared with."""

import keras
import numpy as np
import pytest
from keras import ops
from small_networks import attributed_digits, cvae, fader, quick_compile

from keras_latent.src.models.base.attributes import signed

X, Y = attributed_digits(60)
MAKERS = {"cvae": cvae, "fader": fader}


def numpy(t):
    return ops.convert_to_numpy(t).copy()


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


def test_signed():
    np.testing.assert_array_equal(numpy(signed(ops.convert_to_tensor([[1, 0, -1]]))), [[1, -1, 0]])


def test_verbs_compose_the_networks(make):
    model = make()
    y = np.where(Y < 0, 0, 2 * Y - 1).astype("float32")
    z = numpy(model.encoder([X, y])[0] if make is cvae else model.encoder(X))
    np.testing.assert_allclose(model.encode(X, Y), z, atol=1e-5)
    decoded = numpy(model.decoder([z, y]))
    np.testing.assert_allclose(model.decode(z, Y), decoded, atol=1e-5)
    np.testing.assert_allclose(model.reconstruct(X, Y), decoded, atol=1e-5)
    np.testing.assert_allclose(
        model.decode(z), numpy(model.decoder([z, np.zeros_like(y)])), atol=1e-5
    )
    changed = y.copy()
    changed[:, 2] = 1.5
    wanted = numpy(model.decoder([z, changed]))
    np.testing.assert_allclose(model.transfer(X, 2, 1.5, attributes=Y), wanted, atol=1e-5)
    every = model.transfer(X, strength=1.5, attributes=Y)
    assert every.shape == (60, 3, 8, 8, 1)
    np.testing.assert_allclose(every[:, 2], wanted, atol=1e-5)
    inputs = {"x": ops.convert_to_tensor(X), "y": ops.convert_to_tensor(Y)}
    symbolic = numpy(model.transfer_function([1, 2], 1.5)(inputs))
    np.testing.assert_allclose(symbolic, every[:, 1:], atol=1e-5)


def test_cvae_objective_by_hand():
    model = cvae(observation_variance=0.1, beta=0.5)
    model.sample = lambda z_mean, z_log_var: z_mean
    x, y = model.unpack((X, Y))
    loss, terms = model.negative_elbo(x, y)
    z, log_var = (numpy(t).astype("float64") for t in model.posterior(x, y))
    error = ((X - model.reconstruct(X, Y)) ** 2).reshape(60, -1)
    nll = (error / 0.2 + 0.5 * np.log(2 * np.pi * 0.1)).sum(1).mean()
    kl = 0.5 * (np.exp(log_var) + z**2 - 1 - log_var).sum(1).mean()
    np.testing.assert_allclose(float(loss), nll + 0.5 * kl, rtol=1e-5)
    np.testing.assert_allclose(float(terms["kl_loss"]), kl, rtol=1e-5)


def test_fader_objectives_by_hand():
    model = fader(adversarial_weight=0.5, warm_up=4)
    model.steps.assign(2.0)
    x, y = model.unpack((X, Y))
    z = model.encoder(x)
    logits = numpy(model.discriminator(z)).astype("float64")
    nll = np.logaddexp(0, logits) - Y * logits
    flipped = np.logaddexp(0, logits) - (1 - Y) * logits
    known = Y >= 0
    seen, _ = model.discriminator_loss(x, y, z)
    np.testing.assert_allclose(float(seen), nll[known].mean(), rtol=1e-5)
    loss, terms = model.autoencoder_loss(x, y, z)
    error = ((X - model.reconstruct(X, Y)) ** 2).mean()
    np.testing.assert_allclose(float(terms["reconstruction_loss"]), error, rtol=1e-5)
    np.testing.assert_allclose(float(loss), error + 0.5 * 0.5 * flipped[known].mean(), rtol=1e-5)


def test_fader_counts_its_steps_and_each_player_moves_its_own():
    model = fader(adversarial_weight=1.0)
    rates = {"discriminator": keras.optimizers.SGD(0.0), "autoencoder": keras.optimizers.SGD(0.1)}
    before = [numpy(v) for v in model.discriminator.trainable_variables]
    encoder = numpy(model.encoder.trainable_variables[0])
    model.compile(rates, jit_compile=quick_compile())
    model.fit(X, Y, batch_size=20, verbose=0)
    assert float(model.steps.value) == 3.0
    for variable, value in zip(model.discriminator.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(numpy(variable), value)
    assert np.abs(numpy(model.encoder.trainable_variables[0]) - encoder).max() > 1e-6


@pytest.mark.parametrize("name", MAKERS)
def test_learns_digits(name):
    x, y = attributed_digits(400)
    options = {"observation_variance": 0.05} if name == "cvae" else {}
    model = MAKERS[name](latent_dim=8, **options)
    model.compile()
    history = model.fit(x, y, batch_size=50, epochs=6, verbose=0).history
    key = "reconstruction_loss"
    assert history[key][-1] < (0.8 if name == "fader" else 1.0) * history[key][0]
    assert set(model.evaluate(x, y, verbose=0, return_dict=True)) == set(history)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.transfer(X, "b", attributes=Y[:5]), r"`attributes` must have shape \(60, 3\)"),
        (lambda m: m.transfer(X, "b", attributes=Y + 1), "`attributes` must be 1"),
        (lambda m: m.decode(X), "`z` must have shape"),
        (lambda m: m.encode(X[0]), "batch axis missing"),
        (lambda m: m.fit(X), "needs attributes"),
        (lambda m: m.fit(X[..., 0], Y), "`x` must have shape"),
    ],
)
def test_errors(make, call, message):
    model = make(["a", "b", "c"])
    model.compile()
    with pytest.raises(ValueError, match=message):
        call(model)


def test_networks_must_take_the_attributes(make):
    other = make(4)
    arguments = make(3).get_config() | {"attributes": 2}
    with pytest.raises(ValueError, match=r"each of `attributes`: \(batch, 2\)"):
        type(other).from_config(arguments)


def test_cvae_generates_with_attributes():
    model = cvae()
    images = model.generate(4, np.ones((4, 3), int), seed=0)
    np.testing.assert_array_equal(images, model.generate(4, np.ones((4, 3), int), seed=0))
    assert np.abs(images - model.generate(4, np.zeros((4, 3), int), seed=0)).max() > 1e-3


def test_the_warm_up_of_the_fader_ends():
    """The adversarial weight grows over `warm_up` steps, and no further."""
    model = fader(adversarial_weight=0.5, warm_up=4)
    x, y = model.unpack((X, Y))
    z = model.encoder(x)
    for steps, share in ((0.0, 0.0), (3.0, 0.75), (4.0, 1.0), (40.0, 1.0)):
        model.steps.assign(steps)
        loss, terms = model.autoencoder_loss(x, y, z)
        wanted = terms["reconstruction_loss"] + 0.5 * share * terms["adversarial_loss"]
        np.testing.assert_allclose(numpy(loss), numpy(wanted), rtol=1e-6)
