"""The spread of generated data, and the warnings that runs print about it."""

import json

import numpy as np
import pytest
from scipy import linalg

from keras_latent import callbacks
from keras_latent.src.applications.bridging import figures, synthetic
from keras_latent.src.applications.bridging.bridge import Side
from keras_latent.src.applications.digits import mnist_transpose, mnist_usps
from keras_latent.src.applications.running.spread import COLLAPSED, spread, warn_of_collapse

classes = np.arange(600) % 3
LATENTS = {"sampled": 0.998, "mean": 0.998}
SPREADS = {"sampled": 0.5, "mean": 0.5}


@pytest.fixture
def real(rng):
    """Three classes of images with unequal variances."""
    scales = np.linspace(0.5, 2.0, 12).reshape(3, 4)
    return (classes[:, None, None] + scales * rng.normal(size=(600, 3, 4))).astype("float32")


def test_the_spread_is_the_least_ratio_of_the_classes_variances(real, rng):
    made = 0.8 * real + 5.0
    made[classes == 1] *= 0.5
    want = [
        np.sum(np.var(made[classes == k], axis=0)) / np.sum(np.var(real[classes == k], axis=0))
        for k in range(3)
    ]
    assert spread(made, real, classes, classes) == pytest.approx(min(want), abs=1e-4)
    assert min(want) == pytest.approx(want[1]) == pytest.approx(0.16, rel=1e-3)
    assert spread(real, real, classes, classes) == 1.0
    # Other rows, in another order.
    order = rng.permutation(600)
    assert spread(made[order], real, classes[order], classes) == pytest.approx(min(want), abs=1e-4)


def test_one_picture_per_class_has_no_spread(real):
    prototypes = np.stack([real[k] for k in range(3)])
    assert spread(prototypes[classes], real, classes, classes) == 0.0


def test_classes_of_few_rows_are_left_out(real):
    made = real.copy()
    made[classes == 2] = 0.0
    few = np.where((classes == 2) & (np.arange(600) > 27), 0, classes)
    assert (few == 2).sum() == 9
    assert spread(made, real, few, classes) > 0.5
    assert spread(made[:12], real, classes[:12], classes) is None


def test_the_narrowest_direction_shows_a_line(rng):
    real = rng.normal(size=(400, 2)) @ np.array([[2.0, 0.5], [0.0, 0.3]])
    one_class = np.zeros(400, int)
    made = rng.normal(size=(400, 2)) @ np.array([[1.0, 0.4], [-0.3, 0.9]])
    want = linalg.eigh(np.cov(made.T), np.cov(real.T), eigvals_only=True).min()
    found = spread(made, real, one_class, one_class, narrowest=True)
    assert found == pytest.approx(want, abs=1e-4)
    line = made[:, :1] * np.array([[1.0, 1.0]])
    found = spread(line, real, one_class, one_class, narrowest=True)
    assert found == pytest.approx(0.0, abs=1e-4)
    assert spread(line, real, one_class, one_class) > COLLAPSED


def test_a_collapse_is_named_once_with_advice(capsys):
    warn_of_collapse({"there": 0.02, "back": 0.5, "few rows": None, "again": 0.09}, "Do this.")
    said = capsys.readouterr().out
    assert said.startswith("WARNING: collapsed: there (spread 0.02), again (spread 0.09). ")
    assert said.endswith("Do this.\n") and said.count("\n") == 1
    warn_of_collapse({"back": 0.5, "few rows": None}, "Do this.")
    assert not capsys.readouterr().out
    assert callbacks.CollapseMonitor().min_spread == COLLAPSED


class Decoder:
    """A base model that draws its latent, or the same blob for all of them."""

    def __init__(self, blob=False):
        self.blob = blob

    def decode(self, z):
        return np.full_like(z, 0.4) if self.blob else z


class First:
    """A classifier that sees the class in the first value."""

    def predict(self, x, **_):
        return np.eye(3)[np.clip(np.round(x[:, 0]), 0, 2).astype(int)]


def side(model, rng, encodes=True):
    x = np.concatenate([classes[:, None], rng.normal(size=(600, 4))], 1).astype("float32")
    test = np.stack([x, np.zeros_like(x)], 1) if encodes else x
    return Side(model, First(), test, classes, test, x, classes)


