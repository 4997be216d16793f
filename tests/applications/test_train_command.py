"""`keras-latent train` on folders of digits."""

import csv
import json
import os
import re
import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from keras_latent import models
from keras_latent.src.applications.own import bridge, likeness, own_data, pictures, train
from keras_latent.src.cli import cli

pytestmark = pytest.mark.once
TINY = ("--width", "2", "--batch-size", "20", "--verbose", "0")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        yield


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Folders `plain` and `color`: 60 digits, and the same transposed and green."""
    folder = tmp_path_factory.mktemp("digits")
    found = load_digits()
    for i, (image, label) in enumerate(zip(found.images[:60], found.target[:60], strict=True)):
        pixels = (image * 15.9).astype("uint8")
        green = np.stack([pixels.T // 4, pixels.T, pixels.T // 4], axis=-1)
        for name, made in (("plain", pixels), ("color", green)):
            (folder / name / str(label % 3)).mkdir(parents=True, exist_ok=True)
            Image.fromarray(made).save(folder / name / str(label % 3) / f"{i}.png")
    rows = [f"plain/{k % 3}/{i}.png,{k % 2},{k // 5}" for i, k in enumerate(found.target[:60])]
    (folder / "attributes.csv").write_text("\n".join(["path,odd,large", *rows]))
    return folder


def start(digits, out, *options, source="plain", target="color", size=8):
    given = ["--source", str(digits / source), "--size", str(size), "--out", str(out), *TINY]
    given += [] if {"lstnet", "stargan"} & {*options} else ["--latent-dim", "4"]
    given += [] if target is None else ["--target", str(digits / target)]
    return cli.main(["train", *given, *options])


def figures(out):
    return json.loads((out / "metrics.json").read_text())["figures"]


def history(out):
    with open(out / "history.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_two_folders_become_a_translator(digits, tmp_path, capsys):
    out = tmp_path / "run"
    options = ("--width", "8", "--learning-rate", "0.01", "--batch-size", "6")
    assert start(digits, out, "--model", "vbta", "--epochs", "6", *options) == 0
    losses = [float(row["loss"]) for row in history(out)]
    assert losses[-1] < 0.97 * losses[0] and all(float(r["seconds"]) > 0 for r in history(out))
    model = keras.saving.load_model(out / "model.keras")
    assert model.event_shapes == {"source": (8, 8, 1), "target": (8, 8, 3)}
    # Without pairs, a sliced Wasserstein distance aligns the domains.
    assert model.swd == pytest.approx(500 * 128 / 12288) and model.cross_reconstruction == 0
    found = figures(out)
    assert found["validation_rows"] == {"source": 6, "target": 6}
    assert 0 < found["reconstruction_error"]["source"] < 0.13
    assert {"source_to_target.png", "target_to_source.png", "training.png"} <= {
        path.name for path in out.iterdir()
    }
    assert len(list((out / "grids").iterdir())) == 6
    assert "source: squared error of reconstructions 0." in capsys.readouterr().out


def test_it_says_what_it_found(digits, tmp_path, capsys):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    rng = np.random.default_rng(0)
    for i in range(30):
        # Two images are in three files each.
        pixels = rng.integers(0, 256, (9, 12), "uint8") if i > 5 else np.full((9, 12), i % 2 * 90)
        Image.fromarray(pixels.astype("uint8")).save(mixed / f"{i}.png")
    (mixed / "bad.jpg").write_bytes(b"no image")
    options = ("--model", "vae", "--steps", "2", "--validation", "0.5", "--verbose", "2")
    assert start(tmp_path, tmp_path / "run", *options, source="mixed", target=None) == 0
    said = capsys.readouterr().out
    assert "source: 30 images, 8x8, gray; 15 to train on, 15 for validation" in said
    assert "bad.jpg' cannot be read as an image" in said
    assert "validation images are also in training" in said and "(validation) is" in said
    assert "VAE: " in said and " parameters" in said
    assert "step 2 of 2 (epoch 1 of 1), loss" in said


def test_pairs_are_learned_from(digits, tmp_path):
    out = tmp_path / "run"
    options = ("--model", "vbta", "--paired-by", "name", "--steps", "5")
    assert start(digits, out, *options) == 0
    model = keras.saving.load_model(out / "model.keras")
    assert model.cross_reconstruction == 1 and model.swd == 0
    assert json.loads((out / "run.json").read_text())["steps"] == 5
    assert len(history(out)) == 1  # of five steps


def test_few_pairs_are_in_every_batch(digits, tmp_path, monkeypatch):
    (tmp_path / "pairs.csv").write_text("source,target\n0/0.png,0/0.png\n1/1.png,1/1.png\n")
    seen = []

    def batches(arguments, model, data, *rest):
        seen.extend(data.batches[i]["paired"].sum() for i in range(data.steps))

    monkeypatch.setattr(train, "train", batches)
    monkeypatch.setattr(train, "measure_two", lambda *a: {"validation_rows": {}})
    monkeypatch.setattr(train.visualization, "training_curves", lambda *a: None)
    monkeypatch.setattr(train.RunDirectory, "history", lambda self: {})
    options = ("--model", "vbta", "--paired-by", str(tmp_path / "pairs.csv"), "--steps", "2")
    assert start(digits, tmp_path / "run", *options) == 0
    assert len(seen) == 2 and len(set(seen)) == 1 and seen[0] in (1, 2)


def test_a_gan_chooses_its_epochs_without_labels(digits, tmp_path, capsys):
    out = tmp_path / "run"
    options = ("--model", "lstnet", "--width", "1", "--batch-size", "54", "--epochs")
    assert start(digits, out, *options, "2", size=16) == 0
    first = history(out)
    assert start(digits, out, *options, "3", size=16) == 0  # goes on
    assert history(out)[:2] == first and "rises first" in capsys.readouterr().out
    epochs = json.loads((out / "epochs" / "epochs.json").read_text())
    assert len(epochs) == 3
    for to, name in (("target", "source_to_target"), ("source", "target_to_source")):
        best = 1 + int(np.argmax([row[f"{to}_likeness"] for row in epochs]))
        assert figures(out)["chosen_epoch"][name] == best
        assert isinstance(keras.saving.load_model(out / f"model_to_{to}.keras"), models.LSTNet)


def test_a_bridge_keeps_classes_and_resumes(digits, tmp_path, monkeypatch, capsys):
    """Killed in the bridge's training, it goes on to what an uninterrupted run gives."""
    options = ("--model", "bridging", "--labels", "folders", "--epochs", "2", "--verbose", "1")
    trained, fit = [], train.training.fit

    def killed(model, data, folder, *rest, **others):
        trained.append(type(model).__name__)
        if len(trained) == 6:
            others["epochs"] = 1
        fit(model, data, folder, *rest, **others)
        if len(trained) == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(train.training, "fit", killed)
    assert start(digits, tmp_path / "whole", *options) == 0
    assert trained == ["VAE", "VAE", "BridgingVAE"]
    said = capsys.readouterr().out
    assert "labels: 0, 1, 2" in said and "The bridge aligns 3 classes" in said
    out = tmp_path / "run"
    assert start(digits, out, *options) == 130
    assert start(digits, out, *options) == 0
    for name in ("history.csv", "vae_source/history.csv", "vae_target/history.csv"):
        logs = [(folder / name).read_text().splitlines() for folder in (out, tmp_path / "whole")]
        assert len(logs[0]) == len(logs[1]) == 3
    for a, b in zip(history(out), history(tmp_path / "whole"), strict=True):
        assert float(a["loss"]) == pytest.approx(float(b["loss"]), rel=1e-4)
        assert float(a["classification_loss"]) > 0
    model = keras.saving.load_model(out / "model.keras")
    assert isinstance(model, models.LatentDomainTransfer) and model.bridge.num_classes == 3
    assert model.event_shapes == {"source": (8, 8, 1), "target": (8, 8, 3)}
    found = figures(out)
    assert set(found["cycle_error"]) == set(found["reconstruction_error"]) == {"source", "target"}
    made = ("source_to_target.png", "grids/epoch_0002.png", "vae_target/grids/epoch_0002.png")
    assert all((out / name).is_file() for name in made)
    # A longer run would need other VAEs.
    assert start(digits, out, "--model", "bridging", "--labels", "folders", "--epochs", "3") == 2
    assert "cannot be extended, because the bridge depends" in capsys.readouterr().err


