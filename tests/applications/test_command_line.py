"""`keras-latent run mnist-transpose` on real digits."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import assert_overwritten

from keras_latent import datasets, models
from keras_latent.src.applications.digits import mnist_transpose
from keras_latent.src.applications.settings import TRANSPOSE_DATASETS
from keras_latent.src.cli import cli, registry
from keras_latent.src.cli.all_presets import trained_presets

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ("training.png", "translations.png", "samples.png", "pca.png")
BACKEND = keras.backend.backend()


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    """A classifier of two epochs, in a temporary folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        quick = TRANSPOSE_DATASETS["digits"]._replace(classifier_epochs=2)
        patch.setitem(TRANSPOSE_DATASETS, "digits", quick)
        yield


def run(out, *options, epochs="2"):
    # A few large batches per epoch.
    common = ["--dataset", "digits", "--epochs", epochs, "--batch-size", "200", "--verbose", "0"]
    return cli.main(["run", "mnist-transpose", *common, "--out", str(out), *options])


def contents(folder):
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def finished(quick, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "a" / "b"
    assert run(out) == 0
    return out


def figures(out):
    return json.loads((out / "metrics.json").read_text())["figures"]


def test_what_a_run_leaves(finished):
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["seed"] == 0 and metrics["wall_seconds"] > 0
    assert metrics["command"].startswith("keras-latent run mnist-transpose --dataset digits")
    assert metrics["configuration"] == json.loads((finished / "run.json").read_text())
    configuration = metrics["configuration"]
    assert configuration["dataset"] == "digits" and configuration["epochs"] == 2
    assert configuration["backend"] == BACKEND and configuration["paired"] == "all"
    environment = metrics["environment"]
    assert environment["backend"] == BACKEND and environment["keras"] == keras.version()
    assert "CPU cores" in environment["hardware"] and environment["dtype_policy"] == "float32"
    for name in PICTURES:
        assert (finished / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        assert (finished / name).stat().st_size > 2000
    with open(finished / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert float(rows[1]["loss"]) < float(rows[0]["loss"]) and "val_triplet_loss" in rows[0]
    assert_overwritten(finished)


def test_figures_belong_to_the_saved_model(finished):
    measured = figures(finished)
    assert measured["test_rows"] == 360
    assert 0 <= measured["transfer_accuracy"]["target_to_source"] <= 1
    model = keras.saving.load_model(finished / "model.keras")
    assert isinstance(model, models.VBTA)
    pair = datasets.load_pair("digits_transpose")
    classifier = keras.saving.load_model(
        next((Path(os.environ["KERAS_HOME"]) / "keras_latent").glob("classifier-*.keras"))
    )
    images = model.translate(pair.target_test / np.float32(255), to="source")
    seen = classifier.predict(images, verbose=0).argmax(-1)
    accuracy = np.mean(seen == pair.source_test_labels)
    assert measured["transfer_accuracy"]["target_to_source"] == pytest.approx(accuracy, abs=3e-3)


def test_a_finished_run_is_reported_and_not_run(finished, monkeypatch, capsys):
    before = contents(finished)
    monkeypatch.setattr(mnist_transpose, "run", None)
    # The folder of the data and the verbosity are not part of the configuration.
    assert run(finished, "--verbose", "2", "--data-dir", "elsewhere") == 0
    said = capsys.readouterr().out
    assert "is already finished. Nothing was run." in said and "Transfer accuracy on 360" in said
    assert "model.keras" in said
    assert contents(finished) == before


@pytest.mark.parametrize(
    "options", [("--seed", "1"), ("--preset", "paper"), ("--paired", "10"), ("--batch-size", "100")]
)
def test_another_run_is_refused(finished, options, capsys):
    before = contents(finished)
    assert run(finished, *options) == 2
    said = capsys.readouterr().err
    assert "holds another run, which is not overwritten" in said
    assert options[0][2:].replace("-", "_") in said and "Traceback" not in said
    assert contents(finished) == before


def test_a_finished_run_is_extended(finished, tmp_path, capsys):
    shutil.copytree(finished, tmp_path / "run")
    assert run(tmp_path / "run", epochs="3") == 0
    said = capsys.readouterr().out
    assert "from 2 to 3 epochs. The result is the same as that of a run of this length" in said
    assert "Resuming after epoch 2." in said and "Transfer accuracy on 360" in said
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["configuration"]["epochs"] == 3 and metrics["prolonged_from"] == [2]
    with open(tmp_path / "run" / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert float(rows[2]["loss"]) < float(rows[1]["loss"])
    one, other = (p / "model.keras" for p in (finished, tmp_path / "run"))
    assert one.read_bytes() != other.read_bytes()


class Interrupt(keras.callbacks.Callback):
    def __init__(self, epoch, batch):
        super().__init__()
        self.wanted = (epoch, batch)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.wanted:
            raise KeyboardInterrupt


def test_an_interrupted_run_resumes(finished, tmp_path, monkeypatch, capsys):
    fit = models.VBTA.fit

    def interrupted(self, *args, callbacks, **kwargs):
        return fit(self, *args, callbacks=[*callbacks, Interrupt(1, 3)], **kwargs)

    monkeypatch.setattr(models.VBTA, "fit", interrupted)
    assert run(tmp_path) == 130
    assert "Interrupted. Run the same command again to resume." in capsys.readouterr().err
    assert not (tmp_path / "metrics.json").exists() and not (tmp_path / "model.keras").exists()
    assert run(tmp_path, "--seed", "1") == 2  # the folder belongs to the interrupted run

    # Interrupted once more, after training and before the evaluation.
    monkeypatch.setattr(models.VBTA, "fit", fit)
    measure = mnist_transpose.measure

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(mnist_transpose, "measure", killed)
    capsys.readouterr()
    assert run(tmp_path) == 130
    assert "Resuming after epoch 1." in capsys.readouterr().out
    monkeypatch.setattr(mnist_transpose, "measure", measure)
    assert run(tmp_path) == 0
    assert figures(tmp_path) == figures(finished)
    with open(tmp_path / "history.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]
    one, other = (keras.saving.load_model(p / "model.keras") for p in (finished, tmp_path))
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_mixed_precision(tmp_path):
    assert run(tmp_path, "--mixed-precision", "mixed_bfloat16", epochs="1") == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["environment"]["dtype_policy"] == "mixed_bfloat16"
    assert np.isfinite(metrics["figures"]["classifier_accuracy"])
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert model.dtype_policy.name == "mixed_bfloat16"
    # The classifier does not use mixed precision: all runs share it.
    cache = Path(os.environ["KERAS_HOME"]) / "keras_latent"
    assert len(list(cache.glob("classifier-*.keras"))) == 1


def test_a_foreign_folder_is_refused(tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("years of work")
    assert run(tmp_path) == 2
    assert "is not empty and does not hold a run of keras-latent" in capsys.readouterr().err
    assert contents(tmp_path) == {"thesis.tex": b"years of work"}
    assert run(tmp_path / "thesis.tex") == 2
    assert "`--out` must be a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--epochs", "0"), "`--epochs` must be a positive integer. Received: --epochs=0"),
        (("--batch-size", "-3"), "`--batch-size` must be a positive integer"),
        (("--learning-rate", "0"), "`--learning-rate` must be a positive finite number"),
        (("--paired", "abc"), "`--paired` must be 'all' or a number, 0 or more. Received: 'abc'"),
        (("--paired", "-1"), "`--paired` must be 'all' or a number"),
        (("--preset", "blurred"), "`--preset` must be one of ['paper', 'sharp'] or a preset dir"),
    ],
)
def test_invalid_options(tmp_path, options, message, capsys):
    out = tmp_path / "out"
    assert run(out, *options) == 2
    said = capsys.readouterr()
    assert message in said.err and "Traceback" not in said.err
    assert not out.exists()


def test_too_many_pairs_leave_the_folder_free(tmp_path, capsys, monkeypatch):
    assert run(tmp_path, "--paired", "5000") == 2
    assert "`paired` must be an integer from 0 to 1437" in capsys.readouterr().err
    monkeypatch.setattr(mnist_transpose, "run", lambda arguments, directory: {})
    monkeypatch.setattr(mnist_transpose, "report", lambda figures: None)
    assert run(tmp_path, "--paired", "50") == 0
    assert json.loads((tmp_path / "run.json").read_text())["paired"] == "50"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["run", "mnist-transpose", "--dataset", "letters"], "invalid choice: 'letters'"),
        (["run", "mnist-transpose", "--epochs", "many"], "invalid int value: 'many'"),
        (["run", "horses"], "invalid choice: 'horses'"),
        (["fly"], "invalid choice: 'fly'"),
        ([], "required: command"),
    ],
)
def test_what_the_parser_refuses(argv, message, capsys):
    with pytest.raises(SystemExit) as error:
        cli.main(argv)
    assert error.value.code == 2 and message in capsys.readouterr().err


