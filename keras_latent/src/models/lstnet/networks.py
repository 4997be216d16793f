"""The networks of the LSTNet paper, table 1, as plain functions that return Keras models."""

from typing import Any

import keras
from keras import layers

from keras_latent.src.layers.convolutions import Conv2D, Conv2DTranspose
from keras_latent.src.models.base.blocks import halvings

# A row of the table: filters in units of N1 = 64, kernel, strides, padding.
MNIST_ENCODER = ((1, 7, 1, "same"), (2, 5, 2, "same"), (4, 3, 2, "same"), (8, 3, 1, "same"))
USPS_ENCODER = ((1, 7, 1, "same"), (2, 5, 2, "same"), (4, 3, 1, "same"), (8, 2, 1, "valid"))
# Layer 6 has stride 3 in the table, from which no 28x28 image would come out again.
SHARED_ENCODER = ((4, 3, 1, "same"), (2, 3, 1, "same"))

SHARED_GENERATOR = ((2, 3, 1, "same"), (4, 3, 1, "same"))
MNIST_GENERATOR = ((8, 3, 1, "same"), (4, 3, 2, "same"), (2, 5, 2, "same"), (1, 7, 1, "same"))
USPS_GENERATOR = ((8, 2, 1, "valid"), (4, 3, 2, "same"), (2, 5, 1, "same"), (1, 7, 1, "same"))

# Filters, kernel, padding, and the stride of the max pooling that follows.
MNIST_DISCRIMINATOR = ((1, 3, "same", 1), (2, 3, "same", 2), (4, 5, "same", 2), (8, 3, "same", 2))
USPS_DISCRIMINATOR = ((1, 3, "same", 1), (2, 3, "same", 1), (4, 5, "same", 2), (8, 2, "valid", 2))
LATENT_DISCRIMINATOR = ((4, 3, "same", 1), (8, 3, "same", 2), (4, 3, "same", 1))

SLOPE = 0.3  # of LeakyReLU
#: Images of other sizes are halved until a side is below this.
HALVED_BELOW = 14


#: Rows of filters, kernel, strides or padding, and so on, as above.
Table = tuple[tuple[Any, ...], ...]


def convolutions(
    table: Table, width: int, shape: tuple, name: str, transposed: bool = False
) -> keras.Sequential:
    """(Transposed) convolutions, each with batch normalization and LeakyReLU.

    Args:
        table: Rows of filters (in units of `width`), kernel, strides and padding.
        width: Filters of one unit.
        shape: Shape of one input, `(height, width, channels)`.
        name: Name of the model.
        transposed: Whether the convolutions are transposed ones.
    """
    convolution = Conv2DTranspose if transposed else Conv2D
    model = keras.Sequential([keras.Input(shape)], name=name)
    for filters, kernel, strides, padding in table:
        # No bias: batch normalization would remove it.
        model.add(convolution(filters * width, kernel, strides, padding, use_bias=False))
        model.add(layers.BatchNormalization())
        model.add(layers.LeakyReLU(SLOPE))
    return model


def generator(table: Table, width: int, shape: tuple, channels: int, name: str) -> keras.Sequential:
    """Transposed convolutions, and a 1x1 one with a tanh: features to images in [-1, 1]."""
    model = convolutions(table, width, shape, name, transposed=True)
    model.add(Conv2DTranspose(channels, 1, activation="tanh"))
    return model


def pooled(
    table: Table, width: int, shape: tuple, name: str, spectral_normalization: bool = False
) -> keras.Sequential:
    """Convolutions with LeakyReLU and max pooling: the first layers of a discriminator."""
    model = keras.Sequential([keras.Input(shape)], name=name)
    for filters, kernel, padding, pool in table:
        convolution = Conv2D(filters * width, kernel, padding=padding)
        model.add(_normalized(convolution, spectral_normalization))
        model.add(layers.LeakyReLU(SLOPE))
        model.add(layers.MaxPooling2D(2, pool, padding="same"))
    return model


def discriminator(
    table: Table, width: int, shape: tuple, name: str, spectral_normalization: bool = False
) -> keras.Sequential:
    """`pooled`, and a logit `(batch, 1)`: of images or latents."""
    model = pooled(table, width, shape, name, spectral_normalization)
    model.add(layers.Flatten())
    model.add(_normalized(layers.Dense(1), spectral_normalization))
    return model


def _normalized(layer, spectral_normalization):
    return layers.SpectralNormalization(layer) if spectral_normalization else layer


