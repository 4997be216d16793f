"""The presets of `Pix2Pix`. Listing them imports no Keras."""

from keras_latent.src.presets.registry import Preset, presets_of

MNIST = (28, 28, 1)
DIGITS = (8, 8, 1)
FACES = (64, 64, 3)


def networks():
    from keras_latent.src.models.pix2pix import networks

    return networks


PRESETS = presets_of(
    "Pix2Pix",
    {
        "pix2pix_mnist_transpose": Preset(
            "Pix2Pix for two domains of 28x28 gray images, such as MNIST and its transposes, with "
            "the blocks and widths of `lstnet_mnist_usps_small`, for two CPU cores.",
            lambda: networks().pix2pix_images(MNIST),
        ),
        "pix2pix_digits": Preset(
            "Pix2Pix of dense layers for scikit-learn's 8x8 digits and their transposes: for "
            "tests and first tries.",
            lambda: networks().pix2pix_mlp(DIGITS),
        ),
        "pix2pix_faces": Preset(
            "Pix2Pix for 64x64 color images of both domains, such as faces with known pairs, for "
            "two CPU cores.",
            lambda: networks().pix2pix_images(FACES),
        ),
    },
)
