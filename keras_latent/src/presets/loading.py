"""What `from_preset` and `save_to_preset` do, by the contract of KerasHub."""

import difflib
import json
from pathlib import Path
from typing import Any

import keras

from keras_latent.src.presets import hub, registry
from keras_latent.src.presets.cards import read_card
from keras_latent.src.presets.checksums import checksums, require_undamaged
from keras_latent.src.presets.registry import (
    CARD,
    CONFIG,
    METADATA,
    PRESETS,
    WEIGHTS,
    trained_presets,
)
from keras_latent.src.utils import checks
from keras_latent.src.utils.files import folder_replaced_when_complete, require_file
from keras_latent.src.utils.half_precision import halve
from keras_latent.src.utils.weight_files import save_weights
from keras_latent.version import __version__


def load(cls: Any, preset: str | Path, load_weights: bool, arguments: dict[str, Any]) -> Any:
    """`cls.from_preset`."""
    if isinstance(preset, str) and preset in PRESETS:
        _require_own(cls, preset)
        if load_weights and preset not in trained_presets():
            raise ValueError(
                f"Preset {preset!r} has no trained weights: pass `load_weights=False` to train it "
                f"yourself. Presets of this class with trained weights: {_trained(cls) or 'none'}"
            )
        model = cls(**(PRESETS[str(preset)].arguments() | arguments))
        if load_weights:
            folder = registry.TRAINED / preset
            require_undamaged(folder, WEIGHTS, read_card(folder), CARD)
            _load_weights(model, folder, str(preset))
        return model
    if hub.is_address(preset):
        with hub.downloaded(str(preset), load_weights) as folder:
            return _from_directory(cls, folder, load_weights, arguments)
    if not isinstance(preset, (str, Path)) or not str(preset) or not Path(preset).is_dir():
        raise _unknown(cls, preset, f", {hub.FORMS}, or a directory")
    return _from_directory(cls, Path(preset), load_weights, arguments)


def _unknown(cls, preset, other=""):
    return ValueError(
        f"`preset` must be one of {sorted(cls.presets)}{other}. "
        f"Received: preset={str(preset)!r}.{_hint(cls, str(preset))}"
    )


def _trained(cls):
    return [name for name in trained_presets() if name in cls.presets]


def _require_own(cls, preset):
    if preset not in cls.presets:
        owner = PRESETS[preset].model
        raise ValueError(
            f"Preset {preset!r} is a `{owner}`: call `{owner}.from_preset`. "
            f"Received: cls={cls.__name__}"
        )


def _hint(cls, preset):
    if preset.endswith(".keras"):
        return " Load a file with `keras.saving.load_model(path)`."
    if preset.startswith(("hf:/", "kaggle:/")):
        return " Pass the address on a hub as text: a `Path` has only one of its two slashes."
    own = difflib.get_close_matches(preset, cls.presets, n=1)
    near = own or difflib.get_close_matches(preset, PRESETS, n=1)
    if not near:
        return ""
    return f" Did you mean {near[0]!r}" + ("?" if own else f" of `{PRESETS[near[0]].model}`?")


def _from_directory(cls, directory, load_weights, arguments):
    record = read_metadata(directory)
    name, config = read_config(directory, record)
    wanted = keras.saving.get_registered_name(cls)
    if name != wanted:
        package = wanted.split(">")[0]
        ours = str(name).startswith(f"{package}>")
        hint = "call `from_preset` of that class" if ours else f"it is not one of {package}"
        raise ValueError(f"Preset {str(directory)!r} holds a {name!r}, not a {wanted!r}: {hint}.")
    try:
        model = cls.from_config(config | arguments)
    except TypeError as error:  # an argument too many or too few, or an unknown class
        raise _damaged(directory, CONFIG, error) from error
    if load_weights:
        require_undamaged(directory, WEIGHTS, record, METADATA)
        _load_weights(model, directory, str(directory))
    return model


def read_metadata(directory: Path) -> dict[str, Any]:
    """The content of `metadata.json`; nothing, if there is none.

    Raises:
        ValueError: If it is damaged.
    """
    path = directory / METADATA
    try:
        if path.exists():
            require_file(path)
        record = json.loads(path.read_text()) if path.exists() else {}
        if not isinstance(record.get("sha256", {}), dict):
            raise ValueError("sha256 must be a dict")
    except (OSError, ValueError, AttributeError) as error:
        raise _damaged(directory, METADATA, error) from error
    return record


def read_config(directory: Path, record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The registered name of the class and its configuration, by `config.json`.

    Raises:
        ValueError: If it is damaged, or not the file that the metadata `record` describes.
    """
    require_undamaged(directory, CONFIG, record, METADATA)
    try:
        config = json.loads((directory / CONFIG).read_text())
        return config["registered_name"], {} | config["config"]  # which must be a dict
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _damaged(directory, CONFIG, error) from error


def _damaged(directory, file, error):
    return ValueError(
        f"Directory {str(directory)!r} is not a preset, or is damaged: its {file} cannot be read "
        f"({error})."
    )


def _load_weights(model, directory, preset):
    try:
        model.load_weights(directory / WEIGHTS)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"The weights of preset {preset!r} are missing, damaged or of "
            f"another configuration ({error}). `load_weights=False` starts from random weights."
        ) from error


def card(cls: Any, preset: str) -> dict[str, Any]:
    """`cls.preset_card`."""
    if not isinstance(preset, str) or preset not in PRESETS:
        raise _unknown(cls, preset)
    _require_own(cls, preset)
    if preset not in trained_presets():
        raise ValueError(
            f"Preset {preset!r} has no trained weights, and so no card. Presets of this class with "
            f"weights: {_trained(cls) or 'none'}"
        )
    return read_card(registry.TRAINED / preset)


def save(model: Any, preset_dir: str | Path, half: bool) -> None:
    """`model.save_to_preset`."""
    # A link stays, and what it points to is written.
    target = checks.path("preset_dir", preset_dir).resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"`preset_dir` must be new or empty. Received: {str(preset_dir)!r}")
    if target == Path.cwd():
        raise ValueError(
            "`preset_dir` must not be the current folder, because it is replaced. Name a folder in "
            f"it. Received: {str(preset_dir)!r}"
        )
    with folder_replaced_when_complete(target) as partial:
        partial.mkdir()
        config = keras.saving.serialize_keras_object(model)
        # Compilation and build state belong in a `.keras` file.
        config = {k: config[k] for k in ("class_name", "registered_name", "config")}
        (partial / CONFIG).write_text(json.dumps(config, indent=1))
        save_weights(_without_optimizer(model), partial / WEIGHTS)
        if half:
            halve(partial / WEIGHTS)
        metadata = {
            "keras": keras.version(),
            "keras_latent": __version__,
            "sha256": checksums(partial, CONFIG, WEIGHTS),
        }
        (partial / METADATA).write_text(json.dumps(metadata, indent=1))


def _without_optimizer(model):
    """The model, or an uncompiled copy of a compiled one: its file would hold optimizer state."""
    if getattr(model, "optimizer", None) is None:
        return model
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    return copy
