"""Train steps that run on every backend."""

from keras_latent.src.training.model import PortableModel
from keras_latent.src.training.optimizer_group import OptimizerGroup
from keras_latent.src.training.portable import input_gradients, native_pipeline, portable

__all__ = ["OptimizerGroup", "PortableModel", "input_gradients", "native_pipeline", "portable"]
