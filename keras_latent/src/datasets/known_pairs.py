"""Which rows of two domains are known to belong together."""

from typing import Any

import numpy as np

from keras_latent.src.datasets.checks import check_integer


def resolve_known_pairs(paired: Any, num_source: int, num_target: int) -> np.ndarray:
    """Turn the argument `paired` into an int array `(n, 2)` of (source row, target row)."""
    if paired is None or (isinstance(paired, str) and paired == "all"):
        if num_source != num_target:
            raise ValueError(
                f"`paired={paired!r}` needs as many rows in the source as in the target. Received: "
                f"{num_source} and {num_target} rows. Pass `paired=0` for domains without known "
                "pairs, or the pairs as an array of row numbers."
            )
        return _first(num_source)
    if isinstance(paired, (list, tuple)) or np.ndim(paired) > 0:
        return _check_row_numbers(np.asarray(paired), num_source, num_target)
    if isinstance(paired, str):
        raise ValueError(
            "`paired` must be 'all' or None, a number of pairs, or an array (n, 2) of row "
            f"numbers. Received: paired={paired!r}."
        )
    number = check_integer("paired", paired, at_least=0)
    if number > min(num_source, num_target):
        raise ValueError(
            "`paired` must not exceed the rows of the smaller domain. Received: "
            f"paired={number} with {num_source} source rows and {num_target} target rows."
        )
    return _first(number)


def check_paired_per_batch(number: Any, batch_size: int, num_paired: int) -> None:
    """Raise unless `number` known pairs fit into a batch, and are there."""
    if number is None:
        return
    check_integer("paired_per_batch", number, at_least=0)
    for limit, what in ((batch_size, "`batch_size`"), (num_paired, "the number of known pairs")):
        if number > limit:
            raise ValueError(
                f"`paired_per_batch` must not exceed {what}. Received: "
                f"paired_per_batch={number}, batch_size={batch_size}, {num_paired} known pairs."
            )


def _first(number: int) -> np.ndarray:
    return np.repeat(np.arange(number)[:, None], 2, axis=1)


def _check_row_numbers(pairs: np.ndarray, num_source: int, num_target: int) -> np.ndarray:
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.issubdtype(pairs.dtype, np.integer):
        raise ValueError(
            "`paired` as an array must be integers of shape (n, 2): source row, target row. "
            f"Received: paired.shape={pairs.shape}, paired.dtype={pairs.dtype}."
        )
    for column, domain, rows in ((0, "source", num_source), (1, "target", num_target)):
        numbers = pairs[:, column]
        if numbers.size and (numbers.min() < 0 or numbers.max() >= rows):
            raise ValueError(
                f"`paired` must hold row numbers of the {domain} (0 to {rows - 1}) in column "
                f"{column}. Received numbers from {numbers.min()} to {numbers.max()}."
            )
    if len(np.unique(pairs, axis=0)) < len(pairs):
        raise ValueError(
            "`paired` must not hold the same pair twice. Received an array with "
            f"{len(pairs) - len(np.unique(pairs, axis=0))} repetitions. Pass it through "
            "`np.unique(paired, axis=0)`."
        )
    return pairs.astype(np.int64)
