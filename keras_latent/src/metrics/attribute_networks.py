"""Networks that tell an image's attributes: a small one, and Inception-v3."""

import contextlib
import random

import keras
from keras import layers

INCEPTION_SIZE = 299  # pixels each way, what its weights were trained on
STARTS = ("small", "inception_imagenet", "inception_random")


class WeightsUnavailable(RuntimeError):
    """Weights that Keras should have downloaded are not to be had."""


def build_attribute_logits(
    image_shape: tuple[int, int, int], outputs: int, start: str = "small", seed: int = 0
) -> keras.Model:
    """The untrained network: images in [0, 1] to logits `(batch, outputs)`.

    Args:
        image_shape: Height, width and channels, 1 or 3 for Inception.
        outputs: Number of attributes.
        start: `"small"`, `"inception_imagenet"` or `"inception_random"`; part of its name.
        seed: Seed of the initial weights and of dropout.

    Raises:
        WeightsUnavailable: If ImageNet's weights cannot be downloaded.
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


def _small(x, seed):
    """Four convolutions of stride 2: about 220,000 parameters, and 3,072 features of 64x64."""
    initializer = keras.initializers.HeNormal(seed=seed)
    for filters in (24, 48, 96, 192):
        x = layers.Conv2D(
            filters,
            3,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=initializer,
        )(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    # Where in a face something is tells much: no mean over places.
    return layers.Flatten()(x)


def _inception(x, start, seed):
    """Inception-v3 without its last layer, from images in [0, 1] of any size."""
    weights = "imagenet" if start == "inception_imagenet" else None
    try:
        with _initial_weights_from(seed):
            network = keras.applications.InceptionV3(
                include_top=False,
                pooling="avg",
                input_shape=(INCEPTION_SIZE, INCEPTION_SIZE, 3),
                weights=weights,
            )
    except Exception as error:  # what Keras's download raises is no narrower
        if weights is None:
            raise
        raise WeightsUnavailable(str(error)) from error
    x = layers.Concatenate()([x] * 3) if x.shape[-1] == 1 else x
    x = layers.Resizing(INCEPTION_SIZE, INCEPTION_SIZE)(x)
    return network(layers.Rescaling(2.0, offset=-1.0)(x))  # its preprocessing: [-1, 1]


@contextlib.contextmanager
def _initial_weights_from(seed):
    """Seeds initializers that were given no seed: they draw theirs from Python's `random`."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
