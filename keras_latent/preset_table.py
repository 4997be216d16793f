"""The built-in presets: name, what it is, and the arguments of the model.

Outside of `models`, which imports Keras: `keras-latent list` does without.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

WEIGHTS, CARD = "model.weights.h5", "card.json"
#: Trained weights that come with the package: `NAME/model.weights.h5` and `NAME/card.json`.
TRAINED = Path(__file__).parent / "presets"


class _Later:
    """A module of `keras_latent.models`, imported when something of it is used."""

    def __init__(self, module: str):
        self._module = f"keras_latent.models.{module}"

    def __getattr__(self, name: str):
        return getattr(importlib.import_module(self._module), name)


attribute_networks = _Later("attribute_networks")
bridging_networks = _Later("bridging_networks")
face_networks = _Later("face_networks")
lstnet_networks = _Later("lstnet_networks")
networks = _Later("networks")
wavegan_networks = _Later("wavegan_networks")


@dataclass(frozen=True)
class Preset:
    """A named configuration.

    Attributes:
        model: Name of the model class.
        description: What it is, in a sentence.
        arguments: Function that makes the arguments of the model, networks included.
    """

    model: str
    description: str
    arguments: Callable[[], dict]


MNIST = (28, 28, 1)
DIGITS = (8, 8, 1)
FACES = (64, 64, 3)
#: Squared pixels: about the error that is left, so that the KL divergence does not rule.
FACES_VAE = {"attributes": 40, "observation_variance": 0.02}
FACES_DUAL = {"alpha": 1.0, "use_bias": True, "consistency": 50.0, "input_noise": 0.1}


def _transfer(event_shape, hidden, latent_dim, sizes):
    """Two VAEs of one hidden layer and a bridge, as arguments of `LatentDomainTransfer`."""
    from keras_latent import models

    shared_dim, width, depth = sizes
    vaes = {
        domain: models.VAE(
            **networks.vae_mlp(event_shape, hidden=hidden, latent_dim=latent_dim),
            observation_variance=0.05,
            name=domain,
        )
        for domain in ("source", "target")
    }
    bridge = models.BridgingVAE(
        **bridging_networks.bridging_mlp(
            latent_dim=latent_dim, shared_dim=shared_dim, hidden=width, depth=depth
        ),
        denoise=True,
        beta_kl=0.002,
        beta_cls=1.0,
    )
    return vaes | {"bridge": bridge}


PRESETS = {
    "bridging_mnist": Preset(
        "BridgingVAE",
        "The bridge of the latent domain transfer paper between two image models: 8 shared "
        "dimensions, four layers of 512 each way; beta_KL of its reference, 0.005, since the "
        "0.05 of the paper's appendix leaves nothing to reconstruct from.",
        lambda: bridging_networks.bridging_mlp(),
    ),
    "bridging_mnist_sharp": Preset(
        "BridgingVAE",
        "`bridging_mnist` with 16 shared dimensions, a classifier that counts more, and means "
        "to reconstruct instead of draws.",
        lambda: (
            bridging_networks.bridging_mlp(shared_dim=16)
            | {"denoise": True, "beta_kl": 0.002, "beta_cls": 1.0}
        ),
    ),
    "bridging_digits": Preset(
        "BridgingVAE",
        "A small bridge between two `vae_digits`: 8 shared dimensions, two layers of 128.",
        lambda: (
            bridging_networks.bridging_mlp(latent_dim=32, hidden=128, depth=2)
            | {"denoise": True, "beta_kl": 0.002, "beta_cls": 0.5}
        ),
    ),
    "bridging_speech": Preset(
        "BridgingVAE",
        "The bridge of the paper between digits and speech: 16 shared dimensions, eight layers "
        "of 1,024 each way.",
        lambda: (
            bridging_networks.bridging_mlp(shared_dim=16, hidden=1024, depth=8)
            | {"beta_kl": 0.01, "beta_swd": 3.0, "beta_cls": 0.3}
        ),
    ),
    "cvae_celeba": Preset(
        "CVAE",
        "The networks of `dual_vae_celeba`, with 40 attributes as input.",
        lambda: attribute_networks.cvae(FACES, 40, 256, width=64) | FACES_VAE,
    ),
    "cvae_celeba_small": Preset(
        "CVAE",
        "The networks of `dual_vae_celeba_small`, with 40 attributes as input.",
        lambda: attribute_networks.cvae(FACES, 40, width=16) | FACES_VAE,
    ),
    "cvae_digits": Preset(
        "CVAE",
        "Scikit-learn's 8x8 digits, with ten attributes as input; one dense layer each way.",
        lambda: attribute_networks.cvae(DIGITS, 10, 32, None, 256) | {"attributes": 10},
    ),
    "dual_vae_celeba": Preset(
        "DualVAE",
        "64x64 faces with 40 attributes: four convolutions each way, 256 latents, for a GPU. "
        "The paper does not state its networks.",
        lambda: attribute_networks.dual_vae(FACES, 256, width=64) | FACES_VAE | FACES_DUAL,
    ),
    "dual_vae_celeba_small": Preset(
        "DualVAE",
        "`dual_vae_celeba` of a quarter of its width and 128 latents, for two CPU cores.",
        lambda: attribute_networks.dual_vae(FACES, width=16) | FACES_VAE | FACES_DUAL,
    ),
    "dual_vae_digits": Preset(
        "DualVAE",
        "Scikit-learn's 8x8 digits with ten attributes; one dense layer each way.",
        lambda: (
            attribute_networks.dual_vae(DIGITS, 32, None, 256)
            | {"attributes": 10, "observation_variance": 0.05, "consistency": 20.0}
        ),
    ),
    "fader_celeba": Preset(
        "FaderNetwork",
        "The networks of `dual_vae_celeba`, with 40 attributes given to the decoder.",
        lambda: attribute_networks.fader(FACES, 40, 256, width=64) | {"attributes": 40},
    ),
    "fader_celeba_small": Preset(
        "FaderNetwork",
        "The networks of `dual_vae_celeba_small`, with 40 attributes given to the decoder, and "
        "a warm-up of 2,000 steps.",
        lambda: attribute_networks.fader(FACES, 40, width=16) | {"attributes": 40, "warm_up": 2000},
    ),
    "fader_digits": Preset(
        "FaderNetwork",
        "Scikit-learn's 8x8 digits with ten attributes; one dense layer each way.",
        lambda: (
            attribute_networks.fader(DIGITS, 10, 32, None, 256, discriminator=64)
            | {"attributes": 10, "warm_up": 200}
        ),
    ),
    "lstnet_mnist_usps": Preset(
        "LSTNet",
        "The configuration of the LSTNet paper for MNIST and USPS: 17.3 million parameters, "
        "for a GPU.",
        lambda: lstnet_networks.lstnet_conv(),
    ),
    "lstnet_mnist_usps_small": Preset(
        "LSTNet",
        "`lstnet_mnist_usps` of a quarter of its width, for two CPU cores.",
        lambda: lstnet_networks.lstnet_conv(width=16),
    ),
    "lstnet_mnist_usps_tiny": Preset(
        "LSTNet",
        "`lstnet_mnist_usps` of a 32nd of its width: for tests, and to see it run.",
        lambda: lstnet_networks.lstnet_conv(width=2),
    ),
    "transfer_digits_transpose": Preset(
        "LatentDomainTransfer",
        "Scikit-learn's 8x8 digits turned into transposed ones of the same class: two small VAEs "
        "and the bridge between them.",
        lambda: _transfer(DIGITS, 256, 32, (8, 128, 2)),
    ),
    "transfer_mnist_fashion": Preset(
        "LatentDomainTransfer",
        "Digits of MNIST turned into clothes of Fashion-MNIST and back: two small VAEs and the "
        "bridge between them.",
        lambda: _transfer(MNIST, 256, 32, (16, 256, 3)),
    ),
    "tvae_mnist": Preset(
        "TVAE",
        "The configuration of the TVAE paper for MNIST: two dense layers each way, 20 latents, "
        "random triplets. It states no width (here 400) and no margin (here 1).",
        lambda: networks.vae_mlp(MNIST, hidden=400, latent_dim=20),
    ),
    "tvae_mnist_conv": Preset(
        "TVAE",
        "`tvae_mnist` with a convolutional encoder and semi-hard triplets of ten times the weight.",
        lambda: networks.vae_conv_mlp(MNIST) | {"mining": "semi_hard", "triplet_weight": 10.0},
    ),
    "tvae_digits": Preset(
        "TVAE",
        "`tvae_mnist` for scikit-learn's 8x8 digits: 128 wide, 10 latents.",
        lambda: networks.vae_mlp(DIGITS, hidden=128, latent_dim=10),
    ),
    "vae_celeba_small": Preset(
        "VAE",
        "64x64 faces in one domain: the networks of `vbta_celeba`, half as wide, 128 latents.",
        lambda: (
            face_networks.vae_faces(FACES, (16, 16), 4096, 128) | {"observation_variance": 0.02}
        ),
    ),
    "vae_mnist": Preset(
        "VAE",
        "The single-domain counterpart of `vbta_mnist_transpose`.",
        lambda: networks.vae_mlp(MNIST),
    ),
    "vae_mnist_bridging": Preset(
        "VAE",
        "The base model of the latent domain transfer paper for 28x28 images: three layers of "
        "1,024 each way, 100 latents, pixels of standard deviation 0.1.",
        lambda: bridging_networks.deep_vae_mlp(MNIST),
    ),
    "vae_digits": Preset(
        "VAE",
        "The single-domain counterpart of `vbta_digits_transpose`.",
        lambda: networks.vae_mlp(DIGITS, hidden=256, latent_dim=32),
    ),
    "vbta_celeba": Preset(
        "VBTA",
        "The configuration of the VBTA paper for 64x64 faces of men and of women: unit "
        "observation variance, alpha = beta = gamma = 1. It states no filters (here 32).",
        lambda: face_networks.vbta_faces(FACES),
    ),
    "vbta_celeba_small": Preset(
        "VBTA",
        "64x64 faces of men and of women for two CPU cores: one encoder for both, a decoder of "
        "each domain's own, 128 latents, less observation noise, and a sliced Wasserstein "
        "distance between the domains' latents.",
        lambda: (
            face_networks.vbta_faces_apart(FACES, 32, 128)
            | {"observation_variance": 0.02, "gamma": 10.0, "swd": 5000.0}
        ),
    ),
    "vbta_mnist_transpose": Preset(
        "VBTA",
        "The configuration of the VBTA paper for MNIST: unit observation variance, "
        "alpha = beta = gamma = 1, triplets and nothing else for the pairs.",
        lambda: networks.vbta_mlp(MNIST),
    ),
    "vbta_mnist_transpose_sharp": Preset(
        "VBTA",
        "The paper's networks with less observation noise and cross-reconstruction of the "
        "known pairs: sharper translations.",
        lambda: (
            networks.vbta_mlp(MNIST)
            | {"observation_variance": 0.05, "gamma": 10.0, "cross_reconstruction": 1.0}
        ),
    ),
    "vbta_digits_transpose": Preset(
        "VBTA",
        "The paper's configuration for scikit-learn's 8x8 digits, half as wide.",
        lambda: networks.vbta_mlp(DIGITS, hidden=256, latent_dim=32),
    ),
    "vbta_digits_transpose_sharp": Preset(
        "VBTA",
        "`vbta_mnist_transpose_sharp` for scikit-learn's 8x8 digits, half as wide.",
        lambda: (
            networks.vbta_mlp(DIGITS, hidden=256, latent_dim=32)
            | {"observation_variance": 0.05, "gamma": 10.0, "cross_reconstruction": 1.0}
        ),
    ),
    "wavegan_sc09": Preset(
        "WaveGAN",
        "The configuration of the WaveGAN paper for spoken digits at 16 kHz, 16,384 samples, "
        "with Gaussian latents: 36.5 million parameters, for a GPU.",
        lambda: wavegan_networks.wavegan(),
    ),
    "wavegan_spoken_digit": Preset(
        "WaveGAN",
        "`wavegan_sc09` for 8,192 samples, a second at 8 kHz.",
        lambda: wavegan_networks.wavegan(samples=8192),
    ),
    "wavegan_spoken_digit_small": Preset(
        "WaveGAN",
        "`wavegan_spoken_digit` of a quarter of its width, for two CPU cores and short "
        "trainings: one update of the critic in a step, to be given a higher learning rate than "
        "the generator's, whose weights are averaged.",
        lambda: (
            wavegan_networks.wavegan(samples=8192, dim=16)
            | {"critic_steps": 1, "ema_momentum": 0.995}
        ),
    ),
    "wavegan_tiny": Preset(
        "WaveGAN",
        "1,024 samples of a 32nd of the width: for tests, and to see it run.",
        lambda: wavegan_networks.wavegan(samples=1024, dim=2),
    ),
}


def trained_presets() -> list[str]:
    """Names of the built-in presets that come with trained weights."""
    return sorted(p.parent.name for p in TRAINED.glob(f"*/{WEIGHTS}") if p.parent.name in PRESETS)
