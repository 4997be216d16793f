"""A collapsed training causes one warning, and another one after it has recovered."""

import warnings

import keras
import numpy as np
import pytest

from keras_latent import callbacks


def played(epochs, **kwargs):
    """The monitor after these logs, and the warnings of each epoch."""
    monitor = callbacks.CollapseMonitor(**kwargs)
    monitor.on_train_begin()
    warned = []
    for epoch, logs in enumerate(epochs):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            monitor.on_epoch_end(epoch, logs)
        assert all(w.category is callbacks.CollapseWarning for w in caught)
        warned.append([str(w.message) for w in caught])
    return monitor, warned


def spreads(*values):
    return [{"loss": 1.0, "source_spread": value} for value in values]


def accuracies(*values):
    return [{"target_discriminator_accuracy": value} for value in values]


@pytest.mark.parametrize(
    ("epochs", "when"),
    [
        (spreads(1.0, 0.5, 0.1, 2.0), []),
        (spreads(0.05, 0.05), [1]),
        (spreads(0.05, 0.5, 0.05), []),
        (spreads(0.05, 0.05, 0.05, 0.05), [1]),
        (spreads(0.05, 0.05, 0.5, 0.05, 0.05), [1, 4]),
        (spreads(np.nan, np.nan), [1]),
        (spreads(np.inf, np.nan), [1]),
        (accuracies(0.5, 0.995, 0.995, 0.0), []),
        (accuracies(0.9, 1.0, 1.0, 1.0), [2]),
        (accuracies(1.0, np.nan, 0.6), [1]),
    ],
)
def test_when_it_warns(epochs, when):
    _, warned = played(epochs)
    assert [epoch for epoch, messages in enumerate(warned) if messages] == when
    assert all(len(messages) <= 1 for messages in warned)


@pytest.mark.parametrize(("patience", "when"), [(1, 0), (3, 2)])
def test_patience(patience, when):
    _, warned = played(spreads(*[0.0] * 5), patience=patience)
    assert [len(messages) for messages in warned] == [int(e == when) for e in range(5)]


def test_bounds():
    assert not played(spreads(0.05, 0.05), min_spread=0.05)[0].collapsed
    assert not played(accuracies(1.0, 1.0), max_discriminator_accuracy=1)[0].collapsed
    assert played(accuracies(0.9, 0.9), max_discriminator_accuracy=0.85)[0].collapsed


def test_the_message():
    logs = [{"source_spread": 0.0123456, "latent_discriminator_accuracy": 1.0}] * 2
    _, (first, (message,)) = played(logs)
    assert not first
    assert "`source_spread` is 0.01235, below 0.1, in epoch 2, for 2 epochs in a row." in message
    assert "`latent_discriminator_accuracy` is 1, above 0.995, in epoch 2" in message
    for advice in (
        "smaller learning rate",
        "label smoothing",
        "instance noise",
        "R1 penalty",
        "spectral normalization",
        "weight on the latent adversary",
    ):
        assert advice in message
    _, ((nan,),) = played(spreads(np.nan), patience=1)
    assert nan.startswith("`source_spread` is nan, not finite, in epoch 1. ")


def test_logs_are_counted_independently():
    epochs = [
        {"source_spread": 0.0, "target_spread": 1.0},
        {"source_spread": 0.0, "target_spread": 0.0},
        {"source_spread": 0.0, "target_spread": 0.0},
        {"source_spread": 1.0, "target_spread": 0.0},
    ]
    monitor, warned = played(epochs)
    assert [len(messages) for messages in warned] == [0, 1, 1, 0]
    assert "source_spread" in warned[1][0] and "target_spread" not in warned[1][0]
    assert "target_spread" in warned[2][0] and "source_spread" not in warned[2][0]
    (reason,) = monitor.reasons
    assert reason == "`target_spread` is 0, below 0.1, in epoch 4, for 3 epochs in a row."


def test_attributes():
    monitor = callbacks.CollapseMonitor()
    assert (monitor.collapsed, monitor.reasons) == (False, [])
    monitor, _ = played(spreads(0.0, 0.0))
    assert monitor.collapsed is True and len(monitor.reasons) == 1
    monitor.on_epoch_end(2, spreads(1.0)[0])
    assert (monitor.collapsed, monitor.reasons) == (False, [])
    monitor, _ = played(spreads(0.0, 0.0))
    monitor.on_train_begin()  # a new training
    assert not monitor.collapsed
    monitor.on_epoch_end(0, spreads(0.0)[0])
    assert not monitor.collapsed


@pytest.mark.parametrize("name", ["spread", "wave_spread", "discriminator_accuracy"])
def test_logs_of_other_models(name):
    assert played([{name: float("nan")}] * 2)[0].collapsed


def test_validation_logs_are_ignored():
    logs = {"source_spread": 1.0, "val_source_spread": 0.0, "val_x_discriminator_accuracy": 1.0}
    assert not played([logs] * 3)[0].collapsed


@pytest.mark.parametrize(
    "logs", [None, {}, {"loss": 1.0, "spreading": 0.0, "accuracy": 1.0}, {"val_a_spread": 1.0}]
)
def test_without_relevant_logs(logs):
    names = r"\[" + ", ".join(f"'{name}'" for name in sorted(logs or {})) + r"\]"
    message = f"end in `_spread` or `_discriminator_accuracy`.*{names}"
    with pytest.raises(ValueError, match=message):
        callbacks.CollapseMonitor().on_epoch_end(0, logs)


def test_in_fit():
    """With the logs that Keras passes."""

    def spread(y_true, y_pred):
        return 0.0 * y_pred[:, 0] + 0.01

    def fit(monitor, metrics):
        dense = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        dense.compile("sgd", "mse", metrics=metrics)
        x = np.ones((8, 2), "float32")
        dense.fit(x, x[:, :1], epochs=3, callbacks=[monitor], verbose=0)

    monitor = callbacks.CollapseMonitor()
    with pytest.warns(callbacks.CollapseWarning, match="`spread` is 0.01, below 0.1, in epoch 2"):
        fit(monitor, [spread])
    assert monitor.collapsed
    with pytest.raises(ValueError, match=r"`CollapseMonitor` reads logs.*\['loss'\]"):
        fit(monitor, None)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"min_spread": -0.1}, "`min_spread` must be a finite number of 0 or more.*-0.1"),
        ({"min_spread": "0.1"}, "`min_spread` must be a finite number"),
        ({"max_discriminator_accuracy": 1.5}, "must be a finite number from 0.5 to 1.*=1.5"),
        ({"max_discriminator_accuracy": 0.4}, "must be a finite number from 0.5 to 1.*=0.4"),
        ({"max_discriminator_accuracy": np.nan}, "must be a finite number from 0.5 to 1.*nan"),
        ({"patience": 0}, "`patience` must be a positive integer.*patience=0"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        callbacks.CollapseMonitor(**kwargs)