def test_a_bridge_without_labels(digits, tmp_path, capsys):
    """And minutes are shared among the three trainings."""
    options = ("--model", "bridging", "--minutes", "0.01", "--verbose", "1")
    assert start(digits, tmp_path / "run", *options) == 0
    assert "so the bridge does not align classes" in capsys.readouterr().out
    for folder in ("", "vae_source/", "vae_target/"):
        seconds = [float(row["seconds"]) for row in history(tmp_path / "run" / folder)]
        assert sum(seconds) > 0.19
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert model.bridge.classifier is None and model.latent_dims == {"source": 4, "target": 4}


def folder_of(labels, names=("a", "b", "c")):
    images = np.zeros((len(labels), 8, 8, 1), "uint8")
    numbers = map(str, range(len(labels)))
    return own_data.datasets.FolderImages(images, tuple(numbers), np.array(labels), names)


def test_classes_of_a_bridge_are_those_of_both_domains():
    folders = {"source": folder_of([9, 0, 2, 2, -1]), "target": folder_of([9, 2, 1, 3, 0])}
    held_out = {domain: np.zeros((1, 8, 8, 1)) for domain in folders}
    data = own_data.OwnData(None, 0, None, folders, {}, held_out)
    labels, classes = bridge.shared_classes(data)
    assert classes == 2
    np.testing.assert_array_equal(labels["source"], [0, 1, 1, -1])
    np.testing.assert_array_equal(labels["target"], [1, -1, -1, 0])
    folders["target"] = folder_of([0, 1, 1])
    folders["source"] = folder_of([0, 2, 2])
    with pytest.raises(ValueError, match="needs classes that both domains have"):
        bridge.shared_classes(data)
    folders["source"] = folder_of(np.zeros((3, 2), int))
    with pytest.raises(ValueError, match="one label per image, or none. Received: 2 columns"):
        bridge.shared_classes(data)


