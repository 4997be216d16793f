"""Kinds of arguments: a valid value, and values that are wrong for any argument of that kind."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

HUGE = 2**70


@dataclasses.dataclass(frozen=True)
class Argument:
    """An argument of an entry point.

    Attributes:
        valid: Returns a value that the entry point accepts.
        wrong: A label for each wrong value, and a function that returns it.
        named: How messages may call the argument, besides its own name.
        fine: The same for other valid values.
    """

    valid: Callable[[], Any]
    wrong: dict[str, Callable[[], Any]]
    named: tuple[str, ...] = ()
    fine: dict[str, Callable[[], Any]] = dataclasses.field(default_factory=dict)

    def but(self, *labels: str) -> "Argument":
        """The same argument, for which the values of these labels are not wrong."""
        unknown = set(labels) - set(self.wrong)
        if unknown:
            raise ValueError(f"No such labels: {sorted(unknown)}. There are {sorted(self.wrong)}")
        wrong = {label: make for label, make in self.wrong.items() if label not in labels}
        return dataclasses.replace(self, wrong=wrong)

    def also(self, **values: Any) -> "Argument":
        """The same argument with more wrong values."""
        more = {f"{label} ({_short(value)})": _constant(value) for label, value in values.items()}
        return dataclasses.replace(self, wrong={**self.wrong, **more})

    def called(self, *names: str) -> "Argument":
        """The same argument, which messages may call by other names."""
        return dataclasses.replace(self, named=names)


def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 30 else type(value).__name__


def _wrong(**values: Any) -> dict[str, Callable[[], Any]]:
    return {label: _constant(value) for label, value in values.items()}


def _junk() -> dict[str, Callable[[], Any]]:
    """Values that are neither numbers nor text nor arrays of any use."""
    return _wrong(
        none=None, dict={}, list=[], object=object(), complex=1j, lambda_=lambda: 0, bytes=b"3"
    )


def _not_numbers() -> dict[str, Callable[[], Any]]:
    return {
        **_junk(),
        **_wrong(text="3", nan=math.nan, infinity=math.inf, true=True, list_of_one=[1]),
        **_wrong(array=np.array([1.0, 2.0])),
    }


# Scalars -----------------------------------------------------------------------------------


def size(valid: int, least: int = 1) -> Argument:
    """An integer of `least` or more."""
    wrong = _wrong(too_small=least - 1, fraction=least + 0.5, huge=HUGE, negative=-3)
    return Argument(_constant(valid), {**_not_numbers(), **wrong})


def seed(valid: int = 1) -> Argument:
    """An integer of 0 or more, or `None`."""
    return size(valid, least=0).but("none")


def positive(valid: float) -> Argument:
    """A finite number above 0."""
    return Argument(_constant(valid), {**_not_numbers(), **_wrong(zero=0.0, negative=-1.0)})


def non_negative(valid: float) -> Argument:
    """A finite number of 0 or more."""
    return Argument(_constant(valid), {**_not_numbers(), **_wrong(negative=-1.0)})


def number(valid: float) -> Argument:
    """Any finite number."""
    return Argument(_constant(valid), _not_numbers())


def between(valid: float, low: float, high: float) -> Argument:
    """A number from `low` to `high`."""
    wrong = _wrong(below=low - 0.1, above=high + 0.1)
    return Argument(_constant(valid), {**_not_numbers(), **wrong})


def choice(valid: Any) -> Argument:
    """One of a few names."""
    wrong = _wrong(unknown="no such choice", number=7, true=True, array=np.zeros(3), empty="")
    return Argument(_constant(valid), {**_junk(), **wrong})


def text(valid: str) -> Argument:
    """Any text."""
    return Argument(_constant(valid), {**_junk(), **_wrong(number=7, true=True)})


def sizes(*valid: int) -> Argument:
    """A tuple of positive integers, such as a shape."""
    wrong = _wrong(
        number=1.5,
        text="28",
        negative=(-1, *valid[1:]),
        fraction=(5.5, *valid[1:]),
        nested=((1, 2), (3, 4)),
        texts=("a",) * len(valid),
        huge=(HUGE, *valid[1:]),
        none_in_it=(None, *valid[1:]),
    )
    return Argument(_constant(valid), {**_junk(), **wrong})


def function(valid: Callable) -> Argument:
    """A callable."""
    return Argument(_constant(valid), {**_junk(), **_wrong(number=3, text="f")}).but("lambda_")


def paths(valid: Callable[[], Any]) -> Argument:
    """A path to write to, or to read from."""
    return Argument(valid, {**_junk(), **_wrong(number=3.5, zero_byte="a\0b", empty="")}).but(
        "bytes"
    )


def network(valid: Callable[[], keras.Model]) -> Argument:
    """A built Keras model."""
    wrong = {**_junk(), **_wrong(number=3, text="encoder", class_=keras.layers.Dense)}
    wrong["not built"] = lambda: keras.Sequential([keras.layers.Dense(3)])
    wrong["other input"] = lambda: keras.Sequential(
        [keras.Input((3, 5, 7, 2)), keras.layers.Dense(2)]
    )
    return Argument(valid, wrong)


# Arrays ------------------------------------------------------------------------------------


def _draw(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.05, 0.95, shape).astype("float32")


def floats(*shape: int, finite: bool = False, last: bool = True) -> Argument:
    """A float array of exactly this rank.

    Args:
        shape: Its shape.
        finite: Whether NaN and infinity are wrong.
        last: Whether the size of the last axis is determined by something else.
    """
    x = _draw(shape)
    wrong = _array_junk(shape)
    wrong["integers"] = lambda: (x * 9).astype("int64")
    wrong["bools"] = lambda: x > 0.5
    if last:
        wrong["larger last axis"] = lambda: _draw((*shape[:-1], shape[-1] + 1))
    if finite:
        wrong["NaN"] = lambda: _with(x, np.nan)
        wrong["infinity"] = lambda: _with(x, np.inf)
    return Argument(x.copy, wrong)


def tensors(*shape: int, last: bool = True) -> Argument:
    """A float tensor of exactly this rank, of any precision and from any source."""
    argument = floats(*shape, last=last)
    x = _draw(shape)
    wrong = {"sets": lambda: {1.0}, "dates": lambda: np.full(shape, "2020", "datetime64[D]")}
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        wrong["ragged tensor"] = lambda: tf.RaggedTensor.from_tensor(x) if x.ndim > 1 else {}
    if keras.backend.backend() == "torch":
        import torch

        wrong["nested tensor"] = lambda: torch.nested.nested_tensor(list(torch.tensor(x)))
    fine: dict[str, Callable[[], Any]] = {
        kind: lambda kind=kind: keras.ops.convert_to_tensor(x, kind)
        for kind in ("float16", "bfloat16", "float32")
    }
    fine |= {"float64": lambda: np.float64(x), "lists": x.tolist, "variable": lambda: _variable(x)}
    return dataclasses.replace(argument, wrong={**argument.wrong, **wrong}, fine=fine)


def pairs(*shape: int) -> Argument:
    """A mean and a log-variance of this shape."""
    part = tensors(*shape)
    wrong = {
        f"{label} for one": lambda make=make: [make(), _draw(shape)]
        for label, make in part.wrong.items()
    }
    fine = {
        f"{label} for both": lambda make=make: (make(), make()) for label, make in part.fine.items()
    }
    wrong |= _wrong(
        none=None, dict={}, empty=[], object=object(), number=3.5, text="ab", array=_draw(shape)
    )
    wrong |= {"one": lambda: [_draw(shape)], "three": lambda: [_draw(shape)] * 3}
    return Argument(lambda: [_draw(shape), _draw(shape)], wrong, fine=fine)


def keras_object(valid: Any) -> Argument:
    """The name of an object of Keras, such as an initializer, its configuration, or the object."""
    wrong = _wrong(
        unknown="no such name", number=3, true=True, object=object(), empty_dict={}, list=["zeros"]
    )
    wrong["config of something else"] = lambda: {"class_name": "Nothing", "config": {}}
    return Argument(_constant(valid), wrong)


def _variable(x: np.ndarray) -> keras.Variable:
    return keras.Variable(x)


def images(*shape: int) -> Argument:
    """Rows of finite floats in [0, 1], of which there must be one or more."""
    argument = floats(*shape, finite=True)
    wrong = {
        "no rows": lambda: _draw((0, *shape[1:])),
        "0 to 255": lambda: _draw(shape) * 255.0,
        "bytes 0 to 255": lambda: (_draw(shape) * 255.0).astype("uint8"),
        "larger": lambda: _draw((shape[0], *(2 * n for n in shape[1:-1]), shape[-1])),
    }
    return dataclasses.replace(argument, wrong={**argument.wrong, **wrong})


def pictures(*shape: int) -> Argument:
    """Images to draw: uint8, or floats, which are clipped to [0, 1]."""
    return images(*shape).but(
        "NaN", "infinity", "0 to 255", "bytes 0 to 255", "larger", "bools", "larger last axis"
    )


def rows(*shape: int) -> Argument:
    """Finite floats of any size, of which there must be one row or more, such as latents."""
    argument = floats(*shape, finite=True)
    wrong = {"no rows": lambda: _draw((0, *shape[1:]))}
    return dataclasses.replace(argument, wrong={**argument.wrong, **wrong})


def labels(count: int, classes: int = 3) -> Argument:
    """Integer labels, one per row."""
    valid = np.arange(count) % classes
    wrong = _array_junk((count,))
    wrong |= {
        "fractions": lambda: valid + 0.5,
        "too many": lambda: np.arange(count + 1) % classes,
        "far too large": lambda: valid + 10**18,
        "negative": lambda: valid - 7,
    }
    return Argument(valid.copy, wrong)


def bools(*shape: int) -> Argument:
    """A bool array."""
    wrong = _array_junk(shape)
    wrong["floats"] = lambda: _draw(shape)
    return Argument(lambda: _draw(shape) > 0.5, wrong)


def _with(x: np.ndarray, value: float) -> np.ndarray:
    x = x.copy()
    x.flat[x.size // 2] = value
    return x


def _array_junk(shape: tuple[int, ...]) -> dict[str, Callable[[], Any]]:
    wrong = _wrong(
        none=None,
        dict={},
        list=[],
        object=object(),
        lambda_=lambda: 0,
        text="x",
        bytes=b"x",
        number=3.5,
        ragged=[[1.0], [1.0, 2.0]],
        texts=np.full(shape, "a"),
        objects=np.full(shape, None),
    )
    wrong["complex"] = lambda: _draw(shape) * 1j
    wrong["one axis more"] = lambda: _draw(shape)[..., None]
    if len(shape) > 1:
        wrong["one axis fewer"] = lambda: _draw(shape)[0]
    return wrong
