"""What adversarial models share."""

from typing import Any

from keras import ops

from keras_latent.src.utils.types import Tensor


def spread(x: Tensor) -> Tensor:
    """Variance over the batch, averaged over all other axes: a scalar."""
    return ops.mean(ops.var(ops.cast(x, "float32"), axis=0))


def absolute_error(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference, a scalar."""
    return ops.mean(ops.abs(ops.cast(a, "float32") - ops.cast(b, "float32")))


def game(on_real: Tensor, on_fake: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
    """What a discriminator minimizes, `-E log D(real) - E log(1 - D(fake))`, and its accuracy.

    Args:
        on_real: Its logits on what is real, float32.
        on_fake: Its logits on what is not.
        smoothing: Subtracted from the label of what is real, 1.
    """
    # -log D = softplus(-logit), -log(1 - D) = softplus(logit)
    nll = (1.0 - smoothing) * ops.softplus(-on_real) + smoothing * ops.softplus(on_real)
    right = [ops.mean(ops.cast(r, "float32")) for r in (on_real > 0.0, on_fake < 0.0)]
    return ops.mean(nll) + ops.mean(ops.softplus(on_fake)), (right[0] + right[1]) / 2.0


def averages(momentum: float | None) -> dict[str, Any]:
    """Arguments of an optimizer that averages its weights; `None`: no averages."""
    return {} if momentum is None else {"use_ema": True, "ema_momentum": momentum}
