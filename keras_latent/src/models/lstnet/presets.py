"""The presets of `LSTNet`. Listing them imports no Keras."""

from keras_latent.src.presets.registry import Preset, presets_of

MNIST = (28, 28, 1)


def networks():
    from keras_latent.src.models.lstnet import networks

    return networks


PRESETS = presets_of(
    "LSTNet",
    {
        "lstnet_mnist_usps": Preset(
            "The configuration of the LSTNet paper for MNIST and USPS: 17.3 million parameters, "
            "for a GPU.",
            lambda: networks().lstnet_conv(),
        ),
        "lstnet_mnist_usps_small": Preset(
            "`lstnet_mnist_usps` with a quarter of the width, for two CPU cores.",
            lambda: networks().lstnet_conv(width=16),
        ),
        "lstnet_mnist_usps_tiny": Preset(
            "`lstnet_mnist_usps` with a 32nd of the width: for tests and first tries.",
            lambda: networks().lstnet_conv(width=2),
        ),
    },
)
