"""WaveGAN: the paper's networks, its objective, training, files, verbs and errors."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from small_networks import quick_compile, wavegan, weights

from keras_latent import models
from keras_latent.src.models.wavegan import networks

TERMS = {
    "critic_loss",
    "generator_loss",
    "wasserstein",
    "gradient_penalty",
    "generated_spread",
}


def tones(rows, samples=1024, seed=0):
    """Decaying tones of random pitch, amplitude and start, 8 kHz: float32 in [-1, 1]."""
    rng = np.random.default_rng(seed)
    pitch, loud, start = (
        rng.uniform(*b, (rows, 1, 1)) for b in ((150, 600), (0.5, 1), (0, samples / 25600))
    )
    t = np.arange(samples)[:, None] / 8000 - start
    wave = loud * np.exp(-20 * t) * np.sin(2 * np.pi * pitch * t)
    return np.where(t > 0, wave, 0).astype("float32")


def tiny(**kwargs):
    return models.WaveGAN.from_preset("wavegan_tiny", load_weights=False, **({"seed": 1} | kwargs))


# Networks ------------------------------------------------------------------------------------


def test_parameters_of_the_papers_networks():
    """Tables 3 and 4, by hand, d = 64: kernels of 25 and biases."""
    model = models.WaveGAN.from_preset("wavegan_sc09", load_weights=False)
    widths = (1024, 512, 256, 128, 64)
    up = sum(25 * a * b + b for a, b in zip(widths, (*widths[1:], 1), strict=True))
    down = sum(25 * a * b + a for a, b in zip(widths, (*widths[1:], 1), strict=True))
    assert model.generator.count_params() == 100 * 16384 + 16384 + up == 19_065_345
    trained = sum(int(np.prod(v.shape)) for v in model.critic.trainable_variables)
    assert trained == down + 16 * 1024 + 1 == 17_427_969
    assert model.event_shape == (16384, 1) and model.latent_dim == 100
    assert (model.gradient_penalty_weight, model.critic_steps) == (10.0, 5)
    shuffles = [x.radius for x in model.critic.layers if "PhaseShuffle" in type(x).__name__]
    assert shuffles == [2, 2, 2, 2]


def test_presets():
    assert set(models.WaveGAN.presets) == {
        "wavegan_sc09",
        "wavegan_spoken_digit",
        "wavegan_spoken_digit_small",
        "wavegan_tiny",
    }
    model = models.WaveGAN.from_preset("wavegan_spoken_digit_small", load_weights=False)
    assert model.event_shape == (8192, 1) and model.latent_dim == 100
    assert (model.critic_steps, model.ema_momentum) == (1, 0.995)
    assert model.generator.layers[1].output.shape[1:] == (8, 256)


def up_by_hand(x, kernel, bias):
    """A step `i` adds `kernel[t] x[i]` to `4 i + t - 10`, TensorFlow's "same"."""
    rows, time, _ = x.shape
    y = np.zeros((rows, 4 * time + 40, kernel.shape[1]))
    for i in range(time):
        y[:, 4 * i : 4 * i + 25] += np.einsum("kof,bf->bko", kernel, x[:, i])
    return y[:, 10 : 10 + 4 * time] + bias


