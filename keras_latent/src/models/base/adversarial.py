"""What adversarial models share."""

from typing import Any

from keras import ops

from keras_latent.src.utils.types import Tensor


def spread(x: Tensor) -> Tensor:
    """Variance over the batch, averaged over all other axes: a scalar."""
    return ops.mean(ops.var(ops.cast(x, "float32"), axis=0))


def averages(momentum: float | None) -> dict[str, Any]:
    """Arguments of an optimizer that averages its weights; `None`: no averages."""
    return {} if momentum is None else {"use_ema": True, "ema_momentum": momentum}
