"""The choice of a backend before Keras is imported; see also `models/test_import_alone.py`."""

import json
import os
import sys

import pytest

from keras_latent.src.utils import backend_choice
from keras_latent.src.utils.backend_choice import choose_backend

pytestmark = pytest.mark.once


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Simulates the start of a process with these backends installed."""

    def start(installed, named=None, json_names=None):
        monkeypatch.delitem(sys.modules, "keras")
        monkeypatch.setattr(backend_choice, "_is_installed", lambda name: name in installed)
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        if json_names is not None:
            (tmp_path / "keras.json").write_text(json.dumps({"backend": json_names}))
        # Set first, so that changes by `choose_backend` are undone as well.
        monkeypatch.setenv("KERAS_BACKEND", named or "")
        if named is None:
            monkeypatch.delenv("KERAS_BACKEND")

    return start


def test_once_keras_is_imported_nothing_is_chosen(monkeypatch):
    monkeypatch.setattr(backend_choice, "_is_installed", lambda name: False)
    choose_backend()


@pytest.mark.parametrize(
    ("installed", "named", "json_names"),
    [
        (("tensorflow",), None, None),
        (("jax", "tensorflow"), None, "tensorflow"),
        (("jax", "torch"), None, "torch"),
        (("jax", "torch"), "torch", "jax"),
    ],
)
def test_an_installed_backend_is_left_to_keras(start, installed, named, json_names, capsys):
    start(installed, named, json_names)
    choose_backend()
    assert os.environ.get("KERAS_BACKEND") == named
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("installed", "named", "json_names", "taken"),
    [
        (("jax", "torch"), None, None, "jax"),
        (("torch",), None, "tensorflow", "torch"),
        (("tensorflow", "torch"), None, "jax", "tensorflow"),
        (("tensorflow",), "", "jax", "tensorflow"),  # an empty variable counts as unset
    ],
)
def test_an_installed_backend_replaces_a_missing_default(
    start, installed, named, json_names, taken, capsys
):
    start(installed, named, json_names)
    choose_backend()
    assert os.environ["KERAS_BACKEND"] == taken
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert (
        f"Using {taken}. Installed: {', '.join(installed)}. To choose one, set KERAS_BACKEND="
        in said
    )


def test_a_broken_configuration_file_is_ignored(start, tmp_path):
    start(("jax",), None)
    (tmp_path / "keras.json").write_text("{")
    choose_backend()
    assert os.environ["KERAS_BACKEND"] == "jax"


@pytest.mark.parametrize(
    ("installed", "named", "message"),
    [
        (
            ("jax", "torch"),
            "tensorflow",
            "KERAS_BACKEND=tensorflow is not installed. Installed: jax, torch. Choose with "
            "KERAS_BACKEND=jax, or `pip install tensorflow`.",
        ),
        (
            ("jax", "torch"),
            "pytorch",
            "KERAS_BACKEND=pytorch is not one of jax, tensorflow, torch. Installed: jax, torch. "
            "Choose with KERAS_BACKEND=jax.",
        ),
        ((), "jax", "Keras needs a backend, and none is installed: `pip install jax`, `pip inst"),
        ((), None, "Keras needs a backend, and none is installed: `pip install jax`, `pip inst"),
    ],
)
def test_errors_in_one_line(start, installed, named, message):
    start(installed, named)
    with pytest.raises(ImportError) as error:
        choose_backend()
    assert str(error.value).startswith(message) and "\n" not in str(error.value)
    assert os.environ.get("KERAS_BACKEND") == named


def test_what_counts_as_installed(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "blocked_backend", None)
    (tmp_path / "folder_of_that_name").mkdir()
    (tmp_path / "a_backend.py").write_text("raise RuntimeError('was imported')")
    names = ("blocked_backend", "folder_of_that_name", "missing_backend", "a_backend")
    assert [backend_choice._is_installed(name) for name in names] == [False, False, False, True]


@pytest.mark.parametrize(
    ("program", "original", "expected"),
    [
        ("/usr/bin/keras-latent", ["python", "/usr/bin/keras-latent", "list"], True),
        ("C:/Scripts/keras-latent.exe", ["keras-latent.exe"], True),
        ("-m", ["python", "-m", "keras_latent", "list"], True),
        ("-c", ["python", "-c", "import keras_latent"], False),
        ("train.py", ["python", "train.py", "keras-latent"], False),
    ],
)
def test_what_counts_as_the_command(program, original, expected, monkeypatch):
    monkeypatch.setattr(sys, "argv", [program])
    monkeypatch.setattr(sys, "orig_argv", original)
    assert backend_choice.is_command() is expected
