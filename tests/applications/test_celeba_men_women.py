"""`keras-latent run celeba-men-women` on made-up faces: men are dark at the top, women bright."""

import argparse
import csv
import json
import shutil
import sys

import keras
import numpy as np
import pytest
from helpers import assert_overwritten
from small_data import MALE, attribute_classifier, write_faces

from benchmarks import celeba_men_women as tables
from benchmarks import results
from keras_latent import datasets, metrics, models
from keras_latent.datasets import CELEBA_ATTRIBUTES
from keras_latent.src.applications.faces import celeba_men_women, measures
from keras_latent.src.applications.faces.data import domain_of, pair_of, sort_men_first
from keras_latent.src.applications.faces.measures import (
    Seen,
    best_strength,
    figures_of,
    look,
    offset_between,
    standard_errors_past,
)
from keras_latent.src.applications.faces.single_domain_vae import (
    ImageBatches,
    counterpart,
    train_counterpart,
)
from keras_latent.src.applications.running.run_directory import RunDirectory
from keras_latent.src.cli import cli
from keras_latent.src.cli.registry import APPLICATIONS
from keras_latent.src.models.vbta import face_networks, networks

ROWS = {"train": 60, "validation": 16, "test": 16}
ALL_STRENGTHS = measures.STRENGTHS  # runs in these tests try two
CLASSIFIER = {"kind": "small", "epochs": 1, "verbose": 0}
DIRECTIONS = {"source_to_target", "target_to_source"}


