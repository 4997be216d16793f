"""`from_preset` and `save_to_preset`, by the contract of KerasHub."""

import difflib
import json
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar, Self

import keras

from keras_latent.models.presets import PRESETS
from keras_latent.version import __version__

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"


class _Presets:
    """Class attribute: name to description of the presets of that class."""

    def __get__(self, instance, owner) -> dict[str, str]:
        return {k: p.description for k, p in PRESETS.items() if p.model == owner.__name__}


class PresetMixin:
    """Named configurations, and directories that hold a configuration and its weights."""

    presets: ClassVar[dict[str, str]] = _Presets()

    @classmethod
    def from_preset(cls, preset: str | Path, load_weights: bool = True, **kwargs) -> Self:
        """Makes a model from a built-in preset or a directory.

        Args:
            preset: A name in `cls.presets`, or a directory that `save_to_preset` wrote.
            load_weights: Whether to load trained weights, or to start from random ones.
            **kwargs: Arguments of the model that replace those of the preset.

        Returns:
            A model of this class, not compiled.

        Raises:
            ValueError: If there is no such preset or directory, if it is damaged or of
                another class, or if it holds no weights and `load_weights` is True.
        """
        if preset in PRESETS:
            if PRESETS[preset].model != cls.__name__:
                raise ValueError(
                    f"Preset {preset!r} is a `{PRESETS[preset].model}`: call "
                    f"`{PRESETS[preset].model}.from_preset`. Received: cls={cls.__name__}"
                )
            if load_weights:
                raise ValueError(
                    f"Preset {preset!r} has no trained weights in this version: pass "
                    "`load_weights=False` to train it yourself."
                )
            return cls(**(PRESETS[preset].arguments() | kwargs))
        directory = Path(preset)
        if not directory.is_dir():
            near = difflib.get_close_matches(str(preset), cls.presets, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"`preset` must be one of {sorted(cls.presets)} or a directory. "
                f"Received: preset={str(preset)!r}.{hint}"
            )
        return cls._from_directory(directory, load_weights, kwargs)

    @classmethod
    def _from_directory(cls, directory, load_weights, kwargs):
        try:
            config = json.loads((directory / CONFIG).read_text())
            name, config = config["registered_name"], config["config"] | kwargs
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise cls._damaged(directory, error) from error
        wanted = keras.saving.get_registered_name(cls)
        if name != wanted:
            raise ValueError(
                f"Preset {str(directory)!r} holds a {name!r}, not a {wanted!r}: call "
                "`from_preset` of that class."
            )
        try:
            model = cls.from_config(config)
        except TypeError as error:  # an argument too many or too few, an unknown class
            raise cls._damaged(directory, error) from error
        if load_weights:
            try:
                model.load_weights(directory / WEIGHTS)
            except (OSError, ValueError, KeyError) as error:
                raise ValueError(
                    f"The weights of preset {str(directory)!r} are missing, damaged or of "
                    f"another configuration ({error}). `load_weights=False` starts afresh."
                ) from error
        return model

    @staticmethod
    def _damaged(directory, error):
        return ValueError(
            f"Directory {str(directory)!r} is no preset, or a damaged one: its {CONFIG} cannot "
            f"be read ({error})."
        )

    def save_to_preset(self, preset_dir: str | Path) -> None:
        """Writes configuration and weights to a new directory, all of it or nothing.

        Args:
            preset_dir: A directory that does not exist yet, or is empty.

        Raises:
            ValueError: If the directory holds anything.
        """
        target = Path(preset_dir)
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise ValueError(f"`preset_dir` must be new or empty. Received: {str(target)!r}")
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            config = keras.saving.serialize_keras_object(self)
            # Compilation and build state belong to a `.keras` file.
            config = {k: config[k] for k in ("class_name", "registered_name", "config")}
            (partial / CONFIG).write_text(json.dumps(config, indent=1))
            versions = {"keras": keras.version(), "keras_latent": __version__}
            (partial / METADATA).write_text(json.dumps(versions, indent=1))
            self.save_weights(partial / WEIGHTS)
            partial.chmod(0o755)
            partial.replace(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
