"""A differentiable sort of matrix columns, by a sorting network that XLA vectorizes.

On CPUs, XLA's own sort calls a comparison function for each pair and is several times slower than
PyTorch's. A bitonic network compares whole rows instead, with `minimum` and `maximum` over
contiguous columns, in an order that does not depend on the data.
"""

from collections.abc import Callable, Iterator

import keras
from keras import ops

from keras_latent.src import backend
from keras_latent.src.ops.casting import to_float32
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor

# A network for n rows compiles log2(n)^2 / 2 passes. At this size it is still 2.5 times as fast as
# XLA's sort on a CPU; larger sizes were not measured.
MAX_NETWORK_ROWS = 8192

# Greater than the keys of all floats, so that padding stays last.
_LAST = 0x7FFFFFFF
_NAN = 0x7FC00000


def sort_columns(x: Rows) -> Tensor:
    """Sort each column in ascending order, like `ops.sort(x, axis=0)`.

    The gradient of each sorted value goes to the entry it came from. The order of equal entries
    is deterministic. The sorting network puts NaN last, as NumPy does; if the backend's own sort
    is used, its rules for NaN apply.

    Args:
        x: A float tensor of shape (num, columns), of any float dtype.

    Returns:
        A float32 tensor with the same shape.

    Raises:
        ValueError: If `x` does not hold floats or is not of rank 2.

    Example:

    >>> ops.convert_to_numpy(sort_columns([[3.0, 1.0], [2.0, 5.0]])).tolist()
    [[2.0, 1.0], [3.0, 5.0]]
    """
    x = to_float32("x", x)
    checks.rank("x", x, 2)
    return _network_sort(x) if _network_is_faster(x) else ops.sort(x, axis=0)


def _network_is_faster(x: Tensor) -> bool:
    """Whether the network is faster than the backend's own sort.

    It is in functions that XLA compiles for a CPU, with a known number of rows. PyTorch's sort is
    vectorized, accelerators sort fast, and outside compiled functions each new shape would have
    to be compiled.
    """
    if None in tuple(x.shape) or not 1 < x.shape[0] <= MAX_NETWORK_ROWS:
        return False
    return backend.is_traced(x) and _on_cpu()


def _on_cpu() -> bool:
    return keras.distribution.list_devices()[0].startswith("cpu")


@ops.custom_gradient
def _network_sort(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    # Compiled explicitly, because the TensorFlow graph around it may not be.
    values, swaps, in_order = backend.compiled(_sort_forward)(x)

    def gradient(upstream):
        # TensorFlow's gradient of `take` is an `IndexedSlices` of unknown shape.
        upstream = ops.reshape(ops.convert_to_tensor(upstream), x.shape)
        return backend.compiled(_sort_backward)(upstream, swaps, in_order)

    return values, gradient


def _sort_forward(x: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
    keys = _to_keys(x)
    sorted_keys, swaps = _sort_keys(ops.pad(keys, _padding(x), constant_values=_LAST))
    sorted_keys = sorted_keys[: x.shape[0]]
    return _to_floats(sorted_keys), swaps, ops.all(keys == sorted_keys)


def _sort_backward(upstream: Tensor, swaps: list[Tensor], in_order: Tensor) -> Tensor:
    bits = ops.pad(ops.view(upstream, "int32"), _padding(upstream))
    # The branch prevents XLA from recomputing the swaps here, for which it would keep the keys of
    # all passes: 7 times the memory and 2 to 3 times the time.
    bits = ops.cond(in_order, lambda: bits, lambda: _undo_swaps(bits, swaps))
    return ops.view(bits[: upstream.shape[0]], "float32")


def _padding(x: Tensor) -> list[list[int]]:
    """Padding that makes the number of rows a power of two."""
    return [[0, (1 << (x.shape[0] - 1).bit_length()) - x.shape[0]], [0, 0]]


def _to_keys(x: Tensor) -> Tensor:
    """Integers in the order of the floats: their minimum is one instruction, with no NaN rules."""
    return ops.where(ops.isnan(x), _NAN, _flip_negatives(ops.view(x, "int32")))


def _to_floats(keys: Tensor) -> Tensor:
    return ops.view(_flip_negatives(keys), "float32")


def _flip_negatives(bits: Tensor) -> Tensor:
    """Reverse the order of negative floats, whose bits grow with magnitude. Its own inverse."""
    return ops.bitwise_xor(bits, ops.bitwise_and(ops.right_shift(bits, 31), 0x7FFFFFFF))


def _passes(rows: int) -> Iterator[tuple[int, bool]]:
    """The distance between compared rows in each pass, and whether it merges two sorted runs."""
    run = 1
    while run < rows:
        yield run, True
        distance = run // 2
        while distance:
            yield distance, False
            distance //= 2
        run *= 2


def _halves(x: Tensor, distance: int, merges: bool) -> tuple[Tensor, Tensor]:
    """The rows to compare. To merge two sorted runs, the second is read backward."""
    blocks = ops.reshape(x, (-1, 2, distance, x.shape[1]))
    second = blocks[:, 1]
    return blocks[:, 0], ops.flip(second, axis=1) if merges else second


def _sort_keys(keys: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The sorted keys and, for each pass, a byte per comparison: all bits set if it swapped."""
    swaps = []
    for distance, merges in _passes(keys.shape[0]):
        first, second = _halves(keys, distance, merges)
        low, high = ops.minimum(first, second), ops.maximum(first, second)
        moved = ops.bitwise_xor(first, low)
        swaps.append(ops.cast(ops.right_shift(ops.bitwise_or(moved, -moved), 31), "int8"))
        keys = ops.reshape(ops.stack([low, high], axis=1), keys.shape)
    return keys, swaps


def _undo_swaps(bits: Tensor, swaps: list[Tensor]) -> Tensor:
    """Move the rows of a sorted matrix back to where they came from, pass by pass."""
    passes = list(_passes(bits.shape[0]))
    for (distance, merges), swap in zip(reversed(passes), reversed(swaps), strict=True):
        low, high = _halves(bits, distance, merges=False)
        change = ops.bitwise_and(ops.bitwise_xor(low, high), ops.cast(swap, "int32"))
        first, second = ops.bitwise_xor(low, change), ops.bitwise_xor(high, change)
        second = ops.flip(second, axis=1) if merges else second
        bits = ops.reshape(ops.stack([first, second], axis=1), bits.shape)
    return bits
