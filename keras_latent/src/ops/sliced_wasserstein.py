"""The sliced Wasserstein distance between two batches (Bonneel et al., 2015)."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_latent.src.ops.casting import to_float32, to_seed
from keras_latent.src.ops.sorting import sort_columns
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor


def random_projections(
    num: int, dim: int, seed: int | keras.random.SeedGenerator | None = None
) -> Tensor:
    """Draw directions uniformly from the unit sphere.

    Args:
        num: Number of directions, at least 1.
        dim: Dimension of the space, at least 1.
        seed: An integer (the same directions on every call), a `keras.random.SeedGenerator`, or
            `None` for Keras's global generator.

    Returns:
        A float32 tensor of shape (num, dim) whose rows have unit length.

    Raises:
        ValueError: If `num` or `dim` is not a positive integer, or `seed` is none of these.

    Example:

    >>> tuple(random_projections(50, 8, seed=0).shape)
    (50, 8)
    """
    shape = (checks.integer("num", num), checks.integer("dim", dim))
    directions = keras.random.normal(shape, dtype="float32", seed=to_seed(seed))
    norms = ops.sqrt(ops.sum(ops.square(directions), axis=-1, keepdims=True))
    return directions / ops.maximum(norms, keras.config.epsilon())


def sliced_wasserstein(x: Rows, y: Rows, projections: Rows, p: int = 2) -> Tensor:
    """The mean over projections of W_p^p between the projected batches.

    The BridgingVAE paper uses W_2^2 (p = 2); its reference implementation uses the mean absolute
    difference of the sorted projections, W_1 (p = 1). `ot.sliced_wasserstein_distance` of POT is
    this value to the power of 1 / p, and takes the projections transposed.

    In one dimension, the optimal transport plan matches equal quantiles. Batches of equal size
    are matched by sorting. For batches of different sizes, the steps of the two empirical
    distributions are merged, which is exact.

    Args:
        x: A float tensor of shape (A, dim).
        y: A float tensor of shape (B, dim).
        projections: Unit vectors, (num, dim), such as those of `random_projections`.
        p: 1 or 2.

    Returns:
        A float32 scalar, in units of the data to the power of p.

    Raises:
        ValueError: If a tensor does not hold floats or is not of rank 2, the last axes differ, a
            batch is empty, or `p` is neither 1 nor 2.

    Example:

    >>> x, y = [[0.0], [1.0]], [[2.0], [1.0]]
    >>> float(sliced_wasserstein(x, y, projections=[[1.0]], p=1))
    1.0
    """
    p = checks.choice("p", p, (1, 2))
    x, y = to_float32("x", x), to_float32("y", y)
    projections = to_float32("projections", projections)
    for name, tensor in (("x", x), ("y", y), ("projections", projections)):
        checks.rank(name, tensor, 2)
        if tensor.shape[0] == 0:
            raise ValueError(
                f"`{name}` must have at least one row. Received: {name}.shape={tuple(tensor.shape)}"
            )
    checks.same_last_axis("x", x, "y", y)
    checks.same_last_axis("x", x, "projections", projections)

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


def _abs(x: Tensor) -> Tensor:
    # The gradient of ops.abs at 0 is 1 on JAX; coincident points should have a gradient of 0.
    return x * ops.stop_gradient(ops.sign(x))


def _quantile_matching(num_x: Tensor, num_y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of matching rows of sorted x and y, and the share of the unit mass of each match.

    The steps of the two distributions are at i / num_x and j / num_y. In units of
    1 / (num_x num_y) they are integers, so the merge is exact. It does not depend on the data:
    if both sizes are known, NumPy computes it once and it becomes a constant.
    """
    known = isinstance(num_x, int) and isinstance(num_y, int)
    lib: Any = np if known else ops
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
