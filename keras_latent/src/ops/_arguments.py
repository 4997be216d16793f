"""Checks and conversions shared by the functions of `keras_latent.ops`."""

from typing import Any

from keras import ops


def to_float32(x: Any) -> Any:
    """Converts `x` to a float32 tensor: sums of logs and divergences need its mantissa."""
    return ops.cast(ops.convert_to_tensor(x), "float32")


def check_rank(name: str, x: Any, rank: int) -> None:
    """Raises a `ValueError` unless `x` has exactly `rank` axes."""
    if len(x.shape) != rank:
        raise ValueError(
            f"Argument `{name}` must have rank {rank}. Received: {name}.shape={tuple(x.shape)}"
        )


def check_batched(name: str, x: Any) -> None:
    """Raises a `ValueError` if `x` has no batch axis."""
    if len(x.shape) == 0:
        raise ValueError(
            f"Argument `{name}` must have at least one axis, the batch. Received: {name}.shape=()"
        )


def check_same_shape(name: str, x: Any, other_name: str, other: Any) -> None:
    """Raises a `ValueError` if two shapes differ in a rank or an axis that is known."""
    shape, other_shape = tuple(x.shape), tuple(other.shape)
    same = len(shape) == len(other_shape) and all(
        m is None or n is None or m == n for m, n in zip(shape, other_shape, strict=True)
    )
    if not same:
        raise ValueError(
            f"Arguments `{name}` and `{other_name}` must have the same shape. Received: "
            f"{name}.shape={shape}, {other_name}.shape={other_shape}"
        )


def check_same_dim(name: str, x: Any, other_name: str, other: Any) -> None:
    """Raises a `ValueError` if two tensors differ in their last axis, where it is known."""
    dim, other_dim = x.shape[-1], other.shape[-1]
    if dim is not None and other_dim is not None and dim != other_dim:
        raise ValueError(
            f"Arguments `{name}` and `{other_name}` must have the same last axis. Received: "
            f"{name}.shape={tuple(x.shape)}, {other_name}.shape={tuple(other.shape)}"
        )
