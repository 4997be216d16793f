"""The portable train step, with one and with two optimizers."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from toys import Gan, Lines, NoisyAutoencoder, lines_oracle

from keras_latent import training

BACKEND = keras.backend.backend()


def sgd(rate=0.05):
    return {"a": keras.optimizers.SGD(rate), "b": keras.optimizers.SGD(rate)}


def weights(model):
    return [np.array(ops.convert_to_numpy(v)) for v in model.trainable_variables]


def assert_equal(left, right, tolerance=1e-5):
    for a, b in zip(left, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.fixture
def x(rng):
    return rng.normal(size=(32, 4)).astype("float32")


def test_two_players_follow_the_numpy_oracle_to_five_decimals(rng):
    x = rng.normal(size=(22, 3)).astype("float32")  # the last of three batches is smaller
    model = Lines()
    model.compile(sgd())
    history = model.fit(x, batch_size=8, epochs=4, shuffle=False, verbose=0).history
    a, b, losses = lines_oracle(x, 8, 0.05, epochs=4)
    assert_equal(weights(model), [a, np.full((1, 1), b)])
    np.testing.assert_allclose(
        [history["a_loss"][-1], history["b_loss"][-1]], losses, rtol=0, atol=1e-5
    )


# TensorFlow's XLA draws other random numbers than its eager mode, for the same seed.
COMPILED = [
    (Lines, {"jit_compile": False}),
    (Lines, {"jit_compile": True}),
    (Gan, {"jit_compile": BACKEND == "jax"}),
    (NoisyAutoencoder, {"jit_compile": BACKEND == "jax"}),
]


@pytest.mark.parametrize(("model_class", "options"), COMPILED)
def test_compiled_and_eager_steps_train_alike(x, model_class, options):
    if BACKEND == "torch" and options["jit_compile"]:
        pytest.skip("PyTorch compiles for minutes, and not by default")
    runs = []
    for kwargs in ({"run_eagerly": True}, options):
        keras.utils.set_random_seed(1)
        model = model_class(size=4)
        model.compile(**kwargs)
        history = model.fit(x, batch_size=16, epochs=2, shuffle=False, verbose=0).history
        runs.append((weights(model), list(history.values())))
    assert_equal(runs[0][0], runs[1][0])
    assert_equal(runs[0][1], runs[1][1])


@pytest.mark.parametrize("model_class", [Gan, NoisyAutoencoder])
def test_everything_moves_seeds_and_moments_included(x, model_class, eagerly):
    model = model_class()
    model.compile()
    model.optimizer.build(model.trainable_variables)
    state = model.trainable_variables + model.non_trainable_variables + model.optimizer.variables
    before = [np.array(ops.convert_to_numpy(v)) for v in state]
    model.fit(x, batch_size=16, verbose=0)
    unmoved = [
        v.path
        for v, old in zip(state, before, strict=True)
        if np.array_equal(ops.convert_to_numpy(v), old) and not v.path.endswith("learning_rate")
    ]
    # The group's own counter is not used: its members count.
    assert [p for p in unmoved if "optimizer_group" not in p] == []


def test_a_second_optimizer_as_plain_attribute_is_frozen_on_jax(x, eagerly):
    """The fact that `OptimizerGroup` exists for."""

    class Plain(Gan):
        def optimizer_groups(self):
            return None

        @training.portable
        def train_step(self, data):
            x = self.unpack(data)
            loss, _ = self.minimize(self.critic_loss, x)
            self.second.iterations.assign_add(1)
            return self.track(ops.shape(x)[0], critic_loss=loss)

    model = Plain()
    model.second = keras.optimizers.SGD()
    model.compile(keras.optimizers.SGD())
    if BACKEND == "jax":
        # The update escapes the step as a tracer, or is dropped: it is never 2.
        model.fit(x, batch_size=16, verbose=0)
        assert int(model.second.iterations.value) == 0
    model = Gan()
    model.compile()
    model.fit(x, batch_size=16, verbose=0)
    members = model.optimizer.members
    assert [int(ops.convert_to_numpy(m.iterations)) for m in members.values()] == [2, 2]
    ids = {id(v) for v in model.optimizer.variables}
    assert all(id(v) in ids for m in members.values() for v in m.variables)


def test_loss_goes_down(rng):
    x = rng.normal(size=(256, 1)).astype("float32") @ rng.normal(size=(1, 4)).astype("float32")
    model = NoisyAutoencoder()
    model.compile(keras.optimizers.Adam(1e-2))
    losses = model.fit(x, batch_size=32, epochs=8, verbose=0).history["square"]
    assert losses[-1] < 0.6 * losses[0]


def test_logs_are_means_over_the_epoch_weighted_by_batch_size(x):
    class Rows(Lines):
        trackers = ("value",)

        def optimizer_groups(self):
            return None

        @training.portable
        def train_step(self, data):
            x = self.unpack(data)
            return self.track(ops.shape(x)[0], value=ops.mean(x))

    model = Rows()
    model.compile()
    history = model.fit(x[:22, :3], batch_size=8, shuffle=False, verbose=0).history
    assert list(history) == ["value"]  # no stray `loss: 0.0`
    np.testing.assert_allclose(history["value"][0], x[:22, :3].mean(), rtol=1e-5)
    assert [m.name for m in model.metrics] == ["value"]


def test_a_subclass_extends_the_step_of_its_base(x, eagerly):
    class Counting(NoisyAutoencoder):
        trackers = ("loss", "square", "count")

        @training.portable
        def train_step(self, data):
            super().train_step(data)
            return self.track(1, count=3.0)

    model = Counting()
    model.compile()
    history = model.fit(x, batch_size=16, verbose=0).history
    assert history["count"] == [3.0]
    assert history["loss"][0] > 0


def test_steps_per_execution(x):
    model = Lines()
    if BACKEND == "torch":
        model.compile(sgd(), steps_per_execution=2)
        with pytest.raises(ValueError, match="steps_per_execution"):
            model.fit(x[:, :3], verbose=0)
        return
    model.compile(sgd(), steps_per_execution=4)
    history = model.fit(x[:, :3], batch_size=4, epochs=3, shuffle=False, verbose=0).history
    a, b, losses = lines_oracle(x[:, :3], 4, 0.05, epochs=3)
    assert_equal(weights(model), [a, np.full((1, 1), b)])
    np.testing.assert_allclose(history["a_loss"][-1], losses[0], atol=1e-5)


def test_gradient_accumulation_equals_a_larger_batch(x, eagerly):
    class One(NoisyAutoencoder):
        def loss_of(self, x, training=False):
            return super().loss_of(x, False)

    runs = []
    for batch_size, steps in ((16, None), (4, 4)):
        keras.utils.set_random_seed(1)
        model = One()
        model.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=steps))
        model.fit(x, batch_size=batch_size, epochs=2, shuffle=False, verbose=0)
        runs.append(weights(model))
    assert_equal(*runs)

    runs = []
    for batch_size, steps in ((32, None), (8, 4)):
        model = Lines()
        model.compile(
            {k: keras.optimizers.SGD(0.1, gradient_accumulation_steps=steps) for k in "ab"}
        )
        model.fit(x[:, :3], batch_size=batch_size, shuffle=False, verbose=0)
        runs.append(weights(model)[0])  # `b` sees an `a` that has moved in the first run
    assert_equal(*runs)


def test_train_and_test_on_batch_take_numpy_arrays(x):
    model = Lines()
    model.compile(sgd())
    logs = model.train_on_batch(x[:, :3], return_dict=True)
    a, b, losses = lines_oracle(x[:, :3], 32, 0.05)
    np.testing.assert_allclose([logs["a_loss"], logs["b_loss"]], losses, atol=1e-5)
    assert_equal(weights(model), [a, np.full((1, 1), b)])
    assert set(model.test_on_batch(x[:, :3], return_dict=True)) == {"a_loss", "b_loss"}
    assert model.predict_on_batch(x[:, :3]).shape == (32, 1)


def test_evaluate_changes_nothing_and_predict_works(x):
    model = NoisyAutoencoder()
    model.compile()
    before = weights(model)
    one = model.evaluate(x, verbose=0, return_dict=True)
    two = model.evaluate(x, batch_size=10, verbose=0, return_dict=True)
    assert_equal(before, weights(model), 0)
    assert one.keys() == two.keys() == {"loss", "square"}
    assert_equal(one.values(), two.values())
    error = np.mean((model.predict(x, verbose=0) - x) ** 2)
    np.testing.assert_allclose(one["square"], error, rtol=1e-5)
    # The l2 regularizer is part of the loss, in training and in evaluation.
    l2 = 0.01 * np.sum(weights(model)[0] ** 2)
    np.testing.assert_allclose(one["loss"] - one["square"], l2, rtol=1e-4)


def test_validation_data_gives_val_logs(x, eagerly):
    model = Gan()
    model.compile()
    history = model.fit(x, validation_data=(x,), epochs=2, verbose=0).history
    assert {"critic_loss", "generator_loss", "val_critic_loss"} <= set(history)


def test_optimizers_may_share_variables(x, eagerly):
    class Shared(Lines):
        def optimizer_groups(self):
            return {"a": [self.a, self.b], "b": [self.b]}

    model = Shared()
    model.compile(sgd())
    model.fit(x[:, :3], batch_size=32, verbose=0)
    # Both move `b`: first with `a`, then alone.
    batch, a, b = x[:, :3].astype("float64"), np.ones((3, 1)), 1.0
    error = batch @ a - b
    a, b = a - 0.1 * batch.T @ error / 32, b + 0.1 * error.mean()
    error = batch @ a - b
    b = b - 0.05 * (-2 * error.mean() + 2 * b)
    assert_equal(weights(model), [a, np.full((1, 1), b)])


def test_activity_losses_are_part_of_the_objective(x, eagerly):
    class Active(NoisyAutoencoder):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.network = keras.Sequential(
                [keras.Input((4,)), layers.Dense(4, activity_regularizer="l2")]
            )

    model = Active()
    model.compile(keras.optimizers.SGD(0.0))
    logs = model.fit(x, batch_size=32, verbose=0).history
    assert logs["loss"][0] > logs["square"][0]
