"""The networks of the latent domain transfer paper, as plain functions."""

import math
from typing import Any

import keras
from keras import layers

from keras_latent.layers import GatedMixingLayer

# Registered with Keras on `import keras_latent`, so that files with these networks load.
from keras_latent.src.ops.gaussian import log_var_of_softplus


def deep_vae_mlp(
    event_shape: tuple[int, ...],
    hidden: int = 1024,
    depth: int = 3,
    latent_dim: int = 100,
    output: str = "sigmoid",
) -> dict[str, Any]:
    """The base VAE of the paper (after Engel et al., 2018), as arguments of `VAE`.

    `depth` ReLU layers each way, a softplus standard deviation, and
    `p(x|z) = N(sigmoid(logits), 0.1^2)`. `output` replaces the sigmoid.
    """
    x = keras.Input(event_shape)
    h = _relu_layers(layers.Flatten()(x), depth, hidden)
    z_mean = layers.Dense(latent_dim, name="z_mean")(h)
    z_log_var = layers.Dense(latent_dim, activation=log_var_of_softplus, name="z_log_var")(h)
    encoder = keras.Model(x, (z_mean, z_log_var), name="encoder")
    z = keras.Input((latent_dim,))
    h = _relu_layers(z, depth, hidden)
    pixels = layers.Dense(math.prod(event_shape), activation=output)(h)
    decoder = keras.Model(z, layers.Reshape(event_shape)(pixels), name="decoder")
    return {"encoder": encoder, "decoder": decoder, "observation_variance": 0.01}


def components_vae_mlp(
    event_shape: tuple[int, ...],
    components: int = 300,
    hidden: int = 512,
    depth: int = 2,
    latent_dim: int = 16,
) -> dict[str, keras.Model]:
    """A VAE of principal components, as arguments of `VAE`.

    The layers "components" and "pixels" are linear, and lead to the components and back. Between
    them are the networks of `deep_vae_mlp`, as the layers "encoder" and "decoder".
    """
    inner = deep_vae_mlp((components,), hidden, depth, latent_dim, output="linear")
    x = keras.Input(event_shape)
    numbers = layers.Dense(components, name="components")(layers.Flatten()(x))
    encoder = keras.Model(x, inner["encoder"](numbers), name="components_encoder")
    z = keras.Input((latent_dim,))
    pixels = layers.Dense(math.prod(event_shape), name="pixels")(inner["decoder"](z))
    decoder = keras.Model(z, layers.Reshape(event_shape)(pixels), name="components_decoder")
    return {"encoder": encoder, "decoder": decoder}


def bridging_mlp(
    latent_dim: int = 100,
    num_domains: int = 2,
    shared_dim: int = 8,
    hidden: int = 512,
    depth: int = 4,
) -> dict[str, keras.Model]:
    """The networks of the bridge (appendix B), as arguments of `BridgingVAE`.

    Both take two tensors, latents and the one-hot domain. `depth` ReLU layers are applied to their
    concatenation, and gated mixing layers mix the result with it: one for the mean and one for the
    standard deviation (softplus) of `q(z'|z, D)`, and one for the mean of `p(z|z', D)`.

    Args:
        latent_dim: Size of the (largest) base latent.
        num_domains: Length of the one-hot domain.
        shared_dim: Size of the shared latent z'.
        hidden: Width of the ReLU layers.
        depth: Number of ReLU layers in the encoder, and in the decoder.
    """
    z, domain = keras.Input((latent_dim,), name="z"), keras.Input((num_domains,), name="domain")
    skip = layers.Concatenate()([z, domain])
    h = _relu_layers(skip, depth, hidden)
    mean = GatedMixingLayer(shared_dim, name="mean")(h, skip)
    raw = GatedMixingLayer(shared_dim, name="std")(h, skip)
    log_var = layers.Activation(log_var_of_softplus, name="log_var")(raw)
    encoder = keras.Model((z, domain), (mean, log_var), name="bridging_encoder")

    shared = keras.Input((shared_dim,), name="shared")
    domain = keras.Input((num_domains,), name="domain")
    skip = layers.Concatenate()([shared, domain])
    h = _relu_layers(skip, depth, hidden)
    out = GatedMixingLayer(latent_dim, name="output")(h, skip)
    decoder = keras.Model((shared, domain), out, name="bridging_decoder")
    return {"encoder": encoder, "decoder": decoder}


def _relu_layers(x: Any, depth: int, hidden: int) -> Any:
    for _ in range(depth):
        x = layers.Dense(hidden, activation="relu")(x)
    return x
