import json
import re

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import keras_latent
from keras_latent import datasets, models
from keras_latent.src.applications.comparing import compare as comparing
from keras_latent.src.applications.comparing import scores
from keras_latent.src.applications.own import methods
from keras_latent.src.applications.running.epochs_of_steps import EpochsOfSteps
from keras_latent.src.applications.running.evaluation import floats
from keras_latent.src.applications.settings import COMPARED
from keras_latent.src.cli import cli

pytestmark = pytest.mark.once

CLASSES = 4


@pytest.fixture
def pair():
    (x, y), (test, test_y) = datasets.load_arrays("digits")
    keep, held = y < CLASSES, test_y < CLASSES
    x, y, test, test_y = x[keep][:96], y[keep][:96], test[held][:40], test_y[held][:40]
    return datasets.pair_from_arrays(
        x,
        x.swapaxes(1, 2),
        paired=48,
        source_labels=y,
        target_labels=y,
        test_source=test,
        test_target=test.swapaxes(1, 2),
        test_source_labels=test_y,
        test_target_labels=test_y,
        batch_size=16,
        format="numpy",
    )


def vbta(**kwargs):
    networks = models.networks_for("VBTA", (8, 8, 1), width=2, latent_dim=4)
    return models.VBTA(**networks, seed=0, **kwargs)


def classifiers():
    def linear():
        return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(CLASSES)])

    return {"source": linear(), "target": linear()}


