"""Networks of `JMVAE`: those of `VBTA`, and an encoder of both images."""

from typing import Any

import keras
from keras import layers

from keras_latent.src.models.base.blocks import gaussian_heads
from keras_latent.src.models.vbta.face_networks import (
    conv_encoder,
    filters_of,
    vbta_faces_apart,
)
from keras_latent.src.models.vbta.networks import vbta_mlp
from keras_latent.src.utils.domains import DOMAINS


def jmvae_mlp(
    event_shape: tuple[int, ...],
    hidden: int = 512,
    latent_dim: int = 64,
    target_shape: tuple[int, ...] | None = None,
) -> dict[str, keras.Model]:
    """`vbta_mlp` without shared parts, as arguments of `JMVAE`.

    Each network has one ReLU layer. That of the joint encoder takes the pixels of both images.
    The authors' networks for MNIST have two such layers of 512, and 64 latents.
    """
    shapes = (tuple(event_shape), tuple(target_shape or event_shape))
    images = [keras.Input(shape) for shape in shapes]
    pixels = [layers.Flatten()(x) for x in images]
    parts = [vbta_mlp(shape, hidden, latent_dim) for shape in shapes]
    return _apart(parts) | _joint(images, pixels, hidden, latent_dim)


def jmvae_images(
    source_shape: tuple[int, int, int],
    target_shape: tuple[int, int, int] | None = None,
    width: int = 16,
    latent_dim: int = 128,
) -> dict[str, keras.Model]:
    """`vbta_faces_apart` without shared parts, as arguments of `JMVAE`.

    The joint encoder has convolutions of its own for each image, and a ReLU layer of `8 * width`
    on the features of both.

    Raises:
        ValueError: If an image cannot be halved.
    """
    shapes = (source_shape, target_shape or source_shape)
    parts = [vbta_faces_apart(shape, width, latent_dim) for shape in shapes]
    images = [keras.Input(shape) for shape in shapes]
    features = [
        conv_encoder(shape, filters_of(shape, width), f"{domain}_features")(x)
        for domain, shape, x in zip(DOMAINS, shapes, images, strict=True)
    ]
    return _apart(parts) | _joint(images, features, 8 * width, latent_dim)


def _apart(parts: list[dict[str, keras.Model]]) -> dict[str, keras.Model]:
    """An encoder and a decoder per domain, each with the shared part of its own networks."""
    networks = {}
    for domain, own in zip(DOMAINS, parts, strict=True):
        x = keras.Input(own["source_encoder"].input_shape[1:])
        z = keras.Input(own["shared_decoder"].input_shape[1:])
        encoder, decoder = f"{domain}_encoder", f"{domain}_decoder"
        encoded = own["shared_encoder"](own["source_encoder"](x))
        decoded = own["source_decoder"](own["shared_decoder"](z))
        networks[encoder] = keras.Model(x, encoded, name=encoder)
        networks[decoder] = keras.Model(z, decoded, name=decoder)
    return networks


def _joint(images: Any, features: Any, hidden: int, latent_dim: int) -> dict[str, keras.Model]:
    """The joint encoder, on features of both images."""
    h = layers.Dense(hidden, activation="relu")(layers.Concatenate()(features))
    outputs = gaussian_heads(hidden, latent_dim, "heads")(h)
    return {"joint_encoder": keras.Model(images, outputs, name="joint_encoder")}
