"""Euclidean distances with finite gradients for coincident points."""

from keras import ops

from keras_latent.src.ops.casting import to_float32
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor


def euclidean(a: Rows, b: Rows) -> Tensor:
    """Euclidean distance between `a` and `b`, row by row.

    At distance 0, where the gradient does not exist, it is defined as 0.

    Args:
        a: A float tensor of shape (batch, dim).
        b: A float tensor of shape (batch, dim).

    Returns:
        A float32 tensor of shape (batch,).

    Raises:
        ValueError: If a tensor does not hold floats or is not of rank 2, or the shapes differ.

    Example:

    >>> float(euclidean([[3.0, 0.0]], [[0.0, 4.0]])[0])
    5.0
    """
    a, b = to_float32("a", a), to_float32("b", b)
    checks.rank("a", a, 2)
    checks.same_shape("a", a, "b", b)
    return _safe_sqrt(ops.sum(ops.square(a - b), axis=-1))


def pairwise_euclidean(a: Rows, b: Rows, squared: bool = False) -> Tensor:
    """Euclidean distance between every row of `a` and every row of `b`, in O(A * B) memory.

    Computed as |x - y|^2 = |x|^2 + |y|^2 - 2 x.y after centering both sets. The error of the
    square is about 1e-6 times the largest centered |x|^2, so the distance between equal rows may
    come out as large as 1e-3 of the data's spread; `euclidean` is exact in that case. Errors are
    larger on hardware that multiplies float32 matrices at reduced precision (TF32, bfloat16).

    Args:
        a: A float tensor of shape (A, dim).
        b: A float tensor of shape (B, dim).
        squared: Whether to return squared distances.

    Returns:
        A non-negative float32 tensor of shape (A, B). Its gradient at distance 0 is 0.

    Raises:
        ValueError: If a tensor does not hold floats or is not of rank 2, or the last axes differ.

    Example:

    >>> d = pairwise_euclidean([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]])
    >>> print(ops.convert_to_numpy(d).round(4))
    [[5. 1.]]
    """
    a, b = to_float32("a", a), to_float32("b", b)
    checks.rank("a", a, 2)
    checks.rank("b", b, 2)
    checks.same_last_axis("a", a, "b", b)
    center = ops.stop_gradient(0.5 * (ops.mean(a, axis=0) + ops.mean(b, axis=0)))
    a, b = a - center, b - center
    norms = ops.sum(ops.square(a), axis=-1)[:, None] + ops.sum(ops.square(b), axis=-1)[None, :]
    squares = ops.maximum(norms - 2.0 * ops.matmul(a, ops.transpose(b)), 0.0)
    return squares if squared else _safe_sqrt(squares)


def _safe_sqrt(squares: Tensor) -> Tensor:
    # sqrt has an infinite slope at 0, which would turn a gradient of 0 into NaN.
    positive = squares > 0.0
    return ops.where(positive, ops.sqrt(ops.where(positive, squares, 1.0)), 0.0)
