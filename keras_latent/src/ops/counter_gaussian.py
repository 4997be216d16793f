"""Gaussian noise from a counter-based generator: a function of position, with no state."""

import math

from keras import ops

from keras_latent.src.utils.types import Tensor

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def threefry(key: tuple[Tensor, Tensor], counter: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Threefry-2x32 with 20 rounds: two words of random bits for each key and counter.

    Words are int32, because PyTorch cannot shift uint32. Additions wrap around on every backend,
    so the bits are those of the original uint32 algorithm.

    Args:
        key: Two int32 tensors (or scalars) that broadcast against the counter.
        counter: Two int32 tensors that broadcast against each other.

    Returns:
        Two int32 tensors with the shape of the counter.

    Example:

    >>> zero = ops.zeros((1,), "int32")
    >>> bits = threefry((zero, zero), (zero, zero))
    >>> [hex(int(word[0]) % 2**32) for word in bits]
    ['0x6b200159', '0x99ba4efe']

    Reference: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3"
    (2011); also the default generator of JAX.
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


def counter_gaussian(key: tuple[Tensor, Tensor], rows: Tensor, draws: Tensor, dim: int) -> Tensor:
    """Standard Gaussian noise for given draws of given rows.

    The noise of draw `s` of row `i` depends only on the key, `i` and `s`. Batch and chunk sizes
    do not change the numbers, and all backends agree up to rounding. Values lie within 5.8
    standard deviations (24 bits per number; Box and Muller, 1958).

    Args:
        key: Two int32 scalars, the seed.
        rows: Row numbers, int32 `(batch,)`.
        draws: Draw numbers, int32 `(draws,)`.
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
    # 1 - u lies in (0, 1], so its logarithm is finite.
    radius = ops.sqrt(-2.0 * ops.log(1.0 - _uniform(first)))
    angle = 2.0 * math.pi * _uniform(second)
    noise = ops.concatenate([radius * ops.cos(angle), radius * ops.sin(angle)], axis=-1)
    return noise[..., :dim]


def _rotate_left(x, bits):
    # A right shift copies the sign bit in; the mask removes it.
    low = ops.bitwise_and(ops.right_shift(x, 32 - bits), (1 << bits) - 1)
    return ops.bitwise_or(ops.left_shift(x, bits), low)


def _uniform(bits):
    """Uniform numbers in [0, 1), in steps of 2^-24, which float32 represents exactly."""
    return ops.cast(ops.bitwise_and(ops.right_shift(bits, 8), 0xFFFFFF), "float32") * 2.0**-24
