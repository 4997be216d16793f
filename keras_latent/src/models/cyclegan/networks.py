"""The networks of CycleGAN: those of LSTNet, without shared weights."""

import math

import keras
from keras import layers

from keras_latent.src.models.lstnet.networks import lstnet_conv, lstnet_images
from keras_latent.src.utils.domains import OTHER

Networks = dict[str, keras.Model]


def apart(parts: Networks) -> Networks:
    """A generator for each direction, of LSTNet's parts, and its discriminators of images.

    A translation of LSTNet passes four networks. Here they are one, so that two models of one width
    differ in their method only. The shared parts are copied, with weights of their own.

    Args:
        parts: Networks as arguments of `LSTNet`.
    """
    networks = {}
    for domain, to in OTHER.items():
        shared = [keras.models.clone_model(parts[f"shared_{k}"]) for k in ("encoder", "generator")]
        chain = [parts[f"{domain}_encoder"], *shared, parts[f"{to}_generator"]]
        name = f"{to}_generator"
        networks[name] = keras.Sequential(
            [keras.Input(chain[0].input_shape[1:]), *(layer for n in chain for layer in n.layers)],
            name=name,
        )
        networks[f"{to}_discriminator"] = parts[f"{to}_discriminator"]
    return networks


def cyclegan_conv(width: int = 64, channels: int = 1) -> Networks:
    """Networks for 28x28 and 16x16 images, as arguments of `CycleGAN`.

    Args:
        width: Filters of the first layer, as of `lstnet_conv`.
        channels: Channels of the images of both domains.
    """
    return apart(lstnet_conv(width, channels))


def cyclegan_images(
    source_shape: tuple[int, int, int],
    target_shape: tuple[int, int, int] | None = None,
    width: int = 16,
) -> Networks:
    """Networks for images of other sizes, as arguments of `CycleGAN`.

    Args:
        source_shape: Height, width and channels of the source's images.
        target_shape: Those of the target's. Default: `source_shape`.
        width: Filters of the first layer.

    Raises:
        ValueError: As `lstnet_images`.
    """
    return apart(lstnet_images(source_shape, target_shape, width))


def cyclegan_mlp(shape: tuple[int, ...], hidden: int = 64) -> Networks:
    """Networks with one hidden layer, for small images of one shape, as arguments of `CycleGAN`."""
    networks = {}
    for d in OTHER:
        networks[f"{d}_generator"] = mlp_generator(shape, shape, hidden, f"{d}_generator")
        networks[f"{d}_discriminator"] = keras.Sequential(
            [
                keras.Input(shape),
                layers.Flatten(),
                layers.Dense(hidden),
                layers.LeakyReLU(0.3),
                layers.Dense(1),
            ],
            name=f"{d}_discriminator",
        )
    return networks


def mlp_generator(
    shape: tuple[int, ...], made: tuple[int, ...], hidden: int, name: str
) -> keras.Sequential:
    """Images to images in [-1, 1] (tanh), with one hidden layer."""
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Flatten(),
            layers.Dense(hidden, activation="relu"),
            layers.Dense(math.prod(made), activation="tanh"),
            layers.Reshape(made),
        ],
        name=name,
    )
