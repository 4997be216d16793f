"""The variational autoencoder, the base of several methods here."""

from typing import Any

import keras
import numpy as np
from keras import ops as kops

from keras_latent import ops
from keras_latent.src.models.base.batched import (
    batched,
    images_of,
    latents_of,
    tensor_function,
)
from keras_latent.src.models.base.latent_model import LatentModel
from keras_latent.src.models.base.networks import (
    built,
    check_output,
    event_shape_of,
    gaussian_of,
    outputs_of,
)
from keras_latent.src.models.vae.presets import PRESETS
from keras_latent.src.training.batches import BatchSpec
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor
from keras_latent.training import portable


@keras.saving.register_keras_serializable(package="keras_latent")
class VAE(LatentModel):
    """Variational autoencoder, with a Gaussian or a Bernoulli likelihood.

    Minimizes the negative evidence lower bound, in nats, averaged over the batch:

        beta * KL(q(z|x) || N(0, I)) - E_q(z|x) log p(x|z)

    with one sample `z = mu(x) + sigma(x) * epsilon` per row.

    Args:
        encoder: Built Keras model, `(batch, ...)` to `(z_mean, z_log_var)`, each
            `(batch, latent_dim)`.
        decoder: Built Keras model, `(batch, latent_dim)` to the parameters of `p(x|z)`,
            `(batch, ...)`: logits (Bernoulli) or means (Gaussian).
        beta: Weight of the KL divergence.
        likelihood: `"gaussian"` or `"bernoulli"`.
        observation_variance: Variance of the Gaussian likelihood, in squared pixels.
        seed: Seed of the reparametrization noise.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Input: float images `(batch, ...)`, in [0, 1] for a Bernoulli. `call` returns the
    reconstruction from the mean latent.

    Raises:
        ValueError: If a network is not built, or their shapes do not fit together.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> vae = models.VAE.from_preset("vae_mnist", load_weights=False)
    >>> vae.compile()
    >>> x = np.random.default_rng(0).random((64, 28, 28, 1), "float32")
    >>> history = vae.fit(x, batch_size=32, verbose=0)
    >>> sorted(history.history)
    ['kl_loss', 'loss', 'reconstruction_loss']
    >>> vae.generate(3, seed=0).shape
    (3, 28, 28, 1)

    Reference: Kingma and Welling, "Auto-Encoding Variational Bayes" (2014), eq. 10.
    """

    presets = PRESETS

    trackers: tuple[str, ...] = ("loss", "reconstruction_loss", "kl_loss")

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        beta: float = 1.0,
        likelihood: str = "gaussian",
        observation_variance: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.encoder = built("encoder", encoder)
        self.decoder = built("decoder", decoder)
        self.beta = checks.non_negative("beta", beta)
        self.set_observation(likelihood, observation_variance, seed)

        self.event_shape = event_shape_of("encoder", encoder)
        outputs = outputs_of(keras.Input(self.event_shape), {"encoder": encoder})
        z_mean, _ = gaussian_of("encoder", outputs)
        self.latent_dim = z_mean.shape[-1]
        output = outputs_of(z_mean, {"decoder": decoder}, "encoder")
        check_output("decoder", output, self.event_shape, "encoder")
        self.built = True

    @property
    def batch_spec(self) -> BatchSpec:
        return BatchSpec(images_of(self))

    # Objective ---------------------------------------------------------------------------

    @tensor_function(x=images_of)
    def posterior(self, x: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """`(z_mean, z_log_var)` of `q(z|x)`, each `(batch, latent_dim)`, float32."""
        return gaussian_of("encoder", self.encoder(x, training=training))

    @tensor_function(z=latents_of)
    def likelihood_parameters(self, z: Tensor, training: bool = False) -> Tensor:
        """Parameters of `p(x|z)`, `(batch, ...)`: the decoder's outputs."""
        return self.decoder(z, training=training)

    def to_data(self, z: Tensor) -> Tensor:
        """`E[x|z]`, `(batch, ...)`, of latents."""
        return self.expected(self.likelihood_parameters(z))

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        z_mean, _ = self.posterior(x, training)
        return self.expected(self.likelihood_parameters(z_mean, training))

    def negative_elbo(self, x: Tensor, training: bool = False) -> tuple[Tensor, dict[str, Tensor]]:
        """The objective, a scalar in nats, and its two terms."""
        z_mean, z_log_var = self.posterior(x, training)
        parameters = self.likelihood_parameters(self.sample(z_mean, z_log_var), training)
        nll = -kops.mean(self.log_prob(x, parameters))
        kl = kops.mean(ops.gaussian_kl(z_mean, z_log_var))
        return nll + self.beta * kl, {"reconstruction_loss": nll, "kl_loss": kl}

    @portable
    def train_step(self, data):
        x = self.unpack(data)
        loss, terms = self.minimize(self.negative_elbo, x, True)
        return self.track(kops.shape(x)[0], loss=loss, **terms)

    @portable
    def test_step(self, data):
        x = self.unpack(data)
        loss, terms = self.objective(self.negative_elbo, x)
        return self.track(kops.shape(x)[0], loss=loss, **terms)

    # Methods on arrays -------------------------------------------------------------------

    @batched(x=images_of)
    def encode(
        self, x: Rows, *, sample: bool = False, seed: int | None = None, batch_size: int = 512
    ) -> np.ndarray:
        """Latents of images.

        Args:
            x: Float images `(rows, ...)`.
            sample: Draw from `q(z|x)` instead of returning its mean.
            seed: Seed of the draw.
            batch_size: Rows per compiled call.

        Returns:
            Array `(rows, latent_dim)`, float32.

        Raises:
            ValueError: If shape or values of `x` are not what the model was made for.
        """
        return self.posterior(x)  # type: ignore[return-value]  # a Gaussian

    @batched(z=latents_of)
    def decode(self, z: Rows, *, batch_size: int = 512) -> np.ndarray:
        """Images `(rows, ...)`, the mean of `p(x|z)`, of latents `(rows, latent_dim)`."""
        return self.to_data(z)

    @batched(x=images_of)
    def reconstruct(self, x: Rows, *, batch_size: int = 512) -> np.ndarray:
        """Images `(rows, ...)`, decoded from the mean latents of `x`."""
        return self.call(x)

    def generate(self, num: int, *, seed: int | None = None, batch_size: int = 512) -> np.ndarray:
        """`num` images, decoded from draws of the prior. The same seed gives the same images."""
        return self.decode(self.prior(num, seed), batch_size=batch_size)

    def interpolate(
        self,
        a: Rows,
        b: Rows,
        steps: int = 8,
        *,
        kind: str = "spherical",
        batch_size: int = 512,
    ) -> np.ndarray:
        """Images between each row of `a` and the same row of `b`.

        Args:
            a: Float images `(rows, ...)`.
            b: As many images.
            steps: Number of images per row, both ends included.
            kind: `"spherical"` or `"linear"`, in latent space.
            batch_size: Rows per compiled call.

        Returns:
            Array `(rows, steps, ...)`, float32.
        """
        a, b = images_of(self).rows("a", a), images_of(self).rows("b", b)
        z_a, z_b = (self.encode(x, batch_size=batch_size) for x in (a, b))
        images = self.decode(self.path(z_a, z_b, steps, kind), batch_size=batch_size)
        return images.reshape(-1, steps, *images.shape[1:])
