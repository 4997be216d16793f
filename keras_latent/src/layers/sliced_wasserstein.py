"""The sliced Wasserstein distance of two batches, over directions drawn afresh at every call."""

from typing import Any

import keras

from keras_latent.src.ops._arguments import check_rank
from keras_latent.src.ops.sliced_wasserstein import (
    check_order,
    random_projections,
    sliced_wasserstein,
)


@keras.saving.register_keras_serializable(package="keras_latent")
class SlicedWasserstein(keras.layers.Layer):
    """Estimates the mean over directions of W_p^p between two batches of points.

    Every call draws new directions, so that in training every direction counts in the end. The
    result is a scalar, for `add_loss` or a custom `train_step`; the batches may differ in size.

    Args:
        num_projections: How many directions to draw, at least 1.
        p: 2 for W_2^2, as BridgingVAE writes; 1 for W_1, as its reference computes.
        seed: Integer seed of the directions.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        x: A float tensor of shape (A, dim).
        y: A float tensor of shape (B, dim).

    Returns:
        A float32 scalar, whatever the layer's dtype policy.

    Raises:
        ValueError: If `num_projections` is less than 1, `p` is neither 1 nor 2, an input is not
            of rank 2, or the last axes differ.

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
        if num_projections < 1:
            raise ValueError(
                "Argument `num_projections` must be at least 1. Received: "
                f"num_projections={num_projections}"
            )
        check_order(p)
        self.num_projections = num_projections
        self.p = p
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, x_shape: tuple[int | None, ...], y_shape: tuple[int | None, ...]) -> None:
        """Nothing to build: only names the shapes of the two arguments."""

    def call(self, x: Any, y: Any) -> Any:
        check_rank("x", x, 2)
        projections = random_projections(self.num_projections, x.shape[-1], self.seed_generator)
        return sliced_wasserstein(x, y, projections, self.p)

    def compute_output_spec(self, x: Any, y: Any) -> keras.KerasTensor:
        check_rank("x", x, 2)
        check_rank("y", y, 2)
        return keras.KerasTensor((), dtype="float32")

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.update({"num_projections": self.num_projections, "p": self.p, "seed": self.seed})
        return config
