"""Binary cross-entropy for partially labeled data."""

from typing import Any

import keras
from keras import ops

from keras_latent.src.losses.inputs import check_weights
from keras_latent.src.ops.casting import to_tensor
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor


@keras.saving.register_keras_serializable(package="keras_latent")
class MaskedBinaryCrossentropy(keras.losses.Loss):
    """Binary cross-entropy of several attributes, ignoring missing labels (-1).

    The loss of a row, in nats, is the sum over its known labels, divided by the number of all
    attributes:

        -1/n sum_{j: y_j >= 0}  y_j log p_j + (1 - y_j) log(1 - p_j)

    If no label is missing, this equals `keras.losses.BinaryCrossentropy`. A known label has the
    same weight no matter which other labels are missing. The loss of a row without labels is 0.

    Args:
        from_logits: Whether `y_pred` contains logits. Otherwise it contains probabilities, which
            are clipped `keras.config.epsilon()` away from 0 and 1.
        reduction: As in `keras.losses.Loss`, applied to the losses of the rows.
        name: The loss's name.
        dtype: The dtype of the result.

    Call arguments:
        y_true: 0, 1, or -1 for missing, `(batch, ..., attributes)`, of any dtype. Values between
            0 and 1 are soft labels.
        y_pred: Float probabilities or logits with the same shape.
        sample_weight: Optional weight per row, `(batch,)`.

    Raises:
        ValueError: If `y_pred` does not hold floats, or the shapes differ.

    Example:

    >>> import numpy as np
    >>> from keras_latent import losses
    >>> loss = losses.MaskedBinaryCrossentropy()
    >>> y, p = np.array([[1, -1], [0, 1]]), np.array([[0.5, 0.1], [0.5, 0.5]])
    >>> round(float(loss(y, p)), 4)  # log(2) for each of the 3 known labels, divided by 4
    0.5199

    Reference: Okamoto et al., "Dual Space Learning with Variational Autoencoders" (2019),
    section 3, where missing labels are left out of the sum.
    """

    def __init__(
        self,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str = "masked_binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.from_logits = bool(from_logits)

    def __call__(self, y_true: Rows, y_pred: Rows, sample_weight: Rows | None = None) -> Tensor:
        y_true, y_pred = to_tensor("y_true", y_true, "numbers"), to_tensor("y_pred", y_pred)
        checks.batched("y_true", y_true)
        checks.same_shape("y_true", y_true, "y_pred", y_pred)
        return super().__call__(y_true, y_pred, check_weights(sample_weight, y_pred))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y = ops.clip(y_true, 0.0, 1.0)
        if self.from_logits:
            # Unlike the usual form with max and abs, this has the gradient sigmoid - y at 0 too,
            # where weights may start.
            values = ops.softplus(y_pred) - y * y_pred
        else:
            epsilon = keras.config.epsilon()
            p = ops.clip(y_pred, epsilon, 1.0 - epsilon)
            values = -(y * ops.log(p) + (1.0 - y) * ops.log(1.0 - p))
        return ops.mean(ops.where(y_true >= 0, values, ops.zeros_like(values)), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_logits": self.from_logits}
