"""Strided convolutions over time that are computed with a stride of 1, for speed on CPUs."""

import numbers
from typing import Any

import keras
from keras import ops


class Polyphase(keras.layers.Layer):
    """What both layers share: arguments, checks, and the kernel of the folded time axis.

    With `before` steps of padding, a strided convolution reads `x[strides * i - before + k]` for
    its step `i`. Zeros in front of the kernel move its start to a multiple of `strides`, zeros
    behind it its end; then it is a kernel over blocks of `strides` time steps, whose steps are
    features of the block.
    """

    #: `training.portable` treats the layer as it does those of Keras that convolve.
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
            whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
            if not whole or value < 1:
                raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")
            setattr(self, name, int(value))
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        before = max(self.kernel_size - self.strides, 0) // 2  # "same", as TensorFlow pads
        self.blocks_before = -(-before // self.strides)
        self.zeros_before = self.blocks_before * self.strides - before
        self.blocks = -(-(self.zeros_before + self.kernel_size) // self.strides)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.check_shape(input_shape)
        channels = input_shape[-1]
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
        """Raises `ValueError` where the layer cannot take inputs of this shape."""
        if len(shape) != 3 or None in tuple(shape)[1:]:
            raise ValueError(
                "`inputs` must have shape (batch, time, channels), with a known `time` and "
                f"`channels`. Received: shape={tuple(shape)}"
            )

    def folded_kernel(self) -> Any:
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

    The inputs' time steps are folded, `strides` of them into one of as many times the channels,
    and the kernel with them. The function and the weights are those of `Conv1D`, and it can be
    differentiated twice. It is for CPUs, above all with JAX, whose gradients of strided
    convolutions are slow there.

    Args:
        filters: Channels of the outputs.
        kernel_size: Time steps that an output sees.
        strides: Time steps from one output to the next.
        kernel_initializer: Of `kernel`, `(kernel_size, channels, filters)`.
        bias_initializer: Of `bias`, `(filters,)`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, time, channels)`, `time` a multiple of `strides`.

    Returns:
        Tensor `(batch, time / strides, filters)`, of the layer's compute dtype.

    Raises:
        ValueError: If a size is not a positive integer, or the inputs are not of three axes of
            known length, or `time` is not a multiple of `strides`.

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
        if shape[1] % self.strides:
            raise ValueError(
                f"`time` must be a multiple of strides={self.strides}: crop the inputs or pad "
                f"them with zeros. Received: shape={tuple(shape)}"
            )

    def call(self, inputs: Any) -> Any:
        self.check_shape(inputs.shape)
        _, time, channels = inputs.shape
        x = ops.reshape(inputs, (-1, time // self.strides, self.strides * channels))
        # Of a number of blocks that is even, the odd one is behind, as it is with "same".
        y = ops.conv(x, self.folded_kernel(), padding="same", data_format="channels_last")
        return y + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        self.check_shape(input_shape)
        return (input_shape[0], input_shape[1] // self.strides, self.filters)


@keras.saving.register_keras_serializable(package="keras_latent")
class PolyphaseConv1DTranspose(Polyphase):
    """`keras.layers.Conv1DTranspose` with `padding="same"`, as a convolution of stride 1.

    A convolution makes all `strides` time steps of a block at once, as channels, which are then
    unfolded. The weights are those of `Conv1DTranspose`, and the function is what that layer
    computes on TensorFlow, on every backend: PyTorch's crops one step more before and one less
    after where `kernel_size - strides` is odd. It can be differentiated twice.

    Args:
        filters: Channels of the outputs.
        kernel_size: Time steps of the outputs that an input adds to.
        strides: Time steps of the outputs for one of the inputs.
        kernel_initializer: Of `kernel`, `(kernel_size, filters, channels)`.
        bias_initializer: Of `bias`, `(filters,)`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, time, channels)`.

    Returns:
        Tensor `(batch, time * strides, filters)`, of the layer's compute dtype.

    Raises:
        ValueError: If a size is not a positive integer, or the inputs are not of three axes of
            known length.

    Reference:
        Crochiere and Rabiner, "Multirate Digital Signal Processing", 1983, section 3.3.

    Example:

    >>> x = keras.ops.ones((2, 3, 5))
    >>> tuple(PolyphaseConv1DTranspose(filters=1, kernel_size=25, strides=4)(x).shape)
    (2, 12, 1)
    """

    def kernel_shape(self, channels: int) -> tuple[int, int, int]:
        return (self.kernel_size, self.filters, channels)

    def call(self, inputs: Any) -> Any:
        self.check_shape(inputs.shape)
        _, time, _ = inputs.shape
        kernel = ops.transpose(ops.flip(self.folded_kernel(), axis=0), (0, 2, 1))
        # The kernel is reversed in time, and so are its two sides.
        sides = [self.blocks - 1 - self.blocks_before, self.blocks_before]
        x, padding = inputs, "same"
        if sides[0] != sides[1]:
            x, padding = ops.pad(inputs, [[0, 0], sides, [0, 0]]), "valid"
        y = ops.conv(x, kernel, padding=padding, data_format="channels_last")
        return ops.reshape(y, (-1, time * self.strides, self.filters)) + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        self.check_shape(input_shape)
        return (input_shape[0], input_shape[1] * self.strides, self.filters)
