"""The methods, one file each."""

from keras_latent.models.bridging_vae import BridgingVAE
from keras_latent.models.cvae import CVAE
from keras_latent.models.dual_vae import DualVAE
from keras_latent.models.fader_network import FaderNetwork
from keras_latent.models.latent_domain_transfer import LatentDomainTransfer
from keras_latent.models.lstnet import LSTNet
from keras_latent.models.rejection_sampling import RejectionSamples as RejectionSamples
from keras_latent.models.rejection_sampling import rejection_sample as rejection_sample
from keras_latent.models.tvae import TVAE
from keras_latent.models.vae import VAE
from keras_latent.models.vbta import VBTA
from keras_latent.models.wavegan import WaveGAN

# Models alone, whose presets the command and the tests list.
__all__ = [
    "BridgingVAE",
    "CVAE",
    "DualVAE",
    "FaderNetwork",
    "LSTNet",
    "LatentDomainTransfer",
    "TVAE",
    "VAE",
    "VBTA",
    "WaveGAN",
]
