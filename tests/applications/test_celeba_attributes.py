"""`keras-latent run celeba-attributes` on made-up faces, and its scores."""

import json
import shutil
from types import SimpleNamespace

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
from keras_latent.src.applications.faces.data import filled
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
    assert model.consistency == FACES_DUAL["consistency"]
    assert row["configuration"] == "ours" and row["wall_seconds"] > 0
    assert row["setting"]["learning_rate"] == 1e-3 and not row["setting"]["filled"]
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


def test_a_sweep_goes_on_while_its_end_is_the_best():
    dual = models.DualVAE(**dual_vae((16, 16, 3), 8, 2), attributes=3)
    scores = Scores(dual, attribute_classifier(outputs=4, side=16), [0, 1, 2])

    def sweep(top):
        def measure(kind, strength, x, y):
            return SimpleNamespace(result=lambda: {"cis": -abs(strength - top)})

        scores.measure = measure
        return scores.sweep(None, None)["boundary"]

    found = sweep(top=40.0)
    assert best_of(found)["strength"] == pytest.approx(18 * 1.4**2) and len(found) == 6 + 3
    assert len(sweep(top=3.0)) == 6 and len(sweep(top=1e9)) == 6 + 8  # it ends


def test_the_paper_has_no_bias_and_labels_can_be_predicted(data, tmp_path, monkeypatch):
    def of(images, labels, **_):
        return attribute_classifier(outputs=labels.shape[1])

    monkeypatch.setattr(metrics, "attribute_classifier", of)
    out = tmp_path / "run"
    options = ["--domains", "2", "--missing", "0.5", "--fill-missing", "--no-bias"]
    assert run(data, out, *options, "--consistency", "0", "--input-noise", "0") == 0
    assert not keras.saving.load_model(out / "model.keras").use_bias
    written = json.loads((out / "metrics.json").read_text())
    assert tables.method_of(written["configuration"]) == "paper"
    assert all(row["setting"]["filled"] for row in tables.rows_of(written))
    shutil.rmtree(out)


def test_missing_labels_are_predicted_and_known_ones_kept(rng):
    images = rng.integers(0, 256, (9, 64, 64, 3), "uint8")
    labels = rng.integers(-1, 2, (9, 40))
    arguments = SimpleNamespace(classifier="small", classifier_epochs=None, seed=0, verbose=0)
    found = filled(images, labels, arguments)
    assert (found[labels >= 0] == labels[labels >= 0]).all()
    predicted = attribute_classifier().predict(images / np.float32(255), verbose=0) > 0.5
    assert (found[labels < 0] == predicted[labels < 0]).all()


def test_a_fader_network_warms_up_in_a_third_of_its_training():
    arguments = SimpleNamespace(preset="tiny", method="fader", seed=0)
    assert celeba_attributes.build(arguments, ["a", "b"], steps=90).warm_up == 30


def test_the_learning_rate_is_chosen_on_validation_faces():
    options = [{"learning_rate": rate, "cis": cis} for rate, cis in ((1e-3, 0.1), (2e-3, 0.3))]

    def finished(learning_rate, cis, seed=0):
        configuration = {"method": "fader", "domains": 40, "missing": 0.0, "seed": seed}
        configuration["learning_rate"] = learning_rate
        found = {"set": {"best_on_validation": {"cis": cis}}}
        return {"configuration": configuration, "figures": {"transfers": found}}

    runs = [*(finished(**o) for o in options), finished(5e-4, 0.9, seed=1)]
    assert tables.best_rates(runs) == {"fader": 2e-3}
    rates = dict.fromkeys(tables.METHODS, 1e-3)
    names = [name for name, _ in tables.jobs([0], "celeb_a_64", rates)]
    assert len(set(names)) == len(names) == 2 * 4 + 3 * 3
    assert tables.job("celeb_a_64", "paper", 1e-3)[0] in names  # trained by `tune`


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fill-missing"], "`--fill-missing` needs missing labels"),
        (["--method", "cvae", "--no-bias"], "`--no-bias` is an option of DualVAE alone"),
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
