"""The scripts in `applications/`, on small data and with few steps."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest
from small_data import (
    attribute_classifier,
    audio_classifier,
    write_digits,
    write_faces,
    write_sounds,
)

from keras_latent import metrics
from keras_latent.src.applications.settings import TRANSPOSE_DATASETS
from keras_latent.src.cli import cli
from keras_latent.src.cli.registry import APPLICATIONS

pytestmark = [
    pytest.mark.filterwarnings("ignore::keras_latent.callbacks.CollapseWarning"),
    pytest.mark.filterwarnings("ignore:Fewer than"),
    pytest.mark.filterwarnings("ignore:Gradients do not exist"),
]
FOLDER = Path(__file__).parents[2] / "applications"
SCRIPTS = sorted(FOLDER.glob("*.py"))
QUICK = {"epochs": 1, "max_shift": 1, "softness": 0.5}
BRIDGE = {"STEPS": 4, "BATCH_SIZE": 16, "BASE_EPOCHS": 1}
FACES = {"EPOCHS": 1, "BATCH_SIZE": 20}
#: Settings at the top of each script, for a test, and some of the files it writes.
TESTED = {
    "mnist_transpose": (
        {
            "DATASET": "digits_transpose",
            "SPLIT": "keras",
            "PRESET": "vbta_digits_transpose_sharp",
            "EPOCHS": 2,
            "BATCH_SIZE": 200,
            "CLASSIFIER": {"epochs": 2},
        },
        ["model.keras", "training.png", "translations.png", "samples.png", "pca.png"],
    ),
    "mnist_usps": (
        {
            "PRESET": "lstnet_mnist_usps_tiny",
            "EPOCHS": 2,
            "CLASSIFIERS": {"source": {"epochs": 1}, "target": {"epochs": 1}},
        },
        ["model_to_source.keras", "grids/epoch_0002.png", "source_to_target.png"],
    ),
    "mnist_mnist": (BRIDGE | {"CLASSIFIER": QUICK}, ["model.keras", "source_to_target.png"]),
    "mnist_fashion": (
        BRIDGE | {"CLASSIFIERS": {"source": QUICK, "target": QUICK}},
        ["model.keras", "training.png", "target_to_source.png"],
    ),
    "mnist_spoken_digit": (
        BRIDGE
        | {"GAN_EPOCHS": 1, "GAN_BATCH_SIZE": 15, "PER_CLASS": 4, "MAX_DRAWS": 200}
        | {"CLASSIFIER": QUICK, "AUDIO_EPOCHS": 1},
        ["model.keras", "source_to_target.png", "transferred/digit_0.wav"],
    ),
    "bridging_synthetic": ({"POINTS": 200, "STEPS": 4, "BATCH_SIZE": 100}, ["figure_7.png"]),
    "celeba_men_women": (
        FACES | {"STRENGTHS": [0.0, 1.0]},
        ["model.keras", "translations.png", "samples.png"],
    ),
    "celeba_attributes": (
        FACES | {"STEPS": [1, 2], "MARGINS": [1], "SWEEP_IMAGES": 2},
        ["model.keras", "attributes.png", "strengths.png"],
    ),
}

each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for name, first, side in (("mnist", 0, 28), ("fashion_mnist", 500, 28), ("usps", 700, 16)):
        write_digits(folder, name, slice(first, first + 130), slice(40), side)
    write_sounds(folder)
    write_faces(folder, {"train": 40, "validation": 8, "test": 4})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        patch.setattr(metrics, "attribute_classifier", attribute_classifier)
        patch.setattr(metrics, "reference_audio_classifier", audio_classifier)
        yield folder


def with_settings(source, settings):
    """Compiles a script with other values for its constants."""
    tree, left = ast.parse(source), dict(settings)
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        (target,) = node.targets
        several = isinstance(target, ast.Tuple)
        for i, name in enumerate(target.elts if several else [target]):
            if isinstance(name, ast.Name) and name.id in left:
                value = ast.parse(repr(left.pop(name.id)), mode="eval").body
                if several:
                    node.value.elts[i] = value
                else:
                    node.value = value
    assert not left, f"not at the top: {left}"
    return compile(ast.fix_missing_locations(tree), "script", "exec")


def run(name, settings, folder, monkeypatch):
    """Runs a script in a folder, and returns its global names."""
    monkeypatch.chdir(folder)
    names = {"__name__": "__main__"}
    exec(with_settings((FOLDER / f"{name}.py").read_text(), settings), names)
    return names


def test_there_is_a_script_for_each_application():
    names = [path.stem for path in SCRIPTS]
    assert sorted(names) == sorted(name.replace("-", "_") for name in APPLICATIONS)
    assert sorted(names) == sorted(TESTED)


@each_script
def test_form(script):
    text = script.read_text()
    assert text.count("\n") <= 120
    assert text.startswith('"""\nTitle: ') and "\nDescription: " in text
    assert f"    python applications/{script.name}" in text
    assert f"`keras-latent run {script.stem.replace('_', '-')}` does the same" in text
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            assert not (node.module + ".").startswith("keras_latent.src.")
        assert not (isinstance(node, ast.Attribute) and node.attr.startswith("_"))


@each_script
def test_it_runs(script, data, tmp_path, monkeypatch, capsys):
    settings, files = TESTED[script.stem]
    own = {} if script.stem == "bridging_synthetic" else {"DATA_DIR": str(data)}
    names = run(script.stem, settings | own, tmp_path, monkeypatch)
    values = [v for v in names["figures"].values() if not isinstance(v, dict)]
    values += [w for v in names["figures"].values() if isinstance(v, dict) for w in v.values()]
    assert len(values) >= 2 and np.isfinite(values).all()
    for file in files:
        assert (tmp_path / names["OUT"] / file).stat().st_size > 1000, file
    assert str((tmp_path / names["OUT"]).resolve()) in capsys.readouterr().out


def test_it_does_what_the_command_does(data, tmp_path, monkeypatch):
    quick = TRANSPOSE_DATASETS["digits"]._replace(classifier_epochs=2)
    monkeypatch.setitem(TRANSPOSE_DATASETS, "digits", quick)
    options = ["--dataset", "digits", "--epochs", "2", "--batch-size", "200", "--verbose", "0"]
    out = tmp_path / "run"
    assert cli.main(["run", "mnist-transpose", *options, "--out", str(out)]) == 0
    expected = json.loads((out / "metrics.json").read_text())["figures"]

    found = run("mnist_transpose", TESTED["mnist_transpose"][0], tmp_path, monkeypatch)["figures"]
    for name, key in (("target to source", "target_to_source"), ("source to target",) * 2):
        key = key.replace(" ", "_")
        assert found[name] == pytest.approx(expected["transfer_accuracy"][key], abs=1e-6)
    for name, key in (
        ("reconstructions", "reconstruction_accuracy"),
        ("real images", "classifier_accuracy"),
    ):
        assert found[name] == pytest.approx(expected[key], abs=1e-6)
