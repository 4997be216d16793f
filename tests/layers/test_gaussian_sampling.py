import keras
import numpy as np
import pytest
from helpers import to_numpy
from keras.src import testing

from keras_latent.layers import GaussianSampling


class GaussianSamplingLayerTest(testing.TestCase):
    def test_layer(self):
        for shapes in (((2, 3), (2, 3)), ((2, 4, 4, 3), (2, 4, 4, 3))):
            self.run_layer_test(
                GaussianSampling,
                init_kwargs={"seed": 1},
                input_shape=shapes,
                input_dtype=("float32", "float32"),
                expected_output_shape=shapes[0],
                expected_num_trainable_weights=0,
                expected_num_seed_generators=1,
                expected_num_losses=0,
            )


def test_draws_are_new_and_follow_the_seed():
    inputs = [np.zeros((5, 3), "float32")] * 2
    layer, twin = GaussianSampling(seed=3), GaussianSampling(seed=3)
    first, second = to_numpy(layer(inputs)), to_numpy(layer(inputs))
    assert np.abs(first - second).min() > 0
    np.testing.assert_array_equal(first, to_numpy(twin(inputs)))
    assert np.abs(to_numpy(layer(inputs, training=False)) - second).min() > 0


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float32"])
def test_extreme_log_variances_stay_finite(policy):
    mean = np.ones((50, 3), "float32")
    for extreme in (1e4, -1e4):
        sample = GaussianSampling(dtype=policy)([mean, np.full_like(mean, extreme)])
        assert keras.backend.standardize_dtype(sample.dtype) == policy.removeprefix("mixed_")
        assert np.isfinite(to_numpy(keras.ops.cast(sample, "float32"))).all()
    np.testing.assert_allclose(to_numpy(keras.ops.cast(sample, "float32")), mean, atol=1e-3)


def test_functional_with_an_unknown_batch_saves_and_loads(tmp_path):
    inputs = keras.Input((4,))
    z_mean, z_log_var = keras.layers.Dense(2)(inputs), keras.layers.Dense(2)(inputs)
    outputs = GaussianSampling(seed=0)((z_mean, z_log_var))
    assert outputs.shape == (None, 2)
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras")
    x = np.ones((3, 4), "float32")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-6)


def test_bad_inputs_raise():
    x = keras.ops.zeros((4, 3))
    with pytest.raises(ValueError, match="`inputs` must be a pair"):
        GaussianSampling()(x)
    with pytest.raises(ValueError, match="`inputs` must be a pair"):
        GaussianSampling()([x, x, x])
    with pytest.raises(ValueError, match="`mean` and `log_var` must have the same shape"):
        GaussianSampling()([x, x[:, :2]])


def test_half_precision_rounds_once(rng):
    """The sample is rounded, not the parameters."""
    inputs = rng.normal(size=(2, 200, 3)).astype("float32")
    layer = GaussianSampling(seed=3, dtype="mixed_bfloat16")
    wanted = keras.ops.cast(GaussianSampling(seed=3)(list(inputs)), "bfloat16")
    found = layer(list(inputs))
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
    found, wanted = (to_numpy(keras.ops.cast(t, "float32")) for t in (found, wanted))
    np.testing.assert_array_equal(found, wanted)
