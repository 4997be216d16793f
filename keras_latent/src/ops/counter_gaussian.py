"""Gaussian noise as a function of where it stands, not of what was drawn before it."""

import math
from typing import Any

from keras import ops

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def threefry(key: tuple[Any, Any], counter: tuple[Any, Any]) -> tuple[Any, Any]:
    """Threefry-2x32 with 20 rounds: two words of random bits for every key and counter.

    Words are int32, whose additions wrap around on every backend; uint32, which the source
    uses, has no shifts on PyTorch. The bits are the same.

    Args:
        key: Two int32 tensors (or scalars) that broadcast against the counter.
        counter: Two int32 tensors that broadcast against each other.

    Returns:
        Two int32 tensors of the shape of the counter.

    Example:

    >>> zero = ops.zeros((1,), "int32")
    >>> bits = threefry((zero, zero), (zero, zero))
    >>> [hex(int(word[0]) % 2**32) for word in bits]
    ['0x6b200159', '0x99ba4efe']

    Reference: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3"
    (2011); the generator of JAX.
    """
    keys = (*key, ops.bitwise_xor(ops.bitwise_xor(*key), _PARITY))
    a, b = counter[0] + keys[0], counter[1] + keys[1]
    for block in range(5):
        for bits in _ROTATIONS[block % 2]:
            a = a + b
            b = ops.bitwise_xor(_rotate_left(b, bits), a)
        a = a + keys[(block + 1) % 3]
        b = b + keys[(block + 2) % 3] + (block + 1)
    return a, b


def counter_gaussian(key: tuple[Any, Any], rows: Any, draws: Any, dim: int) -> Any:
    """Standard Gaussian noise for each of some draws of each of some rows.

    The noise of draw `s` of row `i` depends on the key, `i` and `s` alone: computing it in
    batches and chunks of any size gives the same numbers, and all backends give the same up
    to rounding. It is within 5.8 standard deviations (24 bits a number, Box and Muller 1958).

    Args:
        key: Two int32 scalars, the seed.
        rows: Numbers of the rows, int32 `(batch,)`.
        draws: Numbers of the draws, int32 `(draws,)`.
        dim: Size of one draw.

    Returns:
        A float32 tensor `(batch, draws, dim)`.

    Example:

    >>> key = (ops.cast(7, "int32"), ops.cast(0, "int32"))
    >>> rows, draws = ops.arange(4, dtype="int32"), ops.arange(10, dtype="int32")
    >>> noise = counter_gaussian(key, rows, draws, 3)
    >>> tuple(noise.shape)
    (4, 10, 3)
    >>> bool(ops.all(noise[2:, 5:] == counter_gaussian(key, rows[2:], draws[5:], 3)))
    True
    """
    pairs = (dim + 1) // 2
    within = draws[:, None] * pairs + ops.arange(pairs, dtype="int32")
    shape = (rows.shape[0], *within.shape)
    first, second = threefry(
        key, (ops.broadcast_to(rows[:, None, None], shape), ops.broadcast_to(within, shape))
    )
    # 1 - u lies in (0, 1]: its logarithm is finite.
    radius = ops.sqrt(-2.0 * ops.log(1.0 - _uniform(first)))
    angle = 2.0 * math.pi * _uniform(second)
    noise = ops.concatenate([radius * ops.cos(angle), radius * ops.sin(angle)], axis=-1)
    return noise[..., :dim]


def _rotate_left(x, bits):
    # The shift to the right copies the sign bit in; the mask takes it out.
    low = ops.bitwise_and(ops.right_shift(x, 32 - bits), (1 << bits) - 1)
    return ops.bitwise_or(ops.left_shift(x, bits), low)


def _uniform(bits):
    """[0, 1) in steps of 2^-24, all of which float32 can hold."""
    return ops.cast(ops.bitwise_and(ops.right_shift(bits, 8), 0xFFFFFF), "float32") * 2.0**-24
