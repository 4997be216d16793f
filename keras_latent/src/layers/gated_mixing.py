"""BridgingVAE's gated mixing layer."""

from typing import Any

import keras
from keras import constraints, initializers, ops, regularizers

from keras_latent.src.ops.casting import to_tensor
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Tensor


@keras.saving.register_keras_serializable(package="keras_latent")
class GatedMixingLayer(keras.layers.Layer):
    """Mixes a linear map of the input with the network's output, with a learned gate.

    GML(h, z) = (1 - sigmoid(g)) * (W_z z + b_z) + sigmoid(g) * d, where [d; g] = W_h h + b_h.

    `h` is the output of an MLP and `z` its input (concatenated with the one-hot domain). Each
    output unit can thus stay close to a linear map of the input or move away from it.

    Args:
        units: Size of the output, at least 1.
        use_bias: Whether to add b_h and b_z.
        kernel_initializer: Initializer of W_h and W_z.
        bias_initializer: Initializer of b_h and b_z.
        kernel_regularizer: Regularizer of W_h and W_z.
        bias_regularizer: Regularizer of b_h and b_z.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint of W_h and W_z.
        bias_constraint: Constraint of b_h and b_z.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        hidden: h, a float tensor of shape (batch, ..., hidden_dim).
        skip: z, a float tensor of shape (batch, ..., skip_dim), with the same leading axes.

    Returns:
        A tensor of shape (batch, ..., units).

    Raises:
        ValueError: If `units` is not a positive integer, an input does not hold floats, the leading
            axes of the inputs differ, or a last axis is unknown or not that of the first call.

    Reference:
        "Latent Domain Transfer: Crossing Modalities with Bridging Autoencoders", submitted to ICLR
        2019, appendix, figure 8.

    Example:

    >>> z = keras.ops.ones((4, 10))
    >>> h = keras.layers.Dense(512, activation="relu")(z)
    >>> tuple(GatedMixingLayer(8)(h, z).shape)
    (4, 8)
    """

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        regularizer = checks.from_keras(
            "activity_regularizer", regularizers.get, activity_regularizer
        )
        super().__init__(activity_regularizer=regularizer, **kwargs)
        self.units = checks.integer("units", units)
        self.use_bias = use_bias
        for name, get, value in (
            ("kernel_initializer", initializers.get, kernel_initializer),
            ("bias_initializer", initializers.get, bias_initializer),
            ("kernel_regularizer", regularizers.get, kernel_regularizer),
            ("bias_regularizer", regularizers.get, bias_regularizer),
            ("kernel_constraint", constraints.get, kernel_constraint),
            ("bias_constraint", constraints.get, bias_constraint),
        ):
            setattr(self, name, checks.from_keras(name, get, value))
        self.supports_masking = True

    def build(
        self, hidden_shape: tuple[int | None, ...], skip_shape: tuple[int | None, ...]
    ) -> None:
        _check_shapes(hidden_shape, skip_shape)
        self.hidden_kernel = self._kernel("hidden_kernel", (hidden_shape[-1], 2 * self.units))
        self.skip_kernel = self._kernel("skip_kernel", (skip_shape[-1], self.units))
        self.hidden_bias = self._bias("hidden_bias", (2 * self.units,))
        self.skip_bias = self._bias("skip_bias", (self.units,))

    def __call__(self, hidden: Tensor, skip: Tensor, **kwargs: Any) -> Tensor:
        hidden, skip = to_tensor("hidden", hidden), to_tensor("skip", skip)
        _check_shapes(hidden.shape, skip.shape)
        if self.built:
            checks.last_axis("hidden", hidden, self.hidden_kernel.shape[0])
            checks.last_axis("skip", skip, self.skip_kernel.shape[0])
        return super().__call__(hidden, skip, **kwargs)

    def call(self, hidden: Tensor, skip: Tensor) -> Tensor:
        hidden, skip = ops.matmul(hidden, self.hidden_kernel), ops.matmul(skip, self.skip_kernel)
        if self.use_bias:
            hidden, skip = ops.add(hidden, self.hidden_bias), ops.add(skip, self.skip_bias)
        update, gate = ops.split(hidden, 2, axis=-1)
        gate = ops.sigmoid(gate)
        return (1.0 - gate) * skip + gate * update

    def _kernel(self, name: str, shape: tuple[int | None, ...]) -> keras.Variable:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=_clone(self.kernel_initializer),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )

    def _bias(self, name: str, shape: tuple[int, ...]) -> keras.Variable | None:
        if not self.use_bias:
            return None
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=_clone(self.bias_initializer),
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        )

    def compute_output_shape(
        self, hidden_shape: tuple[int | None, ...], skip_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        _check_shapes(hidden_shape, skip_shape)
        return (*hidden_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }


def _clone(initializer: Any) -> Any:
    # An initializer without a seed draws one when created, and would use it for both kernels.
    if not isinstance(initializer, initializers.Initializer):
        return initializer
    return initializer.__class__.from_config(initializer.get_config())


def _check_shapes(hidden_shape: tuple[int | None, ...], skip_shape: tuple[int | None, ...]) -> None:
    same = len(hidden_shape) == len(skip_shape) and all(
        m is None or n is None or m == n
        for m, n in zip(hidden_shape[:-1], skip_shape[:-1], strict=True)
    )
    if not same or len(hidden_shape) < 2:
        raise ValueError(
            "`hidden` and `skip` must have the same axes except the last, and at least two axes. "
            f"Received: hidden.shape={tuple(hidden_shape)}, skip.shape={tuple(skip_shape)}"
        )
    if hidden_shape[-1] is None or skip_shape[-1] is None:
        raise ValueError(
            "The last axes of `hidden` and `skip` must be known. Received: "
            f"hidden.shape={tuple(hidden_shape)}, skip.shape={tuple(skip_shape)}"
        )
