"""What a batch must be: declared by a model, checked before and while it trains."""

import copy
import dataclasses
import itertools
import os
import types
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_latent.src.training.inputs import Ignored, Input


@dataclasses.dataclass(frozen=True)
class BatchSpec:
    """What a model takes as `x` and `y`.

    Attributes:
        inputs: What `x` must be: an `Input`, or a dict of name to `Input`.
        targets: What `y` must be, such as `Labels()`. `None`: the model takes no labels.
        equal_rows: Whether all inputs of a dict must have the same number of rows.
        hint: How to make such a batch, for the error message.
        name: What messages call a single input.
    """

    inputs: Input | dict[str, Input]
    targets: Any = None
    equal_rows: bool = False
    hint: str = ""
    name: str = "x"

    def named(self, model: str, x: Any) -> dict[str, tuple[Input, Any]]:
        """Each array of `x` by its name, with what it must be.

        Raises:
            ValueError: If `x` is not one array, or not a dict of the right names.
        """
        if isinstance(self.inputs, Input):
            if isinstance(x, (dict, list, tuple)):
                raise ValueError(_one_tensor(self.name, model, x, self.inputs.kind))
            _require_array(self.name, x)
            return {self.name: (self.inputs, x)}
        required = {name for name, spec in self.inputs.items() if spec.required}
        if not isinstance(x, Mapping) or not required <= set(x) <= set(self.inputs):
            wanted = ", ".join(
                f"'{name}': {spec.kind}" for name, spec in self.inputs.items() if spec.required
            )
            got = sorted(x, key=str) if isinstance(x, Mapping) else _kind(x)
            raise ValueError(f"`{model}` takes batches `{{{wanted}}}`; {self.hint} Received: {got}")
        for name in x:
            _require_array(name, x[name])
        return {
            name: (spec, x[name])
            for name, spec in self.inputs.items()
            if name in x and not isinstance(spec, Ignored)
        }

    def check_inputs(
        self, model: str, x: Any, values: bool = False
    ) -> dict[str, tuple[Input, Any]]:
        """Checks `x`, arrays or tensors, and returns each with what it must be.

        Args:
            model: Name of the model, for messages.
            x: The inputs.
            values: Whether to check values too. `x` must then be in host memory.

        Raises:
            ValueError: If `x` is not what the model takes.
        """
        named = self.named(model, x)
        for name, (spec, array) in named.items():
            spec.check(name, array)
            if not values:
                spec.check_dtype(name, array)
        rows = _rows(named)
        if self.equal_rows and len(set(rows.values()) - {None}) > 1:
            raise ValueError(
                f"{', '.join(f'`{name}`' for name in rows)} must have equally many rows in a "
                f"batch. Received: {rows}"
            )
        for name, (spec, array) in named.items():
            if rows[name] == 0:
                raise ValueError(f"`{name}` must have one row or more. Received: 0 rows")
            if values:
                spec.check_values(name, array)
        return named

    def check(
        self, model: str, x: Any, y: Any, values: bool = False
    ) -> dict[str, tuple[Input, Any]]:
        """Checks the inputs, and the labels if the model takes any; as `check_inputs`."""
        named = self.check_inputs(model, x, values)
        if self.targets is not None:
            self.targets.check(model, y, _rows(named))
            if values:
                self.targets.check_values(y)
        return named

    def to_tensors(self, model: str, x: Any, y: Any) -> Any:
        """The batch as tensors: the inputs, or `(inputs, targets)`.

        Raises:
            ValueError: If shapes or data types are wrong.
        """
        named = self.check(model, x, y)
        tensors: Any = {name: spec.to_tensor(name, array) for name, (spec, array) in named.items()}
        if isinstance(self.inputs, Input):
            (tensors,) = tensors.values()
        return tensors if self.targets is None else (tensors, self.targets.to_tensor(y))


def _rows(named: dict[str, tuple[Input, Any]]) -> dict[str, int | None]:
    return {name: array.shape[0] for name, (_, array) in named.items()}


def _one_tensor(name, model, x, kind):
    got = f"dict of {sorted(x, key=str)}" if isinstance(x, dict) else type(x).__name__
    hint = f"Stack a list of {kind} with `np.stack({kind})`, and pass labels as `y`."
    if isinstance(x, dict):
        hint = f"Pass the {kind} alone."
        if kind == "images":
            hint = "Pass the images of one domain; `VBTA` and `LSTNet` take two."
    return (
        f"`{name}` must be an array: `{model}` takes one tensor per batch. Received: {got}. {hint}"
    )


