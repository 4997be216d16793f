"""What adversarial models share."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_latent.src.utils.types import Tensor
from keras_latent.training import input_gradients

EPSILON = 1e-12  # added under the root: the gradient of a norm at 0 is infinite


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


def gradient_penalty(
    scores: Callable[[Tensor], Tensor], x: Tensor, made: Tensor, seed: keras.random.SeedGenerator
) -> Tensor:
    """`E (|grad D(x^)|_2 - 1)^2` of WGAN-GP, a scalar; the norm is over a whole row.

    The points are `x^ = e x + (1 - e) made`, `e ~ U(0, 1)` per row.

    Args:
        scores: `D`, rows to `(batch,)`, without random numbers.
        x: Real rows, float32.
        made: As many generated ones, as constants.
        seed: The stream of `e`.
    """
    axes = tuple(range(1, len(x.shape)))
    shape = (ops.shape(x)[0], *(1 for _ in axes))
    e = keras.random.uniform(shape, dtype="float32", seed=seed)
    slopes = input_gradients(scores, e * x + (1.0 - e) * made)
    norms = ops.sqrt(ops.sum(ops.cast(slopes, "float32") ** 2, axis=axes) + EPSILON)
    return ops.mean((norms - 1.0) ** 2)


def check_parts(rows: int, critic_steps: int) -> None:
    """Raises `ValueError` if a batch of `rows` is not a multiple of `critic_steps`."""
    if rows % critic_steps:
        raise ValueError(
            f"A batch must be a multiple of critic_steps={critic_steps}, which is how "
            "many updates of the critic share it: for n rows per update, "
            f"`batch_size={critic_steps} * n`; a dataset must drop its remainder. "
            f"Received: a batch of {rows} rows"
        )


def check_batches(sizes: tuple[int, ...], critic_steps: int) -> None:
    """`check_parts` of the training batches, whose rows `CheckedModel.check_data` is given."""
    if sizes:
        check_parts(sizes[0], critic_steps)
    rest = sizes[1] if len(sizes) == 2 else 0
    left_over = rest % critic_steps
    if left_over:
        raise ValueError(
            f"The last batch of {sizes[0]} has {rest} training rows, which cannot be cut into "
            f"critic_steps={critic_steps} equal parts. Train on {left_over} rows less, "
            "or choose another `batch_size`."
        )
