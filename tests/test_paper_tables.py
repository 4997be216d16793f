"""The commands that regenerate the papers' tables, at a small size."""

import json
import sys

import numpy as np
import pytest

from benchmarks import results, tables, tvae, vbta
from benchmarks.figures import tvae as tvae_figures
from keras_latent import datasets
from keras_latent.src.applications.digits import mnist_transpose
from keras_latent.src.applications.settings import TRANSPOSE_DATASETS
from keras_latent.src.datasets.pairs import transposed
from keras_latent.src.visualization.latent_map import PROJECTIONS

pytestmark = pytest.mark.once


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A temporary folder for result files, and a classifier trained for one epoch."""
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    (tmp_path / "results").mkdir()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    quick = TRANSPOSE_DATASETS["digits"]._replace(epochs=1, classifier_epochs=1)
    monkeypatch.setitem(TRANSPOSE_DATASETS, "digits", quick)

    def run(module, *arguments):
        command = [module.__name__, *arguments, "--runs", str(tmp_path / "runs")]
        monkeypatch.setattr(sys, "argv", command)
        module.main()

    def read(name):
        return json.loads((tmp_path / "results" / f"{name}.json").read_text())

    return run, read


def test_vbta_table1(files, monkeypatch):
    run, read = files
    options = ["--dataset", "digits", "--epochs", "1", "--configurations", "paper"]
    run(vbta, "table1", *options, "--paired", "10")
    (to_source, to_target) = read("vbta_table1_digits")["rows"]
    assert to_source["setting"]["paired"] == 10 and to_source["seeds"] == 1
    assert to_source["setting"]["direction"] == "target_to_source" and to_source["std"] is None
    assert 0 <= to_target["value"] <= 1 and to_source["wall_seconds"] > 0

    # Finished runs are not repeated.
    monkeypatch.setattr(mnist_transpose, "run", None)
    run(vbta, "table1", *options, "--paired", "10")
    assert read("vbta_table1_digits")["rows"][0]["value"] == to_source["value"]


def test_a_linear_map_of_matched_pairs_translates(files, monkeypatch):
    run, read = files
    first = datasets.load_pair("digits_transpose", 0, split="keras", format="numpy").source_train

    def matched(source, target, **options):  # the true pairs, by the pixels
        keys = {image.tobytes(): row for row, image in enumerate(target.swapaxes(1, 2))}
        rows = [(row, keys.get(image.tobytes(), -1)) for row, image in enumerate(source)]
        return np.array([pair for pair in rows if pair[1] >= 0])

    monkeypatch.setattr(transposed, "match_by_geometry", matched)
    monkeypatch.setitem(vbta.LINEAR, "matching + linear map, disjoint", False)
    run(vbta, "linear", "--dataset", "digits")
    rows = {row["configuration"]: row for row in read("vbta_table1_digits")["rows"]}
    assert list(rows) == list(vbta.LINEAR)
    for row in rows.values():
        assert row["pairs"] == len(first) and row["value"] > 0.5


def test_vbta_table2(files):
    run, read = files
    run(vbta, "table2", "--dataset", "digits", "--epochs", "1", "--samples", "5", "--rows", "20")
    rows = read("vbta_table2_digits")["rows"]
    assert [(r["configuration"], r["setting"]["domain"]) for r in rows] == [
        ("VAE", "source"),
        ("VAE", "target"),
        ("paper", "source"),
        ("paper", "target"),
    ]
    for row in rows:
        # 64 binary pixels: a trained model needs less than one nat per pixel.
        assert -64 < row["value"] < 0 < row["monte_carlo_error"] < row["standard_error"]
        assert list(row["curve"]) == ["1", "5"] and row["curve"]["5"] == row["value"]
    for vae, vbta_row in zip(rows[:2], rows[2:], strict=True):
        assert (vae["minus_vae"], vae["standard_error_of_difference"]) == (0, 0)
        difference = vbta_row["value"] - vae["value"]
        assert vbta_row["minus_vae"] == pytest.approx(difference, abs=1e-4)
        assert vbta_row["standard_error_of_difference"] > 0


def test_oversampling_keeps_the_number_of_steps():
    assert vbta.epochs_of(20, oversampled=False) == 20
    pair = datasets.load_pair("digits_transpose", 100, paired_per_batch=10, format="numpy")
    plain = datasets.load_pair("digits_transpose", 100, format="numpy")
    steps = vbta.epochs_of(20, oversampled=True) * pair.steps_per_epoch
    assert steps == pytest.approx(20 * plain.steps_per_epoch, rel=0.05)


def test_tvae_table1(files, monkeypatch, tmp_path):
    run, read = files
    digits = [
        (np.pad(np.kron(x[:300], np.ones((3, 3, 1), x.dtype)), ((0, 0), (2, 2), (2, 2), (0, 0))), y)
        for x, y in datasets.load_arrays("digits")
    ]
    digits = [(x, y[: len(x)]) for x, y in digits]
    monkeypatch.setattr(datasets, "load_arrays", lambda name: digits)
    options = ["--epochs", "2", "--batch-size", "50"]
    run(tvae, "table1", "--configurations", "ours", "--seeds", "0", "1", *options)
    run(tvae, "table1", "--configurations", "VAE", "--seeds", "0", *options)
    rows = read("tvae_table1")["rows"]
    found = {(r["configuration"], r["metric"], r["setting"].get("margin")): r for r in rows}
    ours = found["ours", "triplet_accuracy", 0.0]
    assert ours["seeds"] == 2 and ours["std"] is not None
    assert ours["value"] > 0.6 and found["VAE", "triplet_accuracy", 0.0]["seeds"] == 1
    assert found["ours", "triplet_accuracy", 1.0]["value"] <= ours["value"]

    monkeypatch.setattr(tvae_figures, "TITLES", {"VAE": "VAE", "ours": "ours"})
    monkeypatch.setitem(PROJECTIONS, "tsne", PROJECTIONS["pca"])  # faster
    tvae_figures.draw(tmp_path / "runs", tmp_path)
    assert {path.name for path in tmp_path.glob("*.png")} == {
        "tvae_figure_2.png",
        "tvae_figure_3.png",
    }


def test_tvae_settings_are_chosen_without_test_images(files, monkeypatch):
    run, read = files
    x, test = (np.full((30, 2, 2, 1), value, "uint8") for value in (0, 255))
    labels = np.arange(30)
    monkeypatch.setattr(datasets, "load_arrays", lambda name: [(x, labels), (test, labels)])
    monkeypatch.setattr(tvae, "HELD_OUT", 10)

    def measure(configuration, seed, data, arguments, observation_variance, triplet_weight):
        (_, fitted), (held_out, others) = data
        assert list(fitted) == list(range(20)) and list(others) == list(range(20, 30))
        assert held_out.max() == 0
        accuracy = 0.7 + 0.1 * observation_variance + 0.041 * min(triplet_weight, 7)
        error = observation_variance
        return {"1-nn": 0, 0.0: accuracy, 1.0: 0, "mse": error, "seconds": None}

    monkeypatch.setattr(tvae, "run", measure)
    run(tvae, "choose")
    assert tvae.chosen("paper") == {"observation_variance": 0.5, "triplet_weight": 10.0}
    assert tvae.chosen("ours") == {"observation_variance": 0.1, "triplet_weight": 100.0}
    assert len(read("tvae_choice")["rows"]) == 4 * (3 * 6 + 3)


def test_tvae_has_the_settings_that_were_chosen():
    assert {name: tvae.chosen(name) for name in tvae.CHOSEN} == tvae.CHOSEN


def test_batches_are_augmented_per_epoch_and_can_be_resumed():
    images = np.random.default_rng(0).random((40, 6, 6, 1))
    labels = np.arange(40)
    first = tvae.Batches(images, labels, 10, 1, seed=0, epoch=0)
    assert len(first) == 4
    rows = np.concatenate([first[i][1] for i in range(4)])
    assert sorted(rows) == list(range(40))
    first.on_epoch_end()
    resumed = tvae.Batches(images, labels, 10, 1, seed=0, epoch=1)
    for mine, theirs in zip(first[2], resumed[2], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_speed_is_shown_as_ratios(files, monkeypatch):
    rows = [
        {"configuration": "peer:a", "setting": {"backend": "jax"}, "ratio": 1.5},
        {"configuration": "peer:a", "setting": {"backend": "jax"}, "ratio": 0.52},
        {"configuration": "peer:a", "setting": {"backend": "torch"}, "ratio": 3.0},
        {"configuration": "peer:a against itself", "setting": {"backend": "jax"}, "ratio": 9.0},
        {"configuration": "limit", "setting": {"backend": "jax"}, "ratio": None},
    ]
    results.write("speed_vbta", "m", rows)
    assert tables.speed_table().splitlines() == [
        "|  | compared with | JAX | TensorFlow | PyTorch |",
        "| --- | --- | --- | --- | --- |",
        "| `VBTA.fit` | a | 0.52 to 1.5 |  | 3 |",
    ]


def test_rows_that_are_not_replaced_are_kept(files):
    _, read = files
    for backend, value in (("a", 1), ("b", 2), ("a", 3)):
        row = {"setting": {"backend": backend}, "value": value}
        results.write("x", "m", [row], replaces=lambda r, b=backend: r["setting"]["backend"] == b)
    assert [row["value"] for row in read("x")["rows"]] == [2, 3]


def test_printed_rows_of_result_files_come_from_printed_json():
    printed = json.loads(results.PRINTED.read_text())
    assert all(table["source"] and table["rows"] for table in printed.values())
    for path in results.RESULTS.glob("*.json"):
        rows = results.read(path.stem)["rows"]
        found = [row for row in rows if "printed" in str(row.get("configuration"))]
        assert found == (results.printed(path.stem) if found else [])
