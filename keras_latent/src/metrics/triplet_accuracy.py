"""Triplet accuracy: do distances between embeddings follow the labels?"""

from typing import Any

import keras
import numpy as np

from keras_latent.src.models.base import validation

CHUNK = 8192


@keras.saving.register_keras_serializable(package="keras_latent")
class TripletAccuracy(keras.metrics.Metric):
    """Share of labelled triplets whose hinge is zero: `D(a, p) - D(a, n) + m <= 0`.

    The measure of the TVAE paper's table 1, on embeddings that were not trained on; `D` is the
    Euclidean distance. Its margin is unstated, and `margin=0` asks only that the negative is
    not nearer than the positive. Equality counts as zero loss, by the paper's words: embeddings
    that have all collapsed onto one point score 1 at margin 0, and 0 at any other.

    Triplets are sampled with replacement, each independently: an anchor, uniform over the rows
    whose class has two rows or more; a positive, uniform over the other rows of that class; a
    negative, uniform over the rows of all other classes. Rows with label -1 (missing) take no
    part. The standard error is at most `0.5 / sqrt(num_triplets)`.

    Everything happens in NumPy, in float64: the rows of all batches are kept in host memory,
    and `result` samples from them, the same triplets for a seed on every backend and however
    the rows were cut into batches. So it is no metric for `compile`, but for arrays and
    `model.encode`.

    Args:
        margin: `m`, at least 0, in the unit of the embeddings.
        num_triplets: Number of triplets to sample.
        seed: Integer seed of the sampling.
        name: Name of the metric.
        dtype: Data type of `keras.metrics.Metric`; the result is a Python float.

    Call arguments, `update_state`:
        labels: Integer labels, `(rows,)`; -1 means missing.
        embeddings: Finite floats, `(rows, dim)`.

    Raises:
        ValueError: If an argument is out of range, labels are not one integer of -1 or more a
            row, or embeddings are not finite floats of one `dim`; by `result`, if the labels
            seen allow no triplet.

    Example:

    >>> import numpy as np
    >>> from keras_latent import metrics
    >>> labels, embeddings = np.array([0, 0, 1, -1]), np.array([[0.0], [1.0], [1.5], [9.0]])
    >>> metrics.TripletAccuracy()(labels, embeddings) < 1.0  # row 1 is nearer to row 2 than to 0
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
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.margin = validation.require_positive("margin", margin, zero_allowed=True)
        self.num_triplets = require_count("num_triplets", num_triplets)
        self.seed = seed
        self.reset_state()

    def update_state(self, labels, embeddings):
        labels, embeddings = labelled_rows(labels, embeddings)
        if self._embeddings and embeddings.shape[1] != self._embeddings[0].shape[1]:
            raise ValueError(
                f"`embeddings` must have the {self._embeddings[0].shape[1]} columns of the "
                f"batches before. Received: shape={embeddings.shape}"
            )
        self._labels.append(labels)
        self._embeddings.append(embeddings)

    def reset_state(self):
        self._labels, self._embeddings = [], []

    def result(self):
        labels = np.concatenate(self._labels) if self._labels else np.empty(0, "int64")
        triplets = sample_triplets(labels, self.num_triplets, self.seed)
        embeddings = np.concatenate(self._embeddings)
        correct = 0
        for start in range(0, self.num_triplets, CHUNK):  # bounds the memory of the gathered rows
            a, p, n = (embeddings[rows[start : start + CHUNK]] for rows in triplets)
            d_positive, d_negative = (np.linalg.norm(a - other, axis=1) for other in (p, n))
            correct += int(np.count_nonzero(d_positive - d_negative + self.margin <= 0))
        return correct / self.num_triplets

    def get_config(self):
        config = {"margin": self.margin, "num_triplets": self.num_triplets, "seed": self.seed}
        return {**super().get_config(), **config}


def sample_triplets(labels: np.ndarray, number: int, seed: int) -> tuple[np.ndarray, ...]:
    """Rows of anchors, positives and negatives, each `(number,)`, drawn as described above."""
    _, class_of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if len(sizes) < 2 or sizes.max() < 2:
        raise ValueError(
            "Triplets need two classes or more, one of them with two rows or more. Received: "
            f"{len(labels)} labelled rows of {len(sizes)} classes"
        )
    # Sorted by class, positives are the anchor's segment and negatives all that is around it.
    order = np.argsort(class_of, kind="stable")
    place = np.argsort(order, kind="stable")
    starts = np.cumsum(sizes) - sizes

    rng = np.random.default_rng(seed)
    eligible = np.flatnonzero(sizes[class_of] > 1)
    anchor = eligible[rng.integers(len(eligible), size=number)]
    start, size = starts[class_of[anchor]], sizes[class_of[anchor]]
    positive = start + rng.integers(size - 1)
    positive += positive >= place[anchor]  # leaves the anchor itself out
    negative = rng.integers(len(labels) - size)
    negative += np.where(negative >= start, size, 0)  # leaves its class out
    return anchor, order[positive], order[negative]


def labelled_rows(labels: Any, embeddings: Any) -> tuple[np.ndarray, np.ndarray]:
    """Labels and float64 embeddings of the rows that have a label, checked."""
    labels, embeddings = (
        keras.ops.convert_to_numpy(x) if keras.ops.is_tensor(x) else np.asarray(x)
        for x in (labels, embeddings)
    )
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            "`labels` must hold one integer label a row, (rows,), not one-hot rows. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}. Labels come first, embeddings "
            "second; of one-hot rows, pass `.argmax(-1)`."
        )
    if embeddings.ndim != 2 or len(embeddings) != len(labels):
        raise ValueError(
            f"`embeddings` must have shape ({len(labels)}, dim), a row for each label. "
            f"Received: shape={embeddings.shape}"
        )
    if labels.size and labels.min() < -1:
        raise ValueError(
            "`labels` must be 0 or more, or -1 where a label is missing. "
            f"Received: {int(labels.min())}"
        )
    validation.check_values("embeddings", embeddings, unit_interval=False, image=False)
    known = labels != -1
    return labels[known].astype("int64"), embeddings[known].astype("float64")


def require_count(name: str, value: Any) -> int:
    """Checks that a number of something is a positive integer."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")
    return int(value)
