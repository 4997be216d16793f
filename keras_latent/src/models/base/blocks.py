"""Small networks that several methods are built from."""

import math

import keras
from keras import layers

from keras_latent.ops import log_softplus


def mlp_encoder(event_shape: tuple[int, ...], hidden: int, name: str) -> keras.Model:
    """One ReLU layer: `(batch, *event_shape)` to features `(batch, hidden)`."""
    return keras.Sequential(
        [
            keras.Input(event_shape),
            layers.Flatten(),
            layers.Dense(hidden, activation="relu"),
        ],
        name=name,
    )


def gaussian_heads(features: int, latent_dim: int, name: str) -> keras.Model:
    """Linear heads: features to `(z_mean, z_log_var)`. The variance is a softplus."""
    h = keras.Input((features,))
    z_mean = layers.Dense(latent_dim, name="z_mean")(h)
    z_log_var = layers.Dense(latent_dim, activation=log_softplus, name="z_log_var")(h)
    return keras.Model(h, (z_mean, z_log_var), name=name)


def dense_relu(inputs: int, hidden: int, name: str) -> keras.Model:
    """One ReLU layer: `(batch, inputs)` to features `(batch, hidden)`."""
    return keras.Sequential(
        [keras.Input((inputs,)), layers.Dense(hidden, activation="relu")], name=name
    )


def linear_decoder(features: int, event_shape: tuple[int, ...], name: str) -> keras.Model:
    """One linear layer: features to `(batch, *event_shape)`, means or logits."""
    return keras.Sequential(
        [
            keras.Input((features,)),
            layers.Dense(math.prod(event_shape)),
            layers.Reshape(event_shape),
        ],
        name=name,
    )


def halvings(event_shape: tuple[int, ...], down_to: int = 8) -> int:
    """How often strided convolutions halve an image: until a side is below `down_to` pixels.

    64x64 becomes 4x4, 28x28 becomes 7x7, and 96x64 becomes 6x4.

    Raises:
        ValueError: If the sides cannot be halved that often, or the image is too small.
    """
    image = len(event_shape) == 3 and all(isinstance(n, int) and n > 0 for n in event_shape)
    sides, count = tuple(event_shape[:2]), 0
    while image and min(sides) >= down_to and not (sides[0] % 2 or sides[1] % 2):
        sides, count = (sides[0] // 2, sides[1] // 2), count + 1
    if not count or min(sides) >= down_to:
        raise ValueError(
            "`event_shape` must be (height, width, channels), of a height and width that can be "
            f"halved until one is below {down_to} pixels, such as 28, 32, 48, 64, 96 or 128. "
            f"Received: event_shape={event_shape}"
        )
    return count