@pytest.fixture(scope="module", autouse=True)
def data(tmp_path_factory):
    """A folder of celeb_a_64.npz and of a tiny preset, and an untrained classifier."""
    folder = tmp_path_factory.mktemp("data")
    write_faces(folder, ROWS)
    parts = face_networks.vbta_faces(filters=(2, 2), hidden=256, latent_dim=4)
    models.VBTA(**parts, observation_variance=0.02).save_to_preset(folder / "tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "attribute_classifier", classifier_of)
        patch.setattr(measures, "STRENGTHS", (0.0, 1.0))
        yield folder


def classifier_of(images, attributes, **options):
    """A stand-in for what `metrics` trains, which checks the arguments."""
    assert options == CLASSIFIER
    assert images.dtype == np.uint8 and len(images) == len(attributes)
    return attribute_classifier()


def run(data, out, *options, epochs="2"):
    common = ["--preset", str(data / "tiny"), "--epochs", epochs, "--batch-size", "10"]
    common += ["--classifier-epochs", "1", "--learning-rate", "1e-3", "--verbose", "0"]
    folders = ["--data-dir", str(data), "--out", str(out)]
    return cli.main(["run", "celeba-men-women", *common, *folders, *options])


def figures(out):
    return json.loads((out / "metrics.json").read_text())["figures"]


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "a"
    assert run(data, out) == 0
    return out


@pytest.fixture
def faces(data):
    return datasets.load_faces("celeb_a_64", data)


# Runs ------------------------------------------------------------------------------------


def test_what_a_run_leaves(finished):
    assert_overwritten(finished)
    found = {path.name for path in finished.iterdir()}
    pictures = {"training.png", "translations.png", "samples.png"}
    assert found >= pictures | {"run.json", "metrics.json", "history.csv", "model.keras"}
    assert "vae.keras" in found
    for name in pictures:
        assert (finished / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        assert (finished / name).stat().st_size > 2000
    for log in (finished / "history.csv", finished / "vae" / "history.csv"):
        with open(log, newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["epoch"] for row in rows] == ["0", "1"]
        assert float(rows[1]["loss"]) < float(rows[0]["loss"])


def test_figures(finished, capsys):
    found = figures(finished)
    assert 36 <= found["known_pairs"] <= ROWS["train"]
    assert set(found["strength"]) == {"source", "target"}
    for split in ("validation", "test"):
        of = found[split]
        assert sum(of["rows"].values()) == ROWS[split]
        assert set(of["moved"]) == {"target_gender_accuracy", "attribute_agreement", "spread"}
        assert set(of["target_gender_accuracy"]) == set(of["attribute_agreement"]) == DIRECTIONS
        assert set(of["classifier"]) == set(CELEBA_ATTRIBUTES)
        for domain in ("source", "target"):
            assert set(of["gender_accuracy"][domain]) == {"real", "reconstruction"}
            assert set(of["reconstruction_error"][domain]) == {"vbta", "vae"}
            assert of["spread"][domain]["real"] > 0.05
        for values in of["attribute_agreement"].values():
            assert set(values) == {"real", "reconstruction", "chance"}
            assert all(0 <= value <= 1 for value in values.values())
    celeba_men_women.report(found)
    said = capsys.readouterr().out
    assert said.count("of translations classified as women") == 2
    assert said.count("of translations classified as men") == 2
    assert "VBTA 0." in said and "VAE 0." in said
    assert said.count("times the offset between the domains' mean latents") == 4


def test_figures_belong_to_the_saved_model(finished, faces):
    model = keras.saving.load_model(finished / "model.keras")
    vae = keras.saving.load_model(finished / "vae.keras")
    assert isinstance(model, models.VBTA) and isinstance(vae, models.VAE)
    classifier = classifier_of(
        *(f["train"] for f in (faces.images, faces.attributes)), **CLASSIFIER
    )
    images = faces.images["test"] / np.float32(255)
    women = faces.attributes["test"][:, MALE] == 0
    found = figures(finished)["test"]
    for domain, rows, to, gender in (
        ("source", ~women, "target", 0),
        ("target", women, "source", 1),
    ):
        translated = model.translate(images[rows], to=to).clip(0, 1)
        before = model.reconstruct(images[rows], domain)
        seen, was = (
            classifier.predict(x, verbose=0) >= 0.5 for x in (translated, before.clip(0, 1))
        )
        share = np.mean(seen[:, MALE] == gender)
        direction = f"{domain}_to_{to}"
        one = 1.01 / rows.sum()  # a face may be on the edge
        assert found["target_gender_accuracy"][direction] == pytest.approx(share, abs=one)
        same = np.delete(seen == was, MALE, axis=1).mean()
        agreement = found["attribute_agreement"][direction]["reconstruction"]
        assert agreement == pytest.approx(same, abs=0.02)
        errors = found["reconstruction_error"][domain]
        assert errors["vbta"] == pytest.approx(np.square(before - images[rows]).mean(), rel=1e-3)
        error = np.square(vae.reconstruct(images[rows]) - images[rows]).mean()
        assert errors["vae"] == pytest.approx(error, rel=1e-3)
        spread = found["spread"][domain]["translation"]
        assert spread == pytest.approx(model.translate(images[rows], to=to).std(0).mean(), rel=1e-2)


def test_a_run_killed_before_the_end(finished, data, tmp_path, capsys):
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / "metrics.json").unlink()
    assert run(data, tmp_path / "run") == 0
    assert "Resuming after epoch 2." in capsys.readouterr().out
    assert figures(tmp_path / "run") == figures(finished)


def test_without_a_vae_and_with_few_pairs(data, tmp_path, monkeypatch):
    measured = []

    def measure(model, vae, classifier, faces, directory):
        measured.append((vae, {split: len(images) for split, images in faces.images.items()}))
        return {split: {} for split in celeba_men_women.MEASURED}

    monkeypatch.setattr(celeba_men_women, "measure", measure)
    monkeypatch.setattr(celeba_men_women, "report", lambda figures: None)
    more = ("--no-vae", "--paired-per-batch", "4", "--limit", "40")
    assert run(data, tmp_path / "run", *more, epochs="1") == 0
    assert measured == [(None, {"train": 40, "validation": 16, "test": 16})]
    assert figures(tmp_path / "run")["known_pairs"] <= 40
    assert not (tmp_path / "run" / "vae.keras").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preset", "gone"], "`--preset` must be one of ['paper', 'small'] or a preset dir"),
        (["--epochs", "0"], "`--epochs` must be a positive integer. Received: --epochs=0"),
        (["--limit", "-3"], "`--limit` must be a positive integer. Received: --limit=-3"),
        (
            ["--paired-per-batch", "11"],
            "must be from 0 to `--batch-size`, 10. Received: --paired-per-batch=11",
        ),
    ],
)
def test_invalid_options(data, options, message, tmp_path, capsys):
    assert run(data, tmp_path / "run", *options) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_faces_of_one_gender(faces):
    faces.attributes["test"][:, MALE] = 1
    with pytest.raises(ValueError, match="The test faces must include men and women. Received: 16"):
        sort_men_first(faces)


