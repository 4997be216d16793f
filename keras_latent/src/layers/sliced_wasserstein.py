"""The sliced Wasserstein distance between two batches, with new directions on every call."""

from typing import Any

import keras

from keras_latent.src.ops.casting import to_tensor
from keras_latent.src.ops.sliced_wasserstein import random_projections, sliced_wasserstein
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Tensor


@keras.saving.register_keras_serializable(package="keras_latent")
class SlicedWasserstein(keras.layers.Layer):
    """Estimates the mean over directions of W_p^p between two batches of points.

    New directions are drawn on every call, so training covers all directions over time. The
    result is a scalar, for `add_loss` or a custom `train_step`. The batches may differ in size.

    Args:
        num_projections: Number of directions to draw, at least 1.
        p: 2 for W_2^2, as in the BridgingVAE paper; 1 for W_1, as in its reference implementation.
        seed: Integer seed of the directions.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        x: A float tensor of shape (A, dim).
        y: A float tensor of shape (B, dim).

    Returns:
        A float32 scalar, whatever the layer's dtype policy is.

    Raises:
        ValueError: If `num_projections` is not a positive integer, `p` is neither 1 nor 2, an
            input does not hold floats or is not of rank 2, or the last axes differ.

    Reference:
        "Latent Domain Transfer: Crossing Modalities with Bridging Autoencoders", submitted to ICLR
        2019. `keras_latent.ops.sliced_wasserstein`.

    Example:

    >>> x = keras.ops.zeros((4, 3))
    >>> float(SlicedWasserstein(num_projections=8, seed=0)(x, x[:2]))
    0.0
    """

    def __init__(
        self, num_projections: int = 50, p: int = 2, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.num_projections = checks.integer("num_projections", num_projections)
        self.p = checks.choice("p", p, (1, 2))
        self.seed = checks.keras_seed("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def build(self, x_shape: tuple[int | None, ...], y_shape: tuple[int | None, ...]) -> None:
        """There are no weights; Keras passes the shapes by these names."""

    def __call__(self, x: Tensor, y: Tensor, **kwargs: Any) -> Tensor:
        x, y = to_tensor("x", x), to_tensor("y", y)
        checks.rank("x", x, 2)
        checks.rank("y", y, 2)
        checks.same_last_axis("x", x, "y", y)
        return super().__call__(x, y, **kwargs)

    def call(self, x: Tensor, y: Tensor) -> Tensor:
        projections = random_projections(self.num_projections, x.shape[-1], self.seed_generator)
        return sliced_wasserstein(x, y, projections, self.p)

    def compute_output_spec(self, x: Tensor, y: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor((), dtype="float32")

    def get_config(self) -> dict[str, Any]:
        config = {"num_projections": self.num_projections, "p": self.p, "seed": self.seed}
        return {**super().get_config(), **config}
