import dataclasses

import keras
import numpy as np
import pytest

from keras_latent import models


def dense(inputs, outputs, seed, activation=None):
    """A dense network whose weights are the same on every backend."""
    kernel = np.random.default_rng(seed).normal(size=(inputs, outputs)) * 2
    layer = keras.layers.Dense(outputs, activation)
    network = keras.Sequential([keras.Input((inputs,)), layer])
    network.set_weights([kernel, np.zeros(outputs)])
    return network


@pytest.fixture
def generator():
    return dense(3, 4, 1, "tanh")


@pytest.fixture
def classifier():
    return dense(4, 3, 2)


def by_hand(generator, classifier, draws, seed):
    """All draws at once: latents, their class and its probability."""
    z = np.random.default_rng(seed).standard_normal((draws, 3), "float32")
    data = np.tanh(z @ generator.get_weights()[0].astype("float64"))
    scores = data @ classifier.get_weights()[0].astype("float64")
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return z, p.argmax(axis=1), p.max(axis=1)


def check(samples, z, label, confidence, per_class):
    for c in range(3):
        rows = np.flatnonzero(label == c)
        rows = rows[np.argsort(-confidence[rows])][:per_class]
        np.testing.assert_array_equal(samples.latents[samples.labels == c], z[rows])
        np.testing.assert_allclose(
            samples.confidence[samples.labels == c], confidence[rows], rtol=1e-4
        )


@pytest.mark.parametrize("batch_size", [1, 50, 256])
def test_the_best_of_all_draws(generator, classifier, batch_size):
    settings = {"max_draws": 200, "seed": 5, "batch_size": batch_size}
    samples = models.rejection_sample(generator, classifier, 7, **settings)
    check(samples, *by_hand(generator, classifier, 200, 5), 7)
    assert samples.draws == 200
    np.testing.assert_array_equal(samples.labels, np.repeat([0, 1, 2], 7))
    assert samples.latents.dtype == samples.confidence.dtype == np.float32
    assert samples.labels.dtype == np.int64
    with pytest.raises(dataclasses.FrozenInstanceError):
        samples.draws = 1


@pytest.mark.parametrize("batch_size", [7, 64, 500])
def test_a_threshold_ends_the_drawing(generator, classifier, batch_size):
    z, label, confidence = by_hand(generator, classifier, 500, 0)
    hits = np.cumsum((label[:, None] == np.arange(3)) & (confidence >= 0.8)[:, None], axis=0)
    end = int((hits >= 6).all(axis=1).argmax()) + 1
    assert 10 < end < 400  # the test asks something
    settings = {"threshold": 0.8, "seed": 0, "batch_size": batch_size, "max_draws": 500}
    samples = models.rejection_sample(generator, classifier, 6, **settings)
    assert samples.draws == end
    check(samples, z[:end], label[:end], confidence[:end], 6)
    assert samples.confidence.min() >= 0.8 and len(samples.labels) == 18


def test_a_class_that_is_rare(generator, classifier):
    classifier.layers[0].bias.assign([0.0, 0.0, -30.0])
    message = r"Fewer than `per_class=5` latents in 100 draws \(class 2: 0\).*`allow_fewer=True`"
    with pytest.raises(ValueError, match=message):
        models.rejection_sample(generator, classifier, 5, max_draws=100, seed=0)
    with pytest.warns(UserWarning, match=r"confidence 0.5 or more in 150 draws \(class 2: 0\)"):
        samples = models.rejection_sample(  # 10 * 5 * 3 draws
            generator, classifier, 5, threshold=0.5, allow_fewer=True, seed=0
        )
    np.testing.assert_array_equal(samples.labels, np.repeat([0, 1], 5))


def test_probabilities(generator, classifier):
    softmax = keras.Sequential([*classifier.layers, keras.layers.Softmax()])
    softmax.build((None, 4))
    settings = {"max_draws": 100, "seed": 3}
    a = models.rejection_sample(generator, classifier, 4, **settings)
    b = models.rejection_sample(generator, softmax, 4, from_logits=False, **settings)
    np.testing.assert_array_equal(a.latents, b.latents)
    np.testing.assert_allclose(a.confidence, b.confidence, rtol=1e-5)
    with pytest.raises(ValueError, match="must return probabilities with `from_logits=False`"):
        models.rejection_sample(generator, classifier, 4, from_logits=False, **settings)


def test_a_model_of_the_library():
    encoded = keras.Input((4,))
    two = [keras.layers.Dense(3)(encoded), keras.layers.Dense(3)(encoded)]
    vae = models.VAE(keras.Model(encoded, two), dense(3, 4, 1))
    samples = models.rejection_sample(vae, dense(4, 3, 2), 2, max_draws=200, seed=0, batch_size=64)
    p = keras.ops.softmax(dense(4, 3, 2)(vae.decode(samples.latents)), axis=-1)
    p = keras.ops.convert_to_numpy(p)
    np.testing.assert_allclose(p.max(axis=1), samples.confidence, rtol=1e-4)
    np.testing.assert_array_equal(p.argmax(axis=1), samples.labels)


def test_errors(generator, classifier):
    image = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
    broken = keras.Sequential([keras.Input((4,)), keras.layers.Rescaling(np.nan)])
    for arguments, options, message in (
        ((generator, classifier, 0), {}, "`per_class` must be a positive integer"),
        ((generator, classifier, 2), {"batch_size": 1.5}, "`batch_size` must be a positive"),
        ((generator, classifier, 2), {"max_draws": 0}, "`max_draws` must be a positive integer"),
        ((generator, classifier, 2), {"threshold": 1.1}, "`threshold` must be from 0 to 1"),
        ((generator, classifier, 2), {"threshold": -1}, "`threshold` must be a non-negative"),
        (("vae", classifier, 2), {}, "`generator` must be a Keras model"),
        ((image, classifier, 2), {}, r"must take latents \(batch, latent_dim\).*\(4, 4, 1\)"),
        ((generator, lambda x: x, 2), {}, "`classifier` must be a Keras model"),
        ((generator, broken, 2), {}, "`classifier` returned NaN or infinity"),
    ):
        with pytest.raises(ValueError, match=message):
            models.rejection_sample(*arguments, **options)
    wide = keras.Sequential([keras.Input((4,)), keras.layers.Reshape((2, 2))])
    with pytest.raises(ValueError, match=r"one score per class.*\(256, 2, 2\)"):
        models.rejection_sample(generator, wide, 2)