def test_list(capsys):
    assert cli.main(["list"]) == 0
    said = capsys.readouterr().out
    names = [*registry.APPLICATIONS, *models.VAE.presets, *models.VBTA.presets]
    assert all(name in said for name in names)
    marked = [line.split()[1] for line in said.splitlines() if line.startswith("*")]
    assert sorted(marked) == trained_presets() != []


def test_a_clone_that_is_not_installed(tmp_path):
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "keras_latent", tmp_path / "keras_latent", ignore=ignore)
    script = """
import keras_latent
from keras_latent.src.cli import cli
from keras_latent.src.cli import registry
for application in registry.APPLICATIONS.values():
    assert application.load().run
paths = [keras_latent.__file__, cli.__file__, registry.__file__]
assert all(path.startswith(ROOT) for path in paths), paths
assert cli.main(["list"]) == 0
""".replace("ROOT", repr(str(tmp_path)))
    for command in (["-c", script], ["-m", "keras_latent", "list"]):
        result = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path), "KERAS_BACKEND": "jax"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert result.returncode == 0, result.stderr
        assert "mnist-transpose" in result.stdout


JAX_CACHE = (
    "JAX_COMPILATION_CACHE_DIR",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES",
)


@pytest.mark.parametrize("chosen", [None, "/mine"])
def test_compiled_programs_are_kept(chosen, tmp_path, monkeypatch, capsys):
    """By the command, before JAX is imported, and in the user's folder if there is one."""
    for name in JAX_CACHE:
        monkeypatch.setenv(name, "")  # restored at the end
        monkeypatch.delenv(name)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    if chosen:
        monkeypatch.setenv(JAX_CACHE[0], chosen)
    seen = []
    monkeypatch.setitem(
        cli.COMMANDS, "report", lambda *_: seen.extend(map(os.environ.get, JAX_CACHE)) or 0
    )
    cli.main(["report", "run"])
    assert seen == [chosen, None, None]  # not in this process, which is no command
    monkeypatch.setattr(sys, "argv", ["keras-latent"])
    cli.main(["report", "run"])
    folder, *limits = seen[3:]
    assert limits == ([None, None] if chosen else ["0", "-1"])
    expected = chosen or str(tmp_path / "keras_latent" / "jax")
    assert folder.startswith(expected)
