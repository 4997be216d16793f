"""Networks for StarGAN, as a plain function that returns Keras models."""

import math

import keras
from keras import layers

from keras_latent.src.layers.convolutions import Conv2D, Conv2DTranspose
from keras_latent.src.models.base.attribute_blocks import filters_of
from keras_latent.src.models.base.blocks import halvings

#: Residual blocks of the generator.
BLOCKS = 6


def star_gan(
    event_shape: tuple[int, int, int],
    attributes: int,
    width: int | None = 32,
    hidden: int | None = None,
) -> dict[str, keras.Model]:
    """The paper's generator, and a discriminator with the convolutions of `DualVAE`'s encoder.

    Args:
        event_shape: Height, width and channels of the images.
        attributes: Number of attributes.
        width: Filters of the first convolution. `None`: dense networks.
        hidden: Units of the dense networks' one hidden layer.

    Raises:
        ValueError: If the image cannot be halved: see `halvings`.
    """
    if width is None:
        assert hidden is not None
        x, c = keras.Input(event_shape), keras.Input((attributes,))
        h = layers.Concatenate()([layers.Flatten()(x), c])
        h = layers.Dense(hidden, activation="relu")(h)
        made = layers.Reshape(event_shape)(layers.Dense(math.prod(event_shape))(h))
        h = layers.LeakyReLU(0.01)(layers.Dense(hidden)(layers.Flatten()(x)))
    else:
        x, c, made = generator_parts(event_shape, attributes, width)
        h = x
        for filters in filters_of(event_shape, width):
            h = layers.LeakyReLU(0.01)(Conv2D(filters, 4, 2, "same")(h))
        h = layers.Flatten()(h)
    made = layers.Activation("tanh", dtype="float32")(made)
    heads = [
        layers.Dense(1, use_bias=False, dtype="float32", name="source")(h),
        layers.Dense(attributes, dtype="float32", name="classes")(h),
    ]
    return {
        "generator": keras.Model([x, c], made, name="generator"),
        "discriminator": keras.Model(x, heads, name="discriminator"),
    }


def generator_parts(event_shape, attributes, width):
    """Inputs of the paper's generator, and its output before the tanh."""
    height, side, channels = event_shape
    down = [width * 2**i for i in range(1 + min(2, halvings(event_shape)))]

    def normalized(h):
        return layers.GroupNormalization(groups=-1, epsilon=1e-5)(h)  # of each map: per instance

    x, c = keras.Input(event_shape), keras.Input((attributes,))
    tiled = layers.Reshape((height, side, attributes))(layers.RepeatVector(height * side)(c))
    h = layers.Concatenate()([x, tiled])
    h = Conv2D(width, 7, padding="same", use_bias=False)(h)
    h = layers.ReLU()(normalized(h))
    for filters in down[1:]:
        h = Conv2D(filters, 4, 2, "same", use_bias=False)(h)
        h = layers.ReLU()(normalized(h))
    for _ in range(BLOCKS):
        inner = Conv2D(down[-1], 3, padding="same", use_bias=False)(h)
        inner = layers.ReLU()(normalized(inner))
        inner = normalized(Conv2D(down[-1], 3, padding="same", use_bias=False)(inner))
        h = layers.Add()([h, inner])
    for filters in reversed(down[:-1]):
        h = Conv2DTranspose(filters, 4, 2, "same", use_bias=False)(h)
        h = layers.ReLU()(normalized(h))
    return x, c, Conv2D(channels, 7, padding="same", use_bias=False)(h)
