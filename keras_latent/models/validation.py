"""Early, clear errors for what users hand to models."""

import numbers
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
        raise ValueError(f"`{name}` must be a Keras model or layer. Received: {network!r}")
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
    wanted = ("batch", *wanted)
    hint = ""
    if len(got) == len(wanted) - 1:
        hint = " Is the batch axis missing (`x[None]`), or the channel axis (`x[..., None]`)?"
    elif len(got) == len(wanted) == 4 and got[1] == wanted[3] and got[2:] == wanted[1:3]:
        hint = " Channels come last here: `np.moveaxis(x, 1, -1)`."
    raise ValueError(f"`{name}` must have shape {wanted}. Received: shape={got}.{hint}")


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
        hint = "; images in [0, 1]: `x.astype('float32') / 255`" if image else ""
        raise ValueError(f"`{name}` must hold floats{hint}. Received: dtype={x.dtype}")
    low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 0.0)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"`{name}` must be finite. Received: NaN or infinity among its values.")
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
