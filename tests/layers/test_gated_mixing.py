import keras
import numpy as np
import pytest
import scipy.special
from helpers import to_numpy
from keras.src import testing

from keras_latent.layers import GatedMixingLayer


class GatedMixingLayerTest(testing.TestCase):
    def test_layer(self):
        for leading, use_bias in (((3,), True), ((3, 5), False)):
            self.run_layer_test(
                GatedMixingLayer,
                init_kwargs={
                    "units": 4,
                    "use_bias": use_bias,
                    "kernel_initializer": "he_uniform",
                    "kernel_regularizer": "l2",
                    "bias_constraint": "max_norm",
                },
                input_shape={"hidden_shape": (*leading, 7), "skip_shape": (*leading, 2)},
                input_dtype={"hidden_shape": "float32", "skip_shape": "float32"},
                expected_output_shape=(*leading, 4),
                expected_num_trainable_weights=4 if use_bias else 2,
                expected_num_losses=2,
                supports_masking=True,
                # This check calls the layer with one argument; see test_fit.
                run_training_check=False,
            )


def test_matches_the_papers_formula(rng):
    h, z = np.float32(rng.normal(size=(6, 5))), np.float32(rng.normal(size=(6, 3)))
    layer = GatedMixingLayer(4, bias_initializer=keras.initializers.RandomNormal(seed=1))
    result = to_numpy(layer(h, z))
    w_h, w_z = to_numpy(layer.hidden_kernel), to_numpy(layer.skip_kernel)
    b_h, b_z = to_numpy(layer.hidden_bias), to_numpy(layer.skip_bias)
    assert (w_h.shape, w_z.shape, b_h.shape, b_z.shape) == ((5, 8), (3, 4), (8,), (4,))
    d, g = np.split(h @ w_h + b_h, 2, axis=-1)
    gate = scipy.special.expit(g)
    np.testing.assert_allclose(
        result, (1 - gate) * (z @ w_z + b_z) + gate * d, rtol=1e-5, atol=1e-6
    )


def test_a_closed_gate_gives_the_linear_map_and_an_open_one_the_update(rng):
    h, z = np.float32(rng.normal(size=(6, 5))), np.float32(rng.normal(size=(6, 3)))
    layer = GatedMixingLayer(4)
    layer(h, z)
    layer.hidden_bias.assign([0.0] * 4 + [-1e4] * 4)
    closed = to_numpy(layer(h, z))
    np.testing.assert_allclose(closed, z @ to_numpy(layer.skip_kernel), rtol=1e-5, atol=1e-6)
    layer.hidden_bias.assign([0.0] * 4 + [1e4] * 4)
    update = h @ to_numpy(layer.hidden_kernel)[:, :4]
    np.testing.assert_allclose(to_numpy(layer(h, z)), update, rtol=1e-5, atol=1e-6)


def test_kernels_are_drawn_independently():
    layer = GatedMixingLayer(2, kernel_initializer=keras.initializers.RandomNormal())
    layer.build((None, 3), (None, 3))
    narrow = GatedMixingLayer(1, kernel_initializer=keras.initializers.RandomNormal())
    narrow.build((None, 2), (None, 4))
    drawn = to_numpy(narrow.hidden_kernel).ravel(), to_numpy(narrow.skip_kernel).ravel()
    assert np.abs(drawn[0] - drawn[1]).min() > 0


def model(units=2):
    z = keras.Input((3,))
    h = keras.layers.Dense(8, activation="relu")(z)
    outputs = GatedMixingLayer(units)(h, z)
    assert outputs.shape == (None, units)
    return keras.Model(z, outputs)


def test_fit_learns_a_linear_map(rng):
    x = np.float32(rng.normal(size=(64, 3)))
    y = x @ np.float32(rng.normal(size=(3, 2)))
    net = model()
    net.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse")
    losses = net.fit(x, y, batch_size=16, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < 0.2 * losses[0]


def test_saves_and_loads(rng, tmp_path):
    net, x = model(), np.float32(rng.normal(size=(4, 3)))
    net.save(tmp_path / "gml.keras")
    loaded = keras.saving.load_model(tmp_path / "gml.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), net.predict(x, verbose=0), rtol=1e-6)


def test_bad_arguments_raise():
    for units in (0, -1, 2.5):
        with pytest.raises(ValueError, match="`units` must be a positive integer. Received: units"):
            GatedMixingLayer(units)
    with pytest.raises(ValueError, match=r"`hidden` and `skip` must have the same axes.*\(4, 3\)"):
        GatedMixingLayer(2)(keras.ops.zeros((5, 3)), keras.ops.zeros((4, 3)))
    with pytest.raises(ValueError, match="must have the same axes"):
        GatedMixingLayer(2)(keras.ops.zeros((4, 1, 3)), keras.ops.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"must be known. Received: hidden.shape=\(2, None\)"):
        GatedMixingLayer(2).build((2, None), (2, 3))
