"""The sliced Wasserstein distance as a loss of `compile`."""

import random
from typing import Any

import keras
from keras import ops

from keras_latent.src.ops._arguments import check_rank
from keras_latent.src.ops.sliced_wasserstein import (
    check_order,
    random_projections,
    sliced_wasserstein,
)


# A name of its own: the layer SlicedWasserstein is registered under the class's.
@keras.saving.register_keras_serializable(package="keras_latent", name="SlicedWassersteinLoss")
class SlicedWasserstein(keras.losses.Loss):
    """The mean over directions of W_p^p between the batch of targets and that of predictions.

    The loss compares two sets: which target stands in which row does not matter. Its one value
    for the batch is given to every row, so that each of Keras's reductions means what it does
    elsewhere: a batch mean, a batch sum, or a value per row; and a row's `sample_weight` scales
    its share of that mean or sum. Weights do not change the two distributions.

    **The directions are drawn once**, from `seed`, and kept. A loss is no part of the model's
    state, so that a compiled JAX train step could not carry its generator along, and would
    repeat one draw unnoticed; here that draw is the same on every backend, and after loading.
    For fresh directions at every step take the layer `keras_latent.layers.SlicedWasserstein`
    with `add_loss`. Take as many directions as dimensions, or more: a distribution may move
    freely in what the directions do not span.

    Args:
        num_projections: How many directions to draw, at least 1.
        p: 2 for W_2^2, as BridgingVAE writes; 1 for W_1, as its reference computes.
        seed: Integer seed of the directions; `None` draws one.
        reduction: As in `keras.losses.Loss`.
        name: The loss's name.
        dtype: The dtype of the result. The distance is computed in float32.

    Call arguments:
        y_true: A float tensor of shape (A, dim).
        y_pred: A float tensor of shape (batch, dim).
        sample_weight: Optional weights of shape (batch,).

    Raises:
        ValueError: If `num_projections` is less than 1, `p` is neither 1 nor 2, an input is not
            of rank 2, or the last axes differ.

    Example:

    >>> loss = SlicedWasserstein(num_projections=8, seed=0)
    >>> float(loss(ops.zeros((4, 3)), ops.zeros((4, 3))))
    0.0
    """

    def __init__(
        self,
        num_projections: int = 50,
        p: int = 2,
        seed: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        name: str = "sliced_wasserstein",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if num_projections < 1:
            raise ValueError(
                "Argument `num_projections` must be at least 1. Received: "
                f"num_projections={num_projections}"
            )
        check_order(p)
        self.num_projections = num_projections
        self.p = p
        self.seed = random.randint(1, 10**9) if seed is None else seed

    def call(self, y_true: Any, y_pred: Any) -> Any:
        check_rank("y_true", y_true, 2)
        check_rank("y_pred", y_pred, 2)
        projections = random_projections(self.num_projections, y_pred.shape[-1], self.seed)
        distance = sliced_wasserstein(y_true, y_pred, projections, self.p)
        return ops.broadcast_to(distance, (ops.shape(y_pred)[0],))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.update({"num_projections": self.num_projections, "p": self.p, "seed": self.seed})
        return config
