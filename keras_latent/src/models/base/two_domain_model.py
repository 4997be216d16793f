"""Two domains that share one Gaussian latent space."""

import numpy as np

from keras_latent.src.models.base import validation
from keras_latent.src.models.base.latent_model import LatentModel
from keras_latent.src.models.base.two_domain_verbs import TwoDomainVerbs
from keras_latent.src.models.base.validation import DOMAINS


class TwoDomainModel(TwoDomainVerbs, LatentModel):
    """The verbs of two domains, for a model whose latents have a distribution.

    A subclass sets `event_shapes` (domain to the shape of one row) and `latent_dim`, and
    defines `posterior(x, domain)`, which returns `(z_mean, z_log_var)`, and
    `likelihood_parameters(z, domain)`.
    """

    @property
    def latent_shape(self) -> tuple[int]:
        return (self.latent_dim,)

    def to_latent(self, x, domain):
        """The mean of `q(z|x)`."""
        return self.posterior(x, domain)[0]

    def to_image(self, z, domain):
        """The mean of `p(x|z)`."""
        return self.expected(self.likelihood_parameters(z, domain))

    def encode(
        self,
        x,
        domain: str = "source",
        *,
        sample: bool = False,
        seed: int | None = None,
        batch_size: int = 512,
    ) -> np.ndarray:
        """Shared latents of one domain's images.

        Args:
            x: Float images `(rows, ...)` of `domain`.
            domain: `"source"` or `"target"`.
            sample: Draw from the posterior instead of returning its mean.
            seed: Seed of the draw.
            batch_size: Rows per compiled call.

        Returns:
            Array `(rows, latent_dim)`, float32.

        Raises:
            ValueError: If `domain` is neither, or shape or values of `x` are not those of
                the domain.
        """
        if not sample:
            return super().encode(x, domain, batch_size=batch_size)
        domain = validation.require_choice("domain", domain, DOMAINS)
        q = self.run(
            f"posterior {domain}",
            self.event_shapes[domain],
            lambda x: self.posterior(x, domain),
            x,
            "x",
            batch_size,
        )
        return self.draw(*q, seed)

    def generate(
        self, num: int, *, seed: int | None = None, batch_size: int = 512
    ) -> dict[str, np.ndarray]:
        """`num` images of each domain, decoded from the same draws of the prior (figure 5)."""
        z = self.prior(num, seed)
        return {d: self.decode(z, d, batch_size=batch_size) for d in DOMAINS}
