"""The sliced Wasserstein distance as a loss for `compile`."""

import random
from typing import Any

import keras
from keras import ops

from keras_latent.src.losses.inputs import check_weights
from keras_latent.src.ops.casting import to_tensor
from keras_latent.src.ops.sliced_wasserstein import random_projections, sliced_wasserstein
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor


# The layer is registered as SlicedWasserstein.
@keras.saving.register_keras_serializable(package="keras_latent", name="SlicedWassersteinLoss")
class SlicedWasserstein(keras.losses.Loss):
    """The mean over directions of W_p^p between the batch of targets and the batch of predictions.

    The loss compares two sets of points; the order of the rows does not matter. The distance
    between the batches is assigned to every row, so Keras's reductions work as usual: a batch
    mean, a batch sum, or a value per row. `sample_weight` scales a row's share of the mean or sum,
    but does not change the two distributions.

    **The directions are drawn once**, from `seed`, and reused. A loss is not part of the model's
    state, so a compiled JAX train step cannot update a seed generator in it. The directions are
    the same on every backend and after loading. For new directions in each step, use the layer
    `keras_latent.layers.SlicedWasserstein` with `add_loss`. Use at least as many directions as
    there are dimensions, because the loss ignores what the directions do not span.

    Args:
        num_projections: Number of directions to draw, at least 1.
        p: 2 for W_2^2, as in the BridgingVAE paper; 1 for W_1, as in its reference implementation.
        seed: Integer seed of the directions; `None` draws a seed.
        reduction: As in `keras.losses.Loss`.
        name: The loss's name.
        dtype: The dtype of the result. The distance is computed in float32.

    Call arguments:
        y_true: A float tensor of shape (A, dim).
        y_pred: A float tensor of shape (batch, dim).
        sample_weight: Optional weights of shape (batch,).

    Raises:
        ValueError: If `num_projections` is not a positive integer, `p` is neither 1 nor 2, an
            input does not hold floats or is not of rank 2, or the last axes differ.

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
        self.num_projections = checks.integer("num_projections", num_projections)
        self.p = checks.choice("p", p, (1, 2))
        self.seed = random.randint(1, 10**9) if seed is None else checks.keras_seed("seed", seed)

    def __call__(self, y_true: Rows, y_pred: Rows, sample_weight: Rows | None = None) -> Tensor:
        y_true, y_pred = to_tensor("y_true", y_true), to_tensor("y_pred", y_pred)
        checks.rank("y_true", y_true, 2)
        checks.rank("y_pred", y_pred, 2)
        checks.same_last_axis("y_true", y_true, "y_pred", y_pred)
        return super().__call__(y_true, y_pred, check_weights(sample_weight, y_pred))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        projections = random_projections(self.num_projections, y_pred.shape[-1], self.seed)
        distance = sliced_wasserstein(y_true, y_pred, projections, self.p)
        return ops.broadcast_to(distance, (ops.shape(y_pred)[0],))

    def get_config(self) -> dict[str, Any]:
        config = {"num_projections": self.num_projections, "p": self.p, "seed": self.seed}
        return {**super().get_config(), **config}