def test_epochs_of_any_length_have_the_order_of_the_pair(pair):
    pair.skip_epochs(0)
    want = []
    for epoch in range(3):
        pair.skip_epochs(epoch)
        want += [pair.train[i]["source"].copy() for i in range(pair.steps_per_epoch)]
    batches, got = EpochsOfSteps(pair.train, pair.skip_epochs, 5), []
    batches[0]  # as Keras does to build a model
    batches.on_epoch_end()
    for _ in range(len(want) // 5):
        got += [batches[i]["source"].copy() for i in range(5)]
        batches.on_epoch_end()
    assert len(got) > 2 * pair.steps_per_epoch
    np.testing.assert_array_equal(got, want[: len(got)])
    batches.skip_epochs(1)
    np.testing.assert_array_equal(batches[2]["source"], want[7])


def test_compare(pair, tmp_path, monkeypatch):
    """Two models are trained alike, measured by their translations, and not trained twice."""
    monkeypatch.setattr(comparing, "EPOCH_STEPS", 4)
    made = []

    def sharp():
        made.append("sharp")
        return vbta(observation_variance=0.05)

    candidates = {"first": vbta(), "second": sharp}
    of_real = classifiers()
    rows = keras_latent.compare(pair, candidates, tmp_path, steps=8, classifiers=of_real, verbose=0)
    assert [row["method"] for row in rows] == ["source only", "oracle", "first", "second"]
    source, oracle, first, second = rows
    # What the figures must be, from the saved model.
    model = keras.saving.load_model(tmp_path / "second" / "model.keras")
    x = floats(pair.source_test)
    translated = model.translate(x, to="target")
    seen = of_real["target"].predict(translated, verbose=0).argmax(1)
    right = np.mean(seen == pair.source_test_labels)
    assert second["accuracy"]["source_to_target"] == pytest.approx(right, abs=1e-5)
    back = np.mean((model.cycle(x, "source") - x) ** 2)
    assert second["cycle_error"]["source_to_target"] == pytest.approx(back, abs=1e-5)
    seen = of_real["target"].predict(x, verbose=0).argmax(1)
    assert source["accuracy"]["source_to_target"] == pytest.approx(
        np.mean(seen == pair.source_test_labels), abs=1e-5
    )
    seen = of_real["source"].predict(x, verbose=0).argmax(1)
    assert oracle["accuracy"]["target_to_source"] == pytest.approx(
        np.mean(seen == pair.source_test_labels), abs=1e-5
    )
    assert first["steps"] == second["steps"] == 8
    assert first["supervision"] == "48 pairs"
    assert first["parameters"] == sum(np.size(v) for v in candidates["first"].get_weights())
    assert json.loads((tmp_path / "comparison.json").read_text())["rows"] == rows
    table = (tmp_path / "comparison.md").read_text()
    both = (second["accuracy"][f"{d}"] for d in ("source_to_target", "target_to_source"))
    assert " / ".join(f"{100 * value:.2f}" for value in both) in table
    assert (tmp_path / "comparison.png").stat().st_size > 1000

    made.clear()  # finished: neither built nor trained again
    again = keras_latent.compare(
        pair, {"first": vbta(), "second": sharp}, tmp_path, steps=8, classifiers=of_real, verbose=0
    )
    assert again == rows and not made


def test_interrupted(pair, tmp_path, monkeypatch):
    """A killed comparison continues, with the result of one that was not."""
    monkeypatch.setattr(comparing, "EPOCH_STEPS", 2)
    options = {"steps": 6, "classifiers": classifiers(), "verbose": 0}
    whole = keras_latent.compare(pair, {"a": vbta}, tmp_path / "whole", **options)

    class Killed(Exception):
        pass

    def killed(self, epoch, logs=None):
        if epoch == 1:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(comparing.TimeLimit, "on_epoch_begin", killed)
        with pytest.raises(Killed):
            keras_latent.compare(pair, {"a": vbta}, tmp_path / "killed", **options)
    resumed = keras_latent.compare(pair, {"a": vbta}, tmp_path / "killed", **options)
    measures = ("accuracy", "frechet", "cycle_error", "steps")
    assert [resumed[-1][m] for m in measures] == [whole[-1][m] for m in measures]


def test_without_labels(pair, tmp_path, monkeypatch):
    """A classifier of the domains replaces those of classes."""
    monkeypatch.setattr(comparing, "EPOCH_STEPS", 2)
    images = {"test_source": pair.source_test, "test_target": pair.target_test}
    plain = datasets.pair_from_arrays(
        pair.source_train, pair.target_train, paired=0, batch_size=16, format="numpy", **images
    )
    one = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2)])
    rows = keras_latent.compare(
        plain,
        {"vbta": vbta()},
        tmp_path,
        minutes=1e-4,
        classifiers={"source": one, "target": one},
        verbose=0,
    )
    model = keras.saving.load_model(tmp_path / "vbta" / "model.keras")
    x = floats(plain.source_test)
    seen = one.predict(model.translate(x, to="target"), verbose=0).argmax(1)
    assert rows[-1]["accuracy"]["source_to_target"] == pytest.approx(np.mean(seen == 1), abs=1e-5)
    assert rows[-1]["supervision"] == "no pairs"


def test_errors(pair, tmp_path):
    with pytest.raises(ValueError, match="Give `steps` or `minutes`"):
        keras_latent.compare(pair, {"a": vbta()}, tmp_path)
    with pytest.raises(ValueError, match="dict of names and models"):
        keras_latent.compare(pair, [vbta()], tmp_path, steps=1)
    with pytest.raises(ValueError, match="names that can be folders. Received: 'a/b'"):
        keras_latent.compare(pair, {"a/b": vbta()}, tmp_path, steps=1)
    untested = datasets.pair_from_arrays(
        pair.source_train, pair.target_train, batch_size=16, format="numpy"
    )
    with pytest.raises(ValueError, match="2 test images or more per domain"):
        keras_latent.compare(untested, {"a": vbta()}, tmp_path, steps=1)
    one = {"source": classifiers()["source"]}
    with pytest.raises(ValueError, match="`classifiers` must be a dict of"):
        keras_latent.compare(pair, {"a": vbta()}, tmp_path, steps=1, classifiers=one)
    unlike = datasets.pair_from_arrays(
        pair.source_train,
        pair.target_train[:, :4],
        test_source=pair.source_test,
        test_target=pair.target_test[:, :4],
        batch_size=16,
        format="numpy",
    )
    with pytest.raises(ValueError, match="`classifiers` need labels of both domains"):
        keras_latent.compare(unlike, {"a": vbta()}, tmp_path, steps=1, classifiers=classifiers())
    with pytest.raises(ValueError, match='`format="numpy"`'):
        keras_latent.compare(pair.train, {"a": vbta()}, tmp_path, steps=1)
    networks = models.networks_for("VAE", (8, 8, 1), width=2, latent_dim=4)
    with pytest.raises(ValueError, match="between two domains of the shapes of `pair`.*a `VAE`"):
        keras_latent.compare(
            pair, {"a": models.VAE(**networks)}, tmp_path, steps=1, classifiers=classifiers()
        )


