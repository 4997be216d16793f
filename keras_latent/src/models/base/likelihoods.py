"""Observation models `p(x|z)`, whose parameters a decoder returns."""

import keras

from keras_latent import ops
from keras_latent.src.utils.types import Tensor


class Gaussian:
    """`p(x|z) = N(mean, variance)`; the decoder returns the mean.

    Args:
        variance: Of every value, in squared units of `x` (pixels).
    """

    #: Whether `x` must lie in [0, 1].
    unit_interval = False

    def __init__(self, variance: float = 1.0):
        self.variance = variance

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        """`log p(x|z)` per row, `(batch,)`, in nats."""
        return ops.gaussian_log_prob(x, parameters, self.variance)

    def mean(self, parameters: Tensor) -> Tensor:
        """`E[x|z]`, float32."""
        return keras.ops.cast(parameters, "float32")


class Bernoulli:
    """`p(x|z) = Bern(sigmoid(logits))`; the decoder returns the logits."""

    unit_interval = True

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        """`log p(x|z)` per row, `(batch,)`, in nats."""
        return ops.bernoulli_log_prob(x, parameters)

    def mean(self, parameters: Tensor) -> Tensor:
        """`E[x|z]`, float32."""
        return keras.ops.sigmoid(keras.ops.cast(parameters, "float32"))


Likelihood = Gaussian | Bernoulli
