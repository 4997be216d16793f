"""Where to move a latent, and how far."""

from typing import Any

import numpy as np
from keras import ops

from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Tensor

DIRECTIONS = ("dual", "isolated")
#: What a strength of 1 is: one standard deviation of the prior, or the length of the dual vector.
UNITS = ("deviation", "dual_vector")


def directions_of(dual_vectors: np.ndarray, direction: str, unit: str) -> np.ndarray:
    """The steps of strength 1, `(attributes, latent_dim)`.

    Raises:
        ValueError: If there is no such direction or unit.
    """
    checks.choice("direction", direction, DIRECTIONS)
    checks.choice("unit", unit, UNITS)
    steps = dual_vectors if direction == "dual" else isolated(dual_vectors)
    if unit == "dual_vector":
        return steps
    return steps / np.maximum(np.linalg.norm(steps, axis=1, keepdims=True), 1e-12)


def isolated(dual_vectors: np.ndarray) -> np.ndarray:
    """The part of each dual vector that is orthogonal to all others, of the same length.

    Args:
        dual_vectors: `U`, `(attributes, latent_dim)`.

    Raises:
        ValueError: If there are more attributes than latents.
    """
    attributes, latent_dim = dual_vectors.shape
    if attributes > latent_dim:
        raise ValueError(
            "`direction='isolated'` needs at least as many latents as attributes. "
            f"Received: {latent_dim} latents, {attributes} attributes"
        )
    directions = np.linalg.pinv(dual_vectors.astype("float64")).T
    own, other = (np.linalg.norm(v, axis=1, keepdims=True) for v in (dual_vectors, directions))
    return (directions * (own / np.maximum(other, 1e-12))).astype("float32")


def missing(logits: Tensor, margin: Any, present: bool | None) -> Tensor:
    """What must be added to logits to bring them to `margin` on a side of the boundary.

    Args:
        logits: Logits of attributes.
        margin: 0 or more, in log-odds.
        present: The side with the attribute (True) or without it (False), where logits that are
            farther stay. `None`: the other side.
    """
    if present is None:
        return ops.where(logits > 0, -margin, margin) - logits
    if present:
        return ops.maximum(margin - logits, 0.0)
    return ops.minimum(-margin - logits, 0.0)


def steps_to_boundary(
    logits: Tensor,
    dual_vectors: np.ndarray,
    directions: np.ndarray,
    margin: Any,
    present: bool | None,
) -> Tensor:
    """Steps `(batch, attributes, latent_dim)` that bring logits `(batch, attributes)` to a margin.

    The other arguments are as in `missing`, and one dual vector and direction per attribute.
    """
    # What one step along the direction adds to the logit.
    gain = np.sum(dual_vectors * directions, axis=1)
    steps = ops.convert_to_tensor(directions / gain[:, None])
    return missing(logits[..., None], margin, present) * steps
