"""What the applications evaluate with: classifiers of real images, in float32."""

import contextlib
from collections.abc import Iterator

import keras
import numpy as np

from keras_latent import datasets, metrics


@contextlib.contextmanager
def dtype_policy(name: str = "float32") -> Iterator[None]:
    """Changes the dtype policy in a block. Evaluation classifiers always use float32."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def floats(images: np.ndarray) -> np.ndarray:
    """Scales uint8 images to floats in [0, 1], and leaves floats unchanged."""
    return images / np.float32(255) if images.dtype == np.uint8 else images


def labelled(
    pair: datasets.DomainPair, domain: str, part: str = "test"
) -> tuple[np.ndarray, np.ndarray]:
    """Images (or sounds) and labels of the part "train" or "test" of a domain."""
    name = f"{domain}_{part}"
    return getattr(pair, name), getattr(pair, f"{name}_labels")


def one_per_class(pair: datasets.DomainPair, domain: str) -> np.ndarray:
    """The first test image of each class, in [0, 1]."""
    images, labels = labelled(pair, domain)
    return floats(images[np.unique(labels, return_index=True)[1]])


def accuracy(
    classifier: keras.Model, labels: np.ndarray, images: np.ndarray, batch_size: int = 500
) -> float:
    """The share of images that the classifier assigns to their labels."""
    metric = metrics.TransferAccuracy(classifier)
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        metric.update_state(labels[rows], images[rows])
    return round(float(metric.result()), 6)
