"""Compilation, saving, precision, callbacks and devices."""

import json

import keras
import numpy as np
import pytest
from keras import ops
from toys import Gan, Lines, NoisyAutoencoder

from keras_latent import training

BACKEND = keras.backend.backend()
MODELS = pytest.mark.parametrize("model_class", [Gan, NoisyAutoencoder])


def arrays(variables):
    return [np.array(ops.convert_to_numpy(v)).astype("float32") for v in variables]


def assert_same_state(one, two, tolerance=1e-6):
    for group in ("variables", "optimizer"):
        a, b = getattr(one, group), getattr(two, group)
        a, b = (a, b) if group == "variables" else (a.variables, b.variables)
        for left, right in zip(arrays(a), arrays(b), strict=True):
            np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance)


@pytest.fixture
def x(rng):
    return rng.normal(size=(32, 4)).astype("float32")


@MODELS
def test_a_saved_model_continues_as_if_it_had_never_stopped(x, model_class, tmp_path, eagerly):
    model = model_class()
    model.compile()
    model.fit(x, batch_size=8, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.compiled
    assert_same_state(model, loaded)
    for m in (model, loaded):
        m.fit(x, batch_size=8, epochs=2, shuffle=False, verbose=0)
    assert_same_state(model, loaded)
    assert loaded.get_compile_config() == model.get_compile_config()


def test_the_slots_of_every_optimizer_are_in_the_file(x, tmp_path, eagerly):
    model = Gan()
    model.compile(
        {"critic": keras.optimizers.Adam(1e-3), "generator": keras.optimizers.RMSprop(2e-3)}
    )
    model.fit(x, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.optimizer.members["generator"], keras.optimizers.RMSprop)
    moments = [v for v in loaded.optimizer.variables if "momentum" in v.path]
    assert moments and all(np.any(m != 0) for m in arrays(moments))


@pytest.mark.once
@MODELS
def test_backup_and_restore_resumes_a_killed_training(x, model_class, tmp_path, eagerly):
    class Killed(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def train(directory, *callbacks):
        keras.utils.set_random_seed(2)
        model = model_class()
        model.compile()
        backup = keras.callbacks.BackupAndRestore(tmp_path / directory)
        model.fit(
            x, batch_size=8, epochs=4, shuffle=False, verbose=0, callbacks=[backup, *callbacks]
        )
        return model

    with pytest.raises(KeyboardInterrupt):
        train("a", Killed())
    resumed, straight = train("a"), train("b")
    assert_same_state(resumed, straight)


def test_callbacks_act_on_every_optimizer(x, tmp_path, eagerly):
    model = Gan()
    model.compile({"critic": keras.optimizers.SGD(0.1), "generator": keras.optimizers.SGD(0.2)})

    def rates():
        return [float(ops.convert_to_numpy(m.learning_rate)) for m in model.optimizer.optimizers]

    model.fit(
        x,
        epochs=2,
        verbose=0,
        callbacks=[
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
            keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"),
            keras.callbacks.ModelCheckpoint(
                tmp_path / "best.weights.h5",
                monitor="critic_loss",
                mode="min",
                save_best_only=True,
                save_weights_only=True,
            ),
        ],
    )
    np.testing.assert_allclose(rates(), [0.025, 0.05])
    assert_same_state(model, keras.saving.load_model(tmp_path / "2.keras"))
    assert (tmp_path / "best.weights.h5").exists()

    plateau = keras.callbacks.ReduceLROnPlateau(
        "critic_loss", mode="min", factor=0.1, patience=1, min_delta=99
    )
    model.fit(x, epochs=2, verbose=0, callbacks=[plateau])
    np.testing.assert_allclose(rates(), [0.0025, 0.005], rtol=1e-5)

    stop = keras.callbacks.EarlyStopping("critic_loss", mode="min", patience=1, min_delta=99)
    history = model.fit(x, epochs=9, verbose=0, callbacks=[stop]).history
    assert len(history["critic_loss"]) == 2


@MODELS
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains_and_scales_every_loss(x, model_class, policy, tmp_path, eagerly):
    keras.config.set_dtype_policy(policy)
    model = model_class()
    model.compile()
    history = model.fit(x, batch_size=16, epochs=3, verbose=0).history
    assert all(np.isfinite(v).all() for v in history.values())
    members = getattr(model.optimizer, "optimizers", [model.optimizer])
    for member in members:
        scaled = isinstance(member, keras.optimizers.LossScaleOptimizer)
        assert scaled == (policy == "mixed_float16")
        assert int(ops.convert_to_numpy(member.iterations)) > 0
    model.save(tmp_path / "model.keras")
    assert_same_state(model, keras.saving.load_model(tmp_path / "model.keras"))


def test_an_overflow_skips_the_step_and_halves_the_scale(x):
    keras.config.set_dtype_policy("mixed_float16")
    model = NoisyAutoencoder()
    model.compile()
    model.optimizer.build(model.trainable_variables)
    before = arrays(model.trainable_variables)
    model.fit(x * 1e30, batch_size=32, verbose=0)
    for old, new in zip(before, arrays(model.trainable_variables), strict=True):
        np.testing.assert_array_equal(old, new)
    assert float(ops.convert_to_numpy(model.optimizer.dynamic_scale)) == 2.0**14


def test_the_loss_is_scaled_inside_the_gradient(x):
    """A fixed factor cancels out: the weights are those of an unscaled training."""
    runs = []
    for factor in (None, 1024.0):
        keras.utils.set_random_seed(1)
        model = Gan()
        model.compile(
            {
                k: keras.optimizers.SGD(0.1, loss_scale_factor=factor)
                for k in ("critic", "generator")
            }
        )
        model.fit(x, batch_size=16, shuffle=False, verbose=0)
        runs.append(arrays(model.trainable_variables))
    for a, b in zip(*runs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_moving_averages_of_weights_are_finalized(x, eagerly):
    model = Gan()
    model.compile({k: keras.optimizers.SGD(0.1, use_ema=True) for k in ("critic", "generator")})
    model.fit(x, batch_size=8, verbose=0)
    for member, network in zip(
        model.optimizer.optimizers, (model.critic, model.generator), strict=True
    ):
        averages = arrays(member._model_variables_moving_average)
        for a, w in zip(averages, arrays(network.trainable_variables), strict=True):
            np.testing.assert_allclose(a, w, atol=1e-6)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="of TensorFlow")
@pytest.mark.parametrize("model_class", [Lines, NoisyAutoencoder])
def test_mirrored_strategy_on_two_devices_equals_one(x, model_class, mirrored):
    import tensorflow as tf

    class Still(model_class):
        """Without noise, and with the moments of batch normalisation left out."""

        def loss_of(self, x, training=False):
            return super().loss_of(x, False)

    def train():
        keras.utils.set_random_seed(1)
        model = Still()
        groups = model.optimizer_groups()
        optimizer = keras.optimizers.SGD(0.05)
        if groups:
            optimizer = {name: keras.optimizers.SGD(0.05) for name in groups}
        model.compile(optimizer)
        data = tf.data.Dataset.from_tensor_slices(x[:, : model.size]).batch(8)
        history = model.fit(data, epochs=3, verbose=0).history
        return arrays(model.trainable_variables), list(history.values())

    one = train()
    with mirrored.scope():
        two = train()
    for a, b in zip(one[0] + one[1], two[0] + two[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(BACKEND != "jax", reason="of JAX")
@pytest.mark.parametrize("model_class", [Gan, NoisyAutoencoder])
def test_data_parallel_on_two_devices_equals_one(x, model_class):
    import jax

    assert len(jax.devices()) == 2

    def train():
        keras.utils.set_random_seed(1)
        model = model_class()
        model.compile()
        history = model.fit(x, batch_size=8, epochs=2, shuffle=False, verbose=0).history
        return arrays(model.trainable_variables), list(history.values())

    one = train()
    distribution = keras.distribution.DataParallel(devices=["cpu:0", "cpu:1"])
    try:
        keras.distribution.set_distribution(distribution)
        two = train()
    finally:
        keras.distribution.set_distribution(None)
    for a, b in zip(one[0] + one[1], two[0] + two[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_the_default_is_compiled():
    model = NoisyAutoencoder()
    model.compile()
    assert model.jit_compile == (BACKEND != "torch")
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    # In a file, which another backend may read, the choice stays open.
    assert model.get_compile_config()["jit_compile"] == "auto"
    model.compile(run_eagerly=True)
    assert not model.jit_compile


def test_a_group_serializes():
    group = training.OptimizerGroup({"a": "sgd", "b": keras.optimizers.Adam(3e-4)})
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(group)))
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == group.get_config()


class TestErrors:
    def test_a_loss_of_ones_own(self):
        with pytest.raises(ValueError, match="brings its own objective.*Received: loss"):
            Gan().compile(loss="mse")

    def test_one_optimizer_for_two(self):
        with pytest.raises(ValueError, match=r"dict with the keys \['critic', 'generator'\]"):
            Gan().compile("adam")

    def test_wrong_names(self):
        with pytest.raises(ValueError, match="keys"):
            Gan().compile({"critic": "adam", "decoder": "adam"})

    def test_two_optimizers_for_one(self):
        with pytest.raises(ValueError, match="one optimizer"):
            NoisyAutoencoder().compile({"a": "adam"})

    def test_whose_turn(self, x):
        model = Gan()
        model.compile()
        with pytest.raises(ValueError, match="`of` must be one of .*Received: of='decoder'"):
            model.minimize(model.critic_loss, x, of="decoder")
        with pytest.raises(ValueError, match="`of` must be one of"):
            model.minimize(model.critic_loss, x)

    def test_sample_weights(self, x):
        model = Gan()
        model.compile(run_eagerly=True)
        with pytest.raises(ValueError, match="takes no `sample_weight`"):
            model.fit(x, x, sample_weight=np.ones(32), verbose=0)

    def test_group_alone(self):
        group = training.OptimizerGroup({"a": "sgd"})
        with pytest.raises(ValueError, match=r"Pass it to `model.compile`"):
            group.build([])
        with pytest.raises(ValueError, match="run in turn"):
            group.apply([])
        with pytest.raises(AttributeError, match="members"):
            group.learning_rate  # noqa: B018
        with pytest.raises(AttributeError, match="members"):
            group.learning_rate = 1.0
        with pytest.raises(ValueError, match="non-empty dict"):
            training.OptimizerGroup({})
