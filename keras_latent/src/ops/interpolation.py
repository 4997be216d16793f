"""Linear and spherical interpolation between latent vectors."""

import numbers

import numpy as np
from keras import ops

from keras_latent.src.ops.casting import to_float32
from keras_latent.src.ops.distances import euclidean
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor

_SMALLEST_ANGLE = 1e-3


def lerp(a: Rows, b: Rows, t: Rows) -> Tensor:
    """Linear interpolation (1 - t) a + t b; exactly `a` at t = 0 and `b` at t = 1.

    Args:
        a: Start points, a float tensor of shape (batch, dim).
        b: End points, (batch, dim).
        t: Position on the line: a number, or one per row, (batch,).

    Returns:
        A float32 tensor of shape (batch, dim).

    Raises:
        ValueError: If a tensor does not hold floats, `a` is not of rank 2, the shapes differ, or
            `t` has another shape or is not finite.

    Example:

    >>> print(ops.convert_to_numpy(lerp([[0.0, 2.0]], [[4.0, 4.0]], 0.25)))
    [[1.  2.5]]
    """
    a, b, t = _line(a, b, t)
    return (1.0 - t) * a + t * b


def slerp(a: Rows, b: Rows, t: Rows) -> Tensor:
    """Spherical interpolation: the direction turns at constant speed (Shoemake 1985; White 2016).

    (sin((1 - t) w) a + sin(t w) b) / sin(w), where w is the angle between `a` and `b`. Samples of
    a high-dimensional Gaussian lie near a sphere, which a straight line leaves. If the angle is
    within 1e-3 rad of 0 or pi, or a vector is zero, the result is that of `lerp`: at angle 0 that
    is the limit, and in the other cases there is no unique shortest arc.

    Args:
        a: Start points, a float tensor of shape (batch, dim).
        b: End points, (batch, dim).
        t: Position on the arc: a number, or one per row, (batch,).

    Returns:
        A float32 tensor of shape (batch, dim).

    Raises:
        ValueError: If a tensor does not hold floats, `a` is not of rank 2, the shapes differ, or
            `t` has another shape or is not finite.

    Example:

    >>> print(ops.convert_to_numpy(slerp([[1.0, 0.0]], [[0.0, 1.0]], 0.5)).round(4))
    [[0.7071 0.7071]]
    """
    a, b, t = _line(a, b, t)
    start, end = _arc_weights(a, b, t)
    return start * a + end * b


def interpolate(a: Rows, b: Rows, steps: int, kind: str = "linear") -> Tensor:
    """Evenly spaced points from `a` to `b`, endpoints included.

    With `kind="spherical"` the endpoints are exact up to float32 rounding.

    Args:
        a: Start points, a float tensor of shape (batch, dim).
        b: End points, (batch, dim).
        steps: Number of points, at least 2.
        kind: `"linear"` (`lerp`) or `"spherical"` (`slerp`).

    Returns:
        A float32 tensor of shape (batch, steps, dim).

    Raises:
        ValueError: If `steps` is not an integer of 2 or more, `kind` is unknown, a tensor does
            not hold floats, `a` is not of rank 2, or the shapes differ.

    Example:

    >>> print(ops.convert_to_numpy(interpolate([[0.0]], [[1.0]], steps=3)).ravel())
    [0.  0.5 1. ]
    """
    steps = checks.integer("steps", steps, at_least=2)
    checks.choice("kind", kind, ("linear", "spherical"))
    a, b, _ = _line(a, b, 0.0)
    t = ops.convert_to_tensor(np.linspace(0.0, 1.0, steps, dtype="float32")[None, :])
    start, end = (1.0 - t, t) if kind == "linear" else _arc_weights(a, b, t)
    return start[:, :, None] * a[:, None, :] + end[:, :, None] * b[:, None, :]


def _line(a: Rows, b: Rows, t: Rows) -> tuple[Tensor, Tensor, Tensor]:
    if isinstance(t, numbers.Number):
        t = checks.finite("t", t)
    a, b, t = to_float32("a", a), to_float32("b", b), to_float32("t", t)
    checks.rank("a", a, 2)
    checks.same_shape("a", a, "b", b)
    rows, positions = a.shape[0], tuple(t.shape)
    if len(positions) > 1 or (positions and rows and positions[0] not in (1, None, rows)):
        raise ValueError(
            f"`t` must be a number or have one value per row of `a`. Received: "
            f"t.shape={positions}, a.shape={tuple(a.shape)}"
        )
    return a, b, ops.reshape(t, (-1, 1))


def _arc_weights(a: Tensor, b: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Weights of `a` and `b`, (batch, n), at the n values of `t`, (batch or 1, n)."""
    origin = ops.zeros_like(a)
    length_a, length_b = euclidean(a, origin)[:, None], euclidean(b, origin)[:, None]
    unit_a = a / ops.where(length_a > 0.0, length_a, 1.0)
    unit_b = b / ops.where(length_b > 0.0, length_b, 1.0)
    # tan(w/2) = |u - v| / |u + v| is accurate near 0 and pi, where arccos(u.v) is not.
    apart = euclidean(unit_a, unit_b)[:, None]
    together = euclidean(unit_a, -unit_b)[:, None]
    degenerate = ops.logical_or(
        ops.minimum(apart, together) < _SMALLEST_ANGLE, ops.minimum(length_a, length_b) <= 0.0
    )
    angle = 2.0 * ops.arctan2(
        ops.where(degenerate, 1.0, apart), ops.where(degenerate, 1.0, together)
    )
    start = ops.where(degenerate, 1.0 - t, ops.sin((1.0 - t) * angle) / ops.sin(angle))
    end = ops.where(degenerate, t, ops.sin(t * angle) / ops.sin(angle))
    return start, end
