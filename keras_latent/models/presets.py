"""The built-in presets: name, what it is, and the arguments of the model."""

from collections.abc import Callable
from dataclasses import dataclass

from keras_latent.models import lstnet_networks, networks


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

PRESETS = {
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
    "vae_mnist": Preset(
        "VAE",
        "The single-domain counterpart of `vbta_mnist_transpose`.",
        lambda: networks.vae_mlp(MNIST),
    ),
    "vae_digits": Preset(
        "VAE",
        "The single-domain counterpart of `vbta_digits_transpose`.",
        lambda: networks.vae_mlp(DIGITS, hidden=256, latent_dim=32),
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
}
