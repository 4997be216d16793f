"""Euclidean distances whose gradient is finite where two points coincide."""

from typing import Any

from keras import ops

from keras_latent.src.ops._arguments import check_rank, check_same_dim, check_same_shape, to_float32


def euclidean(a: Any, b: Any) -> Any:
    """Euclidean distance of each row of `a` from the same row of `b`.

    The gradient at distance 0, where none exists, is 0.

    Args:
        a: A float tensor of shape (batch, dim).
        b: A float tensor of shape (batch, dim).

    Returns:
        A float32 tensor of shape (batch,).

    Raises:
        ValueError: If a tensor is not of rank 2, or the shapes differ.

    Example:

    >>> float(euclidean([[3.0, 0.0]], [[0.0, 4.0]])[0])
    5.0
    """
    a, b = to_float32(a), to_float32(b)
    check_rank("a", a, 2)
    check_same_shape("a", a, "b", b)
    return _safe_sqrt(ops.sum(ops.square(a - b), axis=-1))


def pairwise_euclidean(a: Any, b: Any, squared: bool = False) -> Any:
    """Euclidean distance of every row of `a` from every row of `b`, in O(A * B) memory.

    |x - y|^2 = |x|^2 + |y|^2 - 2 x.y, with both sets centred first. The error of the square is
    about 1e-6 times the largest centred |x|^2, so the distance of two equal rows may come out
    as 1e-3 of the data's spread; `euclidean` is exact there. Hardware that multiplies float32
    matrices in fewer bits (TF32, bfloat16 passes) loses accordingly.

    Args:
        a: A float tensor of shape (A, dim).
        b: A float tensor of shape (B, dim).
        squared: Whether to return the squares of the distances.

    Returns:
        A float32 tensor of shape (A, B), at least 0. Its gradient at distance 0 is 0.

    Raises:
        ValueError: If a tensor is not of rank 2, or the last axes differ.

    Example:

    >>> d = pairwise_euclidean([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]])
    >>> print(ops.convert_to_numpy(d).round(4))
    [[5. 1.]]
    """
    a, b = to_float32(a), to_float32(b)
    check_rank("a", a, 2)
    check_rank("b", b, 2)
    check_same_dim("a", a, "b", b)
    centre = ops.stop_gradient(0.5 * (ops.mean(a, axis=0) + ops.mean(b, axis=0)))
    a, b = a - centre, b - centre
    norms = ops.sum(ops.square(a), axis=-1)[:, None] + ops.sum(ops.square(b), axis=-1)[None, :]
    squares = ops.maximum(norms - 2.0 * ops.matmul(a, ops.transpose(b)), 0.0)
    return squares if squared else _safe_sqrt(squares)


def _safe_sqrt(squares: Any) -> Any:
    # sqrt's infinite slope at 0 would turn a gradient of 0 into NaN, so 0 takes no part in it.
    positive = squares > 0.0
    return ops.where(positive, ops.sqrt(ops.where(positive, squares, 1.0)), 0.0)
