"""Networks of the models of attributes, as plain functions.

The DualVAE paper does not state its networks; these are the usual ones of a DCGAN's shape.
"""

from typing import Any

import keras
from keras import layers

from keras_latent.models import networks

DEPTH = 4  # convolutions of stride 2: 64x64 becomes 4x4


def conv_features(event_shape: tuple[int, int, int], width: int) -> keras.Model:
    """Four 4x4 convolutions of stride 2, with batch normalisation: images to flat features."""
    model = keras.Sequential([keras.Input(event_shape)], name="features")
    for i in range(DEPTH):
        model.add(layers.Conv2D(width * 2**i, 4, 2, "same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.LeakyReLU(0.2))
    model.add(layers.Flatten())
    return model


def conv_decoder(inputs: int, event_shape: tuple[int, int, int], width: int) -> keras.Model:
    """A dense layer and four 4x4 transposed convolutions: `inputs` numbers to means in [0, 1].

    Raises:
        ValueError: If height or width is no multiple of 16.
    """
    height, side, channels = event_shape
    if height % 2**DEPTH or side % 2**DEPTH:
        raise ValueError(
            f"`event_shape` must have height and width that {2**DEPTH} divides. "
            f"Received: event_shape={event_shape}"
        )
    smallest = (height // 2**DEPTH, side // 2**DEPTH, width * 2 ** (DEPTH - 1))
    model = keras.Sequential([keras.Input((inputs,))], name="decoder_body")
    model.add(layers.Dense(smallest[0] * smallest[1] * smallest[2], use_bias=False))
    model.add(layers.Reshape(smallest))
    for i in reversed(range(DEPTH)):
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.ReLU())
        if i:
            model.add(layers.Conv2DTranspose(width * 2 ** (i - 1), 4, 2, "same", use_bias=False))
    model.add(layers.Conv2DTranspose(channels, 4, 2, "same"))
    model.add(layers.Activation("sigmoid", dtype="float32"))
    return model


def mlp_decoder(inputs: int, event_shape: tuple[int, ...], hidden: int) -> keras.Model:
    """One ReLU layer and a linear one: `inputs` numbers to means."""
    x = keras.Input((inputs,))
    features = networks.dense_relu(inputs, hidden, "hidden")(x)
    output = networks.linear_decoder(hidden, event_shape, "output")(features)
    return keras.Model(x, output, name="decoder_body")


def _bodies(event_shape, latent_dim, attributes, width, hidden):
    """Features of images, and a decoder of latents and attributes, convolutional or dense."""
    if width:
        features = conv_features(event_shape, width)
        return features, conv_decoder(latent_dim + attributes, event_shape, width)
    features = networks.mlp_encoder(event_shape, hidden, "features")
    return features, mlp_decoder(latent_dim + attributes, event_shape, hidden)


def dual_vae(
    event_shape: tuple[int, ...],
    latent_dim: int = 128,
    width: int | None = 32,
    hidden: int | None = None,
) -> dict[str, keras.Model]:
    """Encoder and decoder for `VAE` and `DualVAE`.

    Args:
        event_shape: Shape of an image.
        latent_dim: Size of the latent.
        width: Filters of the first convolution; `None`: one dense layer instead.
        hidden: Width of that dense layer.
    """
    features, body = _bodies(event_shape, latent_dim, 0, width, hidden)
    x = keras.Input(event_shape)
    heads = networks.gaussian_heads(features.output_shape[-1], latent_dim, "heads")
    encoder = keras.Model(x, heads(features(x)), name="encoder")
    z = keras.Input((latent_dim,))
    return {"encoder": encoder, "decoder": keras.Model(z, body(z), name="decoder")}


def cvae(
    event_shape: tuple[int, ...],
    attributes: int,
    latent_dim: int = 128,
    width: int | None = 32,
    hidden: int | None = None,
) -> dict[str, keras.Model]:
    """The same networks for `CVAE`: attributes join the features, and the latent."""
    features, body = _bodies(event_shape, latent_dim, attributes, width, hidden)
    x, y = keras.Input(event_shape), keras.Input((attributes,))
    h = layers.Concatenate()([features(x), y])
    heads = networks.gaussian_heads(h.shape[-1], latent_dim, "heads")
    encoder = keras.Model([x, y], heads(h), name="encoder")
    return {"encoder": encoder, "decoder": _with_attributes(body, latent_dim, attributes)}


def fader(
    event_shape: tuple[int, ...],
    attributes: int,
    latent_dim: int = 128,
    width: int | None = 32,
    hidden: int | None = None,
    discriminator: int = 512,
) -> dict[str, keras.Model]:
    """The same networks for `FaderNetwork`, and a discriminator of two layers of that width."""
    features, body = _bodies(event_shape, latent_dim, attributes, width, hidden)
    x = keras.Input(event_shape)
    encoder = keras.Model(x, layers.Dense(latent_dim)(features(x)), name="encoder")
    critic = keras.Sequential(
        [
            keras.Input((latent_dim,)),
            layers.Dense(discriminator),
            layers.LeakyReLU(0.2),
            # Seeded: else it draws from PyTorch's own stream there, which no file keeps.
            layers.Dropout(0.3, seed=0),
            layers.Dense(attributes, dtype="float32"),
        ],
        name="discriminator",
    )
    return {
        "encoder": encoder,
        "decoder": _with_attributes(body, latent_dim, attributes),
        "discriminator": critic,
    }


def _with_attributes(body: Any, latent_dim: int, attributes: int) -> keras.Model:
    z, y = keras.Input((latent_dim,)), keras.Input((attributes,))
    return keras.Model([z, y], body(layers.Concatenate()([z, y])), name="decoder")
