"""What arrays and arguments must look like before a pair is built of them."""

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_latent.src.utils.did_you_mean import did_you_mean


def check_choice(argument: str, value: Any, known: Iterable[str]) -> str:
    """Return `value` if it is one of `known`; otherwise raise, with the nearest name."""
    known = sorted(known)
    if value in known:
        return value
    hint = did_you_mean(str(value), known)
    raise ValueError(f"`{argument}` must be one of {known}. Received: {argument}={value!r}.{hint}")


def check_name(value: Any, known: Iterable[str], function: str) -> str:
    """Return `value` if `function` loads data of that name; otherwise raise, and say what does."""
    if value in known:
        return value
    # Here, since those modules check their names by this function.
    from keras_latent.src.datasets.faces import FACES
    from keras_latent.src.datasets.load_arrays import NAMES
    from keras_latent.src.datasets.named_pairs import PAIRS

    kinds = {"load_arrays": NAMES, "load_faces": FACES, "load_pair": tuple(PAIRS)}
    hint = ""
    if isinstance(value, str):
        hint = _where(value, kinds, function, sorted(known))
    raise ValueError(f"`name` must be one of {sorted(known)}. Received: name={value!r}.{hint}")


def _where(value, kinds, function, known):
    for other, names in kinds.items():
        if value in names:
            hint = f" `datasets.{other}({value!r})` loads it."
            if function == "load_pair":
                pairs = [name for name in known if name.startswith(value) or value in name]
                pairs = f", such as {pairs}" if pairs else ", or `pair_from_arrays`"
                return f" That is one data set;{hint} For two domains, take a pair{pairs}."
            return hint
    name = value.lower().replace("-", "_")
    turned = [n for n in known if sorted(n.split("_")) == sorted(name.split("_"))]
    return did_you_mean(turned[0] if turned else name, known)


def check_integer(argument: str, value: Any, at_least: int) -> int:
    """Return `value` as an int if it is an integer (not a bool) of `at_least` or more."""
    try:
        number = None if isinstance(value, (bool, np.bool_)) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < at_least:
        raise ValueError(
            f"`{argument}` must be an integer of {at_least} or more. "
            f"Received: {argument}={value!r}."
        )
    return number


def check_images(argument: str, value: Any) -> np.ndarray:
    """Return `value` as a contiguous uint8 or float32 array `(N, ...)`, without NaN or infinity.

    uint8 stays uint8 (batches divide it by 255); every float dtype becomes float32 once,
    here, and not in every batch. Contiguous, because gathering rows of a view such as
    `images.swapaxes(1, 2)` copies all of the array for every batch.
    """
    array = np.asarray(value)
    if array.ndim < 1 or len(array) == 0:
        raise ValueError(
            f"`{argument}` must have a first dimension of one row or more. "
            f"Received: {argument}.shape={array.shape}."
        )
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype != bool and not np.issubdtype(array.dtype, np.floating):
        raise ValueError(
            f"`{argument}` must be uint8 (0 to 255, divided by 255 in each batch), float or bool. "
            f"Received: {argument}.dtype={array.dtype}. Convert it with `.astype('uint8')` or "
            "scale it to floats."
        )
    with np.errstate(over="ignore"):  # What float32 cannot hold is reported below.
        array = np.ascontiguousarray(array, dtype=np.float32)
    finite = np.isfinite(array)
    if not finite.all():
        rows = np.flatnonzero(~finite.reshape(len(array), -1).all(axis=1))
        raise ValueError(
            f"`{argument}` must be finite in float32. Received NaN or infinity in {len(rows)} of "
            f"{len(array)} rows, the first of them row {rows[0]}. Drop or repair those rows."
        )
    return array


def check_same_shape(train: np.ndarray, test: np.ndarray, argument: str) -> None:
    """Raise unless test rows have the shape of the domain's training rows."""
    if train.shape[1:] != test.shape[1:]:
        raise ValueError(
            f"`test_{argument}` must have rows of the same shape as `{argument}`. Received: "
            f"{argument}.shape={train.shape}, test_{argument}.shape={test.shape}."
        )


def check_labels(argument: str, value: Any, rows: int) -> np.ndarray | None:
    """Return `value` as int32 labels for `rows` rows: 0 or more, or -1 where missing."""
    if value is None:
        return None
    labels = np.asarray(value)
    if labels.ndim not in (1, 2) or len(labels) != rows:
        raise ValueError(
            f"`{argument}` must have shape ({rows},), or ({rows}, attributes): one entry for each "
            f"row of its array. Received: {argument}.shape={labels.shape}."
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"`{argument}` must be integers, with -1 for a missing label. "
            f"Received: {argument}.dtype={labels.dtype}."
            + (" Of one-hot rows, pass `.argmax(-1)`." if labels.ndim == 2 else "")
        )
    if labels.size and (labels.min() < -1 or labels.max() > np.iinfo(np.int32).max):
        raise ValueError(
            f"`{argument}` must be class numbers of 0 or more, or -1 for a missing label. "
            f"Received values from {labels.min()} to {labels.max()}."
        )
    return labels.astype(np.int32)
