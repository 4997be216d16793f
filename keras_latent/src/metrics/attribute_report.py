"""How well a classifier predicts each attribute."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_latent.src.metrics.classifiers.attribute_batches import checked_attributes
from keras_latent.src.metrics.classifiers.augmentation import as_float
from keras_latent.src.metrics.network_inputs import network_input
from keras_latent.src.models.base import networks
from keras_latent.src.utils import checks
from keras_latent.src.utils.step_limit import without_step_limit

ROWS_AT_A_TIME = 1024


def attribute_report(
    classifier: keras.Model,
    images: np.ndarray,
    attributes: np.ndarray,
    names: Sequence[str],
    batch_size: int = 64,
) -> dict[str, dict[str, float | None]]:
    """How well a classifier predicts each attribute. Labels of -1 are ignored.

    Args:
        classifier: Built Keras model from images in [0, 1] to probabilities `(batch, n)`.
        images: `(rows, height, width, channels)`; uint8, or floats in [0, 1].
        attributes: `(rows, n)`: 1, 0, or -1 for missing.
        names: Names of the n attributes.
        batch_size: Number of images per step.

    Returns:
        For each name, a dict: `"accuracy"` at a threshold of 1/2; `"auc"`, the area under the ROC
        curve, `None` if all labels are equal; and `"share"`, the share of labels that are 1. All
        are `None` if no label is known.

    Raises:
        ValueError: If shapes do not match, names repeat, or the classifier does not return
            probabilities.
    """
    networks.built("classifier", classifier)
    images, attributes = checked_attributes("images", images, "attributes", attributes)
    network_input("images", as_float(images[:1]), classifier)
    letters = isinstance(names, str)  # text is a sequence of names of one letter
    names = checks.names("names", tuple(names) if letters else names, attributes.shape[1])
    batch_size = checks.integer("batch_size", batch_size)
    with without_step_limit():
        scores = np.concatenate(
            [
                classifier.predict(as_float(images[first : first + ROWS_AT_A_TIME]), batch_size, 0)
                for first in range(0, len(images), ROWS_AT_A_TIME)
            ]
        )
    if scores.shape != attributes.shape or not (scores.min() >= 0 and scores.max() <= 1):
        raise ValueError(
            "`classifier` must return a probability per attribute, (batch, "
            f"{attributes.shape[1]}), in [0, 1]. Received: shape={scores.shape}, from "
            f"{scores.min():g} to {scores.max():g}"
        )
    return {
        name: _report(column[column >= 0], score[column >= 0])
        for name, column, score in zip(names, attributes.T, scores.T, strict=True)
    }


def _report(labels, scores):
    if not len(labels):
        return {"accuracy": None, "auc": None, "share": None}
    return {
        "accuracy": float(np.mean((scores > 0.5) == labels)),
        "auc": area_under_curve(labels, scores),
        "share": float(np.mean(labels)),
    }


def area_under_curve(labels: np.ndarray, scores: np.ndarray) -> float | None:
    """The probability that a 1 scores higher than a 0; ties count half. `None` with one class.

    Computed from the sum of the ranks of the ones, with mean ranks for ties (Mann and Whitney).
    """
    ones = int(np.sum(labels))
    zeros = len(labels) - ones
    if not ones or not zeros:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    total = ranks[place][np.asarray(labels, bool)].sum()
    return float((total - ones * (ones + 1) / 2) / (ones * zeros))
