"""Bodies of encoders and decoders for images with attributes, convolutional or dense.

The DualVAE paper does not state its networks. These have the usual shape of a DCGAN.
"""

from typing import Any

import keras
from keras import layers

from keras_latent.src.layers.convolutions import Conv2D, Conv2DTranspose
from keras_latent.src.models.base.blocks import (
    dense_relu,
    halvings,
    linear_decoder,
    mlp_encoder,
)


def filters_of(event_shape: tuple[int, int, int], width: int) -> list[int]:
    """Filters of one convolution of stride 2 for each halving of the image: 1, 2, 4, 8, 8, ..."""
    return [width * 2 ** min(i, 3) for i in range(halvings(event_shape))]


def conv_features(event_shape: tuple[int, int, int], width: int) -> keras.Model:
    """4x4 convolutions of stride 2, with batch normalization: images to flat features."""
    model = keras.Sequential([keras.Input(event_shape)], name="features")
    for filters in filters_of(event_shape, width):
        model.add(Conv2D(filters, 4, 2, "same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.LeakyReLU(0.2))
    model.add(layers.Flatten())
    return model


def conv_decoder(inputs: int, event_shape: tuple[int, int, int], width: int) -> keras.Model:
    """A dense layer and 4x4 transposed convolutions: `inputs` numbers to means in [0, 1].

    Raises:
        ValueError: If the image cannot be halved: see `halvings`.
    """
    height, side, channels = event_shape
    filters = filters_of(event_shape, width)
    smallest = (height // 2 ** len(filters), side // 2 ** len(filters), filters[-1])
    model = keras.Sequential([keras.Input((inputs,))], name="decoder_body")
    model.add(layers.Dense(smallest[0] * smallest[1] * smallest[2], use_bias=False))
    model.add(layers.Reshape(smallest))
    for i in reversed(range(len(filters))):
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.ReLU())
        if i:
            model.add(Conv2DTranspose(filters[i - 1], 4, 2, "same", use_bias=False))
    model.add(Conv2DTranspose(channels, 4, 2, "same"))
    model.add(layers.Activation("sigmoid", dtype="float32"))
    return model


def mlp_decoder(inputs: int, event_shape: tuple[int, ...], hidden: int) -> keras.Model:
    """One ReLU layer and a linear one: `inputs` numbers to means."""
    x = keras.Input((inputs,))
    features = dense_relu(inputs, hidden, "hidden")(x)
    output = linear_decoder(hidden, event_shape, "output")(features)
    return keras.Model(x, output, name="decoder_body")


def bodies(event_shape, latent_dim, attributes, width, hidden):
    """Features of images, and a decoder of latents and attributes, convolutional or dense."""
    if width:
        features = conv_features(event_shape, width)
        return features, conv_decoder(latent_dim + attributes, event_shape, width)
    features = mlp_encoder(event_shape, hidden, "features")
    return features, mlp_decoder(latent_dim + attributes, event_shape, hidden)


def with_attributes(body: Any, latent_dim: int, attributes: int) -> keras.Model:
    """A decoder of latents and attributes, which are concatenated."""
    z, y = keras.Input((latent_dim,)), keras.Input((attributes,))
    return keras.Model([z, y], body(layers.Concatenate()([z, y])), name="decoder")
