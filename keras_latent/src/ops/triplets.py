"""Triplet losses on distances already computed, and their mean over the triplets that count."""

from typing import Any

from keras import ops

from keras_latent.src.ops._arguments import check_same_shape, to_float32


def triplet_hinge(d_positive: Any, d_negative: Any, margin: float) -> Any:
    """max(0, d_positive - d_negative + margin) for each triplet (TVAE, eq. 1).

    Args:
        d_positive: Distances of anchors from positives, a float tensor of any shape.
        d_negative: Distances of anchors from negatives, of the same shape.
        margin: By how much the negative should be farther, at least 0, in the distance's unit.

    Returns:
        A float32 tensor of the same shape.

    Raises:
        ValueError: If the shapes differ or `margin` is negative.

    Example:

    >>> print(ops.convert_to_numpy(triplet_hinge([1.0, 1.0], [1.5, 4.0], margin=1.0)))
    [0.5 0. ]
    """
    d_positive, d_negative = to_float32(d_positive), to_float32(d_negative)
    check_same_shape("d_positive", d_positive, "d_negative", d_negative)
    if margin < 0:
        raise ValueError(f"Argument `margin` must be at least 0. Received: margin={margin}")
    return ops.relu(d_positive - d_negative + margin)


def triplet_softplus(d_positive: Any, d_negative: Any) -> Any:
    """softplus(d_positive - d_negative) for each triplet: -log p(t) of VBTA, in nats.

    Erratum: eq. 3 of VBTA, taken with the minus sign of eq. 4, would reward dissimilar pairs.
    Meant is p(t) = exp(-D_ij) / (exp(-D_ij) + exp(-D_ik)), whose negative logarithm this is.

    Args:
        d_positive: Distances D_ij of anchors from positives, a float tensor of any shape.
        d_negative: Distances D_ik of anchors from negatives, of the same shape.

    Returns:
        A float32 tensor of the same shape.

    Raises:
        ValueError: If the shapes differ.

    Example:

    >>> round(float(triplet_softplus([2.0], [2.0])[0]), 4)
    0.6931
    """
    d_positive, d_negative = to_float32(d_positive), to_float32(d_negative)
    check_same_shape("d_positive", d_positive, "d_negative", d_negative)
    return ops.softplus(d_positive - d_negative)


def weighted_mean(values: Any, weights: Any) -> Any:
    """sum(weights * values) / sum(weights), and 0 where no weight is positive.

    A value whose weight is 0 takes no part even if it is infinite or NaN, and gets a gradient
    of 0.

    Args:
        values: A float tensor of any shape.
        weights: Weights of at least 0, of the same shape.

    Returns:
        A float32 scalar.

    Raises:
        ValueError: If the shapes differ.

    Example:

    >>> float(weighted_mean([1.0, 3.0, float("nan")], [1.0, 1.0, 0.0]))
    2.0
    >>> float(weighted_mean([1.0, 3.0], [0.0, 0.0]))
    0.0
    """
    values, weights = to_float32(values), to_float32(weights)
    check_same_shape("values", values, "weights", weights)
    counted = ops.where(weights > 0.0, values, 0.0)
    total = ops.sum(weights)
    return ops.sum(weights * counted) / ops.where(total > 0.0, total, 1.0)
