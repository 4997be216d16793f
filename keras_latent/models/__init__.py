"""The methods, one file each."""

from keras_latent.models.lstnet import LSTNet
from keras_latent.models.tvae import TVAE
from keras_latent.models.vae import VAE
from keras_latent.models.vbta import VBTA

__all__ = ["LSTNet", "TVAE", "VAE", "VBTA"]
