"""Binary cross-entropy on labels of which some are missing."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_latent")
class MaskedBinaryCrossentropy(keras.losses.Loss):
    """Binary cross-entropy of several attributes; labels of -1 are missing and drop out.

    The value of a row, in nats, is the sum over its known labels, divided by the number of
    attributes, known or not:

        -1/n sum_{j: y_j >= 0}  y_j log p_j + (1 - y_j) log(1 - p_j)

    Where no label is missing it is `keras.losses.BinaryCrossentropy`. A known label weighs the
    same, whatever is missing beside it, so that the gradient is a share of that of the complete
    labels; a row without any gives 0.

    Args:
        from_logits: Whether `y_pred` holds logits. If not, probabilities, which are kept
            `keras.config.epsilon()` away from 0 and 1.
        reduction: As in `keras.losses.Loss`; the values reduced are those of the rows.
        name: The loss's name.
        dtype: The dtype of the result.

    Call arguments:
        y_true: 0, 1, or -1 for missing, `(batch, ..., attributes)`, of any dtype; values between
            0 and 1 are soft labels.
        y_pred: Probabilities or logits of the same shape, float.
        sample_weight: Optional weight of each row, `(batch,)`.

    Raises:
        ValueError: If the shapes differ.

    Example:

    >>> import numpy as np
    >>> from keras_latent import losses
    >>> loss = losses.MaskedBinaryCrossentropy()
    >>> y, p = np.array([[1, -1], [0, 1]]), np.array([[0.5, 0.1], [0.5, 0.5]])
    >>> round(float(loss(y, p)), 4)  # log(2) for each of 3 known labels of 4
    0.5199

    Reference: Okamoto et al., "Dual Space Learning with Variational Autoencoders" (2019),
    section 3, where missing labels leave the sum.
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

    def call(self, y_true: Any, y_pred: Any) -> Any:
        shapes = tuple(y_true.shape), tuple(y_pred.shape)
        if len(shapes[0]) != len(shapes[1]) or any(
            None not in pair and pair[0] != pair[1] for pair in zip(*shapes, strict=True)
        ):
            raise ValueError(
                "`y_true` and `y_pred` must have the same shape, (batch, ..., attributes). "
                f"Received: {shapes[0]} and {shapes[1]}"
            )
        y = ops.clip(y_true, 0.0, 1.0)
        if self.from_logits:
            # Its gradient is sigmoid - y at 0 too, where weights may start; that of the usual
            # form with a maximum and an absolute value is not.
            values = ops.softplus(y_pred) - y * y_pred
        else:
            epsilon = keras.config.epsilon()
            p = ops.clip(y_pred, epsilon, 1.0 - epsilon)
            values = -(y * ops.log(p) + (1.0 - y) * ops.log(1.0 - p))
        return ops.mean(ops.where(y_true >= 0, values, ops.zeros_like(values)), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_logits": self.from_logits}
