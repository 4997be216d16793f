"""Networks of `CoGAN`, of the blocks of LSTNet and with its numbers of filters.

As in the CoGAN paper, the two generators differ in their last layers only, and the discriminators
in their first ones. The encoders are LSTNet's, with a linear layer to latent vectors.
"""

import math
from typing import Any

import keras
from keras import layers

from keras_latent.src.models.base.blocks import halvings
from keras_latent.src.models.lstnet.networks import (
    HALVED_BELOW,
    MNIST_DISCRIMINATOR,
    MNIST_GENERATOR,
    SHARED_GENERATOR,
    SLOPE,
    Table,
    convolutions,
    discriminator,
    generator,
    is_mnist_usps,
    lstnet_conv,
    lstnet_images,
    pooled,
)
from keras_latent.src.utils.domains import DOMAINS

#: From 14x14, which both domains share, to 16x16, and back.
USPS_GENERATOR = ((2, 3, 1, "valid"), (1, 7, 1, "same"))
USPS_DISCRIMINATOR = ((1, 3, "valid", 1), (2, 3, "same", 1))


def cogan_conv(width: int = 64, channels: int = 1, latent_dim: int = 100) -> dict[str, keras.Model]:
    """Networks for 28x28 and 16x16 images.

    Args:
        width: Filters of the first layer.
        channels: Channels of the images of both domains.
        latent_dim: Size of the latents.
    """
    up: dict[str, Table] = {
        "shared": MNIST_GENERATOR[:2],
        "source": MNIST_GENERATOR[2:],
        "target": USPS_GENERATOR,
    }
    down: dict[str, Table] = {
        "shared": MNIST_DISCRIMINATOR[2:],
        "source": MNIST_DISCRIMINATOR[:2],
        "target": USPS_DISCRIMINATOR,
    }
    return _coupled(lstnet_conv(width, channels), up, down, width, latent_dim)


def cogan_images(
    source_shape: tuple[int, int, int],
    target_shape: tuple[int, int, int] | None = None,
    width: int = 16,
    latent_dim: int = 100,
    halved_below: int = HALVED_BELOW,
) -> dict[str, keras.Model]:
    """Networks for images of other sizes, by the rule of `lstnet_images`.

    Args:
        source_shape: Height, width and channels of the source's images.
        target_shape: Those of the target's. Default: `source_shape`.
        width: Filters of the first layer.
        latent_dim: Size of the latents.
        halved_below: Images are halved until a side is below this.

    Raises:
        ValueError: If the images cannot be halved that often, or are halved to two sizes.
    """
    shapes = {"source": tuple(source_shape), "target": tuple(target_shape or source_shape)}
    if is_mnist_usps(*shapes.values()):
        return cogan_conv(width, shapes["source"][2], latent_dim)
    parts = lstnet_images(source_shape, target_shape, width, halved_below)
    times = {d: halvings(s, min(halved_below, *s[:2])) for d, s in shapes.items()}
    least, most = min(times.values()), max(times.values())

    def doubled(numbers: Any, *rest: Any) -> Table:
        """A row for each number, with filters that double up to 8 times the width."""
        return tuple((min(2**i, 8), *rest) for i in numbers)

    # A larger domain is doubled more often after the shared part, and halved before it.
    up: dict[str, Table] = {
        "shared": ((8, 3, 1, "same"), *doubled(range(most, most - least + 1, -1), 4, 2, "same"))
    }
    down: dict[str, Table] = {"shared": doubled(range(most - least + 2, most + 2), 3, "same", 2)}
    for d in DOMAINS:
        up[d] = (*doubled(range(times[d] - least + 1, 0, -1), 4, 2, "same"), (1, 7, 1, "same"))
        first = range(most - times[d] + 1, most - least + 2)
        down[d] = ((1, 3, "same", 1), *doubled(first, 3, "same", 2))
    return _coupled(parts, up, down, width, latent_dim)


def _coupled(
    parts: dict[str, keras.Model],
    up: dict[str, Table],
    down: dict[str, Table],
    width: int,
    latent_dim: int,
) -> dict[str, keras.Model]:
    """Arguments of `CoGAN`: encoders of `parts`, and others by the tables of their rows."""
    encoder = parts["shared_encoder"]
    features, latent = encoder.input_shape[1:], encoder.output_shape[1:]
    first = convolutions(SHARED_GENERATOR + up["shared"], width, latent, "first", transposed=True)
    made: dict[str, Any] = {f"{d}_encoder": parts[f"{d}_encoder"] for d in DOMAINS}
    made["shared_encoder"] = keras.Sequential(
        [keras.Input(features), *encoder.layers, layers.Flatten(), layers.Dense(latent_dim)],
        name="shared_encoder",
    )
    made["shared_generator"] = keras.Sequential(
        [
            keras.Input((latent_dim,)),
            layers.Dense(math.prod(latent), use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(SLOPE),
            layers.Reshape(latent),
            *first.layers,
        ],
        name="shared_generator",
    )
    for d in DOMAINS:
        shape = made[f"{d}_encoder"].input_shape[1:]
        made[f"{d}_generator"] = generator(
            up[d], width, first.output_shape[1:], shape[-1], f"{d}_generator"
        )
        made[f"{d}_discriminator"] = pooled(down[d], width, shape, f"{d}_discriminator")
    shape = made["source_discriminator"].output_shape[1:]
    made["shared_discriminator"] = discriminator(
        down["shared"], width, shape, "shared_discriminator"
    )
    return made
