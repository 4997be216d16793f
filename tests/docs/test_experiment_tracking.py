"""The examples of the page run, where their packages are installed, and log the losses."""

import re
from pathlib import Path

import keras
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "experiment_tracking.md"
FIRST, TENSORBOARD, MLFLOW, WANDB, WANDB_LAMBDA = re.findall(
    r"^```python\n(.*?)^```$", PAGE.read_text(), re.M | re.S
)
EPOCHS, STEPS = 2, 2


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs an example in a temporary folder, and returns its variables."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("WANDB_MODE", "offline")
    limit = keras.config.max_steps_per_epoch()
    keras.config.set_max_steps_per_epoch(STEPS)
    names = {}

    def run(code):
        exec(FIRST + code, names)
        return names

    yield run
    keras.config.set_max_steps_per_epoch(limit)


def test_tensorboard(run, tmp_path):
    pytest.importorskip("tensorflow")
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(TENSORBOARD)

    def events(folder):
        return EventAccumulator(str(tmp_path / "logs" / folder)).Reload()

    assert len(events("curves/train").Tensors("epoch_loss")) == EPOCHS
    assert len(events("curves/validation").Tensors("epoch_loss")) == EPOCHS
    assert len(events("pictures").Images("translation_grid")) == EPOCHS
    assert len(list((tmp_path / "grids").iterdir())) == EPOCHS


def test_mlflow(run):
    pytest.importorskip("mlflow.keras")  # mlflow-skinny lacks what it needs
    import mlflow

    history = run(MLFLOW)["model"].history.history
    found = mlflow.last_active_run().data
    assert found.params["paired"] == "100" and found.params["optimizer_name"] == "adam"
    for name in ("loss", "val_loss"):
        assert found.metrics[name] == pytest.approx(history[name][-1])


@pytest.mark.parametrize(("code", "prefix"), [(WANDB, "epoch/"), (WANDB_LAMBDA, "")])
def test_wandb(code, prefix, run, monkeypatch):
    wandb = pytest.importorskip("wandb")
    if prefix:
        pytest.importorskip("tensorflow")
    logged = []
    log = wandb.Run.log

    def keep(self, data, *args, **kwargs):
        logged.append(data)
        return log(self, data, *args, **kwargs)

    monkeypatch.setattr(wandb.Run, "log", keep)
    history = run(code)["model"].history.history
    for name in ("loss", "val_loss"):
        assert [data[prefix + name] for data in logged] == history[name]
