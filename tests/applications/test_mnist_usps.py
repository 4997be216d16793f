"""`keras-latent run mnist-usps` on a small stand-in: real digits, enlarged to both sizes."""

import csv
import dataclasses
import json
import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import assert_overwritten
from scipy import stats
from small_data import write_digits

from keras_latent import datasets, models
from keras_latent.metrics import mutual_information
from keras_latent.src.applications.digits import mnist_usps
from keras_latent.src.applications.settings import USPS_PRESETS
from keras_latent.src.cli import cli
from keras_latent.src.cli.registry import APPLICATIONS

pytestmark = pytest.mark.filterwarnings("ignore::keras_latent.callbacks.CollapseWarning")
DIRECTIONS = {"source_to_target", "target_to_source"}
MEASURED = {
    f"{domain}_{name}"
    for domain in ("source", "target")
    for name in (
        *("information", "negative_entropy", "density", "circular_validation"),
        *("cycle_agreement", "test_accuracy"),
    )
}
ROWS = {"source": 80, "target": 60}


@pytest.fixture(scope="module", autouse=True)
def data(tmp_path_factory):
    """A folder of mnist.npz and usps.npz, and a temporary cache of classifiers."""
    folder = tmp_path_factory.mktemp("data")
    write_digits(folder, "mnist", slice(256), slice(ROWS["source"]))
    write_digits(folder, "usps", slice(700, 892), slice(ROWS["target"]), side=16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        yield folder


def run(data, out, *options, epochs="2"):
    common = ["--preset", "tiny", "--epochs", epochs, "--classifier-epochs", "1", "--verbose", "0"]
    folders = ["--data-dir", str(data), "--out", str(out)]
    return cli.main(["run", "mnist-usps", *common, *folders, *options])


def contents(folder):
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def figures(out):
    return json.loads((out / "metrics.json").read_text())["figures"]


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "a"
    assert run(data, out) == 0
    return out


def classifier(side):
    """The cached classifier of images of that size."""
    folder = Path(os.environ["KERAS_HOME"]) / "keras_latent"
    classifiers = [keras.saving.load_model(path) for path in folder.glob("classifier-*.keras")]
    assert len(classifiers) == 2  # each is trained once for all runs
    return next(found for found in classifiers if found.input_shape[1] == side)


def test_what_a_run_leaves(finished):
    assert_overwritten(finished)
    found = set(contents(finished))
    assert found >= {
        "run.json",
        "metrics.json",
        "history.csv",
        "training.png",
        "source_to_target.png",
        "target_to_source.png",
        "model_to_source.keras",
        "model_to_target.keras",
        "grids/epoch_0001.png",
        "grids/epoch_0002.png",
        "epochs/epochs.json",
        "epochs/best-source_information.weights.h5",
        "epochs/best-target_information.weights.h5",
    }
    assert not [name for name in found if "partial" in name or Path(name).name.startswith(".")]
    for name in found:
        if name.endswith(".png"):
            assert (finished / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
            assert (finished / name).stat().st_size > 2000
    with open(finished / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert float(rows[1]["loss"]) < float(rows[0]["loss"]) and "source_spread" in rows[0]


def test_figures(finished):
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["command"].startswith("keras-latent run mnist-usps --preset tiny")
    configuration = metrics["configuration"]
    assert configuration == json.loads((finished / "run.json").read_text())
    assert configuration["epochs"] == 2 and configuration["batch_size"] == 64
    assert configuration["learning_rate"] == 1e-3 and configuration["classifier_epochs"] == 1
    found = metrics["figures"]
    assert found["test_rows"] == ROWS
    assert set(found["transfer_accuracy"]) == set(found["chosen_epoch"]) == DIRECTIONS
    assert set(found["classifier_accuracy"]) == {"source", "target"}
    assert [set(row) for row in found["epochs"]] == [MEASURED] * 2
    assert found["epochs"] == json.loads((finished / "epochs" / "epochs.json").read_text())
    assert found["rank_correlation"] == {}  # of two epochs
    for row in found["epochs"]:
        for name, value in row.items():
            low = -np.log(10) if name.endswith("negative_entropy") else 0.0
            high = 1.0
            if name.endswith(("information", "density")):  # a density is at most log(rows - 1)
                high = np.log(10) if name.endswith("information") else np.log(2000)
            assert low <= value <= high, name
    for direction in DIRECTIONS:
        to = direction.split("_")[-1]
        information = [row[f"{to}_information"] for row in found["epochs"]]
        assert found["chosen_epoch"][direction] == 1 + int(np.argmax(information))
        # The accuracy is that of the epoch that was chosen.
        row = found["epochs"][found["chosen_epoch"][direction] - 1]
        accuracy = found["transfer_accuracy"][direction]
        assert accuracy == pytest.approx(row[f"{to}_test_accuracy"], abs=0.02)


@pytest.mark.parametrize(("to", "side"), [("source", 28), ("target", 16)])
def test_figures_belong_to_the_saved_model(finished, data, to, side):
    domain = "target" if to == "source" else "source"
    model = keras.saving.load_model(finished / f"model_to_{to}.keras")
    assert isinstance(model, models.LSTNet)
    name = "usps" if domain == "target" else "mnist"
    _, (images, labels) = datasets.load_arrays(name, data)
    translated = model.translate(images / np.float32(255), to=to)
    seen = classifier(side).predict(translated, verbose=0).argmax(-1)
    found = figures(finished)["transfer_accuracy"][f"{domain}_to_{to}"]
    assert found == pytest.approx(np.mean(seen == labels), abs=0.02)


def test_the_learning_rate_falls_to_zero_and_weights_are_averaged(finished):
    members = keras.saving.load_model(finished / "model_to_source.keras").optimizer.members
    for name, member in members.items():
        schedule = member.get_config()["learning_rate"]["config"]
        assert (schedule["initial_learning_rate"], schedule["alpha"]) == (1e-3, 0.0)
        assert schedule["decay_steps"] == 2 * 4  # epochs of 4 steps
        assert member.use_ema == (name == "translators")
    assert members["translators"].ema_momentum == 0.99


def test_a_finished_run_is_reported_and_not_run(finished, data, monkeypatch, capsys):
    before = contents(finished)
    monkeypatch.setattr(mnist_usps, "run", None)
    assert run(data, finished, "--verbose", "2") == 0
    said = capsys.readouterr().out
    assert "is already finished. Nothing was run." in said and "model_to_source.keras" in said
    for direction, rows in (("target_to_source", 60), ("source_to_target", 80)):
        accuracy = figures(finished)["transfer_accuracy"][direction]
        assert f"{direction}: {accuracy:.4f} of {rows} translated test images" in said
    assert run(data, finished, "--seed", "1") == 2
    assert "holds another run, which is not overwritten" in capsys.readouterr().err
    assert contents(finished) == before


def test_a_killed_run_resumes(finished, data, tmp_path, monkeypatch, capsys):
    """The state of the second epoch is lost, but its measurements are not."""
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    state = sorted((out / "state").glob("epoch-*"))
    assert len(state) == 2
    for path in (state[-1], out / "metrics.json", *out.glob("*.keras"), *out.glob("*.png")):
        path.unlink()

    def killed(self, *args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(models.LSTNet, "fit", killed)
        assert run(data, out) == 130
    said = capsys.readouterr()
    assert "Resuming after epoch 1." in said.out
    assert "Interrupted. Run the same command again to resume." in said.err
    assert not (out / "metrics.json").exists()

    assert run(data, out) == 0
    assert "Resuming after epoch 1." in capsys.readouterr().out
    assert json.loads((out / "metrics.json").read_text())["resumed"]
    with open(out / "history.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]
    assert set(contents(out)) == set(contents(finished))
    one, other = figures(finished), figures(out)
    assert len(other["epochs"]) == 2 and other["chosen_epoch"] == one["chosen_epoch"]
    for row, again in zip(one["epochs"], other["epochs"], strict=True):
        for name, value in row.items():
            assert again[name] == pytest.approx(value, abs=0.02), name
    left, right = (
        keras.saving.load_model(path / "model_to_source.keras") for path in (finished, out)
    )
    for a, b in zip(left.get_weights(), right.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--epochs", "0"), "`--epochs` must be a positive integer. Received: --epochs=0"),
        (("--batch-size", "-3"), "`--batch-size` must be a positive integer"),
        (("--learning-rate", "0"), "`--learning-rate` must be a positive finite number"),
        (("--grid-every", "0"), "`--grid-every` must be a positive integer"),
        (("--classifier-epochs", "0"), "`--classifier-epochs` must be a positive integer"),
        (("--preset", "huge"), "`--preset` must be one of ['paper', 'large', 'small', 'tiny'] or"),
    ],
)
def test_invalid_options(data, tmp_path, options, message, capsys):
    out = tmp_path / "out"
    assert run(data, out, *options) == 2
    said = capsys.readouterr()
    assert message in said.err and "Traceback" not in said.err
    assert not out.exists()


def test_damaged_data(tmp_path, capsys):
    (tmp_path / "mnist.npz").write_bytes(b"PK")
    assert run(tmp_path, tmp_path / "out") == 2
    said = capsys.readouterr()
    assert "cannot be read as an .npz file" in said.err and "Traceback" not in said.err


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("paper", (30, 1e-4, "runs/mnist-usps-paper")),
        ("large", (30, 2e-4, "runs/mnist-usps-large")),
        ("small", (8, 5e-4, "runs/mnist-usps-small")),
        ("tiny", (1, 1e-3, "runs/mnist-usps-tiny")),
    ],
)
def test_defaults_of_presets(preset, expected):
    arguments = cli.build_parser().parse_args(["run", "mnist-usps", "--preset", preset])
    APPLICATIONS["mnist-usps"].options.complete(arguments)
    assert (arguments.epochs, arguments.learning_rate, arguments.out) == expected
    assert arguments.batch_size == 64 and arguments.seed == 0
    assert USPS_PRESETS[preset].model in models.LSTNet.presets
    ours = preset != "paper"
    assert USPS_PRESETS[preset].decay == bool(USPS_PRESETS[preset].ema_momentum) == ours


def test_a_nan_loss_ends_the_run(data, finished, tmp_path, monkeypatch, capsys):
    def translators_loss(self, x, made, training=False):
        loss, terms = original(self, x, made, training)
        return loss * float("nan"), terms

    original = models.LSTNet.translators_loss
    monkeypatch.setattr(models.LSTNet, "translators_loss", translators_loss)
    assert run(data, tmp_path) == 2
    assert "`loss` is nan, from step 1 of epoch 1" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()  # the next start finds no damaged state
    assert not (tmp_path / "metrics.json").exists()


def test_rank_correlations():
    rows = [
        {"source_information": a, "target_information": -a, "source_test_accuracy": b}
        | {"target_test_accuracy": b}
        for a, b in ((0.1, 0.5), (0.3, 0.6), (0.3, 0.9), (0.8, 0.95))  # equal values share a rank
    ]
    found = mnist_usps.rank_correlations(rows)
    expected = stats.spearmanr([0.1, 0.3, 0.3, 0.8], [0.5, 0.6, 0.9, 0.95]).statistic
    assert found["source_information"] == pytest.approx(expected, abs=1e-3)
    assert found["target_information"] == pytest.approx(-expected, abs=1e-3)
    assert mnist_usps.rank_correlations(rows[:2]) == {}


def test_measurements_of_an_epoch(finished, data):
    """They use no labels of the images that are translated, except for the test accuracy."""
    pair = datasets.load_pair("mnist_usps", data_dir=data, batch_size=64)
    model = keras.saving.load_model(finished / "model_to_source.keras")
    classifiers = {"source": classifier(28), "target": classifier(16)}
    row = mnist_usps.measure_epoch(model, pair, classifiers, seed=0)
    assert set(row) == MEASURED
    translated = model.translate(pair.target_train / np.float32(255), to="source")
    scores = classifiers["source"].predict(translated, verbose=0)
    assert row["source_information"] == pytest.approx(mutual_information(scores), rel=1e-3)
    again = classifiers["source"].predict(model.cycle(translated, "source"), verbose=0)
    agreement = np.mean(scores.argmax(1) == again.argmax(1))
    assert row["source_cycle_agreement"] == pytest.approx(agreement, abs=0.02)
    others = dataclasses.replace(pair, target_train_labels=(pair.target_train_labels + 1) % 10)
    changed = mnist_usps.measure_epoch(model, others, classifiers, seed=0)
    same = {name for name in row if changed[name] == pytest.approx(row[name], abs=1e-6)}
    assert same == MEASURED - {"target_circular_validation"}
