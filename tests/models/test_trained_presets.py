"""The trained weights that come with the package, and their cards."""

import hashlib
import json

import keras
import numpy as np
import pytest

from benchmarks import presets as recipes
from benchmarks.reliability.damage import flip_bit
from keras_latent import datasets, models
from keras_latent.src.presets import cards
from keras_latent.src.presets import registry as preset_table
from keras_latent.src.presets.registry import CARD, PRESETS, TRAINED, WEIGHTS, trained_presets

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


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A copy of what is shipped for one preset."""
    folder = tmp_path / "tvae_digits"
    folder.mkdir()
    for name in (CARD, WEIGHTS):
        (folder / name).write_bytes((TRAINED / "tvae_digits" / name).read_bytes())
    monkeypatch.setattr(preset_table, "TRAINED", tmp_path)
    return folder


def test_weights_are_those_of_the_card(shipped):
    content = (shipped / WEIGHTS).read_bytes()
    for name in NAMES:
        card, file = (TRAINED / name / part for part in (CARD, WEIGHTS))
        wanted = {WEIGHTS: hashlib.sha256(file.read_bytes()).hexdigest()}
        assert json.loads(card.read_text())["sha256"] == wanted
    for damaged in (content[:999], flip_bit(content, 4 * len(content))):
        (shipped / WEIGHTS).write_bytes(damaged)
        with pytest.raises(ValueError, match=r"tvae_digits' is damaged: its model\.weights\.h5"):
            models.TVAE.from_preset("tvae_digits")
    assert trained_presets() == ["tvae_digits"]
    (shipped / WEIGHTS).write_bytes(content)
    assert models.TVAE.from_preset("tvae_digits").latent_dim == 10


@pytest.mark.parametrize(
    "change,message",
    [
        ({"figures": None}, r"must have the fields .*Received: \['command'"),
        ({"figures": 5}, r"must have a dict as 'figures'\. Received: 5"),
        ({"figures": {}}, r"must have a dict as 'figures'\. Received: {}"),
        ({"parameters": True}, r"must have an int as 'parameters'\. Received: True"),
        ({"task": ""}, r"must have a str as 'task'"),
        ({"data": {"name": "digits"}}, r"strings \['name', 'licence'\] in 'data'"),
        ({"sha256": {"weights": "0"}}, r"strings \['model\.weights\.h5'\] in 'sha256'"),
        ({"preset": "tvae_mnist"}, r"must be the card of 'tvae_digits'\. Received: .*'tvae_mnist'"),
        ([], r"must have the fields .*Received: list"),
        ("", r"card\.json is missing, or is damaged"),
    ],
)
def test_a_wrong_card(shipped, change, message):
    card = json.loads((shipped / CARD).read_text())
    if isinstance(change, dict):
        change = {k: v for k, v in (card | change).items() if v is not None}
    (shipped / CARD).write_text("{" if change == "" else json.dumps(change))
    with pytest.raises(ValueError, match=message):
        models.TVAE.preset_card("tvae_digits")
    with pytest.raises(ValueError, match=message):
        models.TVAE.from_preset("tvae_digits")


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
    card = cards.read_card(tmp_path / "tvae_digits")
    weights = (tmp_path / "tvae_digits" / WEIGHTS).read_bytes()
    assert card["sha256"] == {WEIGHTS: hashlib.sha256(weights).hexdigest()}
    assert card["data"]["licence"] == "CC BY 4.0"
    assert 0.3 < card["figures"]["nearest_neighbor_accuracy"] <= 1
    assert not list(tmp_path.glob(".*"))
    monkeypatch.setattr("sys.argv", ["presets", "nothing"])
    with pytest.raises(SystemExit):
        recipes.main()
