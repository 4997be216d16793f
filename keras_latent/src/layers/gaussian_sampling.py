"""Reparametrized sampling between a variational encoder and its decoder."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_latent.src.ops.casting import to_tensor
from keras_latent.src.ops.gaussian import sample_gaussian
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Tensor


@keras.saving.register_keras_serializable(package="keras_latent")
class GaussianSampling(keras.layers.Layer):
    """Draws z = z_mean + exp(z_log_var / 2) * eps with new noise eps ~ N(0, 1) on every call.

    The layer samples in inference as well as in training; if you need the mean, use `z_mean`
    itself. The log-variance is clipped to [-20, 20] (`keras_latent.ops.bound_log_var`), and the
    sample is computed in float32, whatever the layer's dtype policy is.

    Args:
        seed: Integer seed of the noise.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: `(z_mean, z_log_var)`, two float tensors with the same shape.

    Returns:
        A tensor with the shape of the inputs, in the layer's compute dtype.

    Raises:
        ValueError: If `inputs` is not a pair of float tensors, or the shapes differ.

    Reference:
        Kingma and Welling, "Auto-Encoding Variational Bayes", 2014, section 2.4.

    Example:

    >>> z = GaussianSampling(seed=0)([keras.ops.zeros((4, 2)), keras.ops.zeros((4, 2))])
    >>> tuple(z.shape)
    (4, 2)
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        # The result is computed in float32 and rounded once, so the inputs must not be rounded.
        super().__init__(autocast=False, **kwargs)
        self.seed = checks.keras_seed("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def __call__(self, inputs: Sequence[Tensor], **kwargs: Any) -> Tensor:
        pair = [to_tensor(f"inputs[{i}]", x) for i, x in enumerate(_pair(inputs))]
        return super().__call__(pair, **kwargs)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        z_mean, z_log_var = _pair(inputs)
        sample = sample_gaussian(keras.ops.cast(z_mean, "float32"), z_log_var, self.seed_generator)
        return keras.ops.saturate_cast(sample, self.compute_dtype)

    def compute_output_shape(
        self, input_shape: Sequence[tuple[int | None, ...]]
    ) -> tuple[int | None, ...]:
        return tuple(_pair(input_shape)[0])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


def _pair(inputs: Any) -> Any:
    if not isinstance(inputs, (tuple, list)) or len(inputs) != 2:
        raise ValueError(
            f"`inputs` must be a pair `(z_mean, z_log_var)`. Received: inputs={inputs}"
        )
    return inputs
