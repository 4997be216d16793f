"""Training of the applications: the log of a run that was killed, and a full disk."""

import errno

import keras
import numpy as np
import pytest

from keras_latent.src.applications.running import training


class Killed(Exception):
    pass


def train(folder, **callbacks):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    x = np.eye(2, dtype="float32")
    started = training.start(model, folder)
    training.fit(model, x, folder, started, y=x[:, :1], epochs=3, verbose=0, **callbacks)
    return (folder / "history.csv").read_text().splitlines()


def killed_in(epoch):
    def kill(number, logs):
        if number == epoch:
            raise Killed

    return [keras.callbacks.LambdaCallback(on_epoch_end=kill)]


def test_a_killed_run_logs_each_epoch_once(tmp_path):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    whole = train(tmp_path / "whole")
    with pytest.raises(Killed):  # between the line of an epoch and its state
        train(tmp_path / "killed", before=killed_in(1))
    with pytest.raises(Killed):
        train(tmp_path / "killed", after=killed_in(2))
    assert train(tmp_path / "killed") == whole
    assert [line.split(",")[0] for line in whole] == ["epoch", "0", "1", "2"]


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def full(self, epoch, logs=None):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keras.callbacks.CSVLogger, "on_epoch_end", full)
    with pytest.raises(OSError, match="No space left on device: '.*history.csv'"):
        train(tmp_path)
