"""Pairs of images as rows of one model, for `p(x, y)`."""

import math
from typing import Any

import numpy as np
from keras import ops as kops

from keras_latent.src.models.base.latent_model import LatentModel
from keras_latent.src.models.base.likelihoods import Likelihood
from keras_latent.src.utils.domains import DOMAINS
from keras_latent.src.utils.types import Rows, Tensor


class Pairs(LatentModel):
    """A `JMVAE` as a model of one domain, whose rows are the pixels of both images of a pair.

    `metrics.log_likelihood` needs no more. It shares the variables of the model.

    Args:
        model: The `JMVAE`.
    """

    def __init__(self, model: Any):
        super().__init__(name="pairs", dtype=model.dtype_policy)
        self.model = model
        self.latent_dim = model.latent_dim
        self.sizes = [math.prod(model.event_shapes[d]) for d in DOMAINS]
        self.event_shape = (sum(self.sizes),)
        self.built = True

    @property
    def observation(self) -> Likelihood:
        return self.model.observation

    def rows(self, source: Rows, target: Rows) -> np.ndarray:
        """Pairs of images as rows of pixels.

        Args:
            source: Float images `(rows, ...)` of the source.
            target: Those of the target, as many.

        Returns:
            Array `(rows, pixels of both)`, float32.

        Raises:
            ValueError: If shape or values of an array are not those of its domain, or the numbers
                of rows differ.
        """
        given = {"source": source, "target": target}
        images = [self.model.images(d).rows(d, x) for d, x in given.items()]
        if len(images[0]) != len(images[1]):
            raise ValueError(
                "`source` and `target` must have equally many rows, one per pair. "
                f"Received: {len(images[0])} and {len(images[1])} rows"
            )
        return np.concatenate([x.reshape(len(x), -1) for x in images], axis=1, dtype="float32")

    def posterior(self, x: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """`(z_mean, z_log_var)` of `q(z|x, y)`."""
        parts = kops.split(x, [self.sizes[0]], axis=1)
        shapes = self.model.event_shapes
        images = {d: kops.reshape(p, (-1, *shapes[d])) for d, p in zip(DOMAINS, parts, strict=True)}
        return self.model.joint_posterior(**images, training=training)

    def likelihood_parameters(self, z: Tensor, training: bool = False) -> Tensor:
        """Parameters of `p(x|z)` and of `p(y|z)`, `(batch, pixels of both)`."""
        parameters = [self.model.likelihood_parameters(z, d, training) for d in DOMAINS]
        flat = [kops.reshape(p, (-1, n)) for p, n in zip(parameters, self.sizes, strict=True)]
        return kops.concatenate(flat, axis=1)
