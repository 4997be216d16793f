"""Early, clear errors for what users hand to models."""

import difflib
import inspect
import numbers
import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

DOMAINS = ("source", "target")


def require_built(name: str, network: Any) -> keras.Model:
    """Checks that a network argument is a Keras model or layer whose weights exist.

    Raises:
        ValueError: If it is no Keras layer, or is not built: a `.keras` file of a model
            with unbuilt parts could not restore its optimizer.
    """
    if not isinstance(network, keras.layers.Layer):
        hint = ""
        if isinstance(network, str):
            hint = ". A ready-made configuration has a name: `from_preset(name)`"
        raise ValueError(f"`{name}` must be a Keras model or layer. Received: {network!r}{hint}")
    if not network.built:
        raise ValueError(
            f"`{name}` is not built yet. Start a `Sequential` with `keras.Input(shape)`, or "
            f"call the network once on data, before you pass it. Received: {network!r}"
        )
    return network


def event_shape_of(name: str, network: keras.Model) -> tuple[int | None, ...]:
    """Shape of one row that a built network takes, without the batch axis.

    Raises:
        ValueError: If the network takes several tensors.
    """
    shape = getattr(network, "input_shape", None)
    if shape is None:  # a subclassed network: what it was built with
        shape = (network.get_build_config() or {}).get("input_shape")
    sizes = isinstance(shape, (tuple, list)) and all(s is None or isinstance(s, int) for s in shape)
    if not sizes:
        raise ValueError(f"`{name}` must take one tensor. Received: input shape {shape}")
    return tuple(shape[1:])


def require_positive(name: str, value: float, zero_allowed: bool = False) -> float:
    """Checks a scalar hyperparameter.

    Raises:
        ValueError: If it is no finite number, or negative, or zero where that is no choice.
    """
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not np.isfinite(value) or value < 0 or (value == 0 and not zero_allowed):
        wanted = "non-negative" if zero_allowed else "positive"
        raise ValueError(f"`{name}` must be a {wanted} finite number. Received: {name}={value!r}")
    return float(value)


