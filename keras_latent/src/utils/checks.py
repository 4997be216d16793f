"""Argument checks. Each one returns the value or raises a `ValueError`.

Each message names the argument, says what it must be, and ends with what was received and a
hint, if there is one. Keras and NumPy are not imported here, because the command line uses
these checks too.
"""

import math
import numbers
import operator
from collections.abc import Iterable
from typing import Any, TypeVar

from keras_latent.src.utils.did_you_mean import did_you_mean

T = TypeVar("T")


def _is_number(value: Any) -> bool:
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and math.isfinite(value)


def finite(name: str, value: Any) -> float:
    """A finite number."""
    if not _is_number(value):
        raise ValueError(f"`{name}` must be a finite number. Received: {name}={value!r}")
    return float(value)


def positive(name: str, value: Any) -> float:
    """A finite number above 0."""
    if not _is_number(value) or value <= 0:
        raise ValueError(f"`{name}` must be a positive finite number. Received: {name}={value!r}")
    return float(value)


def non_negative(name: str, value: Any) -> float:
    """A finite number of 0 or more."""
    if not _is_number(value) or value < 0:
        raise ValueError(
            f"`{name}` must be a non-negative finite number. Received: {name}={value!r}"
        )
    return float(value)


def between(name: str, value: Any, low: float, high: float) -> float:
    """A finite number from `low` to `high`; `high` may be infinite."""
    if not _is_number(value) or not low <= value <= high:
        wanted = f"of {low:g} or more" if high == math.inf else f"from {low:g} to {high:g}"
        raise ValueError(f"`{name}` must be a finite number {wanted}. Received: {name}={value!r}")
    return float(value)


def fraction(name: str, value: Any) -> float:
    """A number of at least 0 and less than 1."""
    value = non_negative(name, value)
    if value >= 1.0:
        raise ValueError(f"`{name}` must be less than 1. Received: {name}={value!r}")
    return value


def integer(name: str, value: Any, at_least: int = 1, at_most: int | None = None) -> int:
    """An integer (Python or NumPy, not a bool) from `at_least` to `at_most`."""
    boolean = isinstance(value, bool) or type(value).__name__.startswith("bool")
    try:
        number = None if boolean else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < at_least or (at_most is not None and number > at_most):
        wanted = "a positive integer" if at_least == 1 else f"an integer of {at_least} or more"
        if at_most is not None:
            wanted = f"an integer from {at_least} to {at_most}"
        raise ValueError(f"`{name}` must be {wanted}. Received: {name}={value!r}")
    return number


def seed(name: str, value: Any) -> int | None:
    """An integer of 0 or more, or `None`."""
    if value is None:
        return None
    try:
        return integer(name, value, at_least=0)
    except ValueError:
        raise ValueError(
            f"`{name}` must be an integer of 0 or more, or None. Received: {name}={value!r}"
        ) from None


def choice(name: str, value: T, choices: Iterable[T]) -> T:
    """One of `choices`; the message suggests the closest one."""
    choices = list(choices)
    try:
        known = value in choices
    except ValueError:  # an array compares element by element
        known = False
    if known:
        return value
    names = [c for c in choices if isinstance(c, str)]
    hint = did_you_mean(value, names) if isinstance(value, str) else ""
    raise ValueError(
        f"`{name}` must be one of {choices}. Received: {name}={value!r}{'.' * bool(hint)}{hint}"
    )


# Shapes of tensors and arrays. `None` marks an axis of unknown size, which matches any size. ---


def rank(name: str, x: Any, rank: int) -> None:
    """`x` has exactly `rank` axes."""
    if len(x.shape) != rank:
        raise ValueError(f"`{name}` must have rank {rank}. Received: {name}.shape={tuple(x.shape)}")


def batched(name: str, x: Any) -> None:
    """`x` has a batch axis."""
    if len(x.shape) == 0:
        raise ValueError(
            f"`{name}` must have at least one axis, the batch. Received: {name}.shape=()"
        )


def same_shape(name: str, x: Any, other_name: str, other: Any) -> None:
    """Two shapes agree."""
    shape, other_shape = tuple(x.shape), tuple(other.shape)
    same = len(shape) == len(other_shape) and all(
        m is None or n is None or m == n for m, n in zip(shape, other_shape, strict=True)
    )
    if not same:
        raise ValueError(
            f"`{name}` and `{other_name}` must have the same shape. Received: "
            f"{name}.shape={shape}, {other_name}.shape={other_shape}"
        )


def same_last_axis(name: str, x: Any, other_name: str, other: Any) -> None:
    """The last axes of two shapes agree."""
    size, other_size = x.shape[-1], other.shape[-1]
    if size is not None and other_size is not None and size != other_size:
        raise ValueError(
            f"`{name}` and `{other_name}` must have the same last axis. Received: "
            f"{name}.shape={tuple(x.shape)}, {other_name}.shape={tuple(other.shape)}"
        )
