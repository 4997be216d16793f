"""The presets of `CoGAN`. Listing them imports no Keras."""

from keras_latent.src.presets.registry import Preset, presets_of

DIGITS = (8, 8, 1)


def networks():
    from keras_latent.src.models.cogan import networks

    return networks


PRESETS = presets_of(
    "CoGAN",
    {
        "cogan_mnist_usps": Preset(
            "CoGAN for MNIST and USPS, with the blocks and the width of `lstnet_mnist_usps`, and "
            "latents of size 100: for a GPU.",
            lambda: networks().cogan_conv(),
        ),
        "cogan_mnist_usps_small": Preset(
            "`cogan_mnist_usps` with a quarter of the width, for two CPU cores.",
            lambda: networks().cogan_conv(width=16),
        ),
        "cogan_digits": Preset(
            "Small convolutions for scikit-learn's 8x8 digits, such as digits and their "
            "transposes: for tests and first tries.",
            lambda: networks().cogan_images(DIGITS, width=4, latent_dim=16, halved_below=8),
        ),
    },
)