def test_defaults_depend_on_the_preset():
    parser = cli.build_parser()
    for preset, epochs, rate in (("paper", 100, 1e-4), ("small", 20, 5e-4)):
        arguments = parser.parse_args(["run", "celeba-men-women", "--preset", preset])
        APPLICATIONS["celeba-men-women"].options.complete(arguments)
        assert (arguments.epochs, arguments.learning_rate) == (epochs, rate)
        assert arguments.batch_size == 50
        assert arguments.out == f"runs/celeba-men-women-celeb_a_64-{preset}"


# Parts -----------------------------------------------------------------------------------


def test_the_pair_is_that_of_load_pair(data, faces):
    before = {split: images.copy() for split, images in faces.images.items()}
    was = {split: a[:, MALE].copy() for split, a in faces.attributes.items()}
    sort_men_first(faces)
    men, attributes = domain_of(faces, "validation", "source")
    np.testing.assert_array_equal(men, before["validation"][was["validation"] == 1])
    assert attributes[:, MALE].all() and np.shares_memory(men, faces.images["validation"])
    ours = pair_of(faces, seed=3, batch_size=10, paired_per_batch=None, name="x")
    theirs = datasets.load_pair("celeba_64_men_women", batch_size=10, seed=3, data_dir=data)
    for name in ("known_pairs", "source_train", "target_test", "target_train_labels"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


class Fixed:
    """A classifier whose probabilities are the first channel of the first row of pixels."""

    def predict(self, images, **_):
        return images[:, 0, :, 0]


class Shifted:
    """A model whose translations are brighter, and whose reconstructions are darker."""

    def reconstruct(self, x, domain="source"):
        return x - 0.25

    def translate(self, x, to, offset=None):
        return np.clip(x + 0.5, 0, 1)


def test_look(rng, monkeypatch):
    monkeypatch.setattr(measures, "ROWS", 4)
    images = rng.random((10, 3, 5, 1)).astype("float32")
    seen = look(Shifted(), None, Fixed(), images, "source")
    probabilities = images[:, 0, :, 0]
    np.testing.assert_array_equal(seen.has["real"], probabilities >= 0.5)
    np.testing.assert_array_equal(seen.has["reconstruction"], probabilities - 0.25 >= 0.5)
    assert seen.has["translation"].all()
    assert seen.errors == {"vbta": pytest.approx(0.0625, rel=1e-5)}
    assert seen.spread["real"] == pytest.approx(images.std(0).mean(), rel=1e-5)
    translated = np.clip(images + 0.5, 0, 1)
    assert seen.spread["translation"] == pytest.approx(translated.std(0).mean(), rel=1e-5)


class Gender:
    """A model and a classifier of images with two values: how male they look, and a smile.

    Half of the faces stop smiling if they are moved by more than 0.45.
    """

    def encode(self, x, domain):
        return x[:, :, 0, 0]

    def reconstruct(self, x, domain="source"):
        return x

    def translate(self, x, to, offset=None):
        offset = np.zeros(1) if offset is None else offset
        moved = x.copy()
        moved[:, 0] += (offset if to == "target" else -offset)[0]
        if abs(offset[0]) > 0.45:
            moved[::2, 1] = 0
        return moved

    def predict(self, images, **_):
        return images[:, :, 0, 0]


def test_the_strength_that_most_clearly_meets_the_targets(rng, monkeypatch):
    monkeypatch.setattr(measures, "ROWS", 7)
    monkeypatch.setattr(measures, "STRENGTHS", ALL_STRENGTHS)
    men = np.stack([rng.uniform(0.5, 0.7, 30), np.ones(30)], 1).astype("float32")
    women = men - np.float32([0.2, 0])
    men, women = (x[:, :, None, None] for x in (men, women))
    offset = offset_between(Gender(), men, women)
    assert offset == pytest.approx([-0.2, 0], abs=1e-6)

    def best(images, domain):
        return best_strength(Gender(), Gender(), images, domain, offset, 0)

    # Some look male without a move, all from 1 offset on; beyond 2.25, half of the smiles go.
    assert best(women, "target") == 1.0
    # One of 30 stays female: 0.97 is enough, but not as clearly as all of them.
    but_one = women.copy()
    but_one[0, 0] = 0.16
    assert best(but_one, "target") == 1.75
    # No strength is enough, so the smallest is chosen.
    assert best(women - np.float32([9, 0])[:, None, None], "target") == 0.0
    assert best(men - np.float32([0.3, 0])[:, None, None], "source") == 0.0


def test_standard_errors():
    shares = np.arange(100) < 75
    assert standard_errors_past(0.5, shares) == pytest.approx(0.25 / np.sqrt(3 / 16 / 100))
    assert standard_errors_past(0.9, np.ones(20)) == pytest.approx(0.1 / (1 / 20))


def test_shares_by_hand():
    """Three attributes, the second of which is the gender; two rows per domain."""
    real = np.array([[1, 1, 0], [0, 1, 0]], bool)
    reconstruction = np.array([[1, 1, 1], [0, 0, 0]], bool)
    translation = np.array([[1, 0, 1], [1, 1, 0]], bool)
    kinds = {"real": real, "reconstruction": reconstruction, "translation": translation}
    one = Seen(kinds, {"vbta": 0.1234567}, dict.fromkeys(kinds, 0.5))
    found = figures_of({"source": one, "target": one}, male=1)
    assert found["gender_accuracy"]["source"] == {"real": 1.0, "reconstruction": 0.5}
    assert found["gender_accuracy"]["target"] == {"real": 0.0, "reconstruction": 0.5}
    assert found["target_gender_accuracy"] == {"source_to_target": 0.5, "target_to_source": 0.5}
    agreement = found["attribute_agreement"]["source_to_target"]
    # Of (1, 1) and (1, 0): with (1, 0), (0, 0); with (1, 1), (0, 0); and with (0, 0), (1, 1).
    assert agreement == {"real": 0.5, "reconstruction": 0.75, "chance": 0.25}
    assert found["reconstruction_error"]["target"] == {"vbta": 0.123457}
    assert found["rows"] == {"source": 2, "target": 2}


def test_the_vae_has_the_networks_of_one_domain(rng):
    parts = networks.vbta_mlp((4, 4, 3), 6, 4)
    vbta = models.VBTA(**parts, alpha=2.0, observation_variance=0.1)
    vae = counterpart(vbta, seed=7)
    assert (vae.beta, vae.observation_variance, vae.seed) == (2.0, 0.1, 7)
    names = ("source_encoder", "shared_encoder", "shared_decoder", "source_decoder")
    wanted = [w.shape for name in names for w in getattr(vbta, name).get_weights()]
    assert [w.shape for w in (*vae.encoder.get_weights(), *vae.decoder.get_weights())] == wanted
    x = rng.random((5, 4, 4, 3), "float32")
    before = vbta.reconstruct(x)
    assert np.abs(vae.reconstruct(x) - before).max() > 1e-3
    vae.compile()
    vae.fit(x, verbose=0)
    np.testing.assert_array_equal(vbta.reconstruct(x), before)


def test_the_vae_resumes_after_an_interruption(rng, tmp_path, monkeypatch):
    vbta = models.VBTA(**networks.vbta_mlp((4, 4, 3), 6, 4))
    images = rng.integers(0, 256, (20, 4, 4, 3), dtype="uint8")
    options = argparse.Namespace(epochs=2, batch_size=10, learning_rate=1e-3, seed=1, verbose=0)
    fit = models.VAE.fit

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    def killed(self, *args, callbacks, **kwargs):
        return fit(self, *args, callbacks=[*callbacks, Kill()], **kwargs)

    whole = train_counterpart(vbta, images, options, RunDirectory(tmp_path / "whole", {}))
    directory = RunDirectory(tmp_path / "killed", {})
    monkeypatch.setattr(models.VAE, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        train_counterpart(vbta, images, options, directory)
    assert not (directory / "vae.keras").exists()
    monkeypatch.setattr(models.VAE, "fit", fit)
    resumed = train_counterpart(vbta, images, options, directory)
    monkeypatch.setattr(models.VAE, "fit", None)
    kept = train_counterpart(vbta, images, options, directory)
    for a, b, c in zip(*(m.get_weights() for m in (whole, resumed, kept)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(b, c)


def test_batches_of_images():
    images = np.arange(23, dtype="uint8").reshape(23, 1, 1, 1)
    batches = ImageBatches(images, 5, seed=1)
    assert len(batches) == 4
    rows = np.concatenate([batches[i] for i in range(4)]).ravel() * 255
    assert len(set(np.round(rows))) == 20 and batches[0].dtype == np.float32
    batches.on_epoch_end()
    resumed = ImageBatches(images, 5, seed=1)
    resumed.skip_epochs(1)
    np.testing.assert_array_equal(batches[2], resumed[2])
    assert (batches[2] != ImageBatches(images, 5, seed=1)[2]).any()


def test_batches_of_flipped_images(rng):
    images = rng.integers(1, 256, (40, 1, 2, 1), "uint8")
    images[:, :, 0] = 0
    batches = ImageBatches(images, 20, seed=1, augment=datasets.RandomFlip())
    mirrored = [np.concatenate([batches[0], batches[1]])[:, 0, 0, 0] > 0]
    batches.on_epoch_end()
    mirrored.append(np.concatenate([batches[0], batches[1]])[:, 0, 0, 0] > 0)
    assert all(0 < which.mean() < 1 for which in mirrored)
    assert (mirrored[0] != mirrored[1]).any()
    resumed = ImageBatches(images, 20, seed=1, augment=datasets.RandomFlip())
    resumed.skip_epochs(1)
    np.testing.assert_array_equal(batches[1], resumed[1])


def test_tables_from_runs(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["x", "tables", "--runs", str(finished.parent)])
    tables.main()
    rows = json.loads((tmp_path / "celeba_men_women.json").read_text())["rows"]
    assert {row["metric"] for row in rows} == {
        "target_gender_accuracy",
        "attribute_agreement",
        "gender_accuracy",
        "reconstruction_error",
        "spread",
    }
    (row,) = (
        row
        for row in rows
        if row["metric"] == "target_gender_accuracy"
        and row["setting"]["split"] == "test"
        and row["setting"]["direction"] == "source_to_target"
        and "strength" not in row["setting"]
    )
    value = figures(finished)["test"]["target_gender_accuracy"]["source_to_target"]
    assert row["value"] == value and row["seeds"] == 1 and row["configuration"] == "ours"
    assert row["setting"]["dataset"] == "celeb_a_64" and row["setting"]["epochs"] == 2
    assert row["setting"]["preset"] == "tiny"  # not its path
