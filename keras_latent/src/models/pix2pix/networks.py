"""The networks of Pix2Pix: generators of LSTNet's parts, discriminators of pairs of images."""

import keras
from keras import layers

from keras_latent.src.models.cyclegan.networks import Networks, apart, mlp_generator
from keras_latent.src.models.lstnet.networks import discriminator_of_images, lstnet_images
from keras_latent.src.utils.domains import OTHER


def pix2pix_images(
    source_shape: tuple[int, int, int],
    target_shape: tuple[int, int, int] | None = None,
    width: int = 16,
) -> Networks:
    """Networks for images of two sizes, as arguments of `Pix2Pix`.

    A discriminator is LSTNet's, of images to which the channels of the other domain's are added,
    resized if they differ in size.

    Args:
        source_shape: Height, width and channels of the source's images.
        target_shape: Those of the target's. Default: `source_shape`.
        width: Filters of the first layer.

    Raises:
        ValueError: As `lstnet_images`.
    """
    shapes = {"source": tuple(source_shape), "target": tuple(target_shape or source_shape)}
    networks = apart(lstnet_images(source_shape, target_shape, width))
    for d, shape in shapes.items():
        name = f"{d}_discriminator"
        given, made = keras.Input(shapes[OTHER[d]]), keras.Input(shape)
        same_size = given.shape[1:3] == made.shape[1:3]
        resized = given if same_size else layers.Resizing(*shape[:2])(given)
        both = layers.Concatenate()([resized, made])
        judge = discriminator_of_images(both.shape[1:], width, f"{name}_of_both")
        networks[name] = keras.Model([given, made], judge(both), name=name)
    return networks


def pix2pix_mlp(
    source_shape: tuple[int, ...], target_shape: tuple[int, ...] | None = None, hidden: int = 64
) -> Networks:
    """Networks with one hidden layer, for small images, as arguments of `Pix2Pix`."""
    shapes = {"source": tuple(source_shape), "target": tuple(target_shape or source_shape)}
    networks = {}
    for d, shape in shapes.items():
        name, given = f"{d}_generator", shapes[OTHER[d]]
        networks[name] = mlp_generator(given, shape, hidden, name)
        pair = [keras.Input(given), keras.Input(shape)]
        h = layers.Concatenate()([layers.Flatten()(images) for images in pair])
        h = layers.LeakyReLU(0.3)(layers.Dense(hidden)(h))
        name = f"{d}_discriminator"
        networks[name] = keras.Model(pair, layers.Dense(1)(h), name=name)
    return networks
