"""The presets of `CycleGAN`, DiscoGAN's among them. Listing them imports no Keras."""

from typing import Any

from keras_latent.src.presets.registry import Preset, presets_of

DIGITS = (8, 8, 1)
FACES = (64, 64, 3)
DISCOGAN: dict[str, Any] = {
    "gan": "bce",
    "cycle_loss": "squared",
    "cycle_weight": 1.0,
    "buffer_size": 0,
}


def networks():
    from keras_latent.src.models.cyclegan import networks

    return networks


PRESETS = presets_of(
    "CycleGAN",
    {
        "cyclegan_mnist_usps": Preset(
            "CycleGAN for MNIST and USPS with the networks of `lstnet_mnist_usps`, but none of "
            "them shared, for a GPU.",
            lambda: networks().cyclegan_conv(),
        ),
        "cyclegan_mnist_usps_small": Preset(
            "`cyclegan_mnist_usps` with a quarter of the width, for two CPU cores.",
            lambda: networks().cyclegan_conv(width=16),
        ),
        "cyclegan_digits": Preset(
            "CycleGAN of dense layers for scikit-learn's 8x8 digits and their transposes: for "
            "tests and first tries.",
            lambda: networks().cyclegan_mlp(DIGITS),
        ),
        "cyclegan_faces": Preset(
            "CycleGAN for 64x64 color images of both domains, such as faces, for two CPU cores.",
            lambda: networks().cyclegan_images(FACES),
        ),
        "discogan_mnist_usps_small": Preset(
            "`cyclegan_mnist_usps_small` with the objective of DiscoGAN: binary cross-entropy, "
            "squared errors of the cycles with weight 1, no buffer.",
            lambda: networks().cyclegan_conv(width=16) | DISCOGAN,
        ),
    },
)
