"""Compiled functions of a model, run on any number of rows."""

import math
import threading
from typing import Any

import keras
import numpy as np

from keras_latent.src.models.base.batched import Graph

#: Values of rows and results together per call of Keras's `predict`, which copies both: 64 MB.
VALUES_AT_A_TIME = 2**24


class Programs:
    """Compiled functions by key. They share the networks' weights.

    Not a plain dict, so that Keras neither tracks nor saves them.

    Attributes:
        by_key: The functions that have been built.
        lock: Held to build or run one. `predict` is for one thread at a time: on JAX, Keras takes
            the weights out of the variables while it runs.
    """

    def __init__(self) -> None:
        self.by_key: dict[str, keras.Model] = {}
        self.lock = threading.RLock()

    def get(self, key: str, graph: Graph) -> keras.Model:
        """The function of that key, built from `graph` the first time."""
        if key not in self.by_key:
            inputs = [keras.Input(spec.shape) for spec in graph.inputs.values()]
            structure = inputs[0] if len(inputs) == 1 else inputs
            self.by_key[key] = keras.Model(structure, graph.fn(*inputs))
        return self.by_key[key]


def in_blocks(program: keras.Model, rows: list[np.ndarray], batch_size: int) -> Any:
    """`program` on the rows of its inputs, in batches, with bounded memory beside the result."""
    tensors = [*program.inputs, *program.outputs]
    per_row = sum(math.prod(size or 1 for size in t.shape[1:]) for t in tensors)
    block = batch_size * max(1, VALUES_AT_A_TIME // (batch_size * per_row))

    def predict(part):
        part = part[0] if len(part) == 1 else part
        return program.predict(part, batch_size=batch_size, verbose=0)

    count = len(rows[0])
    if count <= block:
        return predict(rows)
    result = None
    for first in range(0, count, block):
        part = predict([array[first : first + block] for array in rows])
        if result is None:
            result = keras.tree.map_structure(
                lambda p: np.empty((count, *p.shape[1:]), p.dtype), part
            )
        for whole, values in zip(keras.tree.flatten(result), keras.tree.flatten(part), strict=True):
            whole[first : first + len(values)] = values
    return result
