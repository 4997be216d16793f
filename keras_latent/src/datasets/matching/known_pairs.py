"""Which rows of two domains are known to belong together."""

from typing import Any

import numpy as np

from keras_latent.src.training.inputs import one_array
from keras_latent.src.utils import checks


def resolve_known_pairs(
    paired: Any, num_source: int, num_target: int, name: str = "paired"
) -> np.ndarray:
    """Convert the argument called `name` to an int64 array `(n, 2)` of (source, target row)."""
    if paired is None or (isinstance(paired, str) and paired == "all"):
        if num_source != num_target:
            raise ValueError(
                f"`{name}={paired!r}` needs as many source rows as target rows. Received: "
                f"{num_source} and {num_target} rows. Pass `{name}=0` for domains without known "
                "pairs, or the pairs as an array of row numbers."
            )
        paired = num_source
    if isinstance(paired, (list, tuple)) or np.ndim(paired) > 0:
        return _row_numbers(name, one_array(name, paired), num_source, num_target)
    if isinstance(paired, str):
        raise ValueError(
            f"`{name}` must be 'all' or None, a number of pairs, or an array (n, 2) of row "
            f"numbers. Received: {name}={paired!r}"
        )
    number = checks.integer(name, paired, at_least=0)
    if number > min(num_source, num_target):
        raise ValueError(
            f"`{name}` must not exceed the number of rows of the smaller domain. Received: "
            f"{name}={number} with {num_source} source rows and {num_target} target rows"
        )
    return np.repeat(np.arange(number)[:, None], 2, axis=1)


def _row_numbers(name: str, pairs: np.ndarray, num_source: int, num_target: int) -> np.ndarray:
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.issubdtype(pairs.dtype, np.integer):
        raise ValueError(
            f"`{name}` as an array must be integers of shape (n, 2): source row, target row. "
            f"Received: {name}.shape={pairs.shape}, {name}.dtype={pairs.dtype}"
        )
    for column, domain, rows in ((0, "source", num_source), (1, "target", num_target)):
        numbers = pairs[:, column]
        if numbers.size and (numbers.min() < 0 or numbers.max() >= rows):
            raise ValueError(
                f"`{name}` must have row numbers of the {domain} (0 to {rows - 1}) in column "
                f"{column}. Received: numbers from {numbers.min()} to {numbers.max()}"
            )
    if repetitions := len(pairs) - len(np.unique(pairs, axis=0)):
        raise ValueError(
            f"`{name}` must not contain a pair twice. Received: {repetitions} repetitions. "
            f"Pass `np.unique({name}, axis=0)`."
        )
    return pairs.astype(np.int64)
