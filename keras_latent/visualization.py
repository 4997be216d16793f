"""Figures of images, sounds, latent spaces and training curves; WAV files."""

from keras_latent.src.visualization.interpolation_strip import interpolation_strip
from keras_latent.src.visualization.latent_map import latent_map
from keras_latent.src.visualization.pca_comparison import pca_comparison
from keras_latent.src.visualization.spectrogram_grid import spectrogram_grid
from keras_latent.src.visualization.training_curves import training_curves
from keras_latent.src.visualization.translation_grid import translation_grid
from keras_latent.src.visualization.write_wavs import write_wavs

__all__ = [
    "interpolation_strip",
    "latent_map",
    "pca_comparison",
    "spectrogram_grid",
    "training_curves",
    "translation_grid",
    "write_wavs",
]
