"""Transfer accuracy: whether translations preserve the class of the original."""

from typing import Any, Self

import keras
import numpy as np
from keras import ops

from keras_latent.src.metrics.network_inputs import network_input
from keras_latent.src.training.inputs import check_shape, check_values, one_array
from keras_latent.src.utils.types import Rows, Tensor


@keras.saving.register_keras_serializable(package="keras_latent")
class TransferAccuracy(keras.metrics.Metric):
    """Share of translated images that a classifier assigns the label of the original.

    The metric of table 1 of the VBTA paper: images are translated into the domain that the
    classifier was trained on, and classified. Rows with label -1 (missing) are ignored. Without
    any rows, the result is 0.

    Args:
        classifier: Built Keras model from images of the target domain, `(batch, ...)`, to one
            score per class, `(batch, classes)`. It is not modified.
        name: Name of the metric.
        dtype: Data type of the counts.

    Call arguments, `update_state`:
        y_true: Integer labels of the originals, `(batch,)`.
        y_pred: Translated images, `(batch, ...)`.
        sample_weight: Optional weight per row, `(batch,)`.

    Raises:
        ValueError: If the classifier is not built or does not return one score per class, labels
            are not one integer per row that is a class or -1, images are not finite floats of the
            shape that it takes, or weights are not one finite number per row.

    Example:

    >>> import keras, numpy as np
    >>> from keras_latent import metrics
    >>> identity = keras.Sequential([keras.Input((3,)), keras.layers.Rescaling(1.0)])
    >>> accuracy = metrics.TransferAccuracy(identity)
    >>> accuracy.update_state(np.array([0, 1, 2, -1]), np.eye(4, 3, dtype="float32"))
    >>> float(accuracy.result())
    1.0

    Reference: Kuznetsova and Bakhteev (2018), section 6.1.
    """

    def __init__(self, classifier: keras.Model, name: str = "transfer_accuracy", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        # Subclassed models do not know their output shape before they are called.
        if not getattr(classifier, "built", False) or not self._scores(
            getattr(classifier, "output_shape", (None, None))
        ):
            raise ValueError(
                "`classifier` must be a built Keras model from images to one score per class, "
                f"(batch, classes). Received: classifier={classifier!r}"
            )
        self.classifier = classifier
        self.correct = self.add_variable((), initializer="zeros", name="correct")
        self.total = self.add_variable((), initializer="zeros", name="total")

    def update_state(self, y_true: Rows, y_pred: Rows, sample_weight: Rows | None = None) -> None:
        y_true = y_true if ops.is_tensor(y_true) else one_array("y_true", y_true)
        dtype = str(getattr(y_true.dtype, "name", y_true.dtype))
        if len(y_true.shape) != 1 or "int" not in dtype:
            raise ValueError(
                "`y_true` must be one integer label per row, (batch,), not one-hot. "
                f"Received: shape={tuple(y_true.shape)}, dtype={dtype}. Pass labels first and "
                "images second. For one-hot labels, pass `.argmax(-1)`."
            )
        y_pred = network_input("y_pred", y_pred, self.classifier)
        _check_rows("y_pred", "images", y_pred, y_true)
        scores = self.classifier(ops.convert_to_tensor(y_pred), training=False)
        if not self._scores(getattr(scores, "shape", ())):
            raise ValueError(
                "`classifier` must return one score per class, (batch, classes). "
                f"Received: {keras.tree.map_structure(lambda t: tuple(t.shape), scores)}"
            )
        if isinstance(y_true, np.ndarray):
            _check_labels(y_true, scores.shape[-1])
        y_true = ops.convert_to_tensor(y_true)
        weight = ops.cast(y_true >= 0, self.dtype)
        if sample_weight is not None:
            sample_weight = _weights(sample_weight, y_true)
            weight *= ops.cast(sample_weight, self.dtype)
        seen = ops.cast(ops.argmax(scores, axis=-1), "int32")
        correct = ops.cast(ops.equal(seen, ops.cast(y_true, "int32")), self.dtype)
        self.correct.assign_add(ops.sum(weight * correct))
        self.total.assign_add(ops.sum(weight))

    @staticmethod
    def _scores(shape: Any) -> bool:
        return len(shape) == 2 and not isinstance(shape[0], (tuple, list))

    def result(self) -> Tensor:
        return ops.divide_no_nan(self.correct, self.total)

    def get_config(self) -> dict[str, Any]:
        classifier = keras.saving.serialize_keras_object(self.classifier)
        return {**super().get_config(), "classifier": classifier}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        classifier = keras.saving.deserialize_keras_object(config["classifier"])
        return cls(**{**config, "classifier": classifier})


def _check_rows(name: str, what: str, x: Any, labels: Any) -> None:
    rows, wanted = x.shape[0], labels.shape[0]
    if None not in (rows, wanted) and rows != wanted:
        raise ValueError(
            f"`y_true` and `{name}` must have the same number of rows. "
            f"Received: {wanted} labels and {rows} {what}"
        )


def _check_labels(labels: np.ndarray, classes: int) -> None:
    if labels.size and (labels.min() < -1 or labels.max() >= classes):
        raise ValueError(
            f"`y_true` must be from 0 to {classes - 1}, the classes of the classifier, or -1 for "
            f"a missing label. Received: labels from {labels.min()} to {labels.max()}"
        )


def _weights(weights: Rows, labels: Tensor) -> Any:
    weights = weights if ops.is_tensor(weights) else one_array("sample_weight", weights)
    check_shape("sample_weight", weights.shape, ())
    _check_rows("sample_weight", "weights", weights, labels)
    if isinstance(weights, np.ndarray):
        weights = weights.astype("float64") if weights.dtype.kind in "biu" else weights
        check_values("sample_weight", weights, pixels=False)
    return weights