def test_base_models_are_tested_against_the_labels_of_their_input(rng, capsys):
    sides = {"source": side(Decoder(blob=True), rng), "target": side(Decoder(), rng)}
    found = figures.tested(sides, 1)["base_model"]
    assert found["source"] == {"spread": 0.0, "label_kept": pytest.approx(1 / 3), "real": 1.0}
    assert found["target"] == {"spread": 1.0, "label_kept": 1.0, "real": 1.0}
    said = capsys.readouterr().out
    assert "WARNING: the base model of the source domain is bad: only 33.3% of its" in said
    assert "hardly differ (spread 0.00)" in said and "`--base-epochs`" in said
    assert "the target domain" not in said


def test_a_gan_is_bad_if_its_sounds_are_not_recognized(rng, capsys):
    sides = {"target": side(Decoder(), rng, encodes=False)}
    for share, bad in ((0.04, True), (0.9, False)):
        facts = figures.tested(sides, 0, {"gan": {"recognised": share}})
        assert facts["base_model"] == {"target": {"spread": 1.0}}
        assert figures.report_base_models(facts) == ({"target"} if bad else set())
        said = capsys.readouterr().out
        assert ("only 4.0% of its sounds are recognized" in said) is bad
        assert ("`--gan-epochs`" in said) is bad


def test_shares_of_a_bridge_between_blobs_come_with_a_warning(capsys):
    rows = {"source": 9, "target": 9}
    good = {"spread": 0.7, "label_kept": 0.97, "real": 0.99}
    measured = {
        "class_kept": dict.fromkeys(("source", "source_to_target"), LATENTS),
        "spread": {"source": SPREADS, "source_to_target": SPREADS | {"mean": 0.01}},
        "test_rows": rows,
        "label_kept": {"source_to_target": {"sampled": 0.12, "mean": 0.11}},
        "base_model": {"source": good, "target": good},
    }
    figures.report(measured)
    said = capsys.readouterr().out
    assert "source reconstructed: 0.9980 (sampled latents; spread 0.50)" in said
    assert "mean latents; spread 0.01; the label of the test row: 0.1100)" in said
    assert "Base model of the source: 0.9700 of its reconstructions" in said
    assert said.count("WARNING") == 1 and "collapsed: source to target (spread 0.01)" in said
    # A bad base model explains what passes through it.
    measured["base_model"]["target"] = good | {"label_kept": 0.1}
    figures.report(measured)
    said = capsys.readouterr().out
    assert said.count("WARNING") == 1 and "only 10.0% of its reconstructions show" in said


def test_synthetic_figures_show_a_line(capsys):
    spreads = {"source_to_target": 0.004, "target_to_source": 0.8, "source": 0.3, "target": 0.9}
    kept = {"source_to_target": 0.997, "target_to_source": 0.994}
    synthetic.report({"class_kept": {"+ SWD": kept}, "spread": {"+ SWD": spreads}})
    said = capsys.readouterr().out
    assert "+ SWD: source to target 0.997 (spread 0.00), target to source 0.994" in said
    assert said.count("WARNING") == 1 and "+ SWD, source to target (spread 0.00)." in said


OLD = {
    figures: {
        "reconstruction_accuracy": {"source": LATENTS, "target": LATENTS},
        "transfer_accuracy": {"source_to_target": LATENTS, "target_to_source": LATENTS},
        "test_rows": {"source": 9, "target": 9},
    },
    synthetic: {"transfer_accuracy": {"+ SWD": {"source_to_target": 0.998}}},
    mnist_transpose: {
        "transfer_accuracy": {"source_to_target": 0.998, "target_to_source": 0.5},
        "reconstruction_accuracy": 0.6,
        "classifier_accuracy": 0.9,
        "test_rows": 9,
    },
    mnist_usps: {
        name: dict.fromkeys(("source", "target", "source_to_target", "target_to_source"), 0.998)
        for name in ("transfer_accuracy", "classifier_accuracy", "test_rows", "chosen_epoch")
    },
}


@pytest.mark.parametrize("application", OLD, ids=lambda module: module.__name__.split(".")[-1])
def test_figures_of_earlier_runs_are_still_reported(application, capsys):
    application.report(json.loads(json.dumps(OLD[application])))
    said = capsys.readouterr().out
    assert "0.998" in said and "spread unknown" in said and "WARNING" not in said
