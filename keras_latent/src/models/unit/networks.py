"""The networks of `LSTNet`, without the discriminator of latents, as arguments of `UNIT`.

Methods are then compared, and not widths. Those of the UNIT paper are larger, with residual blocks.
"""

from typing import Any

import keras

from keras_latent.src.models.lstnet.networks import lstnet_conv, lstnet_images


def unit_conv(width: int = 64, channels: int = 1) -> dict[str, keras.Model]:
    """`lstnet_conv`, for 28x28 and 16x16 images."""
    return _without_latents(lstnet_conv(width, channels))


def unit_images(*arguments: Any, **options: Any) -> dict[str, keras.Model]:
    """`lstnet_images`, with the same arguments."""
    return _without_latents(lstnet_images(*arguments, **options))


def _without_latents(parts):
    return {name: network for name, network in parts.items() if name != "latent_discriminator"}
