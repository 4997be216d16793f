"""How the applications score translations: classifiers of real images, in float32."""

import contextlib
from collections.abc import Iterator

import keras
import numpy as np

from keras_latent import metrics


@contextlib.contextmanager
def float32() -> Iterator[None]:
    """The judge is the same whatever the precision of the judged."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def floats(images: np.ndarray) -> np.ndarray:
    """uint8 images as floats in [0, 1]; floats as they are."""
    return images / np.float32(255) if images.dtype == np.uint8 else images


def accuracy(
    classifier: keras.Model, labels: np.ndarray, images: np.ndarray, batch_size: int = 500
) -> float:
    """Share of the images in which the classifier sees the label."""
    metric = metrics.TransferAccuracy(classifier)
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        metric.update_state(labels[rows], images[rows])
    return round(float(metric.result()), 6)