def test_a_changed_folder_is_noticed(digits, tmp_path, capsys):
    shutil.copytree(digits / "plain", tmp_path / "plain")
    out, options = tmp_path / "run", ("--model", "vae", "--epochs")
    assert start(tmp_path, out, *options, "1", target=None) == 0
    finished = (out / "metrics.json").read_bytes()
    (tmp_path / "plain" / "0" / "0.png").rename(tmp_path / "0.png")
    assert start(tmp_path, out, *options, "2", target=None) == 2
    said = capsys.readouterr().err
    assert "The images of the source changed since the run was started: 60 images then, 59" in said
    assert "add `--overwrite`" in said and (out / "metrics.json").read_bytes() == finished
    (tmp_path / "0.png").rename(tmp_path / "plain" / "0" / "other.png")
    (out / "metrics.json").unlink()  # not finished
    assert start(tmp_path, out, *options, "1", target=None) == 2
    assert "still 60, but other names, sizes of files or labels" in capsys.readouterr().err
    (tmp_path / "plain" / "0" / "other.png").rename(tmp_path / "plain" / "0" / "0.png")
    os.utime(tmp_path / "plain" / "0" / "0.png", (1, 1))  # as of a copy
    assert start(tmp_path, out, *options, "2", target=None) == 0
    (tmp_path / "plain" / "0" / "0.png").unlink()
    assert start(tmp_path, out, *options, "1", "--overwrite", target=None) == 0
    assert json.loads((out / "images.json").read_text())["source"]["images"] == 59


def test_too_few_images_for_a_batch(digits, tmp_path, capsys):
    options = ("--model", "vbta", "--batch-size", "55")
    assert start(digits, tmp_path / "run", *options) == 2
    said = capsys.readouterr().err
    assert "Received: --batch-size=55, with 54 images in the larger domain, the source" in said
    assert repr(str(digits / "plain")) in said and "pass `--batch-size 54` or less" in said


