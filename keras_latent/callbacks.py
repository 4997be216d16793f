"""Keras callbacks that monitor, resume and illustrate training."""

from keras_latent.src.callbacks.collapse_monitor import CollapseMonitor, CollapseWarning
from keras_latent.src.callbacks.epoch_choice import EpochChoice
from keras_latent.src.callbacks.resume import Resume
from keras_latent.src.callbacks.stop_at_nan import StopAtNaN
from keras_latent.src.callbacks.translation_grid import TranslationGrid

__all__ = [
    "CollapseMonitor",
    "CollapseWarning",
    "EpochChoice",
    "Resume",
    "StopAtNaN",
    "TranslationGrid",
]
