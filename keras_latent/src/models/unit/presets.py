"""The presets of `UNIT`. Listing them imports no Keras."""

from keras_latent.src.presets.registry import Preset, presets_of

DIGITS = (8, 8, 1)
FACES = (64, 64, 3)


def networks():
    from keras_latent.src.models.unit import networks

    return networks


PRESETS = presets_of(
    "UNIT",
    {
        "unit_mnist_usps": Preset(
            "UNIT for MNIST and USPS, with the networks of `lstnet_mnist_usps` and the weights of "
            "the UNIT paper: for a GPU.",
            lambda: networks().unit_conv(),
        ),
        "unit_mnist_usps_small": Preset(
            "`unit_mnist_usps` with a quarter of the width, for two CPU cores.",
            lambda: networks().unit_conv(width=16),
        ),
        "unit_digits": Preset(
            "Small convolutions for scikit-learn's 8x8 digits, such as digits and their "
            "transposes: for tests and first tries.",
            lambda: networks().unit_images(DIGITS, width=4, halved_below=8),
        ),
        "unit_faces": Preset(
            "UNIT for 64x64 color images of two domains, such as faces, for two CPU cores.",
            lambda: networks().unit_images(FACES, width=16),
        ),
    },
)
