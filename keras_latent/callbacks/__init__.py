"""Keras callbacks for trainings of this library."""

from keras_latent.callbacks.collapse_monitor import CollapseMonitor, CollapseWarning
from keras_latent.callbacks.resume import Resume
from keras_latent.callbacks.translation_grid import TranslationGrid

__all__ = ["CollapseMonitor", "CollapseWarning", "Resume", "TranslationGrid"]
