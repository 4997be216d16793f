"""`from_preset` and `save_to_preset`, by the contract of KerasHub."""

import difflib
import json
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar, Self

import keras

from keras_latent.src.presets import registry
from keras_latent.src.presets.registry import CARD, PRESETS, WEIGHTS, trained_presets
from keras_latent.src.utils.half_precision import halve
from keras_latent.version import __version__

CONFIG, METADATA = "config.json", "metadata.json"


class PresetMixin:
    """Named configurations, and directories that hold a configuration and its weights."""

    #: Name to description of the built-in presets of the class.
    presets: ClassVar[dict[str, str]] = {}

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
            cls._check_own(preset)
            if load_weights and preset not in trained_presets():
                own = [name for name in trained_presets() if name in cls.presets]
                raise ValueError(
                    f"Preset {preset!r} comes without trained weights: pass "
                    "`load_weights=False` to train it yourself. Those of this class with trained "
                    f"weights: {own or 'none'}"
                )
            model = cls(**(PRESETS[preset].arguments() | kwargs))
            if load_weights:
                cls._load(model, registry.TRAINED / preset, preset)
            return model
        if not isinstance(preset, (str, Path)) or not Path(preset).is_dir():
            raise ValueError(
                f"`preset` must be one of {sorted(cls.presets)} or a directory. "
                f"Received: preset={str(preset)!r}.{cls._hint(str(preset))}"
            )
        return cls._from_directory(Path(preset), load_weights, kwargs)

    @classmethod
    def _hint(cls, preset):
        """What is probably meant by a name that is no preset's."""
        if preset.endswith(".keras"):
            return " Files are loaded by `keras.saving.load_model(path)`."
        own = difflib.get_close_matches(preset, cls.presets, n=1)
        near = own or difflib.get_close_matches(preset, PRESETS, n=1)
        if not near:
            return ""
        return f" Did you mean {near[0]!r}" + ("?" if own else f" of `{PRESETS[near[0]].model}`?")

    @classmethod
    def _from_directory(cls, directory, load_weights, kwargs):
        try:
            config = json.loads((directory / CONFIG).read_text())
            name, config = config["registered_name"], config["config"] | kwargs
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise cls._damaged(directory, error) from error
        wanted = keras.saving.get_registered_name(cls)
        if name != wanted:
            package = wanted.split(">")[0]
            ours = str(name).startswith(f"{package}>")
            hint = "call `from_preset` of that class" if ours else f"it is not one of {package}"
            raise ValueError(
                f"Preset {str(directory)!r} holds a {name!r}, not a {wanted!r}: {hint}."
            )
        try:
            model = cls.from_config(config)
        except TypeError as error:  # an argument too many or too few, an unknown class
            raise cls._damaged(directory, error) from error
        if load_weights:
            cls._load(model, directory, str(directory))
        return model

    @staticmethod
    def _load(model, directory, preset):
        try:
            model.load_weights(directory / WEIGHTS)
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(
                f"The weights of preset {preset!r} are missing, damaged or of "
                f"another configuration ({error}). `load_weights=False` starts afresh."
            ) from error

    @classmethod
    def _check_own(cls, preset):
        if preset not in cls.presets:
            raise ValueError(
                f"Preset {preset!r} is a `{PRESETS[preset].model}`: call "
                f"`{PRESETS[preset].model}.from_preset`. Received: cls={cls.__name__}"
            )

    @classmethod
    def preset_card(cls, preset: str) -> dict:
        """What the trained weights of a built-in preset were made of, and what they reach.

        Args:
            preset: A name in `cls.presets` that comes with trained weights.

        Returns:
            `"task"`; `"data"` with its licence; `"configuration"`, with the seed; `"figures"`,
            measured on test rows with the shipped weights, and `"figures_float32"`, with those
            that were trained; the `"command"` that trains and measures them again; `"date"` and
            `"environment"`.

        Raises:
            ValueError: If there is no such preset, or it comes without weights.

        Example:

        >>> from keras_latent import models
        >>> models.VBTA.preset_card("vbta_digits_transpose_sharp")["data"]["licence"]
        'CC BY 4.0'
        """
        if preset not in PRESETS:
            cls.from_preset(preset)  # says what there is
        cls._check_own(preset)
        if preset not in trained_presets():
            raise ValueError(
                f"Preset {preset!r} comes without trained weights, and without a card. Those "
                f"with weights: {[n for n in trained_presets() if n in cls.presets] or 'none'}"
            )
        return json.loads((registry.TRAINED / preset / CARD).read_text())

    @staticmethod
    def _damaged(directory, error):
        return ValueError(
            f"Directory {str(directory)!r} is no preset, or a damaged one: its {CONFIG} cannot "
            f"be read ({error})."
        )

    def _without_optimizer(self):
        """This model, or if it is compiled a copy that is not: files hold optimizers' state too."""
        if getattr(self, "optimizer", None) is None:
            return self
        copy = type(self).from_config(self.get_config())
        copy.set_weights(self.get_weights())
        return copy

    def save_to_preset(self, preset_dir: str | Path, *, half: bool = False) -> None:
        """Writes configuration and weights to a new directory, all of it or nothing.

        Args:
            preset_dir: A directory that does not exist yet, or is empty.
            half: Whether to write the weights as float16, which halves the file and rounds
                to 11 bits. A model that loads them computes in its own precision.

        Raises:
            ValueError: If the directory holds anything, or a weight does not fit float16.
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
            self._without_optimizer().save_weights(partial / WEIGHTS)
            if half:
                halve(partial / WEIGHTS)
            partial.chmod(0o755)
            partial.replace(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