def test_labels_that_differ_do_not_matter_to_methods_without_labels(digits, tmp_path):
    lines = (digits / "attributes.csv").read_text().splitlines()
    paths = [f"{digits}/{line.split(',')[0]}" for line in lines[1:]]
    for name, header, cells in (("a", "path,odd", ",1"), ("b", "path,x,y", ",3,4")):
        rows = [header, *(path + cells for path in paths)]
        (tmp_path / f"{name}.csv").write_text("\n".join(rows))
    given = {"source": "a.csv", "target": "b.csv"}
    assert start(tmp_path, tmp_path / "run", "--model", "vbta", "--steps", "1", **given) == 0
    assert start(tmp_path, tmp_path / "other", "--model", "bridging", "--steps", "1", **given) == 2


@pytest.mark.parametrize(
    ("model", "source", "options"),
    [
        ("vae", "plain", ()),
        ("tvae", "plain", ("--labels", "folders")),
        ("dualvae", "attributes.csv", ()),
        ("cvae", "attributes.csv", ()),
        ("fader", "attributes.csv", ()),
    ],
)
def test_one_folder(model, source, options, digits, tmp_path):
    out = tmp_path / "run"
    given = ("--model", model, "--epochs", "2", *options)
    assert start(digits, out, *given, source=source, target=None) == 0
    loaded = keras.saving.load_model(out / "model.keras")
    assert type(loaded).__name__.lower().startswith(model)
    if source.endswith("csv"):
        assert loaded.attribute_names == ("odd", "large")
    assert (out / "reconstructions.png").exists() and len(history(out)) == 2
    assert set(figures(out)) > {"reconstruction_error", "error_of_the_mean_image"}


def test_stargan_cuts_any_batch_into_equal_parts():
    folder = SimpleNamespace(label_names=("odd", "large"))
    rows = {"source": np.zeros((54, 8, 8, 1))}
    given = {"train": rows, "folders": {"source": folder}, "labels": np.zeros((6, 2))}
    data = SimpleNamespace(**given, paired=0, steps=1)
    for batch_size, parts in ((32, 4), (80, 3), (20, 5), (7, 1)):  # 80: all 54 rows
        arguments = SimpleNamespace(
            model="stargan", batch_size=batch_size, width=1, latent_dim=128, seed=3
        )
        model = train.build(arguments, data, None)
        assert (model.critic_steps, model.seed) == (parts, 3)
    assert model.attribute_names == ("odd", "large")


def test_a_killed_training_resumes_equally(digits, tmp_path, monkeypatch):
    options = ("--model", "vbta", "--epochs", "4")
    assert start(digits, tmp_path / "whole", *options) == 0

    class Killed(Exception):
        pass

    def killed(self, epoch, logs=None):
        if epoch == 2:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(train.callbacks.TranslationGrid, "on_epoch_end", killed)
        with pytest.raises(Killed):
            start(digits, tmp_path / "run", *options)
    assert start(digits, tmp_path / "run", *options) == 0
    for a, b in zip(history(tmp_path / "run"), history(tmp_path / "whole"), strict=True):
        assert float(a["loss"]) == pytest.approx(float(b["loss"]), rel=1e-5)


def test_short_runs_cannot_be_longer(digits, tmp_path, capsys):
    steps = ("--model", "vae", "--steps")
    assert start(digits, tmp_path / "short", *steps, "2", target=None) == 0
    assert start(digits, tmp_path / "short", *steps, "4", target=None) == 2
    assert "fewer than 100 steps cannot be extended" in capsys.readouterr().err


def test_epochs_of_steps_keep_the_order(digits, tmp_path):
    """Passes of 3 steps, as epochs of 4."""
    folder = own_data.datasets.images_from_folder(digits / "plain", size=8).images[:54]
    one, two = (own_data.ImageBatches(folder, 18, 0) for _ in range(2))
    epochs, seen = own_data.EpochsOfSteps(two, two.skip_epochs, 4), []
    assert len(epochs) == 4
    for _ in range(3):
        seen += [epochs[i] for i in range(4)]
        epochs.on_epoch_end()
    for i, batch in enumerate(seen):
        np.testing.assert_array_equal(batch, one[i % 3])
        if i % 3 == 2:
            one.on_epoch_end()


