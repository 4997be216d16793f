"""What losses are called with."""

from keras_latent.src.ops.casting import to_tensor
from keras_latent.src.utils.types import Rows, Tensor


def check_weights(sample_weight: Rows | None, y_pred: Tensor) -> Tensor | None:
    """Weights of the rows of `y_pred`, `(batch,)`, or of all its axes but the last."""
    if sample_weight is None:
        return None
    weights = to_tensor("sample_weight", sample_weight, "numbers")
    shape, rows = tuple(weights.shape), tuple(y_pred.shape)
    pairs = zip(shape, (*rows[:-1], 1), strict=False)
    if len(shape) > len(rows) or any(None not in (m, n) and m not in (1, n) for m, n in pairs):
        raise ValueError(
            "`sample_weight` must have one weight per row of `y_pred`. Received: "
            f"sample_weight.shape={shape}, y_pred.shape={rows}"
        )
    return weights
