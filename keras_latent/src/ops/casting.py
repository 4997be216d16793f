"""What tensor arguments must be.

Shapes and data types are known when a function is compiled, and only the values of arrays are
looked at, so that compiled code pays nothing.
"""

import numbers
from typing import TypeAlias

import keras
import numpy as np
from keras import ops

from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor

Seed: TypeAlias = int | keras.random.SeedGenerator | None

#: The label of a row whose label is not known.
MISSING = -1

KINDS = {
    "floats": lambda dtype: "float" in dtype,
    "integers": lambda dtype: "int" in dtype,
    "booleans": lambda dtype: dtype == "bool",
    "numbers": lambda dtype: "float" in dtype or "int" in dtype or dtype == "bool",
}


def to_tensor(name: str, x: Rows, kind: str = "floats") -> Tensor:
    """`x` as a dense tensor of this kind, in its own precision.

    Args:
        name: What messages call `x`.
        x: A tensor, also of Keras's functional API, an array, nested lists, or a number. An
            integer number is a float if floats are wanted.
        kind: A key of `KINDS`.

    Raises:
        ValueError: If `x` does not convert to a tensor, or the tensor holds something else.
    """
    try:
        if kind == "floats" and isinstance(x, numbers.Real) and not isinstance(x, bool):
            x = float(x)
        # Conversion of a symbolic tensor would become a node of its model.
        symbolic = keras.backend.is_keras_tensor(x)
        tensor = x if symbolic else ops.convert_to_tensor(x, sparse=False)
        dtype = keras.backend.standardize_dtype(tensor.dtype)
    except Exception as error:  # each backend has its own
        raise ValueError(
            f"`{name}` must be a tensor, an array or nested lists of {kind}. "
            f"{checks.received(name, x)}"
        ) from error
    # TensorFlow's and PyTorch's tensors of rows that differ in length.
    if hasattr(tensor, "row_splits") or getattr(tensor, "is_nested", False):
        raise ValueError(
            f"`{name}` must be a tensor with rows of one length. Received: a {type(x).__name__}"
        )
    if not KINDS[kind](dtype):
        hint = " Convert it with `keras.ops.cast(x, 'float32')`." if kind == "floats" else ""
        raise ValueError(f"`{name}` must hold {kind}. Received: {name}.dtype={dtype}.{hint}")
    return tensor


def to_float32(name: str, x: Rows) -> Tensor:
    """`x` as a float32 tensor, the precision in which divergences are computed."""
    return ops.cast(to_tensor(name, x), "float32")


def to_labels(name: str, labels: Rows) -> Tensor:
    """`labels` as a tensor `(batch,)` of integers: 0 or more, or -1 for a missing label."""
    tensor = to_tensor(name, labels, "integers")
    checks.rank(name, tensor, 1)
    if isinstance(labels, np.ndarray) and labels.size:
        low, high, largest = labels.min(), labels.max(), np.iinfo("int32").max
        if low < MISSING or high > largest:
            raise ValueError(
                f"`{name}` must be from 0 to {largest}, or -1 for a missing label. Received: "
                f"labels from {low} to {high}"
            )
    return tensor


def to_seed(seed: Seed) -> Seed:
    """A seed of Keras's random functions: an integer, `None`, or a generator."""
    if isinstance(seed, keras.random.SeedGenerator):
        return seed
    return checks.keras_seed("seed", seed)
