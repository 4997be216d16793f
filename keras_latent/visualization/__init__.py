"""Figures of images, latent spaces and training."""

from keras_latent.visualization.interpolation_strip import interpolation_strip
from keras_latent.visualization.latent_map import latent_map
from keras_latent.visualization.pca_comparison import pca_comparison
from keras_latent.visualization.training_curves import training_curves
from keras_latent.visualization.translation_grid import translation_grid

__all__ = [
    "interpolation_strip",
    "latent_map",
    "pca_comparison",
    "training_curves",
    "translation_grid",
]
