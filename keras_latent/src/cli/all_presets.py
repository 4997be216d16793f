"""The presets of all models. Nothing here imports Keras."""

import importlib
from pathlib import Path

from keras_latent.src import models
from keras_latent.src.presets.registry import PRESETS, trained_presets

__all__ = ["PRESETS", "trained_presets"]

(_folder,) = models.__path__
for _file in sorted(Path(_folder).glob("*/*presets.py")):
    # Importing a module of presets registers them.
    importlib.import_module(f"{models.__name__}.{_file.parent.name}.{_file.stem}")
