"""Networks that users bring: convolutions, vectors, subclasses."""

import keras
import numpy as np
import pytest
from small_networks import (
    OwnEncoder,
    assert_same_weights,
    conv_decoder,
    conv_encoder,
    own,
    quick_compile,
    to_numpy,
)

from keras_latent import models

COLOUR = (64, 64, 3)


@pytest.fixture
def vectors(rng):
    return (rng.normal(size=(40, 2)) @ rng.normal(size=(2, 12))).astype("float32")


def trained(model, x, steps=2):
    before = [np.array(to_numpy(v)) for v in model.trainable_variables]
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=quick_compile())
    history = model.fit(x, batch_size=8, epochs=steps, verbose=0).history
    assert all(np.isfinite(v).all() for v in history.values())
    for variable, old in zip(model.trainable_variables, before, strict=True):
        assert (to_numpy(variable) != old).any(), f"{variable.path} did not move"
    return history


def moments(model):
    return [to_numpy(v) for v in model.non_trainable_variables if "moving" in v.path]


def reload(model, path):
    model.save(path)
    return keras.saving.load_model(path)


def test_convolutions_for_vbta(rng, tmp_path):
    """No shared parts: the domain encoders have the heads, the decoders take the latent."""
    x = {
        "source": rng.random((16, *COLOUR)).astype("float32"),
        "target": rng.random((16, *COLOUR)).astype("float32"),
        "paired": np.arange(16) % 2 == 0,
    }
    model = models.VBTA(
        conv_encoder(COLOUR),
        conv_encoder(COLOUR),
        conv_decoder(COLOUR),
        conv_decoder(COLOUR),
        likelihood="bernoulli",
        cross_reconstruction=1.0,
        seed=0,
    )
    assert model.latent_dim == 5
    before = moments(model)
    trained(model, x, steps=1)
    assert all((a != b).any() for a, b in zip(before, moments(model), strict=True))
    after = moments(model)
    images = model.translate(x["source"])
    assert images.shape == (16, *COLOUR) and images.min() >= 0 and images.max() <= 1
    # Inference moves no statistics and drops nothing.
    np.testing.assert_array_equal(model.translate(x["source"]), images)
    model.evaluate(x, verbose=0)
    for a, b in zip(after, moments(model), strict=True):
        np.testing.assert_array_equal(a, b)
    loaded = reload(model, tmp_path / "vbta.keras")
    assert loaded.shared_encoder is None and loaded.shared_decoder is None
    np.testing.assert_allclose(loaded.translate(x["source"]), images, atol=1e-6)


def test_convolutions_for_vae(rng):
    x = rng.random((16, *COLOUR)).astype("float32")
    model = models.VAE(conv_encoder(COLOUR), conv_decoder(COLOUR), likelihood="bernoulli")
    trained(model, x, steps=1)
    assert model.interpolate(x[:2], x[2:4], 3).shape == (2, 3, *COLOUR)
    assert model.generate(2, seed=0).max() <= 1


def test_own_classes_for_vae(vectors, tmp_path):
    encoder, decoder = own(vectors)
    model = models.VAE(encoder, decoder, seed=0)
    assert model.event_shape == (12,) and model.latent_dim == 3
    history = trained(model, vectors, steps=10)
    assert history["loss"][-1] < history["loss"][0]
    loaded = reload(model, tmp_path / "vae.keras")
    assert isinstance(loaded.encoder, OwnEncoder)
    np.testing.assert_allclose(loaded.reconstruct(vectors), model.reconstruct(vectors), atol=1e-6)


def test_own_classes_for_vbta(vectors, tmp_path):
    other = vectors[:, :7].copy()
    (source_encoder, source_decoder), (target_encoder, target_decoder) = own(vectors), own(other)
    model = models.VBTA(source_encoder, target_encoder, source_decoder, target_decoder, seed=0)
    assert model.event_shapes == {"source": (12,), "target": (7,)}
    x = {"source": vectors, "target": other, "paired": np.ones(40, bool)}
    history = trained(model, x, steps=10)
    assert history["loss"][-1] < history["loss"][0]
    loaded = reload(model, tmp_path / "vbta.keras")
    assert_same_weights(model, loaded)
    np.testing.assert_allclose(loaded.translate(vectors), model.translate(vectors), atol=1e-6)
    model.save_to_preset(tmp_path / "preset")
    preset = models.VBTA.from_preset(tmp_path / "preset")
    np.testing.assert_allclose(preset.translate(vectors), model.translate(vectors), atol=1e-6)


def test_dropout_is_on_in_training_alone(vectors):
    encoder, decoder = own(vectors)
    encoder.noise.rate = 0.9
    model = models.VAE(encoder, decoder)
    np.testing.assert_array_equal(model.encode(vectors), model.encode(vectors))
    on = [to_numpy(model.posterior(vectors, training=True)[0]) for _ in range(2)]
    assert np.abs(on[0] - on[1]).max() > 1e-3


def test_regularizers_count(vectors):
    """A weight penalty in a user's network is part of the loss and not of its terms."""
    encoder = keras.Sequential([keras.Input((12,)), keras.layers.Dense(6)])
    x = keras.Input((12,))
    features = encoder(x)
    penalty = keras.regularizers.L2(0.5)
    head = keras.layers.Dense(2, kernel_regularizer=penalty)
    encoder = keras.Model(x, (head(features), keras.layers.Dense(2)(features)))
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(12)])
    model = models.VAE(encoder, decoder)
    model.compile(keras.optimizers.SGD(0.0))
    logs = model.train_on_batch(vectors, return_dict=True)
    extra = logs["loss"] - logs["reconstruction_loss"] - logs["kl_loss"]
    assert extra == pytest.approx(0.5 * np.sum(to_numpy(head.kernel) ** 2), rel=1e-3)


def test_extreme_encoders_stay_finite(vectors):
    """Log-variances are bounded: heads of any size give a finite loss and finite updates."""
    encoder, decoder = own(vectors)
    model = models.VAE(encoder, decoder)
    encoder.log_var.bias.assign([1e4, -1e4, 0.0])
    model.compile()
    logs = model.train_on_batch(vectors, return_dict=True)
    assert all(np.isfinite(v) for v in logs.values())
    assert all(np.isfinite(to_numpy(v)).all() for v in model.trainable_variables)
