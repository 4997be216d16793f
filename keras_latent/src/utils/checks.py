"""Argument checks. Each one returns the value or raises a `ValueError`.

Each message names the argument, says what it must be, and ends with what was received and a
hint, if there is one. Keras and NumPy are not imported here, because the command line uses
these checks too.
"""

import math
import numbers
import operator
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from keras_latent.src.utils.did_you_mean import did_you_mean

T = TypeVar("T")

#: Larger integers are mistakes: loops over them never end, and no backend takes them as sizes.
LARGEST = 2**32 - 1
#: The largest seed that `keras.random.SeedGenerator` takes on every backend.
LARGEST_KERAS_SEED = 2**31 - 1


def received(name: str, value: Any) -> str:
    """The end of a message: `value`, of which at most 300 characters are shown."""
    text = repr(value)
    return f"Received: {name}={text if len(text) <= 300 else f'{text[:300]}...'}"


def _is_number(value: Any) -> bool:
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the range of floats
        return False


def finite(name: str, value: Any) -> float:
    """A finite number."""
    if not _is_number(value):
        raise ValueError(f"`{name}` must be a finite number. {received(name, value)}")
    return float(value)


def positive(name: str, value: Any, or_infinite: bool = False) -> float:
    """A finite number above 0, or also infinity."""
    infinite = or_infinite and isinstance(value, float) and value == math.inf
    if not (_is_number(value) or infinite) or value <= 0:
        wanted = "positive number" if or_infinite else "positive finite number"
        raise ValueError(f"`{name}` must be a {wanted}. {received(name, value)}")
    return float(value)


def non_negative(name: str, value: Any) -> float:
    """A finite number of 0 or more."""
    if not _is_number(value) or value < 0:
        raise ValueError(f"`{name}` must be a non-negative finite number. {received(name, value)}")
    return float(value)


def between(name: str, value: Any, low: float, high: float) -> float:
    """A finite number from `low` to `high`; `high` may be infinite."""
    if not _is_number(value) or not low <= value <= high:
        wanted = f"of {low:g} or more" if high == math.inf else f"from {low:g} to {high:g}"
        raise ValueError(f"`{name}` must be a finite number {wanted}. {received(name, value)}")
    return float(value)


def fraction(name: str, value: Any) -> float:
    """A number of at least 0 and less than 1."""
    value = non_negative(name, value)
    if value >= 1.0:
        raise ValueError(f"`{name}` must be less than 1. {received(name, value)}")
    return value


def integer(name: str, value: Any, at_least: int = 1, at_most: int = LARGEST) -> int:
    """An integer (Python or NumPy, not a bool) from `at_least` to `at_most`."""
    boolean = isinstance(value, bool) or type(value).__name__.startswith("bool")
    try:
        number = None if boolean else operator.index(value)
    except TypeError:
        number = None
    if number is None or not at_least <= number <= at_most:
        wanted = "a positive integer" if at_least == 1 else f"an integer of {at_least} or more"
        if at_most != LARGEST or (number is not None and number > at_most):
            wanted = f"an integer from {at_least} to {at_most}"
        raise ValueError(f"`{name}` must be {wanted}. {received(name, value)}")
    return number


def seed(name: str, value: Any, at_most: int = LARGEST) -> int | None:
    """An integer of 0 or more, or `None`."""
    if value is None:
        return None
    try:
        return integer(name, value, at_least=0, at_most=at_most)
    except ValueError as error:
        raise ValueError(str(error).replace(". ", ", or None. ", 1)) from None


def keras_seed(name: str, value: Any) -> int | None:
    """A seed of Keras's random numbers, or `None`. Those above `LARGEST_KERAS_SEED` start over."""
    found = seed(name, value)
    return None if found is None else found % (LARGEST_KERAS_SEED + 1)


