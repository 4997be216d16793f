"""Importing this module registers the TFDS builder of SC09, `tfds.builder("sc09")`."""

from keras_latent.src.datasets.sources.sc09 import Sc09

__all__ = ["Sc09"]
