"""The sliced Wasserstein distance of two batches (Bonneel et al. 2015)."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_latent.src.ops._arguments import check_rank, check_same_dim, to_float32
from keras_latent.src.ops.sorting import sort_columns


def random_projections(
    num: int, dim: int, seed: int | keras.random.SeedGenerator | None = None
) -> Any:
    """Draws directions uniformly from the unit sphere.

    Args:
        num: How many directions, at least 1.
        dim: The dimension of the space, at least 1.
        seed: An integer (the same directions at every call), a `keras.random.SeedGenerator`, or
            `None` for Keras's global generator.

    Returns:
        A float32 tensor of shape (num, dim) of unit rows.

    Raises:
        ValueError: If `num` or `dim` is less than 1.

    Example:

    >>> tuple(random_projections(50, 8, seed=0).shape)
    (50, 8)
    """
    if num < 1 or dim < 1:
        raise ValueError(
            f"Arguments `num` and `dim` must be at least 1. Received: num={num}, dim={dim}"
        )
    directions = keras.random.normal((num, dim), dtype="float32", seed=seed)
    norms = ops.sqrt(ops.sum(ops.square(directions), axis=-1, keepdims=True))
    return directions / ops.maximum(norms, keras.config.epsilon())


def sliced_wasserstein(x: Any, y: Any, projections: Any, p: int = 2) -> Any:
    """The mean over the projections of W_p^p between the projected batches.

    BridgingVAE writes W_2^2 (p = 2) while its reference takes the mean absolute difference of
    the sorted projections, W_1 (p = 1). POT's `ot.sliced_wasserstein_distance` is this value to
    the power of 1 / p, with the projections transposed.

    In one dimension the optimal plan matches equal quantiles. Batches of equal size are matched
    by sorting; of unequal size, by merging the steps of the two empirical distributions, which
    is exact.

    Args:
        x: A float tensor of shape (A, dim).
        y: A float tensor of shape (B, dim).
        projections: Unit vectors, (num, dim), as drawn by `random_projections`.
        p: 1 or 2.

    Returns:
        A float32 scalar, in the unit of the data to the power of p.

    Raises:
        ValueError: If a tensor is not of rank 2, the last axes differ, a batch is empty, or `p`
            is neither 1 nor 2.

    Example:

    >>> x, y = [[0.0], [1.0]], [[2.0], [1.0]]
    >>> float(sliced_wasserstein(x, y, projections=[[1.0]], p=1))
    1.0
    """
    check_order(p)
    x, y, projections = to_float32(x), to_float32(y), to_float32(projections)
    for name, tensor in (("x", x), ("y", y), ("projections", projections)):
        check_rank(name, tensor, 2)
        if tensor.shape[0] == 0:
            raise ValueError(
                f"Argument `{name}` must have at least one row. Received: "
                f"{name}.shape={tuple(tensor.shape)}"
            )
    check_same_dim("x", x, "y", y)
    check_same_dim("x", x, "projections", projections)

    directions = ops.transpose(projections)
    x_sorted = sort_columns(ops.matmul(x, directions))
    y_sorted = sort_columns(ops.matmul(y, directions))
    cost = _abs if p == 1 else ops.square
    if x.shape[0] is not None and x.shape[0] == y.shape[0]:
        return ops.mean(cost(x_sorted - y_sorted))
    x_index, y_index, mass = _quantile_matching(ops.shape(x)[0], ops.shape(y)[0])
    gaps = ops.take(x_sorted, x_index, axis=0) - ops.take(y_sorted, y_index, axis=0)
    mass = ops.expand_dims(ops.cast(mass, "float32"), axis=-1)
    return ops.mean(ops.sum(mass * cost(gaps), axis=0))


def _abs(x: Any) -> Any:
    # ops.abs has a slope of 1 at 0 on JAX and of 0 elsewhere: points that coincide should rest.
    return x * ops.stop_gradient(ops.sign(x))


def check_order(p: Any) -> None:
    """Raises a `ValueError` unless `p` is 1 or 2."""
    if p not in (1, 2):
        raise ValueError(f"Argument `p` must be 1 or 2. Received: p={p}")


def _quantile_matching(num_x: Any, num_y: Any) -> tuple[Any, Any, Any]:
    """Which sorted x goes to which sorted y, and how much of the unit mass with it.

    The steps of the two distributions lie at i / num_x and j / num_y. In units of
    1 / (num_x num_y) they are integers, so that the merge is exact. It does not depend on the
    data: sizes that are known are merged once, in NumPy, and become constants.
    """
    known = isinstance(num_x, int) and isinstance(num_y, int)
    lib = np if known else ops
    if not known:
        num_x, num_y = ops.cast(num_x, "int64"), ops.cast(num_y, "int64")
    ends = lib.sort(
        lib.concatenate(
            [
                lib.arange(1, num_x + 1, dtype="int64") * num_y,
                lib.arange(1, num_y + 1, dtype="int64") * num_x,
            ]
        )
    )
    starts = lib.concatenate([lib.zeros((1,), dtype="int64"), ends[:-1]])
    mass = (ends - starts) / (num_x * num_y)
    return (ends - 1) // num_y, (ends - 1) // num_x, mass