def check_arguments(cls: type, kwargs: dict[str, Any]) -> None:
    """Checks what `keras.Model` is left with of a model's arguments.

    Raises:
        ValueError: If it has no such argument either.
    """
    unknown = sorted(kwargs.keys() - {"name", "dtype", "trainable", "autocast"})
    if not unknown or "activity_regularizer" in unknown:
        return
    known = [p for p in inspect.signature(cls.__init__).parameters if p not in ("self", "kwargs")]
    near = difflib.get_close_matches(unknown[0], known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else " Sizes are those of the networks."
    raise ValueError(
        f"`{cls.__name__}` has no argument {unknown[0]!r}. "
        f"It has {[*known, 'name', 'dtype']}.{hint}"
    )


def require_fraction(name: str, value: float) -> float:
    """Checks a scalar of 0 or more and less than 1.

    Raises:
        ValueError: If it is not.
    """
    value = require_positive(name, value, zero_allowed=True)
    if value >= 1.0:
        raise ValueError(f"`{name}` must be less than 1. Received: {name}={value!r}")
    return value


def require_choice(name: str, value: Any, choices: Sequence) -> Any:
    """Checks that `value` is one of `choices`.

    Raises:
        ValueError: If it is not.
    """
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {list(choices)}. Received: {name}={value!r}")
    return value


def check_shape(name: str, shape: Sequence, wanted: Sequence) -> None:
    """Checks the shape of a batch, `(batch, ...)`, against that of one row.

    Raises:
        ValueError: If rank, size or channels differ; `None` fits any size.
    """
    got = tuple(shape)
    fits = len(got) == len(wanted) + 1 and all(
        w is None or g is None or w == g for g, w in zip(got[1:], wanted, strict=True)
    )
    if fits:
        return
    raise ValueError(
        f"`{name}` must have shape {('batch', *wanted)}. Received: shape={got}."
        f"{_shape_hint(got, tuple(wanted))}"
    )


def _shape_hint(got, wanted):
    """What is probably meant by a batch of another shape than `(batch, *wanted)`."""
    if got and got == wanted:
        return " Is the batch axis missing (`x[None]`)?"
    if len(wanted) < 2:
        return ""
    sizes, channels = wanted[:-1], wanted[-1]
    if got[1:] == sizes:
        grey = f"`np.stack([x] * {channels}, -1)` for grey images"
        return f" Is the channel axis missing ({'`x[..., None]`' if channels == 1 else grey})?"
    if got == sizes and channels == 1:
        return " Are the batch axis and the channel axis missing (`x[None, ..., None]`)?"
    if got[1:] == (channels, *sizes):
        return " Channels come last here: `np.moveaxis(x, 1, -1)`."
    if got[1:-1] == sizes and got[-1] == 1:
        return f" Grey images repeat their channel: `np.repeat(x, {channels}, axis=-1)`."
    if got[1:-1] == sizes and channels == 1 and got[-1] == 3:
        return " Colours become grey by `x.mean(axis=-1, keepdims=True)`."
    if len(got) == len(wanted):
        return " Is the batch axis missing (`x[None]`), or the channel axis (`x[..., None]`)?"
    return ""


def check_values(name: str, x: Any, unit_interval: bool, image: bool = True) -> None:
    """Checks the values of an array in host memory.

    Args:
        name: What the array is called in the message.
        x: An array, or anything `numpy.asarray` reads.
        unit_interval: Whether values must lie in [0, 1] (Bernoulli likelihood, tanh generator).
        image: Whether values like those of pixels in 0..255 are suspect.

    Raises:
        ValueError: If values are integers in 0..255, not finite, or out of range.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "fV":  # "V": bfloat16, as ml_dtypes stores it
        raise ValueError(_no_floats(name, x.dtype, image))
    low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 0.0)
    if not (np.isfinite(low) and np.isfinite(high)):
        rows = np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))
        raise ValueError(
            f"`{name}` must be finite. Received: NaN or infinity in {len(rows)} of {len(x)} rows, "
            f"the first of them row {rows[0]}. Repair those rows, or leave them out."
        )
    if unit_interval and (low < 0.0 or high > 1.0):
        raise ValueError(
            f"`{name}` must lie in [0, 1]; pixels in 0..255 are divided by 255, and those in "
            f"[-1, 1] mapped by `(x + 1) / 2`. Received: values from {low:g} to {high:g}"
        )
    if image and high > 32.0 and low >= 0.0:
        raise ValueError(
            f"`{name}` looks like pixels in 0..255; images are floats in [0, 1] here: divide "
            f"by 255. Received: values from {low:g} to {high:g}"
        )
    # Such as scikit-learn's digits, 0 to 16. Images in [0, 1] do not pay for the comparison.
    if image and high > 1.0 and low >= 0.0 and (x == np.floor(x)).all():
        raise ValueError(
            f"`{name}` looks like grey levels, whole numbers from 0 on; images are floats in "
            f"[0, 1] here: divide by the largest level that there is (16 of scikit-learn's "
            f"digits). Received: values from {low:g} to {high:g}"
        )


def check_dtype(name: str, dtype: str, image: bool = True) -> None:
    """Checks the data type of a tensor, whose values may not be known yet.

    Raises:
        ValueError: If it is an integer or bool.
    """
    if "int" in dtype or dtype == "bool":
        raise ValueError(_no_floats(name, dtype, image))


def _no_floats(name, dtype, image):
    hint = ""
    if str(dtype) == "bool":
        hint = ": `x.astype('float32')`"
    elif getattr(dtype, "kind", "u") in "OUSc":
        hint = (
            ", in one array of images of one size: `np.stack([np.asarray(i, 'float32') for i in "
            "images])`"
        )
    elif image:
        hint = "; images in [0, 1], of 256 grey levels: `x.astype('float32') / 255`"
    return f"`{name}` must hold floats{hint}. Received: dtype={dtype}"


def require_array(name: str, x: Any) -> np.ndarray:
    """Rows in host memory, of anything that NumPy or the backend reads as one array.

    Raises:
        ValueError: If it is no array, such as a dict of both domains or a file's name.
    """
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, dict):
        raise ValueError(
            f"`{name}` must be one array. Received: a dict of {sorted(x)}. Pass the rows of one of "
            "them."
        )
    if x is None or isinstance(x, (str, os.PathLike, numbers.Number)):
        raise ValueError(
            f"`{name}` must be an array of rows. Received: {x!r}. Files are read first, into one "
            "array."
        )
    return keras.ops.convert_to_numpy(x)


def require_count(name: str, value: Any) -> int:
    """Checks that a number of rows is a positive integer.

    Raises:
        ValueError: If it is not.
    """
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")
    return int(value)
