"""Networks for 64x64 faces, as plain functions that return Keras models.

All convolutions have stride 2 and 4x4 kernels. With even kernels and "same" padding, all backends
compute the same image in every version of Keras. With odd ones, images have differed by a pixel.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_latent.src.layers.convolutions import Conv2D, Conv2DTranspose
from keras_latent.src.models.base.blocks import dense_relu, gaussian_heads, halvings


def vbta_faces(
    event_shape: tuple[int, int, int] = (64, 64, 3),
    filters: tuple[int, int] = (32, 32),
    hidden: int = 8192,
    latent_dim: int = 64,
) -> dict[str, keras.Model]:
    """The networks of the VBTA paper for CelebA (section 5.3), as arguments of `VBTA`.

    `E_x`, `E_y`: two convolutions with ReLU, flattened. `E`: linear heads of 64, the variance
    being a softplus. `D`: a dense layer of 8,192 with ReLU, and a transposed convolution with
    ReLU. `D_x`, `D_y`: linear.

    The paper does not state filters, kernels, strides, or how a "linear mapping into 64 hidden
    units" makes an image. Chosen here: stride 2 throughout, so that the second convolution has as
    many outputs (16x16x32) as `D` has units (8,192), and the decoder mirrors the encoder. `D_x` and
    `D_y` are a transposed convolution without activation, from 32x32 to the image: a dense layer
    would have 400 million weights each. There is a ReLU between the convolutions too, since two
    linear ones would act as one.

    Args:
        event_shape: Shape of one image. Height and width must be multiples of 4.
        filters: Filters of the two convolutions of each encoder. The first number is also that of
            `D`'s transposed convolution.
        hidden: Units of `D`'s dense layer, a multiple of height / 4 times width / 4.
        latent_dim: Size of the shared latent.

    Returns:
        The six networks by the names of `VBTA`'s arguments.

    Raises:
        ValueError: If an argument does not meet these conditions.

    Example:

    >>> from keras_latent.src.models.vbta import face_networks
    >>> parts = face_networks.vbta_faces((16, 16, 3), filters=(4, 8), hidden=64, latent_dim=5)
    >>> parts["shared_decoder"].output_shape, parts["target_decoder"].output_shape
    ((None, 8, 8, 4), (None, 16, 16, 3))

    Source: Kuznetsova and Bakhteev, "Variational Bi-domain Triplet Autoencoder" (2018), 5.3.
    """
    shape, filters = check_sizes(event_shape, filters, hidden)
    features = shape[0] // 4 * (shape[1] // 4) * filters[1]
    networks = {
        "shared_encoder": gaussian_heads(features, latent_dim, "shared_encoder"),
        "shared_decoder": dense_decoder(shape, filters[0], hidden, latent_dim, "shared_decoder"),
    }
    for domain in ("source", "target"):
        encoder, decoder = f"{domain}_encoder", f"{domain}_decoder"
        networks[encoder] = conv_encoder(shape, filters, encoder)
        networks[decoder] = linear_image(shape, filters[0], decoder)
    return networks


def vae_faces(
    event_shape: tuple[int, int, int] = (64, 64, 3),
    filters: tuple[int, int] = (32, 32),
    hidden: int = 8192,
    latent_dim: int = 64,
) -> dict[str, keras.Model]:
    """The networks of `vbta_faces` for one domain, as arguments of `VAE`.

    Args:
        event_shape: As in `vbta_faces`, and so all others.
        filters: Filters of the two convolutions.
        hidden: Units of the dense layer.
        latent_dim: Size of the latent.

    Returns:
        `"encoder"` and `"decoder"`.

    Raises:
        ValueError: As `vbta_faces`.

    Example:

    >>> from keras_latent.src.models.vbta import face_networks
    >>> parts = face_networks.vae_faces((16, 16, 3), filters=(4, 8), hidden=64, latent_dim=5)
    >>> parts["encoder"].output_shape, parts["decoder"].output_shape
    ([(None, 5), (None, 5)], (None, 16, 16, 3))
    """
    shape, filters = check_sizes(event_shape, filters, hidden)
    x, z = keras.Input(shape), keras.Input((latent_dim,))
    features = conv_encoder(shape, filters, "features")(x)
    heads = gaussian_heads(features.shape[-1], latent_dim, "heads")
    image = dense_decoder(shape, filters[0], hidden, latent_dim, "hidden")(z)
    return {
        "encoder": keras.Model(x, heads(features), name="encoder"),
        "decoder": keras.Model(z, linear_image(shape, filters[0], "output")(image), name="decoder"),
    }


def vbta_faces_apart(
    event_shape: tuple[int, int, int] = (64, 64, 3),
    width: int = 16,
    latent_dim: int = 128,
    target_shape: tuple[int, int, int] | None = None,
) -> dict[str, keras.Model]:
    """Networks with one encoder and a deep decoder per domain, as arguments of `VBTA`.

    Not from the paper. `E_x` and `E_y` are the same network, unless the shapes of the images
    differ: convolutions with ReLU, one for each halving of the image. `E`: linear heads. `D`: a
    dense layer with ReLU. `D_x`, `D_y`: a dense layer and as many transposed convolutions, the last
    one linear. Filters are 1, 2, 4, 4, ... times `width`.

    In the paper's networks, only one linear layer of local filters after `D` distinguishes women
    from men. And with an encoder per domain, each domain encodes pose, light and background in
    dimensions that the other domain's decoder has not been trained on. Here, one encoder serves
    both domains, and each decoder renders faces of one domain only.

    Args:
        event_shape: Shape of one image of the source. 64x64 is halved to 4x4, 28x28 to 7x7.
        width: Filters of the first convolution.
        latent_dim: Size of the shared latent.
        target_shape: Shape of one image of the target. Default: `event_shape`.

    Returns:
        The six networks by the names of `VBTA`'s arguments.

    Raises:
        ValueError: If an image cannot be halved, or the smallest features of the domains differ.

    Example:

    >>> from keras_latent.src.models.vbta import face_networks
    >>> parts = face_networks.vbta_faces_apart((16, 16, 3), width=2, latent_dim=5)
    >>> parts["shared_decoder"].output_shape, parts["target_decoder"].output_shape
    ((None, 16), (None, 16, 16, 3))
    """
    shapes = {"source": tuple(event_shape), "target": tuple(target_shape or event_shape)}
    networks, encoders, features = {}, {}, {}
    for domain, shape in shapes.items():
        filters = filters_of(shape, width)
        scale = 2 ** len(filters)
        smallest = (shape[0] // scale, shape[1] // scale, filters[-1])
        features[domain] = math.prod(smallest)
        if shape not in encoders:
            encoders[shape] = conv_encoder(shape, filters, f"{domain}_encoder")
        networks[f"{domain}_encoder"] = encoders[shape]
        decoder = keras.Sequential([keras.Input((8 * width,))], name=f"{domain}_decoder")
        decoder.add(layers.Dense(features[domain], activation="relu"))
        decoder.add(layers.Reshape(smallest))
        for number in reversed(filters[:-1]):
            decoder.add(Conv2DTranspose(number, 4, 2, "same", activation="relu"))
        decoder.add(Conv2DTranspose(shape[2], 4, 2, "same"))
        networks[decoder.name] = decoder
    if features["source"] != features["target"]:
        raise ValueError(
            "`event_shape` and `target_shape` must be halved to one size. Received: "
            f"event_shape={shapes['source']}, target_shape={shapes['target']}"
        )
    return networks | {
        "shared_encoder": gaussian_heads(features["source"], latent_dim, "shared_encoder"),
        "shared_decoder": dense_relu(latent_dim, 8 * width, "shared_decoder"),
    }


def filters_of(shape: tuple, width: int) -> list[int]:
    """Filters of the convolutions of `vbta_faces_apart`, one for each halving of an image."""
    return [width * 2 ** min(i, 2) for i in range(halvings(shape))]


def conv_encoder(shape: tuple, filters: Sequence[int], name: str) -> keras.Sequential:
    """Strided convolutions with ReLU: images to features, flattened."""
    model = keras.Sequential([keras.Input(shape)], name=name)
    for number in filters:
        model.add(Conv2D(number, 4, 2, "same", activation="relu"))
    model.add(layers.Flatten())
    return model


def dense_decoder(
    shape: tuple, filters: int, hidden: int, latent_dim: int, name: str
) -> keras.Sequential:
    """A dense layer and a transposed convolution: latents to features of half the image size."""
    height, width = shape[0] // 4, shape[1] // 4
    return keras.Sequential(
        [
            keras.Input((latent_dim,)),
            layers.Dense(hidden, activation="relu"),
            layers.Reshape((height, width, hidden // (height * width))),
            Conv2DTranspose(filters, 4, 2, "same", activation="relu"),
        ],
        name=name,
    )


def linear_image(shape: tuple, filters: int, name: str) -> keras.Sequential:
    """A transposed convolution without activation: features of half the size to means."""
    return keras.Sequential(
        [
            keras.Input((shape[0] // 2, shape[1] // 2, filters)),
            Conv2DTranspose(shape[2], 4, 2, "same"),
        ],
        name=name,
    )


def check_sizes(event_shape: Any, filters: Any, hidden: int) -> tuple[tuple, tuple]:
    """`event_shape` and `filters` as tuples, if the networks can be built."""
    shape, filters = tuple(event_shape), tuple(filters)
    if len(shape) != 3 or shape[0] % 4 or shape[1] % 4 or min(shape) < 1:
        raise ValueError(
            "`event_shape` must be (height, width, channels), height and width multiples of 4. "
            f"Received: event_shape={event_shape}"
        )
    if len(filters) != 2 or min(filters) < 1:
        raise ValueError(
            "`filters` must be two positive numbers, one per convolution. "
            f"Received: filters={filters}"
        )
    pixels = shape[0] // 4 * (shape[1] // 4)
    if hidden < 1 or hidden % pixels:
        raise ValueError(
            f"`hidden` must be a multiple of {pixels}, the number of pixels at a quarter of the "
            f"height and width of {shape[:2]}. Received: hidden={hidden}"
        )
    return shape, filters
