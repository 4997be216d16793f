"""Training steps run the networks in training mode, evaluation and the verbs do not."""

import keras
import numpy as np
import pytest
from keras import layers
from small_networks import (
    attributed_digits,
    batch,
    cvae,
    digits,
    dual_vae,
    fader,
    labelled_digits,
    lstnet_mlp,
    tvae,
    vae,
    vbta,
)

from keras_latent import models
from keras_latent.src.models.bridging.networks import bridging_mlp

ROWS = 6


def bridging_vae():
    model = models.BridgingVAE(**bridging_mlp(4, 2, 2, hidden=8, depth=1), num_classes=None)
    z = np.random.default_rng(0).normal(size=(ROWS, 4)).astype("float32")
    return model, ({"source": z, "target": z},)


def wavegan():
    generator = [keras.Input((2,)), layers.Dense(8, "tanh"), layers.Reshape((8, 1))]
    critic = [keras.Input((8, 1)), layers.Flatten(), layers.Dense(1)]
    parts = keras.Sequential(generator), keras.Sequential(critic)
    return models.WaveGAN(*parts, critic_steps=2), (np.zeros((ROWS, 8, 1), "float32"),)


MODELS = {
    "VAE": lambda: (vae(), (digits(ROWS)[0],)),
    "TVAE": lambda: (tvae(), labelled_digits(ROWS)),
    "VBTA": lambda: (vbta(swd=1.0, cross_reconstruction=1.0), (batch(ROWS),)),
    "DualVAE": lambda: (dual_vae(), attributed_digits(ROWS)),
    "DualVAE, consistent": lambda: (dual_vae(consistency=1.0), attributed_digits(ROWS)),
    "CVAE": lambda: (cvae(), attributed_digits(ROWS)),
    "FaderNetwork": lambda: (fader(), attributed_digits(ROWS)),
    "BridgingVAE": bridging_vae,
    "LSTNet": lambda: (lstnet_mlp(feature_weight=1.0), (batch(ROWS),)),
    "WaveGAN": wavegan,
}


def modes_of(model, monkeypatch):
    """Name of each network to the modes in which it is run from now on, a list that grows."""
    modes = {}
    for network in model.layers:
        if isinstance(network, keras.Model):
            seen = modes[network.name] = []

            def recorded(*args, call=network.call, seen=seen, training=None, **kwargs):
                seen.append(bool(training))
                return call(*args, training=training, **kwargs)

            monkeypatch.setattr(network, "call", recorded)
    return modes


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_dropout_and_moments_are_of_training_alone(name, monkeypatch):
    model, data = MODELS[name]()
    model.compile(run_eagerly=True)
    modes = modes_of(model, monkeypatch)
    logs = model.evaluate(*data, batch_size=ROWS, verbose=0, return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    assert all(seen and not any(seen) for seen in modes.values()), modes
    for seen in modes.values():
        seen.clear()
    model.train_on_batch(*data)
    assert all(any(seen) for seen in modes.values()), modes


def test_evaluation_with_dropout_is_the_objective_without(monkeypatch):
    x, _ = digits(ROWS)
    encoder_input = keras.Input(x.shape[1:])
    h = layers.Dropout(0.5)(layers.Flatten()(encoder_input))
    encoder = keras.Model(encoder_input, (layers.Dense(2)(h), layers.Dense(2)(h)))
    decoder = keras.Sequential([keras.Input((2,)), layers.Dense(64), layers.Reshape((8, 8, 1))])
    model = models.VAE(encoder, decoder)
    monkeypatch.setattr(model, "sample", lambda z_mean, z_log_var: z_mean)
    model.compile(run_eagerly=True)
    logs = [model.evaluate(x, verbose=0, return_dict=True) for _ in range(2)]
    assert logs[0] == logs[1]
    error = np.square(model.reconstruct(x) - x).sum((1, 2, 3)).mean()
    wanted = 0.5 * (error + 64 * np.log(2 * np.pi))
    assert logs[0]["reconstruction_loss"] == pytest.approx(wanted, rel=1e-5)
