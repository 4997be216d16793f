"""Keras callbacks for trainings of this library."""

from keras_latent.callbacks.resume import Resume

__all__ = ["Resume"]
