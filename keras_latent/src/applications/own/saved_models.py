"""Trained models: those of runs, files, preset directories, hubs and built-in presets."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from keras_latent.src.presets import hub
from keras_latent.src.presets.registry import PRESETS, trained_presets
from keras_latent.src.utils.did_you_mean import did_you_mean

if TYPE_CHECKING:
    from keras_latent.src.models.base.latent_model import LatentModel

PRESET_CONFIG = "config.json"


def find_model(name: str, to: str = "target") -> str | Path:
    """What a name of a model stands for. Nothing is imported, downloaded or loaded.

    Args:
        name: The folder of a run, a `.keras` file, a preset directory, the address of a preset on
            a hub, or a built-in preset.
        to: The domain to translate into: `mnist-usps` saves a model for each.

    Returns:
        The name of a built-in preset or an address, a `.keras` file, or a preset directory.

    Raises:
        ValueError: If it is none of these, or has no trained weights.
    """
    trained = trained_presets()
    if name in trained:
        return name
    if name in PRESETS:
        raise ValueError(
            f"Preset {name!r} has no trained weights. Presets that have: {', '.join(trained)}. "
            "Train it with `keras-latent run`, and pass the folder of the run."
        )
    if hub.is_address(name):
        return hub.Address.parsed("MODEL", name).uri
    path = Path(name)
    if path.is_file() and path.suffix == ".keras":
        return path
    if not path.is_dir():
        raise ValueError(
            f"`MODEL` must be the folder of a run, a `.keras` file, a preset directory, {hub.FORMS}"
            f", or one of the presets {', '.join(trained)}. Received: {name!r}."
            f"{did_you_mean(name, trained)}"
        )
    for file in (path / "model.keras", path / f"model_to_{to}.keras"):
        if file.is_file():
            return file
    if (path / PRESET_CONFIG).is_file():
        return path
    unfinished = " Is the run finished?" if (path / "run.json").is_file() else ""
    raise ValueError(
        f"`MODEL` must be a folder with a `model.keras` or a preset. Received: {name!r}, which has "
        f"neither.{unfinished}"
    )


def load_model(name: str, to: str = "target") -> "LatentModel":
    """Loads a trained model of this library.

    Args:
        name: As in `find_model`.
        to: As in `find_model`.

    Raises:
        ValueError: If there is no such model, or it is damaged or not of this library.
        ImportError: If the client of the hub is not installed.
        RuntimeError: If a preset cannot be downloaded.
    """
    import keras

    from keras_latent import models  # registers classes and presets
    from keras_latent.src.models.base.latent_model import LatentModel

    found = find_model(name, to)
    if hub.is_address(found):
        with hub.downloaded(name, weights=True) as folder:
            return _model_class(folder).from_preset(folder)
    if isinstance(found, str):
        return getattr(models, PRESETS[found].model).from_preset(found)
    if found.is_dir():
        return _model_class(found).from_preset(found)
    try:
        model = keras.saving.load_model(found, compile=False)
    except (OSError, TypeError, ValueError, KeyError) as error:
        raise ValueError(f"{str(found)!r} cannot be loaded: {error}") from error
    if not isinstance(model, LatentModel):
        raise ValueError(
            f"{str(found)!r} must hold a model of keras_latent. Received: a {type(model).__name__}"
        )
    return model


def _model_class(folder):
    from keras_latent import models

    try:
        name = json.loads((folder / PRESET_CONFIG).read_text())["registered_name"]
        return {f"keras_latent>{n}": getattr(models, n) for n in models.__all__}[name]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{str(folder)!r} must be a preset directory of one of {models.__all__}. Its "
            f"{PRESET_CONFIG} names none ({error})."
        ) from error
