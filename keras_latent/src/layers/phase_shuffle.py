"""Shifts of a critic's features in time, so that it cannot lean on their phase."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_latent")
class PhaseShuffle(keras.layers.Layer):
    """Shifts every row in time by a whole number of steps, uniform in [-radius, radius].

    Transposed convolutions leave artefacts of one frequency and one phase in what a generator
    makes; a critic that cannot see the phase must look at something else. Samples that enter at
    the edges are reflections: `x[k], ..., x[1]` before the first, likewise after the last.
    Only in training; in inference, and with `radius=0`, the layer does nothing.

    The paper does not say what shares a shift, and its implementation draws one for the whole
    batch at each call. Here each row has its own, drawn afresh at every call, the same for all
    its channels: what a row meets does not depend on the batch that it comes in.

    A call in training draws from the layer's seed generator, that is, assigns a variable: a
    penalty on gradients (`training.input_gradients`) calls with `training=False`.

    Args:
        radius: Largest shift, in time steps: 2 in the paper.
        seed: Integer seed of the shifts.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, time, channels)`, `time` larger than `radius`.
        training: Whether to shift.

    Returns:
        A tensor of the inputs' shape and dtype.

    Raises:
        ValueError: If `radius` is not a non-negative integer, or the inputs are not of three
            axes or too short to be reflected.

    Reference:
        Donahue, McAuley and Puckette, "Adversarial Audio Synthesis", 2019, section 3.3.

    Example:

    >>> x = keras.ops.reshape(keras.ops.arange(12.0), (2, 6, 1))
    >>> tuple(PhaseShuffle(radius=2, seed=0)(x, training=True).shape)
    (2, 6, 1)
    """

    def __init__(self, radius: int = 2, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(radius, int) or isinstance(radius, bool) or radius < 0:
            raise ValueError(
                f"`radius` must be a non-negative integer. Received: radius={radius!r}"
            )
        self.radius = radius
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if len(input_shape) != 3 or input_shape[1] is None or input_shape[1] <= self.radius:
            raise ValueError(
                "`inputs` must have shape (batch, time, channels), with a known `time` larger "
                f"than radius={self.radius}. Received: shape={tuple(input_shape)}"
            )
        super().build(input_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.radius == 0:
            return inputs
        batch, (time, channels) = ops.shape(inputs)[0], inputs.shape[1:]
        r = self.radius
        shift = keras.random.randint((batch, 1), -r, r + 1, seed=self.seed_generator)
        # Where each step comes from, reflected at both ends. All rows' steps are one list, so
        # that a step's channels are copied as a piece.
        source = ops.abs(ops.arange(time, dtype="int32")[None] + ops.cast(shift, "int32"))
        source = (time - 1) - ops.abs((time - 1) - source)
        source = source + time * ops.arange(batch, dtype="int32")[:, None]
        steps = ops.take(ops.reshape(inputs, (-1, channels)), source, axis=0)
        return ops.reshape(steps, (-1, time, channels))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "radius": self.radius, "seed": self.seed}
