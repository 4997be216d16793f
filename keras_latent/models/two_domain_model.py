"""What models of two domains and one shared latent space do, in the words of the library."""

import numpy as np

from keras_latent.models import validation
from keras_latent.models.latent_model import LatentModel
from keras_latent.models.validation import DOMAINS

OTHER = {"source": "target", "target": "source"}


class TwoDomainModel(LatentModel):
    """Verbs of a model that encodes two domains, `"source"` and `"target"`, into one space.

    A subclass sets `event_shapes` (domain to the shape of one row) and `latent_dim`, and
    defines `posterior(x, domain)`, which returns `(z_mean, z_log_var)`, and
    `likelihood_parameters(z, domain)`.
    """

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
        domain = validation.require_choice("domain", domain, DOMAINS)
        q = self.run(
            f"encode {domain}",
            self.event_shapes[domain],
            lambda x: self.posterior(x, domain),
            x,
            "x",
            batch_size,
        )
        return self.draw(*q, seed) if sample else q[0]

    def decode(self, z, domain: str = "source", *, batch_size: int = 512) -> np.ndarray:
        """Images of `domain`, the mean of `p(x|z)`, of latents `(rows, latent_dim)`."""
        domain = validation.require_choice("domain", domain, DOMAINS)
        return self.run(
            f"decode {domain}",
            (self.latent_dim,),
            lambda z: self.expected(self.likelihood_parameters(z, domain)),
            z,
            "z",
            batch_size,
            image=False,
        )

    def _through(self, x, domain, to, batch_size):
        return self.run(
            f"{domain} to {to}",
            self.event_shapes[domain],
            lambda x: self.expected(self.likelihood_parameters(self.posterior(x, domain)[0], to)),
            x,
            "x",
            batch_size,
        )

    def reconstruct(self, x, domain: str = "source", *, batch_size: int = 512) -> np.ndarray:
        """Images of `domain` decoded into `domain` from their mean latents."""
        domain = validation.require_choice("domain", domain, DOMAINS)
        return self._through(x, domain, domain, batch_size)

    def translate(self, x, to: str = "target", *, batch_size: int = 512) -> np.ndarray:
        """Translates images into the domain `to`: `f(x)`, or `g(y)` for `to="source"`.

        Args:
            x: Float images `(rows, ...)` of the other domain.
            to: `"target"` or `"source"`.
            batch_size: Rows per compiled call.

        Returns:
            Array of images of the domain `to`, `(rows, ...)`, float32.

        Raises:
            ValueError: If `to` is neither, or shape or values of `x` are not those of the
                other domain.
        """
        to = validation.require_choice("to", to, DOMAINS)
        return self._through(x, OTHER[to], to, batch_size)

    def generate(
        self, num: int, *, seed: int | None = None, batch_size: int = 512
    ) -> dict[str, np.ndarray]:
        """`num` images of each domain, decoded from the same draws of the prior (figure 5)."""
        z = self.prior(num, seed)
        return {d: self.decode(z, d, batch_size=batch_size) for d in DOMAINS}

    def interpolate(
        self,
        a,
        b,
        steps: int = 8,
        *,
        domain: str = "source",
        to: str | None = None,
        kind: str = "spherical",
        batch_size: int = 512,
    ) -> np.ndarray:
        """Images on the way from each row of `a` to the row of `b`.

        Args:
            a: Float images `(rows, ...)` of `domain`.
            b: As many images of `domain`.
            steps: Number of images on the way, both ends included.
            domain: The domain of `a` and `b`.
            to: The domain to decode into; default: `domain`.
            kind: `"spherical"` or `"linear"`, in latent space.
            batch_size: Rows per compiled call.

        Returns:
            Array `(rows, steps, ...)`, float32.
        """
        to = validation.require_choice("to", domain if to is None else to, DOMAINS)
        ends = (self.encode(x, domain, batch_size=batch_size) for x in (a, b))
        images = self.decode(self.path(*ends, steps, kind), to, batch_size=batch_size)
        return images.reshape(-1, steps, *images.shape[1:])