def choice(name: str, value: Any, choices: Iterable[T]) -> T:
    """One of `choices`, which are text, numbers or `None`; the message suggests the closest one."""
    choices = list(choices)
    # True would equal 1, and arrays compare element by element.
    plain = isinstance(value, (str, numbers.Real, type(None))) and not isinstance(value, bool)
    if plain and value in choices:
        return choices[choices.index(value)]
    names = [c for c in choices if isinstance(c, str)]
    hint = did_you_mean(value, names) if isinstance(value, str) else ""
    raise ValueError(
        f"`{name}` must be one of {choices}. {received(name, value)}{'.' * bool(hint)}{hint}"
    )


def from_keras(name: str, get: Callable[[Any], T], value: Any) -> T:
    """What `get`, such as `keras.initializers.get`, makes of a name, a config or an object."""
    try:
        return get(value)
    except Exception as error:
        raise ValueError(
            f"`{name}` must be a name or an object of `{get.__module__.replace('.src', '')}`. "
            f"{received(name, value)}"
        ) from error


def flag(name: str, value: Any) -> bool:
    """True or False (Python or NumPy)."""
    if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):
        raise ValueError(f"`{name}` must be True or False. {received(name, value)}")
    return bool(value)


def text(name: str, value: Any) -> str:
    """Text, also empty."""
    if not isinstance(value, str):
        raise ValueError(f"`{name}` must be text. {received(name, value)}")
    return value


def function(name: str, value: Any) -> Callable:
    """Anything that can be called."""
    if not callable(value):
        raise ValueError(f"`{name}` must be a function. {received(name, value)}")
    return value


def path(name: str, value: Any) -> Path:
    """A path, as text or `os.PathLike`."""
    try:
        found = os.fspath(value)
    except TypeError:
        found = None
    if not isinstance(found, str) or not found or "\0" in found:
        raise ValueError(
            f"`{name}` must be a path: text or a `pathlib.Path`. {received(name, value)}"
        )
    return Path(found)


def items(name: str, value: Any) -> tuple:
    """A list, or another collection but text or a dict, as a tuple."""
    try:
        if not isinstance(value, Collection) or isinstance(value, (str, bytes, Mapping)):
            raise TypeError
        return tuple(value)
    except TypeError:  # an array without axes
        raise ValueError(f"`{name}` must be a list or a tuple. {received(name, value)}") from None


def names(name: str, value: Any, count: int) -> tuple[str, ...]:
    """So many different names."""
    found = items(name, value)
    texts = all(isinstance(item, str) for item in found)
    if not texts or len(found) != count or len(set(found)) < count:
        raise ValueError(f"`{name}` must be {count} different names. {received(name, value)}")
    return found


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


def broadcasts(name: str, x: Any, other_name: str, other: Any) -> None:
    """The first shape broadcasts to the second."""
    shape, other_shape = tuple(x.shape), tuple(other.shape)
    axes = zip(reversed(shape), reversed(other_shape), strict=False)
    if len(shape) > len(other_shape) or not all(m in (1, None, n) or n is None for m, n in axes):
        raise ValueError(
            f"`{name}` must be a number or broadcast to the shape of `{other_name}`. Received: "
            f"{name}.shape={shape}, {other_name}.shape={other_shape}"
        )


def last_axis(name: str, x: Any, size: int) -> None:
    """The last axis has `size`."""
    if x.shape[-1] not in (size, None):
        raise ValueError(
            f"The last axis of `{name}` must have size {size}, as in the first call. Received: "
            f"{name}.shape={tuple(x.shape)}"
        )


def same_last_axis(name: str, x: Any, other_name: str, other: Any) -> None:
    """The last axes of two shapes agree."""
    size, other_size = x.shape[-1], other.shape[-1]
    if size is not None and other_size is not None and size != other_size:
        raise ValueError(
            f"`{name}` and `{other_name}` must have the same last axis. Received: "
            f"{name}.shape={tuple(x.shape)}, {other_name}.shape={tuple(other.shape)}"
        )
