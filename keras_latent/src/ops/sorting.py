"""Sorting the columns of a matrix, with a gradient, by a network that XLA turns into SIMD code.

XLA's own sort on CPU calls a comparison function for every pair, several times slower than
PyTorch's. A bitonic network compares whole rows with whole rows instead, `minimum` and
`maximum` over contiguous columns, at places that do not depend on the data.
"""

from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops

from keras_latent.src.ops._arguments import check_rank, to_float32

# A network of n rows takes log2(n)^2 / 2 passes, each of which is compiled. At this length it is
# still 2.5 times ahead of XLA's sort on CPU; beyond, it was not measured.
MAX_NETWORK_ROWS = 8192

# Above the keys of all floats, so that rows of padding stay last.
_LAST = 0x7FFFFFFF
_NAN = 0x7FC00000


def sort_columns(x: Any) -> Any:
    """Sorts every column in ascending order, as `ops.sort(x, axis=0)` does.

    The gradient of each sorted value goes to the entry it came from. Among equal entries the
    order is one of the valid ones, and always the same. Compiled for CPU, NaN comes last, as in
    NumPy; where the backend's own sort is taken, its rules for NaN hold.

    Args:
        x: A float tensor of shape (num, columns), of any float dtype.

    Returns:
        A float32 tensor of the same shape.

    Raises:
        ValueError: If `x` is not of rank 2.

    Example:

    >>> ops.convert_to_numpy(sort_columns([[3.0, 1.0], [2.0, 5.0]])).tolist()
    [[2.0, 1.0], [3.0, 5.0]]
    """
    x = to_float32(x)
    check_rank("x", x, 2)
    return _network_sort(x) if _network_is_faster(x) else ops.sort(x, axis=0)


def _network_is_faster(x: Any) -> bool:
    """Whether the network is ahead of the backend's own sort, as measured.

    It needs XLA, a known number of rows and a CPU: PyTorch's own sort is vectorised, accelerators
    have fast sorts, and outside of a compiled function every new shape would be compiled.
    """
    if None in tuple(x.shape) or not 1 < x.shape[0] <= MAX_NETWORK_ROWS:
        return False
    return _is_traced(x) and _on_cpu()


def _on_cpu() -> bool:
    return keras.distribution.list_devices()[0].startswith("cpu")


# `ops` lies below `keras_latent.training`, where the backend is looked at otherwise: these two
# know it because XLA's sort is slow on CPU, whoever calls it.
def _is_traced(x: Any) -> bool:
    """Whether a function that XLA can compile is being traced."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return not tf.executing_eagerly()
    if keras.backend.backend() == "jax":
        import jax

        return isinstance(x, jax.core.Tracer)
    return False


def _compiled(fn: Callable) -> Callable:
    """`fn` for XLA, also inside a graph of TensorFlow that is not compiled."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(fn, jit_compile=True, autograph=False)
    import jax

    return jax.jit(fn)


@ops.custom_gradient
def _network_sort(x: Any) -> tuple[Any, Any]:
    values, swaps, in_order = _compiled(_sort_forward)(x)

    def gradient(upstream):
        # TensorFlow's gradient of `take` comes as `IndexedSlices`, of unknown shape.
        upstream = ops.reshape(ops.convert_to_tensor(upstream), x.shape)
        return _compiled(_sort_backward)(upstream, swaps, in_order)

    return values, gradient


def _sort_forward(x: Any) -> tuple[Any, list[Any], Any]:
    keys = _to_keys(x)
    sorted_keys, swaps = _sort_keys(ops.pad(keys, _padding(x), constant_values=_LAST))
    sorted_keys = sorted_keys[: x.shape[0]]
    return _to_floats(sorted_keys), swaps, ops.all(keys == sorted_keys)


def _sort_backward(upstream: Any, swaps: list[Any], in_order: Any) -> Any:
    bits = ops.pad(ops.view(upstream, "int32"), _padding(upstream))
    # The branch saves little, but is a wall: without it XLA computes the swaps anew inside the
    # way back, and therefore keeps the keys of all passes: 7 times the memory, 2 to 3 the time.
    bits = ops.cond(in_order, lambda: bits, lambda: _undo_swaps(bits, swaps))
    return ops.view(bits[: upstream.shape[0]], "float32")


def _padding(x: Any) -> list[list[int]]:
    """The rows that are missing to a power of two."""
    return [[0, (1 << (x.shape[0] - 1).bit_length()) - x.shape[0]], [0, 0]]


def _to_keys(x: Any) -> Any:
    """Integers in the order of the floats: their minimum is one instruction, without NaN rules."""
    return ops.where(ops.isnan(x), _NAN, _flip_negatives(ops.view(x, "int32")))


def _to_floats(keys: Any) -> Any:
    return ops.view(_flip_negatives(keys), "float32")


def _flip_negatives(bits: Any) -> Any:
    """Reverses the order of the negative floats, which grow in magnitude; its own inverse."""
    return ops.bitwise_xor(bits, ops.bitwise_and(ops.right_shift(bits, 31), 0x7FFFFFFF))


def _passes(rows: int) -> Iterator[tuple[int, bool]]:
    """How far apart the compared rows lie in each pass, and whether it merges two sorted runs."""
    run = 1
    while run < rows:
        yield run, True
        distance = run // 2
        while distance:
            yield distance, False
            distance //= 2
        run *= 2


def _halves(x: Any, distance: int, merges: bool) -> tuple[Any, Any]:
    """The rows to compare. Of two sorted runs the second is read backwards."""
    blocks = ops.reshape(x, (-1, 2, distance, x.shape[1]))
    second = blocks[:, 1]
    return blocks[:, 0], ops.flip(second, axis=1) if merges else second


def _sort_keys(keys: Any) -> tuple[Any, list[Any]]:
    """The sorted keys, and for each pass a byte per comparison: all bits set if it swapped."""
    swaps = []
    for distance, merges in _passes(keys.shape[0]):
        first, second = _halves(keys, distance, merges)
        low, high = ops.minimum(first, second), ops.maximum(first, second)
        moved = ops.bitwise_xor(first, low)
        swaps.append(ops.cast(ops.right_shift(ops.bitwise_or(moved, -moved), 31), "int8"))
        keys = ops.reshape(ops.stack([low, high], axis=1), keys.shape)
    return keys, swaps


def _undo_swaps(bits: Any, swaps: list[Any]) -> Any:
    """Moves the rows of a sorted matrix to where they came from, pass by pass."""
    passes = list(_passes(bits.shape[0]))
    for (distance, merges), swap in zip(reversed(passes), reversed(swaps), strict=True):
        low, high = _halves(bits, distance, merges=False)
        change = ops.bitwise_and(ops.bitwise_xor(low, high), ops.cast(swap, "int32"))
        first, second = ops.bitwise_xor(low, change), ops.bitwise_xor(high, change)
        second = ops.flip(second, axis=1) if merges else second
        bits = ops.reshape(ops.stack([first, second], axis=1), bits.shape)
    return bits