def lstnet_conv(
    width: int = 64, channels: int = 1, spectral_normalization: bool = False
) -> dict[str, keras.Model]:
    """The networks of table 1 for 28x28 and 16x16 images, as arguments of `LSTNet`.

    Args:
        width: Filters of the first layer, 64 in the paper: 17.3 million parameters.
        channels: Channels of the images of both domains.
        spectral_normalization: Whether the discriminators' weights are divided by their
            largest singular value (Miyato et al., 2018).
    """
    source, target, latent = (28, 28, channels), (16, 16, channels), (7, 7, 2 * width)
    features = (7, 7, 8 * width)
    sn = spectral_normalization
    return {
        "source_encoder": convolutions(MNIST_ENCODER, width, source, "source_encoder"),
        "target_encoder": convolutions(USPS_ENCODER, width, target, "target_encoder"),
        "shared_encoder": convolutions(SHARED_ENCODER, width, features, "shared_encoder"),
        "shared_generator": convolutions(
            SHARED_GENERATOR, width, latent, "shared_generator", transposed=True
        ),
        "source_generator": generator(
            MNIST_GENERATOR, width, (7, 7, 4 * width), channels, "source_generator"
        ),
        "target_generator": generator(
            USPS_GENERATOR, width, (7, 7, 4 * width), channels, "target_generator"
        ),
        "source_discriminator": discriminator(
            MNIST_DISCRIMINATOR, width, source, "source_discriminator", sn
        ),
        "target_discriminator": discriminator(
            USPS_DISCRIMINATOR, width, target, "target_discriminator", sn
        ),
        "latent_discriminator": discriminator(
            LATENT_DISCRIMINATOR, width, latent, "latent_discriminator", sn
        ),
    }


def discriminator_of_images(
    image_shape: tuple[int, ...], width: int, name: str, halved_below: int = HALVED_BELOW
) -> keras.Sequential:
    """The discriminator of table 1 for images of other sizes: see `lstnet_images`."""
    times = halvings(image_shape, min(halved_below, *image_shape[:2]))
    pooled = [(min(2**i, 8), 3, "same", 2) for i in range(1, times + 2)]
    return discriminator(((1, 3, "same", 1), *pooled), width, image_shape, name)


def is_mnist_usps(source: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether images have the sizes of the paper's table 1, and equally many channels."""
    return (source[:2], target[:2]) == ((28, 28), (16, 16)) and source[2:] == target[2:]


def lstnet_images(
    source_shape: tuple[int, int, int],
    target_shape: tuple[int, int, int] | None = None,
    width: int = 16,
    halved_below: int = HALVED_BELOW,
) -> dict[str, keras.Model]:
    """The networks of table 1 for images of any size, as arguments of `LSTNet`.

    Each encoder halves its images until a side is below 14 pixels, but at least once: 28x28 becomes
    7x7, as in the paper, and 64x64 becomes 8x8. A source of 28x28 and a target of 16x16 have the
    networks of the paper, `lstnet_conv`. Otherwise, filters are 1, 2, 4, 8, 8, ... times `width`,
    and the shared parts are those of the paper. Strided kernels are 4x4, with which all backends
    compute the same.

    Args:
        source_shape: Height, width and channels of the source's images.
        target_shape: Those of the target's. Default: `source_shape`.
        width: Filters of the first layer.
        halved_below: Images are halved until a side is below this.

    Raises:
        ValueError: If the images cannot be halved that often, or are halved to two sizes.
    """
    shapes = {"source": tuple(source_shape), "target": tuple(target_shape or source_shape)}
    if is_mnist_usps(*shapes.values()):
        return lstnet_conv(width, shapes["source"][2])
    networks, smallest = {}, {}
    for domain, shape in shapes.items():
        times = halvings(shape, min(halved_below, *shape[:2]))
        smallest[domain] = (shape[0] // 2**times, shape[1] // 2**times)
        down = [(min(2**i, 8), 4, 2, "same") for i in range(1, times + 1)]
        encoder = ((1, 7, 1, "same"), *down, (8, 3, 1, "same"))
        up = ((8, 3, 1, "same"), *reversed(down), (1, 7, 1, "same"))
        networks[f"{domain}_encoder"] = convolutions(encoder, width, shape, f"{domain}_encoder")
        networks[f"{domain}_generator"] = generator(
            up, width, (*smallest[domain], 4 * width), shape[2], f"{domain}_generator"
        )
        name = f"{domain}_discriminator"
        networks[name] = discriminator_of_images(shape, width, name, halved_below)
    if smallest["source"] != smallest["target"]:
        raise ValueError(
            "`source_shape` and `target_shape` must be halved to one size. Received: "
            f"{shapes}, which become {smallest}"
        )
    latent = (*smallest["source"], 2 * width)
    return networks | {
        "shared_encoder": convolutions(
            SHARED_ENCODER, width, (*smallest["source"], 8 * width), "shared_encoder"
        ),
        "shared_generator": convolutions(
            SHARED_GENERATOR, width, latent, "shared_generator", transposed=True
        ),
        "latent_discriminator": discriminator(
            LATENT_DISCRIMINATOR, width, latent, "latent_discriminator"
        ),
    }
