"""`keras-latent run celeba-attributes` on made-up faces, and its scores."""

import json
import shutil

import keras
import numpy as np
import pytest
from helpers import assert_overwritten
from small_data import attribute_classifier, write_faces

from benchmarks import dualvae as tables
from benchmarks import results
from keras_latent import metrics, models
from keras_latent.datasets import CELEBA_ATTRIBUTES
from keras_latent.src.applications.faces import celeba_attributes
from keras_latent.src.applications.faces.attribute_scores import STEPS, Scores, best_of, kinds_of
from keras_latent.src.applications.settings import ATTRIBUTE_METHODS
from keras_latent.src.cli import cli
from keras_latent.src.models.cvae.networks import cvae as cvae_networks
from keras_latent.src.models.dual_vae.networks import dual_vae
from keras_latent.src.models.dual_vae.presets import FACES_DUAL

ROWS = {"train": 40, "validation": 8, "test": 8}
PICTURES = {"sweep.png", "strengths.png", "training.png"}


@pytest.fixture(scope="module", autouse=True)
def data(tmp_path_factory):
    """A folder of celeb_a_64.npz, and an untrained classifier."""
    folder = tmp_path_factory.mktemp("data")
    write_faces(folder, ROWS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "attribute_classifier", attribute_classifier)
        yield folder


def run(data, out, *options):
    common = ["--preset", "tiny", "--batch-size", "20", "--sweep-images", "4", "--verbose", "0"]
    folders = ["--data-dir", str(data), "--out", str(out)]
    return cli.main(["run", "celeba-attributes", *common, *folders, *options])


@pytest.mark.parametrize("method", ATTRIBUTE_METHODS)
def test_runs(data, tmp_path, method, capsys, monkeypatch):
    out = tmp_path / f"celeb_a_64-{method}-3-0-0"
    monkeypatch.setattr(celeba_attributes, "SWEPT", CELEBA_ATTRIBUTES[:2])
    assert run(data, out, "--method", method, "--domains", "3", "--missing", "0.5") == 0
    written = json.loads((out / "metrics.json").read_text())
    figures = written["figures"]
    kinds = ["dual", "isolated", "boundary"] if method == "dualvae" else ["set", "label"]
    assert list(figures["transfers"]) == kinds
    for kind in kinds:
        found = figures["transfers"][kind]
        assert found["best_on_validation"] in found["validation"]
        assert found["best_on_validation"]["cis"] == max(r["cis"] for r in found["validation"])
        assert list(found["per_attribute"]) == list(CELEBA_ATTRIBUTES[:3])
        for row in (found["test"], *found["validation"]):
            assert row["cis"] == pytest.approx(row["ts"] + row["rs"], abs=2e-5)
    assert figures["images"] == {"validation": 4, "test": 8, "draw": 8}
    model = keras.saving.load_model(out / "model.keras")
    assert model.attribute_names == CELEBA_ATTRIBUTES[:3]
    names = {p.name for p in out.iterdir()}
    assert names >= PICTURES | {f"attributes_{kind}.png" for kind in kinds}
    assert "CIS" in capsys.readouterr().out
    assert_overwritten(out)

    # The tables of the papers from this run.
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    tables.main(["tables", "--runs", str(tmp_path)])
    sparse = json.loads((tmp_path / "dualvae_sparsity.json").read_text())["rows"]
    assert [row["metric"] for row in sparse[:3]] == ["cis", "ts", "rs"] or method != "dualvae"
    if method == "dualvae":
        row = next(r for r in sparse if r["setting"]["images"] == 8 and r["metric"] == "cis")
        assert row["value"] == figures["transfers"]["dual"]["test"]["cis"]
        assert row["setting"]["missing"] == 0.5

    table1 = json.loads((tmp_path / "dualvae_table1.json").read_text())["rows"]
    assert all(r["configuration"] == "printed" for r in table1)  # labels are missing here
    if method != "dualvae":
        return
    assert model.consistency == FACES_DUAL["consistency"] == row["setting"]["consistency"]
    assert row["configuration"] == "ours" and row["wall_seconds"] > 0
    # Without its figures, a run resumes from its state.
    trained = model.get_weights()
    (out / "metrics.json").unlink()
    assert run(data, out, "--method", method, "--domains", "3", "--missing", "0.5") == 0
    again = json.loads((out / "metrics.json").read_text())
    assert again["resumed"]
    loaded = keras.saving.load_model(out / "model.keras")
    for a, b in zip(trained, loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    shutil.rmtree(out)


def test_scores_are_those_of_the_methods(rng):
    """`Scores` measures the CIS of `transfer` and `to_boundary`."""
    shape, names = (16, 16, 3), ["a", "b", "c"]
    x, y = rng.random((5, *shape), "float32"), rng.integers(0, 2, (5, 3))
    networks = dual_vae(shape, 8, 2)
    dual = models.DualVAE(**networks, attributes=names, use_bias=True, seed=0)
    cvae = models.CVAE(**cvae_networks(shape, 3, 8, 2), attributes=names)
    columns, f = [2, 0, 1], attribute_classifier(outputs=4, side=16)

    def cis(made):
        metric = metrics.ConditionalInceptionScore(f, names, columns)
        metric.update_state(x, made)
        return metric.result()

    scores = Scores(dual, f, columns)
    for kind, made in (
        ("dual", dual.transfer(x, None, 5.0, unit="dual_vector")),
        ("isolated", dual.transfer(x, None, 5.0, direction="isolated", unit="dual_vector")),
        ("boundary", dual.to_boundary(x, None, 5.0, present=True, direction="isolated")),
    ):
        found = scores.measure(kind, 5.0, x, y).result()
        assert found == pytest.approx(cis(made), abs=1e-5)
        # Another strength gives another score, with the same compiled function.
        other = scores.measure(kind, 0.1, x, y).result()
        assert other["ts"] != pytest.approx(found["ts"], abs=1e-7)
    scores = Scores(cvae, f, columns)
    found = scores.measure("label", 2.0, x, y).result()
    made = cvae.transfer(x, None, 2.0, attributes=y)
    assert found == pytest.approx(cis(made), abs=1e-5)
    assert scores.sweep(x, y)["label"][2]["ts"] == pytest.approx(found["ts"], abs=2e-5)
    assert [row["strength"] for row in scores.sweep(x, y)["set"]] == [1.0]


def test_strengths_are_steps_of_the_same_length():
    networks = dual_vae((16, 16, 3), 8, 2)
    dual = models.DualVAE(**networks, attributes=3)
    lengths = np.linalg.norm(dual.dual_vectors(), axis=1).mean()
    strengths = np.array(kinds_of(dual)["dual"].strengths)
    np.testing.assert_allclose(strengths * lengths, STEPS, rtol=1e-3)
    assert best_of([{"cis": 0.1}, {"cis": 0.3}, {"cis": 0.2}]) == {"cis": 0.3}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--domains", "41"], "`--domains` must be from 1 to 40"),
        (["--missing", "1"], "`--missing` must be less than 1"),
        (["--epochs", "0"], "`--epochs` must be a positive integer"),
        (["--method", "cvae", "--alpha", "2"], "`--alpha` is an option of DualVAE alone"),
        (
            ["--method", "fader", "--input-noise", "0"],
            "`--input-noise` is an option of DualVAE alone",
        ),
        (["--consistency", "-1"], "`--consistency` must be a non-negative finite number"),
    ],
)
def test_errors(data, tmp_path, options, message, capsys):
    assert run(data, tmp_path / "run", *options) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
