"""The conditional VAE, whose encoder and decoder know the attributes (Kingma et al., 2014)."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops as kops

from keras_latent import ops
from keras_latent.src.models.base import validation
from keras_latent.src.models.base.attribute_model import signed
from keras_latent.src.models.base.conditional_verbs import ConditionalVerbs, conditioned_shape
from keras_latent.src.models.base.latent_model import LatentModel
from keras_latent.src.models.cvae.presets import PRESETS
from keras_latent.training import portable


@keras.saving.register_keras_serializable(package="keras_latent")
class CVAE(ConditionalVerbs, LatentModel):
    """Conditional variational autoencoder: attributes are given to both its networks.

    Minimises, in nats, averaged over the batch,

        beta * KL(q(z|x, y) || N(0, I)) - E_q(z|x, y) log p(x|y, z)

    An image is transferred by decoding its latent with another `y`. The DualVAE paper compares
    itself with this model. Networks get an attribute as 1 where it is there, -1 where it is
    not, and 0 where that is not known.

    Args:
        encoder: Built Keras model of two inputs, `(batch, ...)` and `(batch, attributes)`, to
            `(z_mean, z_log_var)`, each `(batch, latent_dim)`.
        decoder: Built Keras model of two inputs, `(batch, latent_dim)` and
            `(batch, attributes)`, to the parameters of `p(x|y, z)`, `(batch, ...)`.
        attributes: Number of attributes, or their names.
        beta: Weight of the KL divergence.
        likelihood: `"gaussian"` or `"bernoulli"`.
        observation_variance: Variance of the Gaussian likelihood, in squared pixels.
        seed: Seed of the reparametrisation noise.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Input: float images `(batch, ...)`, and as `y` integers `(batch, attributes)`: 1, 0, or -1
    where an attribute is missing. `call` takes `[x, signed attributes]` and returns the
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
        **kwargs,
    ):
        super().__init__(likelihood, observation_variance, seed, **kwargs)
        self.encoder = validation.require_built("encoder", encoder)
        self.decoder = validation.require_built("decoder", decoder)
        self.set_attributes(attributes)
        self.beta = validation.require_positive("beta", beta, zero_allowed=True)

        self.event_shape = conditioned_shape("encoder", encoder, self.num_attributes)
        (self.latent_dim,) = conditioned_shape("decoder", decoder, self.num_attributes)
        y = keras.Input((self.num_attributes,))
        z_mean, _ = self.gaussian_of("encoder", encoder([keras.Input(self.event_shape), y]))
        validation.check_shape("encoder", z_mean.shape, (self.latent_dim,))
        output = decoder([keras.Input((self.latent_dim,)), y])
        validation.check_shape("decoder", output.shape, self.event_shape)
        self.built = True

    # Objective ---------------------------------------------------------------------------

    def posterior(self, x, y, training: bool = False):
        """`(z_mean, z_log_var)` of `q(z|x, y)`; `y` signed, `(batch, attributes)`."""
        return self.gaussian_of("encoder", self.encoder([x, y], training=training))

    def to_latent(self, x, y):
        """The mean of `q(z|x, y)`."""
        return self.posterior(x, y)[0]

    def call(self, inputs, training=False):
        x, y = inputs
        z_mean, _ = self.posterior(x, y, training)
        return self.to_data(z_mean, y, training)

    def to_data(self, z, y, training: bool = False):
        """`E[x|y, z]`, `(batch, ...)`, of latents and signed attributes."""
        return self.expected(self.decoder([z, y], training=training))

    def negative_elbo(self, x, y, training: bool = False):
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

    def unpack(self, data):
        x = super().unpack(data)
        validation.check_shape("x", x.shape, self.event_shape)
        return kops.cast(x, "float32"), signed(self.unpack_attributes(data, x.shape[0]))

    def check_batch(self, x):
        validation.check_shape("x", x.shape, self.event_shape)
        validation.check_values("x", x, self.unit_interval)

    # Verbs -------------------------------------------------------------------------------

    def generate(
        self, num: int, attributes=None, *, seed: int | None = None, batch_size: int = 512
    ) -> np.ndarray:
        """`num` images decoded from draws of the prior, with the attributes of each row."""
        return self.decode(self.prior(num, seed), attributes, batch_size=batch_size)

    def get_config(self):
        config = super().get_config()
        config.update(**self.networks_config(["encoder", "decoder"]), beta=self.beta)
        return config
