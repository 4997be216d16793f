"""Strided 1D convolutions, computed with a stride of 1 for speed on CPUs."""

from typing import Any, cast

import keras
from keras import ops

from keras_latent.src.ops.casting import to_tensor
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Tensor


class Polyphase(keras.layers.Layer):
    """Base of both layers: arguments, checks, and the kernel over blocks of time steps.

    With `before` steps of padding, a strided convolution reads `x[strides * i - before + k]` for
    its step `i`. The kernel is padded with zeros in front and behind, so that it starts and ends
    at multiples of `strides`. It then is a kernel over blocks of `strides` time steps, where the
    steps are features of a block.
    """

    #: For `keras_latent.src.backend`, which treats the layer like Keras's convolutions.
    convolves = True

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        strides: int = 1,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        sizes = {"filters": filters, "kernel_size": kernel_size, "strides": strides}
        for name, value in sizes.items():
            setattr(self, name, checks.integer(name, value))
        get = keras.initializers.get
        self.kernel_initializer = checks.from_keras("kernel_initializer", get, kernel_initializer)
        self.bias_initializer = checks.from_keras("bias_initializer", get, bias_initializer)
        before = max(self.kernel_size - self.strides, 0) // 2  # "same", as TensorFlow pads
        self.blocks_before = -(-before // self.strides)
        self.zeros_before = self.blocks_before * self.strides - before
        self.blocks = -(-(self.zeros_before + self.kernel_size) // self.strides)

    def __call__(self, inputs: Tensor, **kwargs: Any) -> Tensor:
        inputs = to_tensor("inputs", inputs)
        self.check_shape(inputs.shape)
        if self.built:
            checks.last_axis("inputs", inputs, self.input_spec.axes[-1])
        return super().__call__(inputs, **kwargs)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.check_shape(input_shape)
        channels = cast(int, input_shape[-1])
        self.input_spec = keras.layers.InputSpec(ndim=3, axes={-1: channels})
        self.kernel = self.add_weight(
            shape=self.kernel_shape(channels), initializer=self.kernel_initializer, name="kernel"
        )
        self.bias = self.add_weight(
            shape=(self.filters,), initializer=self.bias_initializer, name="bias"
        )
        super().build(input_shape)

    def kernel_shape(self, channels: int) -> tuple[int, int, int]:
        raise NotImplementedError

    def check_shape(self, shape: tuple[int | None, ...]) -> None:
        """Raise a `ValueError` if the layer cannot take inputs of this shape."""
        if len(shape) != 3 or None in tuple(shape)[1:]:
            raise ValueError(
                "`inputs` must have shape (batch, time, channels), with a known `time` and "
                f"`channels`. Received: shape={tuple(shape)}"
            )

    def folded_kernel(self) -> Tensor:
        """The kernel over blocks, `(blocks, strides * kernel.shape[1], kernel.shape[2])`."""
        zeros_after = self.blocks * self.strides - self.zeros_before - self.kernel_size
        kernel = ops.pad(self.kernel, [[self.zeros_before, zeros_after], [0, 0], [0, 0]])
        _, features, other = self.kernel.shape
        return ops.reshape(kernel, (self.blocks, self.strides * features, other))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


@keras.saving.register_keras_serializable(package="keras_latent")
class PolyphaseConv1D(Polyphase):
    """`keras.layers.Conv1D` with `padding="same"`, as a convolution of stride 1.

    `strides` time steps of the inputs are folded into the channels of one step, and the kernel is
    folded to match. The layer computes the same function as `Conv1D`, has the same weights, and
    can be differentiated twice. It is meant for CPUs, especially with JAX, whose gradients of
    strided convolutions are slow there.

    Args:
        filters: Number of output channels.
        kernel_size: Number of time steps that an output depends on.
        strides: Number of time steps between outputs.
        kernel_initializer: Initializer of `kernel`, `(kernel_size, channels, filters)`.
        bias_initializer: Initializer of `bias`, `(filters,)`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, time, channels)`, `time` a multiple of `strides`.

    Returns:
        Tensor `(batch, time / strides, filters)`, in the layer's compute dtype.

    Raises:
        ValueError: If a size is not a positive integer, the inputs do not hold floats or do not
            have three axes with known `time` and `channels`, or `time` is not a multiple of
            `strides`.

    Reference:
        Crochiere and Rabiner, "Multirate Digital Signal Processing", 1983, section 3.3.

    Example:

    >>> x = keras.ops.ones((2, 12, 3))
    >>> tuple(PolyphaseConv1D(filters=5, kernel_size=25, strides=4)(x).shape)
    (2, 3, 5)
    """

    def kernel_shape(self, channels: int) -> tuple[int, int, int]:
        return (self.kernel_size, channels, self.filters)

    def check_shape(self, shape: tuple[int | None, ...]) -> None:
        super().check_shape(shape)
        if cast(int, shape[1]) % self.strides:
            raise ValueError(
                f"`time` must be a multiple of strides={self.strides}: crop the inputs or pad "
                f"them with zeros. Received: shape={tuple(shape)}"
            )

    def call(self, inputs: Tensor) -> Tensor:
        _, time, channels = inputs.shape
        x = ops.reshape(inputs, (-1, time // self.strides, self.strides * channels))
        # If the number of blocks is even, "same" also pads one more step after than before.
        y = ops.conv(x, self.folded_kernel(), padding="same", data_format="channels_last")
        return y + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        self.check_shape(input_shape)
        return (input_shape[0], cast(int, input_shape[1]) // self.strides, self.filters)


@keras.saving.register_keras_serializable(package="keras_latent")
class PolyphaseConv1DTranspose(Polyphase):
    """`keras.layers.Conv1DTranspose` with `padding="same"`, as a convolution of stride 1.

    The convolution computes the `strides` time steps of a block at once, as channels, which are
    then unfolded. The layer has the weights of `Conv1DTranspose` and, on every backend, computes
    what that layer computes on TensorFlow. (If `kernel_size - strides` is odd, Keras on PyTorch
    crops one more step before and one less after.) It can be differentiated twice.

    Args:
        filters: Number of output channels.
        kernel_size: Number of output time steps that an input contributes to.
        strides: Number of output time steps per input time step.
        kernel_initializer: Initializer of `kernel`, `(kernel_size, filters, channels)`.
        bias_initializer: Initializer of `bias`, `(filters,)`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, time, channels)`.

    Returns:
        Tensor `(batch, time * strides, filters)`, in the layer's compute dtype.

    Raises:
        ValueError: If a size is not a positive integer, or the inputs do not hold floats or do not
            have three axes with known `time` and `channels`.

    Reference:
        Crochiere and Rabiner, "Multirate Digital Signal Processing", 1983, section 3.3.

    Example:

    >>> x = keras.ops.ones((2, 3, 5))
    >>> tuple(PolyphaseConv1DTranspose(filters=1, kernel_size=25, strides=4)(x).shape)
    (2, 12, 1)
    """

    def kernel_shape(self, channels: int) -> tuple[int, int, int]:
        return (self.kernel_size, self.filters, channels)

    def call(self, inputs: Tensor) -> Tensor:
        _, time, _ = inputs.shape
        kernel = ops.transpose(ops.flip(self.folded_kernel(), axis=0), (0, 2, 1))
        # The kernel is reversed in time, so its two sides are swapped.
        sides = [self.blocks - 1 - self.blocks_before, self.blocks_before]
        x, padding = inputs, "same"
        if sides[0] != sides[1]:
            x, padding = ops.pad(inputs, [[0, 0], sides, [0, 0]]), "valid"
        y = ops.conv(x, kernel, padding=padding, data_format="channels_last")
        return ops.reshape(y, (-1, time * self.strides, self.filters)) + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        self.check_shape(input_shape)
        return (input_shape[0], cast(int, input_shape[1]) * self.strides, self.filters)
