"""Networks of the evaluation classifiers: convolutional blocks, a small network, Inception-v3."""

import contextlib
import random
from collections.abc import Iterator

import keras
from keras import layers

from keras_latent.src.layers.convolutions import Conv2D
from keras_latent.src.utils.types import Tensor

INCEPTION_SIZE = 299  # pixels per side, as in its training on ImageNet


class WeightsUnavailable(RuntimeError):
    """Keras could not download pretrained weights."""


def conv_block(
    filters: int, strides: int, initializer: keras.initializers.Initializer
) -> list[keras.layers.Layer]:
    """A 3x3 convolution, batch normalization and ReLU."""
    convolution = Conv2D(
        filters,
        3,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer=initializer,
    )
    return [convolution, layers.BatchNormalization(momentum=0.9), layers.ReLU()]


def apply_layers(x: Tensor, blocks: list[keras.layers.Layer]) -> Tensor:
    """The output of a list of layers."""
    for layer in blocks:
        x = layer(x)
    return x


def build_attribute_logits(
    image_shape: tuple[int, int, int], outputs: int, start: str = "small", seed: int = 0
) -> keras.Model:
    """The untrained network of `attribute_classifier`: images in [0, 1] to logits.

    `start` is `"small"`, `"inception_imagenet"` or `"inception_random"`, and part of the model's
    name. Raises `WeightsUnavailable` if the ImageNet weights cannot be downloaded.
    """
    inputs = keras.Input(tuple(image_shape))
    x = _small(inputs, seed) if start == "small" else _inception(inputs, start, seed)
    logits = layers.Dense(
        outputs,
        kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
        dtype="float32",
        name="logits",
    )(layers.Dropout(0.4, seed=seed)(x))
    return keras.Model(inputs, logits, name=f"attribute_classifier_{start}")


def _small(x: Tensor, seed: int) -> Tensor:
    """Four convolutions of stride 2: about 220,000 parameters, and 3,072 features for 64x64."""
    initializer = keras.initializers.HeNormal(seed=seed)
    for filters in (24, 48, 96, 192):
        x = apply_layers(x, conv_block(filters, 2, initializer))
    # Positions within a face are informative, so features are not averaged over space.
    return layers.Flatten()(x)


def _inception(x: Tensor, start: str, seed: int) -> Tensor:
    """Inception-v3 without its last layer, for images in [0, 1] of any size."""
    weights = "imagenet" if start == "inception_imagenet" else None
    try:
        with _default_seeds_from(seed):
            network = keras.applications.InceptionV3(
                include_top=False,
                pooling="avg",
                input_shape=(INCEPTION_SIZE, INCEPTION_SIZE, 3),
                weights=weights,
            )
    except Exception as error:  # Keras's download raises a plain `Exception`
        if weights is None:
            raise
        raise WeightsUnavailable(str(error)) from error
    x = layers.Concatenate()([x] * 3) if x.shape[-1] == 1 else x
    x = layers.Resizing(INCEPTION_SIZE, INCEPTION_SIZE)(x)
    return network(layers.Rescaling(2.0, offset=-1.0)(x))  # Inception expects [-1, 1]


@contextlib.contextmanager
def _default_seeds_from(seed: int) -> Iterator[None]:
    """Make Keras's initializers without a seed deterministic; they draw one from `random`."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
