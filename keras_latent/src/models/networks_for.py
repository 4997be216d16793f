"""Networks of every method for images of any size, by one rule."""

from collections.abc import Callable
from typing import Any

import keras

from keras_latent.src.models.cogan.networks import cogan_images
from keras_latent.src.models.cvae.networks import cvae
from keras_latent.src.models.cyclegan.networks import cyclegan_images
from keras_latent.src.models.dual_vae.networks import dual_vae
from keras_latent.src.models.fader_network.networks import fader
from keras_latent.src.models.jmvae.networks import jmvae_images
from keras_latent.src.models.lstnet.networks import lstnet_images
from keras_latent.src.models.pix2pix.networks import pix2pix_images
from keras_latent.src.models.star_gan.networks import star_gan
from keras_latent.src.models.unit.networks import unit_images
from keras_latent.src.models.vbta.face_networks import vbta_faces_apart
from keras_latent.src.utils import checks

#: Methods of one domain and of two, and of one with attributes.
ONE_DOMAIN = ("VAE", "TVAE", "DualVAE")
#: Those of two domains with the networks of LSTNet, whose latents are maps, or that have none.
OF_MAPS: dict[str, Callable[..., dict[str, keras.Model]]] = {
    "LSTNet": lstnet_images,
    "UNIT": unit_images,
    "CycleGAN": cyclegan_images,
    "Pix2Pix": pix2pix_images,
}
TWO_DOMAINS = ("VBTA", "JMVAE", "CoGAN", *OF_MAPS)
WITH_ATTRIBUTES: dict[str, Callable[..., dict[str, keras.Model]]] = {
    "CVAE": cvae,
    "FaderNetwork": fader,
    "StarGAN": lambda shape, attributes, latent_dim, width: star_gan(shape, attributes, width),
}
METHODS = (*ONE_DOMAIN, *TWO_DOMAINS, *WITH_ATTRIBUTES)


def networks_for(
    model: str | type[keras.Model],
    source_shape: tuple[int, int, int],
    target_shape: tuple[int, int, int] | None = None,
    *,
    width: int = 16,
    latent_dim: int = 128,
    attributes: int | None = None,
) -> dict[str, keras.Model]:
    """Networks for images of your size, as arguments of a model. `keras-latent train` uses them.

    The rule: encoders halve the image with 4x4 convolutions of stride 2 until a side is below 8
    pixels (`LSTNet` and methods with its networks: below 14, but at least once), and decoders
    mirror them. The filters start at `width` and double with each halving, up to 8 times `width`
    (`VBTA`, `JMVAE`: 4 times). So sides must be numbers such as 28, 32, 48, 64, 96 or 128. For a
    source of 28x28 and a target of 16x16, `LSTNet` and those methods have the networks of its
    paper. `VBTA` has one encoder for both domains if their images have one shape. `JMVAE` has such
    networks per domain, and an encoder of both images. Everything else is as in the method's
    presets. `UNIT` and `CoGAN` have networks like those of `LSTNet`. Generators of `CycleGAN` and
    `Pix2Pix` are an encoder and a decoder of `LSTNet`, none of them shared. That of `StarGAN`
    halves the image at most twice, as in its paper.

    Args:
        model: The class, or its name: `"VBTA"`, `"LSTNet"`, `"VAE"`, `"TVAE"`, `"DualVAE"`,
            `"CVAE"`, `"FaderNetwork"`, `"StarGAN"`, `"JMVAE"`, `"UNIT"`, `"CoGAN"`, `"CycleGAN"` or
            `"Pix2Pix"`.
        source_shape: Height, width and channels of the images, or of those of the source.
        target_shape: For methods of two domains, those of the target. Default: `source_shape`.
        width: Filters of the first convolution. The time of a step grows with its square.
        latent_dim: Size of the latents. `LSTNet` and `UNIT` have `2 * width` maps instead,
            `CycleGAN`, `Pix2Pix` and `StarGAN` have none.
        attributes: Number of attributes, for `CVAE`, `FaderNetwork` and `StarGAN`, whose networks
            take them.

    Returns:
        Keras models by the names of the class's arguments.

    Raises:
        ValueError: If the model is none of these, an argument does not belong to it, or images of
            this size cannot be halved as described.

    Example:

    >>> from keras_latent import models
    >>> parts = models.networks_for("LSTNet", (32, 32, 3), (32, 32, 1), width=4)
    >>> model = models.LSTNet(**parts)
    >>> model.event_shapes, model.latent_shape
    ({'source': (32, 32, 3), 'target': (32, 32, 1)}, (8, 8, 8))
    """
    name = checks.choice("model", getattr(model, "__name__", model), METHODS)
    checks.integer("width", width)
    checks.integer("latent_dim", latent_dim)
    if target_shape is not None and name not in TWO_DOMAINS:
        raise ValueError(
            f"`target_shape` is for methods of two domains, {list(TWO_DOMAINS)}. "
            f"Received: model={name!r}, target_shape={target_shape}"
        )
    if (attributes is not None) != (name in WITH_ATTRIBUTES):
        raise ValueError(
            f"`attributes` must be given for {list(WITH_ATTRIBUTES)}, and for no other method. "
            f"Received: model={name!r}, attributes={attributes}"
        )
    shape: Any = tuple(source_shape)
    if name in OF_MAPS:
        return OF_MAPS[name](shape, target_shape, width)
    if name == "CoGAN":
        return cogan_images(shape, target_shape, width, latent_dim)
    if name == "JMVAE":
        return jmvae_images(shape, target_shape, width, latent_dim)
    if name == "VBTA":
        return vbta_faces_apart(shape, width, latent_dim, target_shape)
    if name in WITH_ATTRIBUTES:
        count = checks.integer("attributes", attributes)
        return WITH_ATTRIBUTES[name](shape, count, latent_dim, width)
    return dual_vae(shape, latent_dim, width)