def test_missing_attributes_count_as_absent():
    """Else `reconstruct` would take -1 and 1 for a wrong encoding."""

    class Model:
        decodes_attributes = True

    data = own_data.OwnData(None, 1, None, {}, {}, {}, np.array([[1, -1], [0, 1], [1, 1]]))
    np.testing.assert_array_equal(pictures.given(Model(), data, 2)[0], [[1, 0], [0, 1]])


def test_minutes_count_all_sessions(digits, tmp_path, monkeypatch):
    options = ("--model", "vae", "--minutes", "0.01")
    assert start(digits, tmp_path / "run", *options, target=None) == 0
    rows = history(tmp_path / "run")
    assert 0.5 < sum(float(row["seconds"]) for row in rows) < 60
    # Killed before the end was measured: no more time is left.
    (tmp_path / "run" / "metrics.json").unlink()
    fitted = []
    fit = train.training.fit
    monkeypatch.setattr(
        train.training, "fit", lambda *a, **k: fitted.append(k["epochs"]) or fit(*a, **k)
    )
    assert start(digits, tmp_path / "run", *options, target=None) == 0
    # `fit` is called, so that a GAN's last epoch is measured, and trains nothing.
    assert fitted == [len(rows)] and history(tmp_path / "run") == rows


@pytest.mark.parametrize(
    ("options", "target", "message"),
    [
        (("--model", "vbta"), None, r"`--model vbta` needs `--target`"),
        (("--model", "vae"), "color", r"`--model vae` takes no `--target`"),
        (("--model", "vbta", "--labels", "folders"), "color", r"an option of `--model tvae` and"),
        (("--model", "lstnet", "--paired-by", "name"), "color", "an option of `--model vbta`"),
        (("--model", "tvae"), None, r"needs one label per image: sub-folders with `--labels fold"),
        (("--model", "dualvae"), None, r"needs attributes, 0 or 1, of each image: a .csv"),
        (
            ("--model", "vae", "--size", "50"),
            None,
            r"`--size`: .* can be halved until one is below 8 pixels",
        ),
        (("--model", "vae", "--minutes", "0"), None, r"`--minutes` must be"),
        (("--model", "vbta", "--validation", "0"), "color", r"`--validation` must be above 0"),
        (("--model", "vbta"), "colour", r"`--target` must be a folder.*where there is nothing"),
        (("--model", "lstnet", "--latent-dim", "3"), "color", r"`--latent-dim` is not an option"),
        (("--model", "stargan", "--latent-dim", "3"), None, r"`--latent-dim` is not an option"),
    ],
)
def test_errors(options, target, message, digits, tmp_path, capsys):
    assert start(digits, tmp_path / "run", *options, target=target) == 2
    assert re.search(message, capsys.readouterr().err)


def test_attributes_are_zero_or_one(digits, tmp_path, capsys):
    (tmp_path / "a.csv").write_text(f"path,k\n{digits}/plain/0/0.png,2\n{digits}/plain/1/1.png,0\n")
    options = ("--model", "cvae", "--steps", "1")
    assert start(tmp_path, tmp_path / "run", *options, source="a.csv", target=None) == 2
    assert "needs attributes that are 0, 1 or missing" in capsys.readouterr().err


def test_likeness_sees_color_texture_and_collapse():
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 64, 16, 16, 3))
    same = likeness.likeness(x, y)
    mean = np.broadcast_to(y.mean(axis=0), y.shape)
    assert -0.2 < same < 0
    for worse in (0.5 * x, mean, np.round(x)):
        assert likeness.likeness(worse, y) < 2 * same
    # One pixel value off by 0.1 everywhere is a distance of 0.1 for images and for patches.
    assert likeness.likeness(y + 0.1, y) == pytest.approx(-0.2, rel=0.35)
