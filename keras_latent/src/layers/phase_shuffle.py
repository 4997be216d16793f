"""Random time shifts of a critic's features, which hide their phase."""

from typing import Any

import keras
from keras import ops

from keras_latent.src.ops.casting import to_tensor
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Tensor


@keras.saving.register_keras_serializable(package="keras_latent")
class PhaseShuffle(keras.layers.Layer):
    """Shifts each row in time by a whole number of steps, uniform in [-radius, radius].

    Transposed convolutions leave artifacts of a fixed frequency and phase in generated audio. A
    critic that cannot see the phase cannot rely on them. The edges are filled by reflection:
    `x[k], ..., x[1]` before the first step, and likewise after the last. The layer shifts in
    training only; in inference, and with `radius=0`, it returns its inputs.

    The paper does not say which samples share a shift; its implementation draws one per batch.
    Here, each row gets its own shift on every call, shared by all channels.

    In training, a call assigns the state of the layer's seed generator. Gradient penalties
    (`training.input_gradients`) must therefore call it with `training=False`.

    Args:
        radius: Largest shift in time steps. The paper uses 2.
        seed: Integer seed of the shifts.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, time, channels)`, `time` larger than `radius`.
        training: Whether to shift.

    Returns:
        A tensor with the shape and dtype of the inputs.

    Raises:
        ValueError: If `radius` is not an integer of 0 or more, or the inputs do not hold floats,
            do not have three axes, or are too short to be reflected.

    Reference:
        Donahue, McAuley and Puckette, "Adversarial Audio Synthesis", 2019, section 3.3.

    Example:

    >>> x = keras.ops.reshape(keras.ops.arange(12.0), (2, 6, 1))
    >>> tuple(PhaseShuffle(radius=2, seed=0)(x, training=True).shape)
    (2, 6, 1)
    """

    def __init__(self, radius: int = 2, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.radius = checks.integer("radius", radius, at_least=0)
        self.seed = checks.keras_seed("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def __call__(self, inputs: Tensor, **kwargs: Any) -> Tensor:
        inputs = to_tensor("inputs", inputs)
        self._check_shape(inputs.shape)
        return super().__call__(inputs, **kwargs)

    def _check_shape(self, input_shape: tuple[int | None, ...]) -> None:
        if len(input_shape) != 3 or input_shape[1] is None or input_shape[1] <= self.radius:
            raise ValueError(
                "`inputs` must have shape (batch, time, channels), with a known `time` larger "
                f"than radius={self.radius}. Received: shape={tuple(input_shape)}"
            )

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.radius == 0:
            return inputs
        batch, (time, channels) = ops.shape(inputs)[0], inputs.shape[1:]
        r = self.radius
        shift = keras.random.randint((batch, 1), -r, r + 1, seed=self.seed_generator)
        # The source of each step, reflected at both ends. The rows are concatenated, so that the
        # channels of a step are copied together.
        source = ops.abs(ops.arange(time, dtype="int32")[None] + ops.cast(shift, "int32"))
        source = (time - 1) - ops.abs((time - 1) - source)
        source = source + time * ops.arange(batch, dtype="int32")[:, None]
        steps = ops.take(ops.reshape(inputs, (-1, channels)), source, axis=0)
        return ops.reshape(steps, (-1, time, channels))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "radius": self.radius, "seed": self.seed}
