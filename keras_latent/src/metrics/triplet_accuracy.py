"""Triplet accuracy: whether embeddings of the same class are closer than those of others."""

from typing import Any

import keras
import numpy as np

from keras_latent.src.training.inputs import check_values, one_array
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows

CHUNK = 8192


@keras.saving.register_keras_serializable(package="keras_latent")
class TripletAccuracy(keras.metrics.Metric):
    """Share of labeled triplets with zero hinge loss: `D(a, p) - D(a, n) + m <= 0`.

    The metric of table 1 of the TVAE paper, for embeddings of test data; `D` is the Euclidean
    distance. The paper does not state its margin. `margin=0` requires only that the negative is
    not closer than the positive. As in the paper, equality counts as zero loss, so embeddings that
    have collapsed to one point score 1 at margin 0, and 0 at any other margin.

    Triplets are sampled independently and with replacement. The anchor is uniform over rows whose
    class has two rows or more, the positive over the other rows of that class, and the negative
    over the rows of all other classes. Rows with label -1 (missing) are ignored. The standard
    error is at most `0.5 / sqrt(num_triplets)`.

    The rows of all batches are stored in host memory, and `result` samples triplets in NumPy, in
    float64. For a given seed, the triplets do not depend on the backend or on the batches. The
    metric therefore cannot be used in `compile`; use it on arrays and with `model.encode`.

    Args:
        margin: `m`, at least 0, in units of the embeddings.
        num_triplets: Number of triplets to sample.
        seed: Integer seed of the sampling.
        name: Name of the metric.
        dtype: Data type of `keras.metrics.Metric`. The result is a Python float.

    Call arguments, `update_state`:
        labels: Integer labels, `(rows,)`; -1 means missing.
        embeddings: Finite floats, `(rows, dim)`.

    Raises:
        ValueError: If an argument is out of range, labels are not one integer of -1 or more per
            row, or embeddings are not finite floats with the same `dim`. `result` raises if
            the labels allow no triplet.

    Example:

    >>> import numpy as np
    >>> from keras_latent import metrics
    >>> labels, embeddings = np.array([0, 0, 1, -1]), np.array([[0.0], [1.0], [1.5], [9.0]])
    >>> metrics.TripletAccuracy()(labels, embeddings) < 1.0  # row 1 is closer to row 2 than 0
    True
    >>> metrics.TripletAccuracy()(labels[:3], embeddings[:3] ** 2)
    1.0

    Reference: Ishfaq, Hoogi and Rubin (2018), section 4.
    """

    def __init__(
        self,
        margin: float = 0.0,
        num_triplets: int = 100_000,
        seed: int = 0,
        name: str = "triplet_accuracy",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.margin = checks.non_negative("margin", margin)
        self.num_triplets = checks.integer("num_triplets", num_triplets)
        self.seed = checks.integer("seed", seed, at_least=0)
        self.reset_state()

    def update_state(self, labels: Rows, embeddings: Rows) -> None:
        labels, embeddings = labeled_rows(labels, embeddings)
        if self._embeddings and embeddings.shape[1] != self._embeddings[0].shape[1]:
            raise ValueError(
                f"`embeddings` must have {self._embeddings[0].shape[1]} columns, like the earlier "
                f"batches. Received: shape={embeddings.shape}"
            )
        self._labels.append(labels)
        self._embeddings.append(embeddings)

    def reset_state(self) -> None:
        self._labels: list[np.ndarray] = []
        self._embeddings: list[np.ndarray] = []

    def result(self) -> float:
        labels = np.concatenate(self._labels) if self._labels else np.empty(0, "int64")
        triplets = sample_triplets(labels, self.num_triplets, self.seed)
        embeddings = np.concatenate(self._embeddings)
        correct = 0
        for start in range(0, self.num_triplets, CHUNK):  # limits the memory of the gathered rows
            a, p, n = (embeddings[rows[start : start + CHUNK]] for rows in triplets)
            d_positive, d_negative = (np.linalg.norm(a - other, axis=1) for other in (p, n))
            correct += int(np.count_nonzero(d_positive - d_negative + self.margin <= 0))
        return correct / self.num_triplets

    def get_config(self) -> dict[str, Any]:
        config = {"margin": self.margin, "num_triplets": self.num_triplets, "seed": self.seed}
        return {**super().get_config(), **config}


def sample_triplets(labels: np.ndarray, number: int, seed: int) -> tuple[np.ndarray, ...]:
    """Row numbers of anchors, positives and negatives, each `(number,)`."""
    _, class_of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if len(sizes) < 2 or sizes.max() < 2:
        raise ValueError(
            "Triplets need two classes or more, one of them with two rows or more. Received: "
            f"{len(labels)} labeled rows of {len(sizes)} classes"
        )
    # With rows sorted by class, positives are in the anchor's segment, negatives outside of it.
    order = np.argsort(class_of, kind="stable")
    place = np.argsort(order, kind="stable")
    starts = np.cumsum(sizes) - sizes

    rng = np.random.default_rng(seed)
    eligible = np.flatnonzero(sizes[class_of] > 1)
    anchor = eligible[rng.integers(len(eligible), size=number)]
    start, size = starts[class_of[anchor]], sizes[class_of[anchor]]
    positive = start + rng.integers(size - 1)
    positive += positive >= place[anchor]  # skips the anchor itself
    negative = rng.integers(len(labels) - size)
    negative += np.where(negative >= start, size, 0)  # skips its class
    return anchor, order[positive], order[negative]


def labeled_rows(labels: Rows, embeddings: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Check labels and embeddings. Return those of rows with a label, embeddings as float64."""
    labels, embeddings = (
        one_array(name, x) for name, x in (("labels", labels), ("embeddings", embeddings))
    )
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            "`labels` must be one integer label per row, (rows,), not one-hot. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}. Pass labels first and "
            "embeddings second. For one-hot labels, pass `.argmax(-1)`."
        )
    if embeddings.ndim != 2 or len(embeddings) != len(labels):
        raise ValueError(
            f"`embeddings` must have shape ({len(labels)}, dim), one row per label. "
            f"Received: shape={embeddings.shape}, and `labels` of shape {labels.shape}"
        )
    if labels.size and labels.min() < -1:
        raise ValueError(
            f"`labels` must be 0 or more, or -1 for missing labels. Received: {int(labels.min())}"
        )
    check_values("embeddings", embeddings, pixels=False)
    known = labels != -1
    return labels[known].astype("int64"), embeddings[known].astype("float64")
