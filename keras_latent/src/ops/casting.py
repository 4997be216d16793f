"""Conversion of inputs to float32."""

from keras import ops

from keras_latent.src.utils.types import Rows, Tensor


def to_float32(x: Rows) -> Tensor:
    """Convert `x` to a float32 tensor, the precision in which divergences are computed."""
    return ops.cast(ops.convert_to_tensor(x), "float32")
