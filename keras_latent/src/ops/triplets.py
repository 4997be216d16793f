"""Triplet losses on given distances, and their weighted mean."""

from keras import ops

from keras_latent.src.ops.casting import to_float32, to_tensor
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor


def triplet_hinge(d_positive: Rows, d_negative: Rows, margin: float) -> Tensor:
    """max(0, d_positive - d_negative + margin) per triplet (TVAE, eq. 1).

    Args:
        d_positive: Distances between anchors and positives, a float tensor of any shape.
        d_negative: Distances between anchors and negatives, with the same shape.
        margin: How much farther the negative should be, at least 0, in units of the distance.

    Returns:
        A float32 tensor of the same shape.

    Raises:
        ValueError: If a tensor does not hold floats, the shapes differ, or `margin` is
            negative or not finite.

    Example:

    >>> print(ops.convert_to_numpy(triplet_hinge([1.0, 1.0], [1.5, 4.0], margin=1.0)))
    [0.5 0. ]
    """
    d_positive = to_float32("d_positive", d_positive)
    d_negative = to_float32("d_negative", d_negative)
    checks.same_shape("d_positive", d_positive, "d_negative", d_negative)
    checks.non_negative("margin", margin)
    return ops.relu(d_positive - d_negative + margin)


def triplet_softplus(d_positive: Rows, d_negative: Rows) -> Tensor:
    """softplus(d_positive - d_negative) per triplet: -log p(t) of VBTA, in nats.

    Erratum: eq. 3 of VBTA, combined with the minus sign of eq. 4, would reward dissimilar pairs.
    The intended probability is p(t) = exp(-D_ij) / (exp(-D_ij) + exp(-D_ik)); this function
    returns its negative logarithm.

    Args:
        d_positive: Distances D_ij between anchors and positives, a float tensor of any shape.
        d_negative: Distances D_ik between anchors and negatives, with the same shape.

    Returns:
        A float32 tensor of the same shape.

    Raises:
        ValueError: If a tensor does not hold floats, or the shapes differ.

    Example:

    >>> round(float(triplet_softplus([2.0], [2.0])[0]), 4)
    0.6931
    """
    d_positive = to_float32("d_positive", d_positive)
    d_negative = to_float32("d_negative", d_negative)
    checks.same_shape("d_positive", d_positive, "d_negative", d_negative)
    return ops.softplus(d_positive - d_negative)


def weighted_mean(values: Rows, weights: Rows) -> Tensor:
    """sum(weights * values) / sum(weights), or 0 if no weight is positive.

    Values with a weight of 0 are ignored, even if they are infinite or NaN, and their gradient
    is 0.

    Args:
        values: A float tensor of any shape.
        weights: Non-negative weights, of any dtype, with the same shape.

    Returns:
        A float32 scalar.

    Raises:
        ValueError: If `values` does not hold floats, or the shapes differ.

    Example:

    >>> float(weighted_mean([1.0, 3.0, float("nan")], [1.0, 1.0, 0.0]))
    2.0
    >>> float(weighted_mean([1.0, 3.0], [0.0, 0.0]))
    0.0
    """
    values = to_float32("values", values)
    weights = ops.cast(to_tensor("weights", weights, "numbers"), "float32")
    checks.same_shape("values", values, "weights", weights)
    counted = ops.where(weights > 0.0, values, 0.0)
    total = ops.sum(weights)
    return ops.sum(weights * counted) / ops.where(total > 0.0, total, 1.0)
