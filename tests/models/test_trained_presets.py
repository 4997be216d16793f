"""The trained weights that come with the package, and their cards."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from benchmarks import presets as recipes
from keras_latent import datasets, models
from keras_latent.src.presets import registry as preset_table
from keras_latent.src.presets.registry import PRESETS, TRAINED, WEIGHTS, trained_presets

NAMES = trained_presets()


def test_what_is_shipped_has_a_recipe_and_is_small():
    assert sorted(p.name for p in TRAINED.iterdir()) == NAMES
    assert {"vbta_digits_transpose_sharp", "transfer_digits_transpose"} <= set(NAMES)
    assert set(NAMES) <= set(recipes.RECIPES) <= set(PRESETS)
    size = sum(p.stat().st_size for p in TRAINED.rglob("*") if p.is_file())
    assert size < 15e6
    assert not [name for name in NAMES if "celeba" in name]


@pytest.mark.parametrize("name", NAMES)
def test_loads_and_has_a_card(name):
    cls = getattr(models, PRESETS[name].model)
    model, fresh = cls.from_preset(name), cls.from_preset(name, load_weights=False)
    for mine, random in zip(model.weights, fresh.weights, strict=True):
        if len(mine.shape) > 1:
            assert not np.array_equal(*map(keras.ops.convert_to_numpy, (mine, random)))
    card = cls.preset_card(name)
    assert card["preset"] == name and card["parameters"] == model.count_params()
    assert card["data"]["licence"] and card["configuration"]["seed"] == 0
    assert card["command"] == f"python -m benchmarks.presets {name}"
    # Half precision cost nothing that these figures show.
    for key, value in _leaves(card["figures"]):
        assert abs(value - dict(_leaves(card["figures_float32"]))[key]) < 0.002


def _leaves(tree, path=()):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def test_figures_are_those_of_the_weights():
    """What takes no judge is measured here again, on this backend."""
    figures = models.TVAE.preset_card("tvae_digits")["figures"]
    found = recipes.measure_tvae("digits")(models.TVAE.from_preset("tvae_digits"))
    assert found["nearest_neighbor_accuracy"] == pytest.approx(
        figures["nearest_neighbor_accuracy"], abs=0.003
    )
    assert found["triplet_accuracy"]["margin 0"] == pytest.approx(
        figures["triplet_accuracy"]["margin 0"], abs=0.001
    )
    _, (x, labels) = datasets.load_arrays("digits")
    dual = models.DualVAE.from_preset("dual_vae_digits", attributes=recipes.DIGIT_NAMES)
    right = dual.attribute_probabilities(x / np.float32(255)).argmax(1) == labels
    wanted = models.DualVAE.preset_card("dual_vae_digits")["figures"]["attribute_accuracy"]
    assert right.mean() == pytest.approx(wanted, abs=0.003)


@pytest.mark.each_backend
def test_translations_of_the_shipped_weights_keep_the_digit():
    """Against the truth itself: the transposed image of the same digit."""
    vbta = models.VBTA.from_preset("vbta_digits_transpose_sharp")
    _, (x, _) = datasets.load_arrays("digits")
    x = x / np.float32(255)
    wanted = x.swapaxes(1, 2)
    error = np.mean(np.square(vbta.translate(x, to="target") - wanted))
    assert error < 0.25 * np.mean(np.square(wanted - wanted.mean(0)))


def test_a_damaged_file_is_said(tmp_path, monkeypatch):
    name = "tvae_digits"
    (tmp_path / name).mkdir()
    (tmp_path / name / WEIGHTS).write_bytes((TRAINED / name / WEIGHTS).read_bytes()[:999])
    monkeypatch.setattr(preset_table, "TRAINED", tmp_path)
    with pytest.raises(ValueError, match=r"preset 'tvae_digits' are missing, damaged"):
        models.TVAE.from_preset(name)
    assert trained_presets() == [name]


def test_errors():
    with pytest.raises(ValueError, match=r"and so no card. .*with weights: \['tvae_"):
        models.TVAE.preset_card("tvae_mnist_conv")
    with pytest.raises(ValueError, match=r"is a `TVAE`: call `TVAE.from_preset`"):
        models.VAE.preset_card("tvae_digits")
    with pytest.raises(ValueError, match=r"Did you mean 'tvae_digits'"):
        models.TVAE.preset_card("tvae_digit")


def test_make_writes_weights_and_card(tmp_path, monkeypatch):
    """The command, with a training of one epoch."""
    monkeypatch.setitem(
        recipes.RECIPES,
        "tvae_digits",
        recipes.Recipe(
            "a task",
            recipes.DIGITS,
            lambda arguments: recipes.train_tvae("tvae_digits", "digits", epochs=1),
            recipes.measure_tvae("digits"),
            {"epochs": 1, "seed": 0},
        ),
    )
    command = ["presets", "tvae_digits", "--presets", str(tmp_path), "--runs", str(tmp_path)]
    monkeypatch.setattr("sys.argv", command)
    recipes.main()
    card = json.loads((Path(tmp_path) / "tvae_digits" / "card.json").read_text())
    assert card["data"]["licence"] == "CC BY 4.0"
    assert 0.3 < card["figures"]["nearest_neighbor_accuracy"] <= 1
    assert not list(tmp_path.glob(".*"))
    monkeypatch.setattr("sys.argv", ["presets", "nothing"])
    with pytest.raises(SystemExit):
        recipes.main()
