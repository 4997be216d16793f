"""The networks of the papers, as plain functions that return Keras models."""

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
    """Linear heads: features to `(z_mean, z_log_var)`, the variance being a softplus."""
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


def vbta_mlp(
    event_shape: tuple[int, ...], hidden: int = 512, latent_dim: int = 64
) -> dict[str, keras.Model]:
    """The networks of the VBTA paper for MNIST (section 5.3), as arguments of `VBTA`.

    `E_x`, `E_y` and `D` have one ReLU layer each; `E`, `D_x` and `D_y` are linear.
    """
    networks = {
        "shared_encoder": gaussian_heads(hidden, latent_dim, "shared_encoder"),
        "shared_decoder": dense_relu(latent_dim, hidden, "shared_decoder"),
    }
    for domain in ("source", "target"):
        encoder, decoder = f"{domain}_encoder", f"{domain}_decoder"
        networks[encoder] = mlp_encoder(event_shape, hidden, encoder)
        networks[decoder] = linear_decoder(hidden, event_shape, decoder)
    return networks


def vae_mlp(
    event_shape: tuple[int, ...], hidden: int = 512, latent_dim: int = 64
) -> dict[str, keras.Model]:
    """The same networks for one domain, as arguments of `VAE`."""
    x = keras.Input(event_shape)
    features = mlp_encoder(event_shape, hidden, "features")(x)
    encoder = keras.Model(x, gaussian_heads(hidden, latent_dim, "heads")(features), name="encoder")
    z = keras.Input((latent_dim,))
    features = dense_relu(latent_dim, hidden, "hidden")(z)
    decoder = keras.Model(
        z, linear_decoder(hidden, event_shape, "output")(features), name="decoder"
    )
    return {"encoder": encoder, "decoder": decoder}


def vae_conv_mlp(
    event_shape: tuple[int, int, int], hidden: int = 400, latent_dim: int = 20
) -> dict[str, keras.Model]:
    """`vae_mlp` with an encoder of four 3x3 convolutions, every other one of stride 2."""
    x = keras.Input(event_shape)
    features = x
    for filters, strides in ((32, 2), (64, 1), (64, 2), (64, 1)):
        features = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(features)
        features = layers.BatchNormalization(momentum=0.9)(features)
        features = layers.ReLU()(features)
    features = layers.Dropout(0.4)(layers.Flatten()(features))
    heads = gaussian_heads(features.shape[-1], latent_dim, "heads")
    encoder = keras.Model(x, heads(features), name="encoder")
    return vae_mlp(event_shape, hidden, latent_dim) | {"encoder": encoder}
