"""What the arrays of a batch must be. Each kind checks shapes, data types and values.

Shapes and data types are checked whenever a step is traced. Values are checked once, on NumPy
arrays: all rows of an array, or the first batch of a dataset.
"""

import numbers
import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_latent.src.utils.types import Rows, Tensor


class Input:
    """An array of floats with one row per example.

    Args:
        shape: Shape of one row. `None` fits any size.
        required: Whether every batch must have it.
    """

    #: What a message calls the array.
    kind = "floats"
    #: Whether integers are probably pixels.
    pixels = False
    #: What every value is if a method is not given the array; `None`: it is then left out.
    fill: float | None = None

    def __init__(self, shape: Sequence[int | None], required: bool = True):
        self.shape = tuple(shape)
        self.required = required

    def check(self, name: str, x: Any) -> None:
        """Raises `ValueError` unless the array or tensor `x` has the right shape."""
        check_shape(name, x.shape, self.shape)

    def check_dtype(self, name: str, x: Any) -> None:
        """Raises `ValueError` unless the array or tensor `x` holds floats."""
        check_dtype(name, x, self.pixels)

    def check_values(self, name: str, x: np.ndarray) -> None:
        """Raises `ValueError` unless `x` holds finite floats."""
        check_values(name, x, pixels=self.pixels)

    def to_tensor(self, name: str, x: Any) -> Tensor:
        """`x`, which was checked, as a float32 tensor."""
        return keras.ops.cast(keras.ops.convert_to_tensor(x), "float32")

    def rows(self, name: str, x: Rows, count: int | None = None) -> np.ndarray:
        """What a user passed to a method, checked, in host memory.

        Args:
            name: Name of the argument.
            x: The rows.
            count: How many rows there must be; `None`: one or more.

        Raises:
            ValueError: If it is not one array of that many rows, or shape or values are wrong.
        """
        x = one_array(name, x)
        self.check(name, x)
        if count is not None and len(x) != count:
            raise ValueError(f"`{name}` must have {count} rows. Received: {len(x)} rows")
        if not len(x):
            raise ValueError(f"`{name}` must have one row or more. Received: shape={x.shape}")
        self.check_values(name, x)
        return x


class Images(Input):
    """Images, as floats in [0, 1] if `unit_interval` is set."""

    kind = "images"
    pixels = True

    def __init__(
        self, shape: Sequence[int | None], unit_interval: bool = False, required: bool = True
    ):
        super().__init__(shape, required)
        self.unit_interval = unit_interval

    def check_values(self, name: str, x: np.ndarray) -> None:
        check_values(name, x, self.unit_interval, pixels=True)


class Flags(Input):
    """One boolean per row, such as whether row `i` of two domains is a known pair."""

    kind = "a bool per row"

    def __init__(self, required: bool = True):
        super().__init__((), required)

    def check(self, name: str, x: Any) -> None:
        rank = len(x.shape)
        if rank != 1:
            hint = f"`{name}[:, 0]`" if rank == 2 else "`np.ones(rows, bool)` if all of them are"
            raise ValueError(
                f"`{name}` must have shape ('batch',): whether each row is a known pair. "
                f"Received: shape={tuple(x.shape)}. Pass {hint}."
            )

    def check_dtype(self, name: str, x: Any) -> None:
        dtype = str(getattr(x.dtype, "name", x.dtype))
        if not any(kind in dtype for kind in ("bool", "int", "float")):
            raise ValueError(f"`{name}` must hold booleans. Received: dtype={x.dtype}")

    def check_values(self, name: str, x: np.ndarray) -> None:
        self.check_dtype(name, x)
        if not np.isin(x, (0, 1)).all():
            raise ValueError(
                f"`{name}` must be True or False per row: whether it is a known pair. Received: "
                f"values from {x.min()} to {x.max()}. For row numbers, pass "
                "`np.isin(np.arange(len(source)), numbers)`."
            )

    def to_tensor(self, name: str, x: Any) -> Tensor:
        return keras.ops.cast(keras.ops.convert_to_tensor(x), "bool")


class Ignored(Input):
    """An array that a batch may have and the model does not use."""

    def __init__(self) -> None:
        super().__init__((), required=False)

    def check(self, name: str, x: Any) -> None:
        pass

    def check_values(self, name: str, x: np.ndarray) -> None:
        pass

    def to_tensor(self, name: str, x: Any) -> Tensor:
        return keras.ops.convert_to_tensor(x)


def one_array(name: str, x: Any) -> np.ndarray:
    """An array, or what converts to one, in host memory.

    Raises:
        ValueError: If `x` is no array, tensor or nested lists of numbers.
    """
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, dict):
        raise ValueError(
            f"`{name}` must be one array. Received: a dict of {sorted(map(str, x))}. Pass one of "
            "its values."
        )
    if x is None or isinstance(x, (str, bytes, os.PathLike, numbers.Number)):
        raise ValueError(
            f"`{name}` must be an array of rows. Received: {x!r}. Read files into one array first."
        )
    try:
        return np.asarray(keras.ops.convert_to_numpy(x))
    except Exception as error:  # nested lists of unequal lengths
        raise ValueError(
            f"`{name}` must be one array, or nested lists of equal lengths. Received: "
            f"{type(x).__name__}, which is not: {error}"
        ) from error


