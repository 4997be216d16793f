"""Log-likelihoods of decoders, in nats: the full densities, constants included."""

import math
from typing import Any

from keras import ops

from keras_latent.src.ops._arguments import check_batched, check_same_shape, to_float32


def gaussian_log_prob(x: Any, mean: Any, variance: Any = 1.0) -> Any:
    """log N(x | mean, variance I), summed over all axes but the batch.

    With `variance=1` it is -1/2 sum (x - mean)^2 (VBTA's and TVAE's reconstruction term) less
    the constant 1/2 log(2 pi) for every element.

    Args:
        x: Data, a float tensor of shape (batch, ...).
        mean: The decoder's mean, of the same shape.
        variance: A positive number, or a tensor that broadcasts to the shape of `x`.

    Returns:
        A float32 tensor of shape (batch,), in nats.

    Raises:
        ValueError: If the shapes differ, there is no batch axis, or `variance` is a number that
            is not positive.

    Example:

    >>> log_p = gaussian_log_prob([[0.0, 1.0]], [[0.0, 0.0]])
    >>> round(float(log_p[0]), 4)
    -2.3379
    """
    x, mean = to_float32(x), to_float32(mean)
    check_batched("x", x)
    check_same_shape("x", x, "mean", mean)
    if isinstance(variance, (int, float)) and not variance > 0:
        raise ValueError(f"Argument `variance` must be positive. Received: variance={variance}")
    variance = to_float32(variance)
    terms = ops.square(x - mean) / variance + ops.log(variance) + math.log(2.0 * math.pi)
    return -0.5 * _sum_but_batch(terms)


def bernoulli_log_prob(x: Any, logits: Any) -> Any:
    """log Bernoulli(x | sigmoid(logits)), summed over all axes but the batch.

    Args:
        x: Data in [0, 1], a float tensor of shape (batch, ...). Values between 0 and 1 are
            taken as probabilities, as is usual for grey images: the negative cross entropy.
        logits: The decoder's logits, of the same shape.

    Returns:
        A float32 tensor of shape (batch,), in nats.

    Raises:
        ValueError: If the shapes differ, or there is no batch axis.

    Example:

    >>> log_p = bernoulli_log_prob([[1.0, 0.0]], [[0.0, 0.0]])
    >>> round(float(log_p[0]), 4)
    -1.3863
    """
    x, logits = to_float32(x), to_float32(logits)
    check_batched("x", x)
    check_same_shape("x", x, "logits", logits)
    return -_sum_but_batch(ops.binary_crossentropy(x, logits, from_logits=True))


def _sum_but_batch(terms: Any) -> Any:
    return ops.sum(terms, axis=tuple(range(1, len(terms.shape)))) if terms.shape[1:] else terms
