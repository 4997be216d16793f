"""Keras's two-dimensional convolutions, with gradients that are fast with JAX on CPUs."""

import keras
from keras import ops

from keras_latent.src import backend
from keras_latent.src.utils.types import Tensor


@keras.saving.register_keras_serializable(package="keras_latent")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`."""

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        return backend.conv(
            inputs, kernel, self.strides, self.padding, self.data_format, self.dilation_rate
        )


@keras.saving.register_keras_serializable(package="keras_latent")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`."""

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
        if self.bias is not None:
            last = self.data_format == "channels_last"
            outputs += ops.reshape(self.bias, (-1,) if last else (-1, 1, 1))
        return outputs if self.activation is None else self.activation(outputs)
