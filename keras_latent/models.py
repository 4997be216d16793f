"""The methods, one file each."""

from keras_latent.src.models.bridging.bridging_vae import BridgingVAE
from keras_latent.src.models.bridging.latent_domain_transfer import LatentDomainTransfer
from keras_latent.src.models.bridging.rejection_sampling import RejectionSamples as RejectionSamples
from keras_latent.src.models.bridging.rejection_sampling import rejection_sample as rejection_sample
from keras_latent.src.models.cogan.cogan import CoGAN
from keras_latent.src.models.cvae.cvae import CVAE
from keras_latent.src.models.cyclegan.cyclegan import CycleGAN
from keras_latent.src.models.dual_vae.dual_vae import DualVAE
from keras_latent.src.models.fader_network.fader_network import FaderNetwork
from keras_latent.src.models.jmvae.jmvae import JMVAE
from keras_latent.src.models.lstnet.lstnet import LSTNet
from keras_latent.src.models.networks_for import networks_for as networks_for
from keras_latent.src.models.pix2pix.pix2pix import Pix2Pix
from keras_latent.src.models.star_gan.star_gan import StarGAN
from keras_latent.src.models.tvae.tvae import TVAE
from keras_latent.src.models.unit.unit import UNIT
from keras_latent.src.models.vae.vae import VAE
from keras_latent.src.models.vbta.vbta import VBTA
from keras_latent.src.models.wavegan.wavegan import WaveGAN

# Models alone, whose presets the command and the tests list.
__all__ = [
    "BridgingVAE",
    "CVAE",
    "CoGAN",
    "CycleGAN",
    "DualVAE",
    "FaderNetwork",
    "JMVAE",
    "LSTNet",
    "LatentDomainTransfer",
    "Pix2Pix",
    "StarGAN",
    "TVAE",
    "UNIT",
    "VAE",
    "VBTA",
    "WaveGAN",
]
