"""The built-in presets by name. Nothing here imports Keras: `keras-latent list` must be quick."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
CARD = "card.json"
#: Trained weights that come with the package: `NAME/model.weights.h5` and `NAME/card.json`.
TRAINED = Path(__file__).parent / "trained"


@dataclasses.dataclass(frozen=True)
class Preset:
    """A named configuration.

    Attributes:
        description: What it is, in a sentence.
        arguments: Function that makes the arguments of the model, networks included.
        model: Name of the model class.
    """

    description: str
    arguments: Callable[[], dict[str, Any]]
    model: str = ""


#: Those of every module `presets.py` that has been imported.
PRESETS: dict[str, Preset] = {}


def presets_of(model: str, presets: dict[str, Preset]) -> dict[str, str]:
    """Registers the presets of a model class, and returns their descriptions by name.

    Raises:
        ValueError: If another model has a preset of the same name.
    """
    presets = {k: dataclasses.replace(p, model=model) for k, p in presets.items()}
    taken = {k for k in presets if PRESETS.get(k, presets[k]).model != model}
    if taken:
        raise ValueError(f"Preset names must be unique. Received again: {sorted(taken)}")
    PRESETS.update(presets)
    return {name: preset.description for name, preset in presets.items()}


def trained_presets() -> list[str]:
    """Names of the built-in presets that come with trained weights."""
    return sorted(p.parent.name for p in TRAINED.glob(f"*/{WEIGHTS}") if p.parent.name in PRESETS)
