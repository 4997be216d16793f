"""Keras losses."""

from keras_latent.losses.sliced_wasserstein import SlicedWasserstein

__all__ = ["SlicedWasserstein"]
