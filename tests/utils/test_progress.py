import sys

import keras
import numpy as np
import pytest

from keras_latent.src.utils import progress
from keras_latent.src.utils.progress import Count, Progress, duration, reporting


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets, in seconds."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    return now


def train(clock, seconds, *, steps=5, epochs=4, first=0, logs=None, **options):
    """Call a callback as `fit` does, each step taking the next of `seconds`."""
    callback = Progress(**options)
    callback.set_params({"epochs": epochs, "steps": steps})
    callback.on_train_begin()
    seconds = iter(seconds)
    for epoch in range(first, epochs):
        callback.on_epoch_begin(epoch)
        for step in range(steps):
            clock[0] += next(seconds, 0)
            callback.on_train_batch_end(step, {"loss": 123.456})
        callback.on_epoch_end(epoch, logs)
    callback.on_train_end()


def test_a_line_every_ten_seconds(clock, capsys):
    logs = {"kl_loss": 2.0, "loss": 99.5, "val_kl_loss": 1.0, "val_loss": 130.0}
    train(clock, [50, 2, 2, *[4] * 17], logs=logs)  # the first step compiles
    assert capsys.readouterr().out.splitlines() == [
        "step 1 of 20 (epoch 1 of 4), loss 123.5",
        "step 5 of 20 (epoch 1 of 4), loss 123.5, 1 min 0 s left",
        "step 8 of 20 (epoch 2 of 4), loss 123.5, 48 s left",
        "step 11 of 20 (epoch 3 of 4), loss 123.5, 36 s left",
        "step 14 of 20 (epoch 3 of 4), loss 123.5, 24 s left",
        "step 17 of 20 (epoch 4 of 4), loss 123.5, 12 s left",
        "step 20 of 20 (epoch 4 of 4), loss 123.5, 0 s left",
        "step 20 of 20 (epoch 4 of 4), loss 99.5, validation loss 130",
    ]


def test_a_short_training_has_one_line(clock, capsys):
    train(clock, [0.1] * 20, logs={"loss": 1.5})
    assert capsys.readouterr().out == "step 20 of 20 (epoch 4 of 4), loss 1.5\n"


def test_a_resumed_training_counts_all_steps(clock, capsys):
    train(clock, [50, 2, 2, 12, *[0.1] * 6], first=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "step 11 of 20 (epoch 3 of 4), loss 123.5"
    assert lines[1] == "step 14 of 20 (epoch 3 of 4), loss 123.5, 1 min 12 s left"


def test_on_a_terminal_a_line_replaces_the_one_before(clock, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    train(clock, [1] * 20, logs={"loss": 1})
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and said.count("\r") == 21
    widths = [len(line) for line in said.rstrip("\n").split("\r")[1:]]
    longest = 0
    for line, width in zip(said.rstrip("\n").split("\r")[1:], widths, strict=True):
        assert width >= longest or width == longest  # no rest of a longer line stays
        longest = len(line.rstrip())


def test_a_count(clock, capsys, monkeypatch):
    count = Count(4000, "images")
    for done in (1000, 2000, 3000, 4000):
        clock[0] += 6
        count.update(done)
    assert capsys.readouterr().out.splitlines() == [
        "2,000 of 4,000 images, 12 s left",
        "4,000 of 4,000 images, 0 s left",
    ]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    count = Count(2, "images")
    for done in (1, 2):
        clock[0] += 6
        count.update(done)
    assert capsys.readouterr().out == "\r1 of 2 images, 6 s left\r2 of 2 images, 0 s left\n"


def test_a_limit_of_time(clock, capsys):
    train(clock, [12, 12], steps=1, epochs=2, left=lambda: 75.0)
    assert capsys.readouterr().out.splitlines()[:2] == [
        "step 1 (epoch 1), loss 123.5, 1 min 15 s left",
        "step 2 (epoch 2), loss 123.5, 1 min 15 s left",
    ]


@pytest.mark.parametrize(
    ("logs", "line"),
    [
        ({"accuracy": 0.98761, "loss": 0.1}, "loss 0.1, accuracy 0.9876"),
        (
            {"critic_loss": 1.0, "generator_loss": 2.0, "wasserstein": 3.0, "other_loss": 4.0},
            "critic loss 1, generator loss 2",
        ),
        ({"loss": 1, "val_accuracy": 0.5}, "loss 1, validation accuracy 0.5"),
    ],
)
def test_what_is_shown(logs, line, clock, capsys):
    train(clock, [], steps=1, epochs=1, logs=logs)
    assert capsys.readouterr().out == f"step 1 of 1 (epoch 1 of 1), {line}\n"


def test_durations():
    assert [duration(s) for s in (0.4, 59.4, 59.6, 3599.7, 7320)] == [
        "0 s",
        "59 s",
        "1 min 0 s",
        "1 h 0 min",
        "2 h 2 min",
    ]


def test_verbose():
    callback = keras.callbacks.Callback()
    assert reporting(0, [callback]) == {"verbose": 0, "callbacks": [callback]}
    for verbose in (1, 2, "auto"):
        found = reporting(verbose, [callback])
        assert found["verbose"] == 0 and found["callbacks"][0] is callback
        assert isinstance(found["callbacks"][1], Progress)


def test_a_real_training(capsys):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    x = np.ones((6, 2), "float32")
    model.fit(x, x[:, :1], batch_size=2, epochs=2, **reporting(1, []))
    assert capsys.readouterr().out.startswith("step 6 of 6 (epoch 2 of 2), loss ")
