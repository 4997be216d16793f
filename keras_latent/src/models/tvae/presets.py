"""The presets of `TVAE`. Listing them imports no Keras."""

from keras_latent.src.presets.registry import Preset, presets_of

MNIST = (28, 28, 1)
DIGITS = (8, 8, 1)


def networks():
    from keras_latent.src.models.tvae import networks

    return networks


def vae_networks():
    from keras_latent.src.models.vae import networks

    return networks


PRESETS = presets_of(
    "TVAE",
    {
        "tvae_mnist": Preset(
            "The configuration of the TVAE paper for MNIST: two dense layers each way, 20 latents, "
            "random triplets. The paper does not state the width (here 400) and the margin (here "
            "1).",
            lambda: vae_networks().vae_mlp(MNIST, hidden=400, latent_dim=20),
        ),
        "tvae_mnist_conv": Preset(
            "`tvae_mnist` with a convolutional encoder and semi-hard triplets with ten times the "
            "weight.",
            lambda: (
                networks().vae_conv_mlp(MNIST) | {"mining": "semi_hard", "triplet_weight": 10.0}
            ),
        ),
        "tvae_digits": Preset(
            "`tvae_mnist` for scikit-learn's 8x8 digits: 128 wide, 10 latents.",
            lambda: vae_networks().vae_mlp(DIGITS, hidden=128, latent_dim=10),
        ),
    },
)
