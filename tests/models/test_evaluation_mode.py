"""Training steps run the networks in training mode, evaluation and the verbs do not."""

import keras
import numpy as np
import pytest
import small_networks
from keras import layers
from run_model import Case
from small_networks import digits
from test_every_model import CASES

from keras_latent import models

ROWS = 6


OTHERS = {
    "DualVAE, plain": Case(small_networks.dual_vae, small_networks.attributed_digits(ROWS), None),
    "VBTA, swd": Case(lambda: small_networks.vbta(swd=1.0), (small_networks.batch(ROWS),), None),
}
MODELS = CASES | OTHERS


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
    case = MODELS[name]
    data = keras.tree.map_structure(lambda rows: rows[:ROWS], case.data)
    model = case.make(**case.options)
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
