"""Where to move a latent, and how far."""

from typing import Any

import numpy as np
from keras import ops

from keras_latent.src.utils.types import Tensor

DIRECTIONS = ("dual", "isolated")


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
