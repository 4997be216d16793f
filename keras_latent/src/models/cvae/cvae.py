"""The conditional variational autoencoder (Kingma et al., 2014)."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops as kops

from keras_latent import ops
from keras_latent.src.models.base.attributes import signed
from keras_latent.src.models.base.conditional import ConditionalModel
from keras_latent.src.models.base.networks import (
    built,
    check_output,
    conditioned_shape,
    conditioned_size,
    gaussian_of,
    outputs_of,
)
from keras_latent.src.models.cvae.presets import PRESETS
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor
from keras_latent.training import portable


@keras.saving.register_keras_serializable(package="keras_latent")
class CVAE(ConditionalModel):
    """Conditional variational autoencoder: both networks take the attributes.

    Minimizes, in nats, averaged over the batch,

        beta * KL(q(z|x, y) || N(0, I)) - E_q(z|x, y) log p(x|y, z)

    To transfer an image, decode its latent with another `y`. The DualVAE paper uses this model as a
    baseline. Networks get an attribute as 1 (present), -1 (absent) or 0 (not known).

    Args:
        encoder: Built Keras model of two inputs, `(batch, ...)` and `(batch, attributes)`, to
            `(z_mean, z_log_var)`, each `(batch, latent_dim)`.
        decoder: Built Keras model of two inputs, `(batch, latent_dim)` and
            `(batch, attributes)`, to the parameters of `p(x|y, z)`, `(batch, ...)`.
        attributes: Number of attributes, or their names.
        beta: Weight of the KL divergence.
        likelihood: `"gaussian"` or `"bernoulli"`.
        observation_variance: Variance of the Gaussian likelihood, in squared pixels.
        seed: Seed of the reparametrization noise.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Input: float images `(batch, ...)`, and as `y` integers `(batch, attributes)`: 1 (present),
    0 (absent) or -1 (missing). `call` takes `[x, signed attributes]` and returns the
    reconstruction from the mean latent. Default optimizer: Adam, learning rate 1e-3.

    Raises:
        ValueError: If an argument is out of range, a network is not built, or their shapes do
            not fit together; by `fit` and `evaluate`, if `y` does not fit.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> cvae = models.CVAE.from_preset("cvae_digits", load_weights=False)
    >>> cvae.compile()
    >>> rng = np.random.default_rng(0)
    >>> images, y = rng.random((64, 8, 8, 1), "float32"), rng.integers(0, 2, (64, 10))
    >>> history = cvae.fit(images, y, batch_size=32, verbose=0)
    >>> cvae.transfer(images, 3, attributes=y).shape
    (64, 8, 8, 1)

    Reference: Kingma, Rezende, Mohamed and Welling, "Semi-supervised Learning with Deep
    Generative Models" (2014), model M2 with all labels given.
    """

    presets = PRESETS

    trackers = ("loss", "reconstruction_loss", "kl_loss")

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        attributes: int | Sequence[str],
        beta: float = 1.0,
        likelihood: str = "gaussian",
        observation_variance: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.encoder = built("encoder", encoder)
        self.decoder = built("decoder", decoder)
        self.set_attributes(attributes)
        self.beta = checks.non_negative("beta", beta)
        self.set_observation(likelihood, observation_variance, seed)

        self.event_shape = conditioned_shape("encoder", encoder, self.num_attributes)
        self.latent_dim = conditioned_size("decoder", decoder, self.num_attributes)
        x, y = keras.Input(self.event_shape), keras.Input((self.num_attributes,))
        z_mean, _ = gaussian_of("encoder", outputs_of([x, y], {"encoder": encoder}))
        check_output("encoder", z_mean, (self.latent_dim,), "decoder")
        output = outputs_of([z_mean, y], {"decoder": decoder}, "encoder")
        check_output("decoder", output, self.event_shape, "encoder")
        self.built = True

    # Objective ---------------------------------------------------------------------------

    def posterior(self, x: Tensor, y: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """`(z_mean, z_log_var)` of `q(z|x, y)`; `y` signed, `(batch, attributes)`."""
        return gaussian_of("encoder", self.encoder([x, y], training=training))

    def to_latent(self, x: Tensor, y: Tensor) -> Tensor:
        """The mean of `q(z|x, y)`."""
        return self.posterior(x, y)[0]

    def call(self, inputs: list[Tensor], training: bool = False) -> Tensor:
        x, y = (kops.convert_to_tensor(part) for part in inputs)  # JAX passes arrays if eager
        z_mean, _ = self.posterior(x, y, training)
        return self.to_data(z_mean, y, training)

    def to_data(self, z: Tensor, y: Tensor, training: bool = False) -> Tensor:
        """`E[x|y, z]`, `(batch, ...)`, of latents and signed attributes."""
        return self.expected(self.decoder([z, y], training=training))

    def negative_elbo(
        self, x: Tensor, y: Tensor, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The objective, a scalar in nats, and its two terms."""
        z_mean, z_log_var = self.posterior(x, y, training)
        z = self.sample(z_mean, z_log_var)
        nll = -kops.mean(self.log_prob(x, self.decoder([z, y], training=training)))
        kl = kops.mean(ops.gaussian_kl(z_mean, z_log_var))
        return nll + self.beta * kl, {"reconstruction_loss": nll, "kl_loss": kl}

    @portable
    def train_step(self, data):
        x, y = self.unpack(data)
        loss, terms = self.minimize(self.negative_elbo, x, y, True)
        return self.track(kops.shape(x)[0], loss=loss, **terms)

    @portable
    def test_step(self, data):
        x, y = self.unpack(data)
        loss, terms = self.objective(self.negative_elbo, x, y)
        return self.track(kops.shape(x)[0], loss=loss, **terms)

    def unpack(self, data: Any) -> tuple[Tensor, Tensor]:
        """Images and signed attributes."""
        x, y = super().unpack(data)
        return x, signed(y)

    # Methods on arrays -------------------------------------------------------------------

    def generate(
        self,
        num: int,
        attributes: Rows | None = None,
        *,
        seed: int | None = None,
        batch_size: int = 512,
    ) -> np.ndarray:
        """`num` images decoded from draws of the prior with the attributes of each row."""
        return self.decode(self.prior(num, seed), attributes, batch_size=batch_size)