def down_by_hand(x, kernel, bias):
    padded = np.pad(x, [(0, 0), (10, 15), (0, 0)])
    windows = [padded[:, 4 * i : 4 * i + 25] for i in range(x.shape[1] // 4)]
    return np.stack([np.einsum("bkf,kfo->bo", w, kernel) for w in windows], 1) + bias


def test_generator_and_critic_by_hand(rng):
    """The same waveforms and scores on every backend, so that files can change it."""
    model = tiny()
    for network in (model.generator, model.critic):
        network.set_weights(
            [w + 0.1 * rng.standard_normal(w.shape) if w.dtype.kind == "f" else w
             for w in network.get_weights()]
        )  # fmt: skip
    z = rng.standard_normal((3, 100)).astype("float32")
    kernels = [w.astype("float64") for w in weights(model.generator)]
    x = np.maximum((z @ kernels[0] + kernels[1]).reshape(3, 1, 32), 0)
    for kernel, bias in zip(kernels[2::2], kernels[3::2], strict=True):
        x = np.maximum(x, 0)
        x = up_by_hand(x, kernel, bias)
    x = np.tanh(x)
    assert x.shape == (3, 1024, 1) and x.std() > 0.05
    np.testing.assert_allclose(model.decode(z), x, atol=1e-4)

    *kernels, last, bias = (ops.convert_to_numpy(v) for v in model.critic.trainable_variables)
    h = x
    for k, b in zip(kernels[::2], kernels[1::2], strict=True):
        h = down_by_hand(h, k, b)
        h = np.where(h > 0, h, 0.2 * h)
    score = model.scores(ops.convert_to_tensor(x, "float32"))
    expected = (h.reshape(3, -1) @ last + bias)[:, 0]
    np.testing.assert_allclose(ops.convert_to_numpy(score), expected, rtol=1e-3, atol=1e-4)


def test_channels_and_widths():
    made = networks.wavegan(samples=2048, dim=3, latent_dim=7, channels=2)
    assert made["generator"].input_shape == (None, 7)
    assert made["generator"].output_shape == made["critic"].input_shape == (None, 2048, 2)
    plain = networks.wavegan_critic(1024, 2, phase_shuffle=0)
    assert not plain.non_trainable_variables
    for samples in (1000, 0, -1024, 1024.0, 16000):
        with pytest.raises(ValueError, match=f"multiple of 1024.*samples={samples}"):
            networks.wavegan_generator(samples)
    with pytest.raises(ValueError, match="larger than radius=5"):
        networks.wavegan_critic(1024, 2, phase_shuffle=5)


# Objective -----------------------------------------------------------------------------------


def constant_generator(samples, latent_dim=4):
    """Whatever the latent, `tanh(bias)`."""
    dense = layers.Dense(samples, "tanh", kernel_initializer="zeros", bias_initializer="normal")
    return keras.Sequential([keras.Input((latent_dim,)), dense, layers.Reshape((samples, 1))])


def critic_of(*dense, samples):
    return keras.Sequential([keras.Input((samples, 1)), layers.Flatten(), *dense])


def test_a_step_with_a_linear_critic_by_hand(rng):
    """D = w x + b has slope w everywhere: every update of `w` and of the generator is known."""
    samples, steps, lr, weight = 6, 3, 0.05, 7.0
    model = models.WaveGAN(
        constant_generator(samples),
        critic_of(layers.Dense(1), samples=samples),
        gradient_penalty_weight=weight,
        critic_steps=steps,
    )
    model.compile({n: keras.optimizers.SGD(lr) for n in ("critic", "generator")})
    x = rng.uniform(-1, 1, (steps * 4, samples, 1)).astype("float32")
    w, _ = (ops.convert_to_numpy(v).astype("float64") for v in model.critic.trainable_variables)
    w = w[:, 0]
    bias = ops.convert_to_numpy(model.generator.trainable_variables[1]).astype("float64")
    made, seen = np.tanh(bias), {"wasserstein": [], "gradient_penalty": [], "critic_loss": []}
    for i in range(steps):
        part = x[4 * i : 4 * i + 4, :, 0].mean(0)
        norm = np.linalg.norm(w)
        seen["wasserstein"].append(w @ (part - made))
        seen["gradient_penalty"].append((norm - 1) ** 2)
        seen["critic_loss"].append(-seen["wasserstein"][-1] + weight * (norm - 1) ** 2)
        w = w - lr * (made - part + weight * 2 * (norm - 1) * w / norm)
    logs = model.train_on_batch(x, return_dict=True)
    assert set(logs) == TERMS
    for name, values in seen.items():
        assert logs[name] == pytest.approx(np.mean(values), rel=1e-4, abs=1e-6), name
    new = [ops.convert_to_numpy(v) for v in model.critic.trainable_variables]
    np.testing.assert_allclose(new[0][:, 0], w, rtol=1e-4, atol=1e-6)
    # The critic's bias has no gradient; it moves the generator's loss only.
    assert logs["generator_loss"] == pytest.approx(-(w @ made + new[1][0]), rel=1e-4, abs=1e-6)
    new = ops.convert_to_numpy(model.generator.trainable_variables[1])
    np.testing.assert_allclose(new, bias + lr * w * (1 - made**2), rtol=1e-4, atol=1e-6)
    assert logs["generated_spread"] == pytest.approx(0.0, abs=1e-6)


def test_penalty_between_the_waveforms(rng):
    """D = v tanh(W x): its slope at the points `e x + (1 - e) made` by hand."""
    dense = layers.Dense(5, "tanh"), layers.Dense(1)
    model = models.WaveGAN(
        constant_generator(6), critic_of(*dense, samples=6), critic_steps=1, seed=11
    )
    x, made = (rng.uniform(-1, 1, (8, 6, 1)).astype("float32") for _ in range(2))
    e = keras.random.uniform((8, 1), seed=keras.random.SeedGenerator(11))
    e = ops.convert_to_numpy(e)
    point = e * x[..., 0] + (1 - e) * made[..., 0]
    w, b, v = (ops.convert_to_numpy(t) for t in (dense[0].kernel, dense[0].bias, dense[1].kernel))
    slope = ((1 - np.tanh(point @ w + b) ** 2) * v[:, 0]) @ w.T
    expected = np.mean((np.linalg.norm(slope, axis=1) - 1) ** 2)
    x, made = ops.convert_to_tensor(x), ops.convert_to_tensor(made)
    found = ops.convert_to_numpy(model.gradient_penalty(x, made))
    assert found == pytest.approx(expected, rel=1e-4)
    loss, terms = model.critic_loss(x, made)
    loss, terms = float(loss), {name: float(value) for name, value in terms.items()}
    assert terms["critic_loss"] == loss
    assert loss == pytest.approx(10 * terms["gradient_penalty"] - terms["wasserstein"])


def test_a_flat_critic_has_a_finite_gradient(rng):
    model = models.WaveGAN(
        constant_generator(6),
        critic_of(layers.Dense(1, kernel_initializer="zeros"), samples=6),
        critic_steps=1,
    )
    model.compile(jit_compile=quick_compile())
    x = rng.uniform(-1, 1, (4, 6, 1)).astype("float32")
    logs = model.train_on_batch(x, return_dict=True)
    assert logs["gradient_penalty"] == pytest.approx(1.0, abs=1e-4)
    assert all(np.isfinite(w).all() for w in model.get_weights())


# Training ------------------------------------------------------------------------------------


def test_each_player_improves_against_the_other_at_rest():
    """The critic learns to tell; then the generator to please it. The other does not move."""
    # Of two features, all ReLUs may die: a generator wider than the preset's.
    model, x = tiny(generator=networks.wavegan_generator(1024, 6), critic_steps=1), tones(40)
    model.compile(jit_compile=quick_compile())

    def play(critic, generator, epochs, **kwargs):
        model.optimizer.members["critic"].learning_rate = critic
        model.optimizer.members["generator"].learning_rate = generator
        return model.fit(x, batch_size=8, epochs=epochs, verbose=0, **kwargs).history

    before = model.generator.get_weights()
    history = play(2e-3, 0.0, 8, validation_data=(x[:8],), validation_freq=8)
    assert set(history) == TERMS | {f"val_{name}" for name in TERMS}
    assert np.isfinite([v for values in history.values() for v in values]).all()
    assert history["gradient_penalty"][-1] < 0.5 * history["gradient_penalty"][0]
    assert history["critic_loss"][-1] < 0.5 * history["critic_loss"][0]
    assert history["wasserstein"][-1] > history["wasserstein"][0] + 0.1
    for old, new in zip(before, model.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)

    before = model.critic.get_weights()
    history = play(0.0, 4e-3, 7)
    assert history["generator_loss"][-1] < history["generator_loss"][0] - 0.1
    for old, new in zip(before, model.critic.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    before = model.get_weights()
    logs = model.evaluate(x[:8], batch_size=8, return_dict=True, verbose=0)
    assert set(logs) == TERMS
    expected = 10 * logs["gradient_penalty"] - logs["wasserstein"]
    assert logs["critic_loss"] == pytest.approx(expected, rel=1e-4)
    for old, new in zip(before, model.get_weights(), strict=True):
        if old.dtype.kind == "f":  # not the seeds' states, whose draws go on
            np.testing.assert_array_equal(old, new)


def test_default_optimizers_and_no_penalty():
    model = wavegan(critic_steps=1, ema_momentum=0.99, gradient_penalty_weight=0.0)
    members = model.default_optimizer()
    for name, member in members.items():
        assert (float(member.learning_rate), member.beta_1, member.beta_2) == (
            pytest.approx(1e-4),
            0.5,
            0.9,
        )
        assert member.use_ema == (name == "generator")
    model.compile(jit_compile=quick_compile())
    logs = model.train_on_batch(tones(4, 16), return_dict=True)
    assert set(logs) == TERMS - {"gradient_penalty"}
    assert logs["critic_loss"] == pytest.approx(-logs["wasserstein"], rel=1e-5)


@pytest.mark.each_backend
def test_no_xla_for_convolutions_on_a_cpu():
    model = tiny()
    model.compile()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        assert model.jit_compile == bool(tf.config.list_logical_devices("GPU"))
    else:
        assert model.jit_compile == (keras.backend.backend() == "jax")


# Verbs ---------------------------------------------------------------------------------------


def test_verbs():
    model = tiny()
    made = model.generate(5, seed=3, batch_size=2)
    assert made.shape == (5, 1024, 1) and made.dtype == np.float32 and np.abs(made).max() <= 1
    z = model.prior(5, seed=3)
    assert z.shape == (5, 100) and z.dtype == np.float32
    np.testing.assert_allclose(model.decode(z), made, atol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(model(z)), made, atol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(model.to_data(z)), made, atol=1e-6)
    assert np.abs(model.generate(5, seed=4) - made).max() > 1e-3
    for kind in ("linear", "spherical"):
        way = model.interpolate(z[:2], z[2:4], steps=3, kind=kind)
        assert way.shape == (2, 3, 1024, 1)
        np.testing.assert_allclose(way[:, 0], made[:2], atol=1e-4)
        np.testing.assert_allclose(way[:, -1], made[2:4], atol=1e-4)
    middle = model.interpolate(z[:2], z[2:4], steps=3, kind="linear")[:, 1]
    np.testing.assert_allclose(middle, model.decode((z[:2] + z[2:4]) / 2), atol=1e-4)


# Errors --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def one():
    model = tiny()
    model.compile(jit_compile=quick_compile())
    return model


X = tones(10)
BAD = {
    "rank": (X[..., 0], r"`x` must have shape \('batch', 1024, 1\).*x\[..., None\]"),
    "length": (X[:, :1000], r"`x` must have shape \('batch', 1024, 1\).*\(10, 1000, 1\)"),
    "integers": ((X * 32767).astype("int16"), r"floats in \[-1, 1\].*by 32768.*dtype=int16"),
    "nan": (np.where(X[0, 500, 0] == X, np.nan, X), "`x` must be finite"),
    "loud": (X * 5, r"must lie in \[-1, 1\].*its own peak. Received: values from -"),
    "dict": ({"audio": X}, r"takes one tensor per batch. Received: dict of \['audio'\]"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_waveforms(one, kind):
    x, message = BAD[kind]
    for verb in (one.fit, one.evaluate):
        with pytest.raises(ValueError, match=message):
            verb(x, batch_size=5)


def test_batches_that_cannot_be_cut(one):
    with pytest.raises(ValueError, match=r"critic_steps=5.*`batch_size=5 \* n`.*a batch of 4 rows"):
        one.fit(X, batch_size=4)
    with pytest.raises(ValueError, match=r"multiple of critic_steps=5.*a batch of 32 rows"):
        one.fit(np.concatenate([X] * 5))
    with pytest.raises(ValueError, match=r"batch of 5 has 3 training rows.*Train on 3 rows less"):
        one.fit(X[:8], batch_size=5)
    with pytest.raises(ValueError, match="a batch of 7 rows"):
        one.train_on_batch(X[:7])


def test_bad_latents(one):
    with pytest.raises(ValueError, match=r"`z` must have shape \('batch', 100\)"):
        one.decode(np.zeros((2, 99), "float32"))
    with pytest.raises(ValueError, match="`num` must be a positive integer"):
        one.generate(0)
    z = one.prior(2)
    with pytest.raises(ValueError, match="same number of rows"):
        one.interpolate(z, z[:1])
    with pytest.raises(ValueError, match=r"`z_b` must be finite"):
        one.interpolate(z, z * np.nan)


def test_bad_arguments():
    parts = networks.wavegan(1024, 1)
    for steps in (0, -1, 2.0, True):
        with pytest.raises(ValueError, match="`critic_steps` must be a positive integer"):
            models.WaveGAN(**parts, critic_steps=steps)
    with pytest.raises(ValueError, match="`gradient_penalty_weight` must be a non-negative"):
        models.WaveGAN(**parts, gradient_penalty_weight=-1.0)
    with pytest.raises(ValueError, match="`ema_momentum` must be less than 1"):
        models.WaveGAN(**parts, ema_momentum=1.0)
    with pytest.raises(ValueError, match=r"`output of `generator`` must have shape|`generator`"):
        models.WaveGAN(networks.wavegan_generator(2048, 1), parts["critic"])
    with pytest.raises(ValueError, match=r"`critic` must take waveforms.*batch, 100"):
        models.WaveGAN(parts["generator"], keras.Sequential([keras.Input((100,)), layers.Dense(1)]))
    with pytest.raises(ValueError, match="`generator` must take latents"):
        models.WaveGAN(parts["critic"], parts["critic"])
    with pytest.raises(ValueError, match="`critic` is not built"):
        models.WaveGAN(parts["generator"], keras.Sequential([layers.Dense(1)]))
    with pytest.raises(ValueError, match="trained by 2 optimizers"):
        models.WaveGAN(**parts).compile("adam")


def test_every_update_of_the_critic_has_generated_waveforms_of_its_own(rng):
    """Without a penalty, three steps move `w` by three times the mean of all of them."""
    generator = [keras.Input((2,)), layers.Dense(6, "tanh"), layers.Reshape((6, 1))]
    model = models.WaveGAN(
        keras.Sequential(generator),
        critic_of(layers.Dense(1), samples=6),
        gradient_penalty_weight=0.0,
        critic_steps=3,
        seed=11,
    )
    model.compile({n: keras.optimizers.SGD(0.1) for n in ("critic", "generator")}, run_eagerly=True)
    x = rng.uniform(-1, 1, (12, 6, 1)).astype("float32")
    z = keras.random.normal((12, 2), seed=keras.random.SeedGenerator(11))
    made = ops.convert_to_numpy(model.generator(z))
    before = model.critic.get_weights()[0]
    model.train_on_batch(x)
    wanted = before + 0.1 * 3 * (x - made).mean(0)
    np.testing.assert_allclose(model.critic.get_weights()[0], wanted, atol=1e-5)
