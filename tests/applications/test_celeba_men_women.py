"""`keras-latent run celeba-men-women` on made-up faces: men are dark at the top, women bright."""

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
from keras_latent.src.cli import cli
from keras_latent.src.cli.registry import APPLICATIONS
from keras_latent.src.models.vbta import face_networks

ROWS = {"train": 60, "validation": 16, "test": 16}
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
    for preset, epochs, rate in (("paper", 100, 1e-4), ("small", 12, 1e-3)):
        arguments = parser.parse_args(["run", "celeba-men-women", "--preset", preset])
        APPLICATIONS["celeba-men-women"].options.complete(arguments)
        assert (arguments.epochs, arguments.learning_rate) == (epochs, rate)
        assert arguments.batch_size == 50
        assert arguments.out == f"runs/celeba-men-women-celeb_a_64-{preset}"


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
