"""A transfer into several domains and its evaluation classifier, as one compiled program."""

import functools
import hashlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_latent.src.training.portable import default_jit_compile
from keras_latent.src.utils.types import Tensor


class TransferProgram:
    """The changes of a classifier's outputs by each transfer, `(batch, n, n)`, compiled.

    Row `i` of a matrix is `f(x^(i)) - f(x)` for the outputs that belong to the domains.

    The program is built from a symbolic batch. Values that the transfer computes from weights
    alone, such as directions in latent space, become constants, so the program is valid as long as
    these weights do not change. The classifier's weights may change. Arguments are as in
    `ConditionalInceptionScore.measure`; of `inputs`, only shapes and dtypes are used.
    """

    def __init__(
        self, classifier: keras.Model, columns: tuple[int, ...], transfer: Callable, inputs: Any
    ):
        self.transfer, self.signature = transfer, signature(inputs)
        self.sources = referenced_state(transfer)
        self.weights = fingerprint(self.sources)
        arrays = inputs if isinstance(inputs, dict) else {"x": inputs}
        symbolic = {
            k: keras.Input(a.shape[1:], dtype=a.dtype.name, name=k) for k, a in arrays.items()
        }
        x = symbolic["x"]
        symbolic = symbolic if isinstance(inputs, dict) else x
        changes = output_changes(classifier, columns, x, transfer(symbolic))
        self.model = keras.Model(symbolic, changes)
        self.model.jit_compile = default_jit_compile(self.model)

    def is_valid_for(self, transfer: Callable, inputs: Any) -> bool:
        """Whether the program computes this transfer, with its current weights, for such inputs."""
        return (
            self.transfer == transfer
            and self.signature == signature(inputs)
            # If a function refers to no weights, changes cannot be detected.
            and bool(self.sources)
            and self.weights == fingerprint(self.sources)
        )

    def predict(
        self, inputs: np.ndarray | dict[str, np.ndarray], batch_size: int
    ) -> Iterator[np.ndarray]:
        """Yield the matrices of consecutive batches of rows."""
        total = len(keras.tree.flatten(inputs)[0])
        batch_size = min(batch_size, total)

        def part_of(array, first):
            part = array[first : first + batch_size]
            # For a static shape, the last batch is filled up with copies of its last row.
            missing = [(0, batch_size - len(part))] + [(0, 0)] * (array.ndim - 1)
            return np.pad(part, missing, mode="edge")

        for first in range(0, total, batch_size):
            batch = keras.tree.map_structure(functools.partial(part_of, first=first), inputs)
            yield np.asarray(self.model.predict_on_batch(batch))[: total - first]


def signature(inputs: Any) -> list[tuple[str, tuple[int, ...], str]]:
    """Keys, row shapes and dtypes of arrays."""
    arrays = inputs if isinstance(inputs, dict) else {"": inputs}
    return sorted((key, a.shape[1:], a.dtype.name) for key, a in arrays.items())


def fingerprint(sources: list[Any]) -> str:
    """A hash of the values of variables and of the weights of layers."""
    key = hashlib.sha256()
    for source in sources:
        for variable in source.weights if isinstance(source, keras.layers.Layer) else [source]:
            key.update(np.ascontiguousarray(ops.convert_to_numpy(variable)).data)
    return key.hexdigest()


def output_changes(
    classifier: keras.Model, columns: Sequence[int], x: Tensor, transferred: Tensor
) -> Tensor:
    """`f(x^(i)) - f(x)` for the given outputs, `(batch, n, n)`. Raises if shapes do not match."""
    n, got = len(columns), tuple(getattr(transferred, "shape", ()))
    wanted = (x.shape[0], n, *x.shape[1:])
    if len(got) != len(wanted) or any(
        None not in pair and pair[0] != pair[1] for pair in zip(got, wanted, strict=True)
    ):
        raise ValueError(
            "`transferred` must contain one image per original and domain, (batch, domains, "
            f"...), here {wanted}. Received: shape={got}"
        )
    together = ops.reshape(transferred, (-1, *x.shape[1:]))
    before, after = (_outputs(classifier, columns, images) for images in (x, together))
    return ops.reshape(after, (-1, n, n)) - before[:, None]


def _outputs(classifier: keras.Model, columns: Sequence[int], images: Tensor) -> Tensor:
    outputs = classifier(images, training=False)
    shape = tuple(getattr(outputs, "shape", ()))
    if len(shape) != 2 or shape[1] <= max(columns):
        raise ValueError(
            f"`classifier` must return (batch, outputs) with {max(columns) + 1} outputs or more. "
            f"Received: {keras.tree.map_structure(lambda t: tuple(t.shape), outputs)}"
        )
    return ops.take(ops.cast(outputs, "float32"), columns, axis=-1)


def referenced_state(fn: Callable) -> list[Any]:
    """Layers and variables that a function refers to.

    The object of a bound method, closures, globals and default arguments are searched, including
    containers in them.
    """
    found: list[Any] = []
    seen: dict[int, Any] = {}
    todo: list[Any] = [fn]
    owner = fn.__self__ if inspect.ismethod(fn) else fn
    if not isinstance(owner, keras.layers.Layer):
        todo.extend(getattr(owner, "__dict__", {}).values())
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing  # a reference, because ids of deleted objects are reused
        if isinstance(thing, (keras.layers.Layer, keras.Variable)):
            found.append(thing)
        elif inspect.ismethod(thing):
            todo += [thing.__self__, thing.__func__]
        elif isinstance(thing, functools.partial):
            todo += [thing.func, *thing.args, *thing.keywords.values()]
        elif isinstance(thing, (list, tuple, set)):
            todo.extend(thing)
        elif isinstance(thing, dict):
            todo.extend(thing.values())
        elif inspect.isfunction(thing) and not thing.__module__.startswith("keras."):
            named = inspect.getclosurevars(thing)
            todo += [*named.nonlocals.values(), *named.globals.values()]
            todo += [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
    return found
