"""What variational autoencoders of two domains with some known pairs share."""

import keras
import numpy as np

from keras_latent.src.models.base.batched import batched, tensor_function
from keras_latent.src.models.base.networks import gaussian_of
from keras_latent.src.models.base.two_domain import (
    OF_ONE_DOMAIN,
    TwoDomain,
    images_of,
    latents_of,
)
from keras_latent.src.training.batches import BatchSpec
from keras_latent.src.training.inputs import Flags
from keras_latent.src.utils.domains import DOMAINS
from keras_latent.src.utils.types import Rows, Tensor


class TwoDomainVAE(TwoDomain):
    """Base of `TwoDomain` models with `q(z|x)`, `q(z|y)`, `p(x|z)` and `p(y|z)`, and pairs.

    A subclass sets the networks and `latent_dim`, calls `set_observation` and `set_shapes`, and
    defines the objective and the steps.
    """

    source_encoder: keras.Model
    target_encoder: keras.Model
    source_decoder: keras.Model
    target_decoder: keras.Model
    #: Networks of both domains, after the encoders and before the decoders, if any.
    shared_encoder: keras.Model | None
    shared_decoder: keras.Model | None

    @property
    def batch_spec(self) -> BatchSpec:
        return BatchSpec(
            {**{d: self.images(d) for d in DOMAINS}, "paired": Flags()},
            equal_rows=True,
            hint="`datasets.pair_from_arrays` makes them. If all rows are known pairs, `paired` is "
            "all True.",
        )

    @property
    def predict_spec(self) -> BatchSpec:
        inputs = {**{d: self.images(d) for d in DOMAINS}, "paired": Flags(required=False)}
        return BatchSpec(inputs, equal_rows=True, hint=OF_ONE_DOMAIN)

    # Networks ----------------------------------------------------------------------------

    def _encoder(self, domain):
        return self.source_encoder if domain == "source" else self.target_encoder

    def _decoder(self, domain):
        return self.source_decoder if domain == "source" else self.target_decoder

    @tensor_function(x=images_of)
    def posterior(self, x: Tensor, domain: str, training: bool = False) -> tuple[Tensor, Tensor]:
        """`(z_mean, z_log_var)` of `q(z|x)`, or `q(z|y)`."""
        outputs = self._encoder(domain)(x, training=training)
        if self.shared_encoder is not None:
            outputs = self.shared_encoder(outputs, training=training)
            return gaussian_of("shared_encoder", outputs)
        return gaussian_of(f"{domain}_encoder", outputs)

    def hidden(self, z: Tensor, training: bool = False) -> Tensor:
        """What both domains are decoded from: `D(z)`, or `z` without a shared decoder."""
        return z if self.shared_decoder is None else self.shared_decoder(z, training=training)

    @tensor_function(z=latents_of)
    def likelihood_parameters(self, z: Tensor, domain: str, training: bool = False) -> Tensor:
        """Parameters of `p(x|z)`, or `p(y|z)`: logits or means."""
        return self._decoder(domain)(self.hidden(z, training), training=training)

    def to_latent(self, x: Tensor, domain: str) -> Tensor:
        """The mean of `q(z|x)`."""
        return self.posterior(x, domain)[0]

    def to_image(self, z: Tensor, domain: str) -> Tensor:
        """The mean of `p(x|z)`."""
        return self.expected(self.likelihood_parameters(z, domain))

    def call(self, inputs: dict[str, Tensor], training: bool = False) -> dict[str, Tensor]:
        outputs = {}
        for domain in DOMAINS:
            z, _ = self.posterior(inputs[domain], domain, training)
            h = self.hidden(z, training)
            for to in DOMAINS:
                kind = "reconstruction" if to == domain else "translation"
                parameters = self._decoder(to)(h, training=training)
                outputs[f"{domain}_{kind}"] = self.expected(parameters)
        return outputs

    # Methods on arrays -------------------------------------------------------------------

    @batched(x=images_of)
    def encode(
        self,
        x: Rows,
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
        return self.posterior(x, domain)  # type: ignore[return-value]  # a Gaussian

    def generate(
        self, num: int, *, seed: int | None = None, batch_size: int = 512
    ) -> dict[str, np.ndarray]:
        """`num` images of each domain, decoded from the same draws of the prior."""
        z = self.prior(num, seed)
        return {d: self.decode(z, d, batch_size=batch_size) for d in DOMAINS}