def test_command(tmp_path, monkeypatch, capsys):
    """A ready-built pair; the classifiers are trained for one epoch here."""
    monkeypatch.setattr(scores, "EPOCHS", (1, 1))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    command = ["compare", "digits-transpose", "--methods", "vbta", "--steps", "2"]
    command += ["--width", "2", "--latent-dim", "4", "--paired", "20", "--verbose", "0"]
    assert cli.main([*command, "--out", str(tmp_path / "out")]) == 0
    assert "| vbta | 20 pairs |" in capsys.readouterr().out
    assert cli.main([*command[:-4], "--out", str(tmp_path / "out")]) == 2  # other pairs
    assert "holds another run" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::keras_latent.callbacks.CollapseWarning")
def test_every_method_of_the_command(tmp_path):
    """Each is built for images of two shapes, trained for a step, and measured."""
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 24, 16, 16, 1), "float32")
    y = np.repeat(y, 3, axis=-1)
    pair = datasets.pair_from_arrays(
        x, y, test_source=x[:4], test_target=y[:4], paired="all", batch_size=8, format="numpy"
    )
    made = {
        name: lambda name=name: methods.two_domain_model(
            name, [(16, 16, 1), (16, 16, 3)], 24, 1, width=1, latent_dim=4, seed=0
        )
        for name in COMPARED
    }
    rows = keras_latent.compare(pair, made, tmp_path, steps=1, verbose=0)
    assert [row["method"] for row in rows] == COMPARED
    assert all(set(row["cycle_error"]) == {"source_to_target", "target_to_source"} for row in rows)
    assert {row["supervision"] for row in rows} == {"none", "24 pairs"}


def write_images(folder, shift, count=24):
    folder.mkdir()
    rng = np.random.default_rng(shift)
    for i in range(count):
        Image.fromarray(rng.integers(0, 255, (9, 10, 3), "uint8")).save(folder / f"{i}.png")


def test_command_on_folders(tmp_path, monkeypatch, capsys):
    """Without labels, a classifier of the domains."""
    monkeypatch.setattr(scores, "EPOCHS", (1, 1))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    for shift, name in enumerate(("a", "b")):
        write_images(tmp_path / name, shift)
    command = ["compare", "--source", str(tmp_path / "a"), "--target", str(tmp_path / "b")]
    command += ["--size", "8", "--methods", "vbta", "--steps", "1", "--batch-size", "4"]
    command += ["--width", "2", "--latent-dim", "4", "--verbose", "0"]
    assert cli.main([*command, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "| vbta | no pairs |" in printed
    assert "the share that a classifier of the two domains takes" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Give PAIR, one of mnist-usps, .*, or --source and --target"),
        (["mnist-usps", "--source", "."], "Give PAIR"),
        (["--source", "."], "Give PAIR"),
        (["mnist-usps", "--paired-by", "name"], "`--paired-by` is not an option of PAIR"),
        (["--source", ".", "--target", ".", "--paired", "3"], "`--paired` is not an option of --s"),
        (["mnist-usps", "--paired", "x"], "`--paired` must be 'all' or a number"),
        (["mnist-usps", "--steps", "0"], "`--steps`"),
        (["--source", ".", "--target", "missing"], "`--target` must be a folder of images"),
    ],
)
def test_mistakes_of_the_command(options, message, capsys):
    assert cli.main(["compare", *options]) == 2
    assert re.search(message, capsys.readouterr().err)
