"""The first batch of what is handed to `fit` or `evaluate`, to be looked at before it starts."""

import itertools
import types
from typing import Any

import keras
import numpy as np


def first_batch(x: Any, y: Any, peek: bool = True) -> tuple[Any, Any, bool]:
    """What can be known of data before a training starts.

    Args:
        x: First argument of `keras.Model.fit`.
        y: Second argument.
        peek: Whether a generator may be asked for its first batch.

    Returns:
        `(x, batch, whole)`: `x` to go on with, since a generator that has been asked is another
        one, with the same batches; a batch, arrays and their labels in a tuple, or `None`
        where it cannot be known; and whether that is all of the data.

    Raises:
        ValueError: If `x` is nothing that a model can be trained on.
    """
    if x is None:
        raise ValueError(
            "`x` must be the data: arrays, or a dataset of batches. Received: x=None. (The `test` "
            "of a pair without test rows is None.)"
        )
    if hasattr(x, "skip_epochs") and hasattr(x, "train"):
        raise ValueError(
            "`x` must be the batches of a pair, not the pair: `model.fit(pair.train, "
            f"validation_data=pair.test)`. Received: {x!r}"
        )
    if isinstance(x, keras.utils.PyDataset):
        return x, x[0], False
    if isinstance(x, (np.ndarray, dict, list, tuple)) or keras.ops.is_tensor(x):
        if isinstance(x, dict):
            for key, value in x.items():
                if not hasattr(value, "shape"):
                    raise ValueError(
                        f"`{key}` must be an array with an entry for each row: "
                        f"`np.asarray(...)`. Received: {type(value).__name__}"
                    )
        return x, (x, y), True
    if hasattr(x, "as_numpy_iterator"):
        return x, next(iter(x.take(1).as_numpy_iterator()), None), False
    if isinstance(x, types.GeneratorType) and peek:
        batch = next(x, None)
        if batch is None:
            raise ValueError("`x` must yield batches. Received: a generator that yields none")
        if not isinstance(batch, tuple):
            raise ValueError(
                "`x` must yield tuples, `yield (inputs,)` or `yield (inputs, labels)`. Received: "
                f"a generator of {type(batch).__name__}"
            )
        return (b for b in itertools.chain([batch], x)), batch, False
    if hasattr(x, "dataset") and hasattr(x, "collate_fn") and peek:  # PyTorch's `DataLoader`
        batch = next(iter(x), None)
        return x, tuple(batch) if isinstance(batch, list) else batch, False
    return x, None, False


def check_rows(x: Any) -> None:
    """Checks arrays that `fit` cuts into batches: as many rows in each, and some.

    Raises:
        ValueError: If there are none, or arrays of different lengths.
    """
    rows = {key: len(value) for key, value in x.items()} if isinstance(x, dict) else {"x": len(x)}
    if len(set(rows.values())) > 1:
        raise ValueError(
            "Arrays must have equally many rows. Received: "
            f"{rows}. Domains of unequal size become batches by `datasets.pair_from_arrays`, "
            "and latents of these by `datasets.LatentBatches`."
        )
    if not all(rows.values()):
        raise ValueError(f"`{next(iter(rows))}` must have one row or more. Received: 0 rows")


def as_numpy(x: Any) -> Any:
    """Arrays and tensors of a batch in host memory, other values as they are."""
    return keras.tree.map_structure(
        lambda value: (
            value
            if isinstance(value, np.ndarray) or not hasattr(value, "shape")
            else keras.ops.convert_to_numpy(value)
        ),
        x,
    )


def batch_rows(batch_size: int | None, inputs: Any, whole: bool) -> int:
    """Rows of a training batch, of the inputs that `first_batch` found."""
    rows = len(keras.tree.flatten(inputs)[0])
    return min(rows, batch_size or 32) if whole else rows
