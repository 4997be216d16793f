"""Keras losses."""

from keras_latent.src.losses.masked_binary_crossentropy import MaskedBinaryCrossentropy
from keras_latent.src.losses.sliced_wasserstein import SlicedWasserstein

__all__ = ["MaskedBinaryCrossentropy", "SlicedWasserstein"]
