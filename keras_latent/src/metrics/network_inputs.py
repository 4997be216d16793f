"""What metrics give to networks."""

from typing import Any

import keras
import numpy as np

from keras_latent.src.training.inputs import check_dtype, check_shape, check_values, one_array
from keras_latent.src.utils.types import Rows


def network_input(
    name: str, x: Rows, network: keras.Model, pixels: bool = False, integers: bool = False
) -> Any:
    """`x` as an array or tensor, of which the network takes the shape.

    Args:
        name: What messages call it.
        x: The rows. Tensors remain tensors, and their values are not checked.
        network: The network that takes it.
        pixels: Whether values that look like pixels in 0..255 are an error.
        integers: Whether the network may take integers: tokens, or pixels that it scales itself.

    Raises:
        ValueError: If it has another shape, or is not finite floats.
    """
    x = x if keras.ops.is_tensor(x) else one_array(name, x)
    shape = getattr(network, "input_shape", None)  # not known of all subclassed networks
    if isinstance(shape, tuple) and not any(isinstance(s, (tuple, list)) for s in shape):
        check_shape(name, x.shape, shape[1:])
    elif not len(x.shape):
        raise ValueError(f"`{name}` must have at least one axis, the batch. Received: {x!r}")
    if integers and "int" in str(getattr(x.dtype, "name", x.dtype)):
        return x
    if isinstance(x, np.ndarray):
        check_values(name, x, pixels=pixels)
    else:
        check_dtype(name, x, pixels)
    return x
