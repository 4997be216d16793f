"""Checks of arrays: each returns the array in the form that the library works with, or raises."""

from typing import Any

import numpy as np

from keras_latent.src.training.inputs import one_array


def images(name: str, value: Any, at_least: int = 1) -> np.ndarray:
    """A contiguous array `(N, ...)`, uint8 or finite float32, of `at_least` one row or none.

    uint8 stays uint8 (batches divide it by 255). Other dtypes become float32 here, once, rather
    than in each batch. The array is made contiguous because gathering rows of a view such as
    `images.swapaxes(1, 2)` would copy the whole array for each batch.
    """
    array = one_array(name, value)
    if array.ndim < 1 or len(array) < at_least:
        raise ValueError(
            f"`{name}` must have at least one row. Received: {name}.shape={array.shape}"
        )
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype != bool and not np.issubdtype(array.dtype, np.floating):
        raise ValueError(
            f"`{name}` must be uint8 (0 to 255), float or bool. "
            f"Received: {name}.dtype={array.dtype}. Convert it with `.astype('uint8')` or "
            "scale it to floats. Images of several sizes must be brought to one size first."
        )
    with np.errstate(over="ignore"):  # Values that overflow float32 are reported below.
        array = np.ascontiguousarray(array, dtype=np.float32)
    finite = np.isfinite(array)
    if not finite.all():
        rows = np.flatnonzero(~finite.reshape(len(array), -1).all(axis=1))
        raise ValueError(
            f"`{name}` must be finite in float32. Received: NaN or infinity in {len(rows)} of "
            f"{len(array)} rows; the first is row {rows[0]}. Drop or repair these rows."
        )
    return array


def image_batch(name: str, value: Any) -> np.ndarray:
    """Any number of images `(N, height, width, channels)`, as float32."""
    array = images(name, value, at_least=0)
    if array.ndim != 4:
        raise ValueError(
            f"`{name}` must have shape (N, height, width, channels). "
            f"Received: {name}.shape={array.shape}"
        )
    return array.astype(np.float32, copy=False)


def labels(name: str, value: Any, rows: int) -> np.ndarray:
    """int32 labels `(rows,)` or `(rows, attributes)`, -1 where missing."""
    array = one_array(name, value)
    if array.ndim not in (1, 2) or len(array) != rows:
        raise ValueError(
            f"`{name}` must have shape ({rows},) or ({rows}, attributes): one entry per row of "
            f"its array. Received: {name}.shape={array.shape}"
        )
    if not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"`{name}` must be integers, with -1 for a missing label. "
            f"Received: {name}.dtype={array.dtype}."
            + (" For one-hot rows, pass `.argmax(-1)`." if array.ndim == 2 else "")
        )
    if array.size and (array.min() < -1 or array.max() > np.iinfo(np.int32).max):
        raise ValueError(
            f"`{name}` must be class numbers of 0 or more, or -1 for a missing label. "
            f"Received: values from {array.min()} to {array.max()}"
        )
    return array.astype(np.int32)


def waveforms(name: str, value: Any) -> np.ndarray:
    """float32 waveforms `(N, samples, 1)` in [-1, 1], from floats of this shape or `(N, samples)`.

    Raises:
        ValueError: If the array has another rank or is empty, is not float, or contains NaN,
            infinity or values outside [-1, 1].
    """
    given = one_array(name, value)
    array = given[..., None] if given.ndim == 2 else given
    if array.ndim != 3 or array.shape[-1] != 1 or 0 in array.shape:
        raise ValueError(
            f"`{name}` must be waveforms (N, samples, 1) or (N, samples). "
            f"Received: {name}.shape={given.shape}"
        )
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(
            f"`{name}` must be floats from -1 to 1. Received: {name}.dtype={array.dtype}. "
            "Divide 16-bit samples by 32768."
        )
    bad = ~((array >= -1) & (array <= 1)).all(axis=(1, 2))  # Also true for NaN.
    if bad.any():
        row = np.flatnonzero(bad)[0]
        if np.isfinite(array[row]).all():
            what = f"values from {array[row].min():.4g} to {array[row].max():.4g}"
        else:
            what = "NaN or infinity"
        raise ValueError(
            f"`{name}` must be finite and from -1 to 1. Received: {what} in row {row}, the first "
            f"of {bad.sum()} such rows out of {len(array)}. Clip them with `np.clip`, or scale "
            "them with `datasets.peak_normalize`."
        )
    return array.astype(np.float32, copy=False)


def domain(name: str, train: Any, labels_: Any, test: Any, test_labels: Any) -> dict[str, Any]:
    """The arrays of one domain, by the names of `DomainPair`'s attributes."""
    train = images(name, train)
    if test is not None:
        test = images(f"test_{name}", test)
        if train.shape[1:] != test.shape[1:]:
            raise ValueError(
                f"`test_{name}` must have rows of the same shape as `{name}`. Received: "
                f"{name}.shape={train.shape}, test_{name}.shape={test.shape}"
            )
    if labels_ is not None:
        labels_ = labels(f"{name}_labels", labels_, len(train))
    if test_labels is not None:
        test_labels = labels(f"test_{name}_labels", test_labels, 0 if test is None else len(test))
    return {
        f"{name}_train": train,
        f"{name}_test": test,
        f"{name}_train_labels": labels_,
        f"{name}_test_labels": test_labels,
    }
