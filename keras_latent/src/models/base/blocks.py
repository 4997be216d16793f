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
