"""The bridging applications on small stand-ins: enlarged real digits, and tones for speech."""

import argparse
import json

import keras
import numpy as np
import pytest
from helpers import assert_overwritten
from small_data import audio_classifier, write_digits, write_sounds

from benchmarks import bridging as tables
from benchmarks import paper_tables, results
from keras_latent import datasets, metrics, models
from keras_latent.src.applications.bridging import bridge, mnist_spoken_digit, speech_vae, synthetic
from keras_latent.src.cli import cli
from keras_latent.src.models.wavegan.networks import wavegan

ROWS, TESTED = 200, 40


@pytest.fixture(scope="module", autouse=True)
def data(tmp_path_factory):
    """A folder of mnist.npz, fashion_mnist.npz and spoken_digit.npz."""
    folder = tmp_path_factory.mktemp("data")
    for name, first in (("mnist", 0), ("fashion_mnist", 500)):
        write_digits(folder, name, slice(first, first + ROWS), slice(TESTED))
    write_sounds(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        yield folder


def options(data, out, *more):
    few = ["--base-epochs", "1", "--classifier-epochs", "1", "--steps", "4", "--batch-size", "16"]
    return ["--data-dir", str(data), "--out", str(out), "--verbose", "0", *few, *more]


@pytest.fixture(scope="module")
def fashion(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "fashion"
    assert cli.main(["run", "mnist-fashion", *options(data, out)]) == 0
    return out


def test_what_a_run_leaves(fashion):
    assert_overwritten(fashion)
    found = {path.name for path in fashion.iterdir()}
    names = {f"{a}_to_{b}" for a, b in (("source", "target"), ("target", "source"))}
    pictures = {f"{n}.png" for n in names} | {
        f"{n}_interpolation_{kind}.png" for n in names for kind in ("within", "between")
    }
    assert found >= pictures | {"run.json", "metrics.json", "history.csv", "model.keras"}
    figures = json.loads((fashion / "metrics.json").read_text())["figures"]
    keys = {"source", "target", "source_to_target", "target_to_source"}
    assert set(figures["class_kept"]) == set(figures["spread"]) == keys
    for shares in figures["class_kept"].values():
        assert set(shares) == {"sampled", "mean"} and all(0 <= s <= 1 for s in shares.values())
    assert set(figures["base_model"]) == {"source", "target"}
    assert figures["steps"] == 4 and figures["test_rows"] == {"source": TESTED, "target": TESTED}
    assert set(figures["class_kept_in_training"]) == keys
    for name in ("fid", "fid_features"):
        assert set(figures[name]) == {"mean", "sampled", "collapse"}
        assert min(figures[name].values()) > 0


def test_figures_belong_to_the_saved_model(fashion, data):
    transfer = keras.saving.load_model(fashion / "model.keras")
    figures = json.loads((fashion / "metrics.json").read_text())["figures"]
    _, (images, labels_of_images) = datasets.load_arrays("mnist", data)
    x = images / np.float32(255)
    classifiers = {}
    for domain, name in (("source", "mnist"), ("target", "fashion_mnist")):
        (train, labels), _ = datasets.load_arrays(name, data)
        classifiers[domain] = metrics.reference_classifier(
            train, labels, epochs=1, max_shift=2 if domain == "source" else 1, softness=0.5
        )
    before = classifiers["source"].predict(transfer.source.reconstruct(x), verbose=0).argmax(1)
    after = classifiers["target"].predict(transfer.transfer(x), verbose=0).argmax(1)
    share = figures["class_kept"]["source_to_target"]["mean"]
    assert share == pytest.approx(np.mean(before == after), abs=1.5 / TESTED)
    share = figures["label_kept"]["source_to_target"]["mean"]
    assert share == pytest.approx(np.mean(after == labels_of_images), abs=1.5 / TESTED)
    # Training latents are labelled by another classifier, which saw every second image.
    (train, labels), _ = datasets.load_arrays("mnist", data)
    other = metrics.reference_classifier(
        train[::2], labels[::2], epochs=1, max_shift=2, softness=0.5, seed=1
    )
    decoded = transfer.source.reconstruct(train / np.float32(255))
    changed = np.mean(other.predict(decoded, verbose=0).argmax(1) != labels)
    assert figures["relabelled_source"] == pytest.approx(changed, abs=1.5 / ROWS)
    share = figures["base_model"]["source"]["label_kept"]
    assert share == pytest.approx(np.mean(before == labels_of_images), abs=1.5 / TESTED)


@pytest.mark.parametrize(
    "more",
    [
        ("--labels", "0", "--preset", "paper"),
        ("--labels", "20", "--preset", "paper"),
        ("--labels", "20", "--preset", "ours"),
        ("--variant", "vae"),
    ],
)
def test_few_labels_and_variants(data, tmp_path, more):
    assert cli.main(["run", "mnist-mnist", *options(data, tmp_path / "run", *more)]) == 0
    figures = json.loads((tmp_path / "run" / "metrics.json").read_text())["figures"]
    for domain in ("source", "target"):
        assert (f"propagated_labels_{domain}" in figures) is (more[-1] == "ours")
        if more[-1] == "ours":  # propagated from ten labels, of 200 rows
            assert figures[f"propagated_labels_{domain}"]["accuracy"] < 1


@pytest.mark.filterwarnings("ignore:Fewer than")
def test_speech(data, tmp_path, monkeypatch):
    gan = models.WaveGAN(**wavegan(8192, dim=1), seed=0)
    gan.save(tmp_path / "gan.keras")

    monkeypatch.setattr(mnist_spoken_digit, "GENERATED", 20)
    monkeypatch.setattr(metrics, "reference_audio_classifier", audio_classifier)
    out = tmp_path / "speech"
    more = ["--gan", str(tmp_path / "gan.keras"), "--per-class", "4", "--max-draws", "1500"]
    assert cli.main(["run", "mnist-spoken-digit", *options(data, out, *more)]) == 0
    figures = json.loads((out / "metrics.json").read_text())["figures"]
    gan = figures["gan"]
    assert gan["draws"] == 1500 and 10 <= sum(gan["kept"]) <= 50
    assert figures["test_rows"]["target"] == sum(n > 0 for n in gan["kept"])
    assert len(list((out / "transferred").glob("*.wav"))) == 10
    assert_overwritten(out)
    assert {"source_to_target.png", "interpolation_within.png"} <= {p.name for p in out.iterdir()}


def test_speech_of_a_vae(data, tmp_path, monkeypatch):
    """The default: a VAE of spectrograms. It keeps the true labels."""
    monkeypatch.setattr(mnist_spoken_digit, "GENERATED", 20)
    monkeypatch.setattr(mnist_spoken_digit, "ITERATIONS", 1)
    monkeypatch.setattr(speech_vae, "COPIES", 2)
    monkeypatch.setattr(mnist_spoken_digit.visualization, "spectrogram_grid", lambda *_: None)
    monkeypatch.setattr(metrics, "reference_audio_classifier", audio_classifier)
    out = tmp_path / "speech"
    assert cli.main(["run", "mnist-spoken-digit", *options(data, out, "--gan-epochs", "1")]) == 0
    figures = json.loads((out / "metrics.json").read_text())["figures"]
    heard = {f"recognised{part}" for part in ("", "_prior", "_rebuilt", "_real")}
    assert figures["gan"]["model"] == "vae_spoken_digit" and heard <= set(figures["gan"])
    assert figures["test_rows"]["target"] == 30 and "relabelled_target" not in figures
    assert set(figures["label_kept"]["target_to_source"]) == {"sampled", "mean"}
    assert len(list((out / "transferred").glob("*.wav"))) == 10
    transfer = keras.saving.load_model(out / "model.keras")
    assert transfer.can_encode("target") and transfer.event_shapes["target"] == (64, 64, 1)
    assert transfer.latent_dims == {"source": 100, "target": 16}


def test_synthetic(tmp_path):
    out = tmp_path / "run"
    few = ["--points", "200", "--steps", "4", "--batch-size", "100", "--out", str(out)]
    assert cli.main(["run", "bridging-synthetic", *few]) == 0
    figures = json.loads((out / "metrics.json").read_text())["figures"]
    assert set(figures["class_kept"]) == set(figures["spread"]) == set(synthetic.VARIANTS)
    for found in figures["spread"].values():
        assert set(found) == {"source", "target", "source_to_target", "target_to_source"}
    assert_overwritten(out)
    assert {"figure_2.png", "figure_7.png"} <= {path.name for path in out.iterdir()}


def test_ellipses_have_crossed_classes():
    z, y = synthetic.ellipses(1000, seed=0)
    for d, axis in (("source", 1), ("target", 0)):
        inside = ((z[d] - synthetic.CENTERS[d]) / synthetic.RADII) ** 2
        assert inside.sum(1).max() <= 1.0001
        assert 400 < y[d].sum() < 600
        assert z[d][y[d] == 1, axis].min() >= z[d][y[d] == 0, axis].max()


def test_labels_are_split_evenly():
    labels = np.arange(300) % 10
    kept = bridge.some_labels(labels, 25, seed=0)
    counts = np.bincount(kept[kept >= 0], minlength=10)
    assert counts.sum() == 25 and set(counts) == {2, 3}
    assert (kept[kept >= 0] == labels[kept >= 0]).all()
    with pytest.raises(ValueError, match="needs 100 rows of class 0, which has 30"):
        bridge.some_labels(labels, 1000, seed=0)


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("mnist-mnist", ["--labels", "some"], "`--labels` must be 'all' or a number"),
        ("mnist-mnist", ["--steps", "0"], "`--steps` must be a positive integer"),
        ("mnist-fashion", ["--base-epochs", "0"], "`--base-epochs` must be a positive integer"),
        ("mnist-spoken-digit", ["--gan", "gone.keras"], "an existing .keras file"),
        ("mnist-spoken-digit", ["--per-class", "0"], "`--per-class` must be a positive integer"),
        ("bridging-synthetic", ["--batch-size", "9999"], "must not exceed `--points`"),
    ],
)
def test_invalid_options(name, more, message, tmp_path, capsys):
    assert cli.main(["run", name, *more, "--out", str(tmp_path / "run")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_tables_from_runs(fashion):
    metrics = json.loads((fashion / "metrics.json").read_text())
    rows = list(tables.rows_of(metrics))
    kept = metrics["figures"].pop("class_kept")  # as in files of earlier runs
    for name, across in (("reconstruction_accuracy", False), ("transfer_accuracy", True)):
        metrics["figures"][name] = {k: v for k, v in kept.items() if ("_to_" in k) is across}
    assert list(tables.rows_of(metrics)) == rows
    assert {row["metric"] for number, row in rows if number == 5} == {
        *("accuracy", "true label", "fid", "fid_features")
    }
    assert sorted({number for number, _ in rows}) == [1, 2, 5]
    assert {row["setting"]["pair"] for number, row in rows if number == 2} == {
        "MNIST to Fashion-MNIST",
        "Fashion-MNIST to MNIST",
    }
    assert tables.without_speech(["--gan", "x", "--limit", "3", "--per-class", "4"]) == [
        "--limit",
        "3",
    ]
    names = [name for name, _ in tables.jobs([0, 1])]
    assert len(set(names)) == len(names) == 2 * (2 * 3 + 5 + 2)


def test_result_files_and_their_tables(fashion, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    speech = {"setting": {"pair": f"MNIST to {tables.SPEECH}"}, "metric": "accuracy", "value": 0.5}
    old = {"setting": {"pair": "old"}, "metric": "accuracy", "value": 0.5}
    rows = [row | {"configuration": "base model"} for row in (speech, old)]
    results.write("bridging_table2", "benchmarks.bridging", rows, measured_here=False)
    tables.tables(argparse.Namespace(runs=fashion.parent))
    kept = [row["setting"]["pair"] for row in results.rows("bridging_table2")]
    assert f"MNIST to {tables.SPEECH}" in kept and "old" not in kept
    base = results.rows("bridging_table1", configuration="base model")
    figures = json.loads((fashion / "metrics.json").read_text())["figures"]
    assert [row["value"] for row in base] == [figures["base_model"]["target"]["label_kept"]]
    lines = paper_tables.PAPER_TABLES["Latent domain transfer, table 5"][1]().splitlines()
    cells = [dict(zip(lines[0].split(" | "), line.split(" | "), strict=True)) for line in lines]
    (distance,) = (line for line in cells if "distance of features" in line["| pair"])
    assert distance["ten images"] == f"{figures['fid_features']['collapse']:.4f}"
    assert distance["ours, mean"] == f"{figures['fid_features']['mean']:.4f}"
    assert distance["steps |"] == "4 |"
