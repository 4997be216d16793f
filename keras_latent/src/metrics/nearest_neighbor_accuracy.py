"""Nearest-neighbor accuracy: whether embeddings of the same class are close together."""

from typing import Any

import keras
import numpy as np

from keras_latent.src.metrics.triplet_accuracy import labeled_rows
from keras_latent.src.utils import checks
from keras_latent.src.utils.optional import import_extra
from keras_latent.src.utils.types import Rows


@keras.saving.register_keras_serializable(package="keras_latent")
class NearestNeighborAccuracy(keras.metrics.Metric):
    """Share of embeddings that are classified correctly by their nearest reference embeddings.

    The predicted label is the majority label among the `neighbors` nearest references in
    Euclidean distance; ties go to the smallest label. scikit-learn's `KNeighborsClassifier`
    computes it in host memory, so the metric cannot be used in `compile`; use it on arrays and
    with `model.encode`. Rows with label -1 (missing) are ignored.

    `adapt` replaces the references, usually the embeddings of the training set. `update_state`
    adds rows to evaluate, usually of the test set, in batches of any size.

    Args:
        neighbors: Number of references that vote.
        name: Name of the metric.
        dtype: Data type of `keras.metrics.Metric`. The result is a Python float.

    Call arguments, `adapt` and `update_state`:
        labels: Integer labels, `(rows,)`; -1 means missing.
        embeddings: Finite floats, `(rows, dim)`.

    Raises:
        ValueError: If `neighbors` is not a positive integer, labels are not one integer of -1
            or more per row, embeddings are not finite floats `(rows, dim)` with the `dim` of the
            references, or there are fewer references than `neighbors`. `result` raises if no
            row had a label.
        ImportError: If scikit-learn is not installed.

    Example:

    >>> import numpy as np
    >>> from keras_latent import metrics
    >>> accuracy = metrics.NearestNeighborAccuracy()
    >>> accuracy.adapt(np.array([0, 1]), np.array([[0.0, 0.0], [1.0, 1.0]]))
    >>> accuracy(np.array([0, 1, 1, -1]), np.array([[0.1, 0.2], [0.8, 0.9], [0.3, 0.1], [0, 0]]))
    0.6666666666666666

    Reference: Ishfaq, Hoogi and Rubin (2018), section 1, for why to measure it.
    """

    def __init__(
        self, neighbors: int = 1, name: str = "nearest_neighbor_accuracy", dtype: Any = None
    ):
        super().__init__(name=name, dtype=dtype)
        self.neighbors = checks.integer("neighbors", neighbors)
        self._classifier: Any = None
        self.reset_state()

    def adapt(self, labels: Rows, embeddings: Rows) -> None:
        """Replace the reference rows and reset the metric."""
        labels, embeddings = labeled_rows(labels, embeddings)
        if len(labels) < self.neighbors:
            raise ValueError(
                f"`neighbors={self.neighbors}` needs at least as many labeled reference rows. "
                f"Received: {len(labels)} rows with a label"
            )
        sklearn = import_extra("sklearn.neighbors", "viz", "`NearestNeighborAccuracy`")
        self._classifier = sklearn.KNeighborsClassifier(self.neighbors).fit(embeddings, labels)
        self.reset_state()

    def update_state(self, labels: Rows, embeddings: Rows) -> None:
        if self._classifier is None:
            raise ValueError(
                "`NearestNeighborAccuracy` has no references yet: call `adapt(labels, embeddings)`"
            )
        labels, embeddings = labeled_rows(labels, embeddings)
        if embeddings.shape[1] != self._classifier.n_features_in_:
            raise ValueError(
                f"`embeddings` must have the {self._classifier.n_features_in_} columns of the "
                f"references. Received: shape={embeddings.shape}"
            )
        if len(labels):
            found = self._classifier.predict(embeddings)
            self._correct += int(np.count_nonzero(found == labels))
            self._total += len(labels)

    def reset_state(self) -> None:
        self._correct = self._total = 0

    def result(self) -> float:
        if not self._total:
            raise ValueError("`NearestNeighborAccuracy` has seen no row with a label yet.")
        return self._correct / self._total

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "neighbors": self.neighbors}
