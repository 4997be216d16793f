"""A transfer into many domains and the judge of its results, as one compiled program."""

import functools
import hashlib
import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_latent.src.training.portable import default_jit_compile


class TransferProgram:
    """What every transfer changes in a classifier's outputs, `(batch, n, n)`, compiled.

    Row `i` of a matrix is `f(x^(i)) - f(x)`, at the outputs that belong to the domains.

    The program is built of one symbolic batch. What the transfer computes of its weights
    alone, such as directions in latent space, is a constant in it: it serves as long as these
    weights stay. Those of the classifier may change.

    Args:
        classifier: Built Keras model, images to `(batch, outputs)`.
        columns: The output of each domain, n of them.
        transfer: Tensor function of the inputs, to `(batch, n, ...)`.
        inputs: Images, or a dict of arrays with images under `"x"`; of these the program takes
            shapes and dtypes.
    """

    def __init__(self, classifier, columns: tuple[int, ...], transfer: Callable, inputs):
        self.transfer, self.signature = transfer, signature(inputs)
        self.sources = state_behind(transfer)
        self.weights = fingerprint(self.sources)
        arrays = inputs if isinstance(inputs, dict) else {"x": inputs}
        symbolic = {
            k: keras.Input(a.shape[1:], dtype=a.dtype.name, name=k) for k, a in arrays.items()
        }
        x = symbolic["x"]
        symbolic = symbolic if isinstance(inputs, dict) else x
        self.model = keras.Model(symbolic, changes(classifier, columns, x, transfer(symbolic)))
        self.model.jit_compile = default_jit_compile(self.model)

    def serves(self, transfer: Callable, inputs) -> bool:
        """Whether it is the program of that transfer, as its weights are now, and such inputs."""
        return (
            self.transfer == transfer
            and self.signature == signature(inputs)
            # Of a function that names no weights, one cannot know whether they changed.
            and bool(self.sources)
            and self.weights == fingerprint(self.sources)
        )

    def rows(self, inputs: np.ndarray | dict[str, np.ndarray], batch_size: int):
        """Yields matrices of some rows of arrays at a time, in their order."""
        total = len(keras.tree.flatten(inputs)[0])
        batch_size = min(batch_size, total)

        def part_of(array, first):
            part = array[first : first + batch_size]
            # One static shape: the last batch is filled up with copies of its last row.
            missing = [(0, batch_size - len(part))] + [(0, 0)] * (array.ndim - 1)
            return np.pad(part, missing, mode="edge")

        for first in range(0, total, batch_size):
            batch = keras.tree.map_structure(functools.partial(part_of, first=first), inputs)
            yield np.asarray(self.model.predict_on_batch(batch))[: total - first]


def signature(inputs):
    """Keys, shapes of a row and dtypes of arrays."""
    arrays = inputs if isinstance(inputs, dict) else {"": inputs}
    return sorted((key, a.shape[1:], a.dtype.name) for key, a in arrays.items())


def fingerprint(sources: list[Any]) -> str:
    """Of the values of layers' weights, and of variables."""
    key = hashlib.sha256()
    for source in sources:
        for variable in source.weights if isinstance(source, keras.layers.Layer) else [source]:
            key.update(np.ascontiguousarray(ops.convert_to_numpy(variable)))
    return key.hexdigest()


def changes(classifier, columns, x, transferred):
    """`f(x^(i)) - f(x)` at the given outputs, `(batch, n, n)`.

    Raises:
        ValueError: If the transferred images are not n of the originals' shape for each of
            them, or the classifier does not return `(batch, outputs)` with these outputs.
    """
    n, got = len(columns), tuple(getattr(transferred, "shape", ()))
    wanted = (x.shape[0], n, *x.shape[1:])
    if len(got) != len(wanted) or any(
        None not in pair and pair[0] != pair[1] for pair in zip(got, wanted, strict=True)
    ):
        raise ValueError(
            "`transferred` must hold an image for each original and domain, (batch, domains, "
            f"...), here {wanted}. Received: shape={got}"
        )
    together = ops.reshape(transferred, (-1, *x.shape[1:]))
    before, after = (_outputs(classifier, columns, images) for images in (x, together))
    return ops.reshape(after, (-1, n, n)) - before[:, None]


def _outputs(classifier, columns, images):
    outputs = classifier(images, training=False)
    shape = tuple(getattr(outputs, "shape", ()))
    if len(shape) != 2 or shape[1] <= max(columns):
        raise ValueError(
            f"`classifier` must return (batch, outputs) with {max(columns) + 1} outputs or more. "
            f"Received: {keras.tree.map_structure(lambda t: tuple(t.shape), outputs)}"
        )
    return ops.take(ops.cast(outputs, "float32"), columns, axis=-1)


def state_behind(fn: Callable) -> list[Any]:
    """Layers and variables that a function names: in its object, closure, globals, arguments.

    A program that is kept must notice when these change. Empty if the function names none;
    containers are looked into, and the object of a bound method.
    """
    found, seen, todo = [], {}, [fn]
    owner = fn.__self__ if inspect.ismethod(fn) else fn
    if not isinstance(owner, keras.layers.Layer):
        todo.extend(getattr(owner, "__dict__", {}).values())
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing  # held: the identity of what is gone is given away again
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