def fits(shape: Sequence, wanted: Sequence) -> bool:
    """Whether the shape of a batch, `(batch, ...)`, is that of one row. `None` fits any size."""
    return len(shape) == len(wanted) + 1 and all(
        w is None or n is None or w == n for n, w in zip(shape[1:], wanted, strict=True)
    )


def check_shape(name: str, shape: Sequence, wanted: Sequence) -> None:
    """Checks the shape of a batch, `(batch, ...)`, against that of one row.

    Raises:
        ValueError: If rank, size or channels differ. `None` fits any size.
    """
    got = tuple(shape)
    if not fits(got, wanted):
        raise ValueError(
            f"`{name}` must have shape {('batch', *wanted)}. Received: shape={got}."
            f"{_shape_hint(got, tuple(wanted))}"
        )


def _shape_hint(got, wanted):
    if got and got == wanted:
        return " Is the batch axis missing (`x[None]`)?"
    if len(wanted) < 2:
        return ""
    sizes, channels = wanted[:-1], wanted[-1]
    if got[1:] == sizes:
        gray = f"`np.stack([x] * {channels}, -1)` for gray images"
        return f" Is the channel axis missing ({'`x[..., None]`' if channels == 1 else gray})?"
    if got == sizes and channels == 1:
        return " Are the batch axis and the channel axis missing (`x[None, ..., None]`)?"
    if got[1:] == (channels, *sizes):
        return " Channels must come last: `np.moveaxis(x, 1, -1)`."
    if got[1:-1] == sizes and got[-1] == 1:
        return f" To repeat the channel of gray images: `np.repeat(x, {channels}, axis=-1)`."
    if got[1:-1] == sizes and channels == 1 and got[-1] == 3:
        return " To convert colors to gray: `x.mean(axis=-1, keepdims=True)`."
    if len(got) == len(wanted):
        return " Is the batch axis missing (`x[None]`), or the channel axis (`x[..., None]`)?"
    return ""


def check_values(name: str, x: Any, unit_interval: bool = False, *, pixels: bool = True) -> None:
    """Checks the values of an array in host memory.

    Args:
        name: What the message calls the array.
        x: An array, or anything that `numpy.asarray` reads.
        unit_interval: Whether values must lie in [0, 1].
        pixels: Whether values that look like pixels in 0..255 are an error. Default: yes.

    Raises:
        ValueError: If values are not finite floats, are out of range, or look like pixels.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "fV":  # "V": bfloat16, as ml_dtypes stores it
        raise ValueError(_not_floats(name, x.dtype, pixels))
    low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 0.0)
    if not (np.isfinite(low) and np.isfinite(high)):
        rows = np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))
        raise ValueError(
            f"`{name}` must be finite. Received: NaN or infinity in {len(rows)} of {len(x)} rows, "
            f"the first of them row {rows[0]}. Repair or drop those rows."
        )
    if unit_interval and (low < 0.0 or high > 1.0):
        raise ValueError(
            f"`{name}` must lie in [0, 1]. Divide pixels in 0..255 by 255, and map values in "
            f"[-1, 1] by `(x + 1) / 2`. Received: values from {low:g} to {high:g}"
        )
    if pixels and high > 32.0 and low >= 0.0:
        raise ValueError(
            f"`{name}` looks like pixels in 0..255, but images must be floats in [0, 1]: divide "
            f"by 255. Received: values from {low:g} to {high:g}"
        )
    # Such as scikit-learn's digits, 0 to 16. Images in [0, 1] do not pay for the comparison.
    if pixels and high > 1.0 and low >= 0.0 and (x == np.floor(x)).all():
        raise ValueError(
            f"`{name}` looks like gray levels (whole numbers), but images must be floats in "
            f"[0, 1]: divide by the largest possible level (16 for scikit-learn's digits). "
            f"Received: values from {low:g} to {high:g}"
        )


def check_dtype(name: str, x: Any, pixels: bool = True) -> None:
    """Raises `ValueError` unless an array or tensor, of any backend, holds floats."""
    if "float" not in str(getattr(x.dtype, "name", x.dtype)):
        raise ValueError(_not_floats(name, x.dtype, pixels))


def _not_floats(name, dtype, pixels):
    hint = ""
    if str(dtype) in ("bool", "torch.bool"):
        hint = ": `x.astype('float32')`"
    elif getattr(dtype, "kind", "u") in "OUSc":
        hint = (
            ", in one array of images of one size: `np.stack([np.asarray(i, 'float32') for i in "
            "images])`"
        )
    elif pixels or str(dtype) == "uint8":
        hint = "; for images with 256 gray levels, pass `x.astype('float32') / 255`"
    return f"`{name}` must hold floats{hint}. Received: dtype={dtype}"
