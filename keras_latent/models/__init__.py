"""The methods, one file each."""

from keras_latent.models.vae import VAE
from keras_latent.models.vbta import VBTA

__all__ = ["VAE", "VBTA"]
