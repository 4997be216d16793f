"""A loss that becomes NaN stops `fit`, which restores the last good weights."""

import warnings

import keras
import numpy as np
import pytest
from small_networks import assert_same_weights, attributed_digits, digits, fader, to_numpy, vae

from keras_latent import callbacks

X, _ = digits(40)


def state(model):
    return [np.array(to_numpy(v)) for v in (*model.variables, *model.optimizer.variables)]


class Saboteur(keras.callbacks.Callback):
    """Raises the learning rates when an epoch begins, and keeps the states that epochs end with."""

    async_safe = True

    def __init__(self, epoch, rate=1e30):
        super().__init__()
        self.epoch, self.rate, self.states = epoch, rate, []

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            for optimizer in getattr(self.model.optimizer, "optimizers", [self.model.optimizer]):
                optimizer.learning_rate = self.rate

    def on_epoch_end(self, epoch, logs=None):
        self.states.append(state(self.model))


@pytest.mark.each_backend
@pytest.mark.parametrize("make", [vae, fader])  # one optimizer, two
def test_a_nan_restores_the_last_good_epoch(make, eagerly):
    model = make()
    model.compile()
    data = (X,) if make is vae else attributed_digits(40)
    saboteur = Saboteur(2)
    with pytest.raises(
        RuntimeError, match=r"`\w+_loss` is (nan|inf).* of epoch 3. .*end of epoch 2"
    ):
        model.fit(*data, epochs=9, batch_size=10, verbose=0, callbacks=[saboteur])
    assert len(saboteur.states) == 2  # no callback saw the bad epoch
    for now, before in zip(state(model), saboteur.states[1], strict=True):
        np.testing.assert_array_equal(now, before)
    assert len(model.history.history["loss"]) == 2
    saboteur.epoch, saboteur.rate = 0, 1e-4
    history = model.fit(*data, batch_size=10, verbose=0, callbacks=[saboteur]).history
    assert np.isfinite(history["loss"]).all()


def test_weights_that_another_callback_loads_are_restored():
    model, restored = vae(), vae().get_weights()
    model.set_weights([weight + 1.0 for weight in restored])
    model.compile()
    loading = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: model.set_weights(restored)
    )
    with pytest.raises(RuntimeError, match="from the end of epoch 4"):
        model.fit(X, epochs=9, initial_epoch=4, verbose=0, callbacks=[loading, Saboteur(4)])
    for now, before in zip(model.get_weights(), restored, strict=True):
        np.testing.assert_array_equal(now, before)


def test_the_first_bad_term_and_its_step(monkeypatch):
    model = vae()
    losses = iter([0.0, 0.0, float("inf"), 0.0, 0.0])
    original = model.negative_elbo

    def negative_elbo(x, training=False):
        loss, terms = original(x, training)
        bad = next(losses)
        return loss + bad, terms | {"kl_loss": terms["kl_loss"] + bad}

    monkeypatch.setattr(model, "negative_elbo", negative_elbo)
    model.compile()
    before = model.get_weights()
    with pytest.raises(
        RuntimeError, match="infinite: `kl_loss` is inf, from step 3 of epoch 1. .*"
    ):
        model.fit(X, batch_size=8, verbose=0)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_weights_that_the_last_update_ruins(monkeypatch):
    model = vae()
    model.compile(keras.optimizers.SGD(1e-3))
    ruined = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: model.trainable_variables[0].assign(
            to_numpy(model.trainable_variables[0]) * np.nan
        )
    )
    with pytest.raises(
        RuntimeError, match="the last step of epoch 1 made weights NaN.*before `fit`"
    ):
        model.fit(X, batch_size=40, verbose=0, callbacks=[ruined])
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_huge_is_not_infinite():
    model = vae()
    model.compile(keras.optimizers.SGD(0.0))
    history = model.fit(X * -1e16, batch_size=10, verbose=0).history  # squares: 1e32
    assert 1e30 < history["loss"][0] < np.inf


def test_other_callbacks_replace_it():
    for given in (callbacks.StopAtNaN("warn"), keras.callbacks.TerminateOnNaN()):
        model = vae()
        model.compile()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, epochs=2, verbose=0, callbacks=[Saboteur(0), given])
        assert not all(np.isfinite(w).all() for w in model.get_weights())
        assert len([w for w in caught if "became NaN" in str(w.message)]) == (
            isinstance(given, callbacks.StopAtNaN)
        )


def test_without_a_copy():
    model = vae()
    model.compile()
    stop = callbacks.StopAtNaN(restore=False)
    with pytest.raises(RuntimeError, match="became NaN") as error:
        model.fit(X, epochs=3, verbose=0, callbacks=[Saboteur(0), stop])
    assert "has its weights" not in str(error.value) and not stop._kept


def test_advice_for_half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    model = vae()
    model.compile()
    with pytest.raises(RuntimeError, match="try `mixed_bfloat16`"):
        model.fit(X, epochs=3, verbose=0, callbacks=[Saboteur(0)])


def test_the_copy_does_not_change_a_training():
    model, other = vae(), vae()
    other.set_weights(model.get_weights())
    for m, given in ((model, []), (other, [callbacks.StopAtNaN("warn")])):
        m.compile()
        m.fit(X, epochs=2, batch_size=10, shuffle=False, verbose=0, callbacks=given)
    assert_same_weights(model, other)


@pytest.mark.parametrize("arguments", [{"action": "stop"}, {"action": True}, {"restore": 1}])
def test_bad_arguments(arguments):
    (name,) = arguments
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        callbacks.StopAtNaN(**arguments)
