"""Keras's two-dimensional convolutions, with gradients that are fast with JAX on CPUs."""

import keras
from keras import ops

from keras_latent.src import backend
from keras_latent.src.utils.types import Tensor


@keras.saving.register_keras_serializable(package="keras_latent")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, differentiated without zeros between pixels on JAX's CPU.

    Arguments, weights, configuration and results are Keras's. The class has the same name, so
    that weights in files made with either of them have the same paths. JAX differentiates it in
    reverse mode only, any number of times.
    """

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        return backend.conv(
            inputs, kernel, self.strides, self.padding, self.data_format, self.dilation_rate
        )


@keras.saving.register_keras_serializable(package="keras_latent")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`, without zeros between pixels on JAX's CPU: see `Conv2D`."""

    def call(self, inputs: Tensor) -> Tensor:
        outputs = backend.conv_transpose(
            inputs,
            self.kernel,
            self.strides,
            self.padding,
            self.output_padding,
            self.data_format,
            self.dilation_rate,
        )
        if self.use_bias:
            last = self.data_format == "channels_last"
            outputs = ops.add(outputs, ops.reshape(self.bias, (-1,) if last else (-1, 1, 1)))
        return outputs if self.activation is None else self.activation(outputs)