def _kind(x):
    shape = f" of shape {tuple(x.shape)}" if hasattr(x, "shape") else ""
    return f"{type(x).__name__}{shape}"


def _require_array(name, x):
    if not hasattr(x, "shape") or not hasattr(x, "dtype"):
        raise ValueError(
            f"`{name}` must be an array with one entry per row: `np.asarray(...)`. "
            f"Received: {type(x).__name__}"
        )


def first_batch(x: Any, y: Any) -> tuple[Any, Any, bool]:
    """What can be known of data before a training starts.

    Args:
        x: First argument of `keras.Model.fit`.
        y: Second argument.

    Returns:
        `(x, batch, whole)`. `x` replaces the argument: a generator that has been asked is a new one
        with the same batches. `batch` is a tuple of inputs and labels, or `None` if it cannot be
        known. `whole` says whether that is all of the data.

    Raises:
        ValueError: If a model cannot be trained on `x`.
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
    if isinstance(x, (dict, list, tuple)) or (hasattr(x, "shape") and hasattr(x, "dtype")):
        return x, (x, y), True
    if hasattr(x, "as_numpy_iterator"):
        return x, next(iter(x.take(1).as_numpy_iterator()), None), False
    if isinstance(x, types.GeneratorType):
        batch = next(x, None)
        if batch is None:
            raise ValueError("`x` must yield batches. Received: a generator that yields none")
        if not isinstance(batch, tuple):
            raise ValueError(
                "`x` must yield tuples, `yield (inputs,)` or `yield (inputs, labels)`. Received: "
                f"a generator of {type(batch).__name__}"
            )
        return (b for b in itertools.chain([batch], x)), batch, False
    if _is_loader(x):
        return x, next(iter(x), None), False
    if isinstance(x, (str, bytes, os.PathLike, set, frozenset)) or not hasattr(x, "__iter__"):
        raise ValueError(f"`x` must be the data: arrays, or a dataset of batches. Received: {x!r}")
    return x, None, False


def _is_loader(x):
    return hasattr(x, "dataset") and hasattr(x, "collate_fn")


def with_tuples(x: Any) -> Any:
    """A PyTorch `DataLoader` whose batches are tuples; anything else as it is.

    On JAX and TensorFlow, Keras takes every batch for a tuple: a dict for its keys, an array for
    its rows.
    """
    if not _is_loader(x):
        return x
    import torch

    def to_tensor(value):  # Keras asks for its `cpu()`
        return torch.from_numpy(value) if isinstance(value, np.ndarray) else value

    class WithTuples(type(x)):  # type: ignore[misc]
        def __iter__(self):
            for batch in super().__iter__():
                batch = keras.tree.map_structure(to_tensor, batch)
                yield tuple(batch) if isinstance(batch, (list, tuple)) else (batch,)

    copied = copy.copy(x)
    copied._iterator = None  # of workers that the original keeps
    copied.__class__ = WithTuples
    return copied


def check_equal_rows(x: Any) -> int:
    """The number of rows of arrays that `fit` cuts into batches.

    Raises:
        ValueError: If there are none, or arrays differ in length.
    """
    rows = {key: len(value) for key, value in x.items()} if isinstance(x, dict) else {"x": len(x)}
    if len(set(rows.values())) > 1:
        raise ValueError(
            "Arrays must have equally many rows. Received: "
            f"{rows}. `datasets.pair_from_arrays` makes batches of domains of unequal size, and "
            "`datasets.LatentBatches` makes batches of their latents."
        )
    if not all(rows.values()):
        raise ValueError(f"`{next(iter(rows))}` must have one row or more. Received: 0 rows")
    return next(iter(rows.values()))


def batch_sizes(
    rows: int, whole: bool, batch_size: int | None, validation_split: float | None
) -> tuple[int, ...]:
    """Rows of the first training batch and, if it is smaller and known, of the last one."""
    if not whole:
        return (rows,)
    rows = int(rows * (1.0 - (validation_split or 0.0)))
    size = min(rows, 32 if batch_size is None else batch_size)
    return (size, rows % size) if size and rows % size else (size,)


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
