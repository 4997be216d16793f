"""Decoder log-likelihoods in nats, including the normalizing constants."""

import math
import numbers

from keras import ops

from keras_latent.src.ops.casting import to_float32
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor


def gaussian_log_prob(x: Rows, mean: Rows, variance: Rows = 1.0) -> Tensor:
    """log N(x | mean, variance I), summed over all axes except the batch.

    With `variance=1`, this is -1/2 sum (x - mean)^2 (the reconstruction term of VBTA and TVAE)
    minus the constant 1/2 log(2 pi) per element.

    Args:
        x: Data, a float tensor of shape (batch, ...).
        mean: Mean of the decoder, with the same shape.
        variance: A positive number, or a tensor that broadcasts to the shape of `x`.

    Returns:
        A float32 tensor of shape (batch,), in nats.

    Raises:
        ValueError: If a tensor does not hold floats, the shapes differ, the batch axis is missing,
            or `variance` is a number that is not positive and finite.

    Example:

    >>> log_p = gaussian_log_prob([[0.0, 1.0]], [[0.0, 0.0]])
    >>> round(float(log_p[0]), 4)
    -2.3379
    """
    x, mean = to_float32("x", x), to_float32("mean", mean)
    checks.batched("x", x)
    checks.same_shape("x", x, "mean", mean)
    if isinstance(variance, numbers.Number):
        variance = checks.positive("variance", variance)
    variance = to_float32("variance", variance)
    checks.broadcasts("variance", variance, "x", x)
    terms = ops.square(x - mean) / variance + ops.log(variance) + math.log(2.0 * math.pi)
    return -0.5 * _sum_per_row(terms)


def bernoulli_log_prob(x: Rows, logits: Rows) -> Tensor:
    """log Bernoulli(x | sigmoid(logits)), summed over all axes except the batch.

    Args:
        x: Data in [0, 1], a float tensor of shape (batch, ...). Values strictly between 0 and 1
            are treated as probabilities, as is common for grayscale images; the result is then
            the negative cross-entropy.
        logits: Logits of the decoder, with the same shape.

    Returns:
        A float32 tensor of shape (batch,), in nats.

    Raises:
        ValueError: If a tensor does not hold floats, the shapes differ, or the batch axis is
            missing.

    Example:

    >>> log_p = bernoulli_log_prob([[1.0, 0.0]], [[0.0, 0.0]])
    >>> round(float(log_p[0]), 4)
    -1.3863
    """
    x, logits = to_float32("x", x), to_float32("logits", logits)
    checks.batched("x", x)
    checks.same_shape("x", x, "logits", logits)
    # XLA makes a faster program for CPUs of this than of `ops.binary_crossentropy`.
    return _sum_per_row(x * logits - ops.softplus(logits))


def _sum_per_row(terms: Tensor) -> Tensor:
    return ops.sum(terms, axis=tuple(range(1, len(terms.shape)))) if terms.shape[1:] else terms
