"""Files of the version before the code moved to `keras_latent/src` load, and continue."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from run_model import assert_close
from test_every_model import CASES

from keras_latent import models

DATA = Path(__file__).parents[1] / "data" / "version_0.1.0_before_src"
BACKEND = keras.backend.backend()
# Corrected since: the consistency holds the encoder fixed and decodes in a pass of its own.
CORRECTED = {"DualVAE": {"consistency_loss", "loss"}}
pytestmark = [
    pytest.mark.each_backend,
    pytest.mark.filterwarnings("ignore::keras_latent.callbacks.CollapseWarning"),
]


@pytest.mark.parametrize("name", sorted(path.stem for path in DATA.glob("*.keras")))
def test_keras_file(name, eagerly):
    """Written on one backend after two steps, read on each: answers, and two more steps."""
    case, written = CASES[name], json.loads((DATA / f"{name}.json").read_text())
    model = keras.saving.load_model(DATA / f"{name}.keras")
    assert {option: getattr(model, option) for option in case.options} == case.options
    with np.load(DATA / f"{name}.npz") as answers:
        assert_close(case.answers(model), dict(answers), 1e-4)
    history = model.fit(*case.data, **case.fit).history
    assert set(history) == set(written["continued"])
    if written["backend"] == BACKEND:  # others draw other noise
        same = set(history) - CORRECTED.get(name, set())
        assert_close(
            {key: np.array(history[key]) for key in same},
            {key: np.array(written["continued"][key]) for key in same},
            1e-3,
        )


@pytest.mark.parametrize("name", ["DualVAE", "LSTNet", "VBTA"])
def test_preset_directory(name):
    model = getattr(models, name).from_preset(DATA / f"{name}_preset")
    with np.load(DATA / f"{name}.npz") as answers:
        assert_close(CASES[name].answers(model), dict(answers), 1e-4)
