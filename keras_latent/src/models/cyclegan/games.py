"""The game of a generator and a discriminator, as CycleGAN, DiscoGAN and Pix2Pix play it."""

from typing import Any

from keras import ops

from keras_latent.ops import weighted_mean
from keras_latent.src.models.base.networks import shapes_of
from keras_latent.src.utils.types import Tensor

#: Least squares (the label itself is predicted), or binary cross-entropy (its logit).
GANS = ("lsgan", "bce")


def mean(values: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean over a batch and all other axes; with a weight per row, of the rows by their weight."""
    rows = ops.mean(ops.reshape(values, (ops.shape(values)[0], -1)), axis=1)
    return ops.mean(rows) if weight is None else weighted_mean(rows, weight)


def loss_of(gan: str, scores: Tensor, real: bool, weight: Tensor | None = None) -> Tensor:
    """The loss of outputs of a discriminator that should say "real", or "fake".

    `"lsgan"`: `E (D - 1)^2`, or `E D^2`. `"bce"`: `-E log D`, or `-E log(1 - D)`, of logits.
    """
    if gan == "lsgan":
        return mean(ops.square(scores - float(real)), weight)
    return mean(ops.softplus(-scores if real else scores), weight)


def share_right(gan: str, scores: Tensor, real: bool, weight: Tensor | None = None) -> Tensor:
    """The share of these outputs that say so."""
    boundary = 0.5 if gan == "lsgan" else 0.0
    right = scores > boundary if real else scores < boundary
    return mean(ops.cast(right, "float32"), weight)


def check_scores(name: str, scores: Any) -> None:
    """Checks the symbolic output of a discriminator.

    Raises:
        ValueError: If it is not one tensor of one channel: a score per image or per patch.
    """
    shape = shapes_of(scores)
    if not hasattr(scores, "shape") or len(shape) < 2 or shape[-1] != 1:
        raise ValueError(
            f"`{name}` must return one score per image, ('batch', 1), or per patch, "
            f"('batch', height, width, 1). Received: output of shape {shape}"
        )
