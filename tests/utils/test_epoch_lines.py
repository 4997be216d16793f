import keras
import pytest

from keras_latent.src.utils import epoch_lines
from keras_latent.src.utils.epoch_lines import EpochLines, duration, reporting


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets, in seconds."""
    now = [100.0]
    monkeypatch.setattr(epoch_lines.time, "perf_counter", lambda: now[0])
    return now


def test_lines(clock, capsys):
    lines = EpochLines()
    lines.set_params({"epochs": 4})
    lines.on_train_begin()
    logs = {"kl_loss": 2.0, "loss": 123.456, "val_kl_loss": 1.0, "val_loss": 130.0}
    for epoch, seconds in enumerate((50, 10, 20, 10)):  # the first one compiles
        clock[0] += seconds
        lines.on_epoch_end(epoch, logs)
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1/4: loss 123.5, validation loss 130, 2 min 30 s left",
        "Epoch 2/4: loss 123.5, validation loss 130, 20 s left",
        "Epoch 3/4: loss 123.5, validation loss 130, 15 s left",
        "Epoch 4/4: loss 123.5, validation loss 130",
    ]


@pytest.mark.parametrize(
    ("logs", "line"),
    [
        ({"accuracy": 0.98761, "loss": 0.1}, "Epoch 6/6: loss 0.1, accuracy 0.9876"),
        (
            {"critic_loss": 1.0, "generator_loss": 2.0, "wasserstein": 3.0, "other_loss": 4.0},
            "Epoch 6/6: critic loss 1, generator loss 2",
        ),
        ({"loss": 1, "val_accuracy": 0.5}, "Epoch 6/6: loss 1, validation accuracy 0.5"),
    ],
)
def test_what_is_shown(logs, line, clock, capsys):
    lines = EpochLines()
    lines.set_params({"epochs": 6})
    lines.on_train_begin()
    lines.on_epoch_end(5, logs)
    assert capsys.readouterr().out == line + "\n"


def test_durations():
    assert [duration(s) for s in (0.4, 59.4, 59.6, 3599.7, 7320)] == [
        "0 s",
        "59 s",
        "1 min 0 s",
        "1 h 0 min",
        "2 h 2 min",
    ]


def test_only_verbose_2_has_lines():
    callback = keras.callbacks.Callback()
    for verbose in (0, 1, "auto"):
        assert reporting(verbose, [callback]) == {"verbose": verbose, "callbacks": [callback]}
    found = reporting(2, [callback])
    assert found["verbose"] == 0 and found["callbacks"][0] is callback
    assert isinstance(found["callbacks"][1], EpochLines)
