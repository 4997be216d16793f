"""Nearest-neighbour accuracy: do embeddings of a class lie together?"""

import keras
import numpy as np

from keras_latent.src.metrics.triplet_accuracy import labelled_rows, require_count
from keras_latent.src.utils.optional import import_extra


@keras.saving.register_keras_serializable(package="keras_latent")
class NearestNeighborAccuracy(keras.metrics.Metric):
    """Share of embeddings whose nearest reference embeddings have their label.

    The label of a row is that of the majority of its `neighbors` nearest references, by
    Euclidean distance, each with one vote; among labels with equally many votes, the smallest.
    That is scikit-learn's `KNeighborsClassifier`, which does the work in host memory: it is no
    metric for `compile`, but for arrays and `model.encode`. Rows with label -1 (missing) take
    no part, neither as reference nor as question.

    `adapt` sets the references, usually the training set's embeddings, anew; `update_state`
    counts rows that are not among them, usually the test set's, in batches of any size.

    Args:
        neighbors: Number of references that vote.
        name: Name of the metric.
        dtype: Data type of `keras.metrics.Metric`; the result is a Python float.

    Call arguments, `adapt` and `update_state`:
        labels: Integer labels, `(rows,)`; -1 means missing.
        embeddings: Finite floats, `(rows, dim)`.

    Raises:
        ValueError: If `neighbors` is not a positive integer, labels are not one integer of -1
            or more a row, embeddings are not finite floats `(rows, dim)` of the references'
            `dim`, there are fewer references than `neighbors`, or none at all; by `result`, if
            no row had a label.
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

    def __init__(self, neighbors: int = 1, name: str = "nearest_neighbor_accuracy", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.neighbors = require_count("neighbors", neighbors)
        self._classifier = None
        self.reset_state()

    def adapt(self, labels, embeddings) -> None:
        """Sets the reference rows, in place of any before, and starts counting anew."""
        labels, embeddings = labelled_rows(labels, embeddings)
        if len(labels) < self.neighbors:
            raise ValueError(
                f"`neighbors={self.neighbors}` needs as many labelled reference rows or more. "
                f"Received: {len(labels)} rows with a label"
            )
        sklearn = import_extra("sklearn.neighbors", "viz", "`NearestNeighborAccuracy`")
        self._classifier = sklearn.KNeighborsClassifier(self.neighbors).fit(embeddings, labels)
        self.reset_state()

    def update_state(self, labels, embeddings):
        if self._classifier is None:
            raise ValueError(
                "`NearestNeighborAccuracy` has no references yet: call `adapt(labels, embeddings)`"
            )
        labels, embeddings = labelled_rows(labels, embeddings)
        if embeddings.shape[1] != self._classifier.n_features_in_:
            raise ValueError(
                f"`embeddings` must have the {self._classifier.n_features_in_} columns of the "
                f"references. Received: shape={embeddings.shape}"
            )
        if len(labels):
            found = self._classifier.predict(embeddings)
            self._correct += int(np.count_nonzero(found == labels))
            self._total += len(labels)

    def reset_state(self):
        self._correct = self._total = 0

    def result(self):
        if not self._total:
            raise ValueError("`NearestNeighborAccuracy` has seen no row with a label yet.")
        return self._correct / self._total

    def get_config(self):
        return {**super().get_config(), "neighbors": self.neighbors}
