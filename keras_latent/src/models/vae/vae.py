"""The variational autoencoder, the common ancestor of the models here."""

import keras
import numpy as np
from keras import ops as kops

from keras_latent import ops
from keras_latent.src.export.export import Graph
from keras_latent.src.models.base import validation
from keras_latent.src.models.base.latent_model import LatentModel
from keras_latent.src.models.vae.presets import PRESETS
from keras_latent.training import portable


@keras.saving.register_keras_serializable(package="keras_latent")
class VAE(LatentModel):
    """Variational autoencoder, with a Gaussian or a Bernoulli likelihood.

    Minimises the negative evidence lower bound, in nats, averaged over the batch:

        beta * KL(q(z|x) || N(0, I)) - E_q(z|x) log p(x|z)

    with one sample `z = mu(x) + sigma(x) * epsilon` for each row.

    Args:
        encoder: Built Keras model, `(batch, ...)` to `(z_mean, z_log_var)`, each
            `(batch, latent_dim)`.
        decoder: Built Keras model, `(batch, latent_dim)` to the parameters of `p(x|z)`,
            `(batch, ...)`: logits (Bernoulli) or means (Gaussian).
        beta: Weight of the KL divergence.
        likelihood: `"gaussian"` or `"bernoulli"`.
        observation_variance: Variance of the Gaussian likelihood, in squared pixels.
        seed: Seed of the reparametrisation noise.
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

    trackers = ("loss", "reconstruction_loss", "kl_loss")

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        beta: float = 1.0,
        likelihood: str = "gaussian",
        observation_variance: float = 1.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(likelihood, observation_variance, seed, **kwargs)
        self.encoder = validation.require_built("encoder", encoder)
        self.decoder = validation.require_built("decoder", decoder)
        self.beta = validation.require_positive("beta", beta, zero_allowed=True)

        self.event_shape = validation.event_shape_of("encoder", encoder)
        z_mean, _ = self.gaussian_of("encoder", encoder(keras.Input(self.event_shape)))
        self.latent_dim = z_mean.shape[-1]
        output = decoder(keras.Input((self.latent_dim,)))
        validation.check_shape("decoder", output.shape, self.event_shape)
        self.built = True

    def posterior(self, x, training: bool = False):
        """`(z_mean, z_log_var)` of `q(z|x)`, each `(batch, latent_dim)`, float32."""
        return self.gaussian_of("encoder", self.encoder(x, training=training))

    def call(self, x, training=False):
        z_mean, _ = self.posterior(x, training)
        return self.expected(self.likelihood_parameters(z_mean, training))

    def to_data(self, z):
        """`E[x|z]`, `(batch, ...)`, of latents."""
        return self.expected(self.likelihood_parameters(z))

    def negative_elbo(self, x, training: bool = False):
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

    def unpack(self, data):
        x = super().unpack(data)
        self.check_shapes(x)
        return kops.cast(x, "float32")

    def check_shapes(self, x):
        if isinstance(x, (dict, list, tuple)):
            got = f"dict of {sorted(x)}" if isinstance(x, dict) else type(x).__name__
            hint = "A list of images becomes one array by `np.stack(images)`; labels are `y`."
            if isinstance(x, dict):
                hint = "Pass the images of one domain; `VBTA` and `LSTNet` take two."
            raise ValueError(
                f"`{type(self).__name__}` takes one tensor a batch. Received: {got}. {hint}"
            )
        validation.check_shape("x", x.shape, self.event_shape)

    def check_batch(self, x):
        self.check_shapes(x)
        validation.check_values("x", x, self.unit_interval)

    # Verbs -------------------------------------------------------------------------------

    def encode(
        self, x, *, sample: bool = False, seed: int | None = None, batch_size: int = 512
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
        q = self.run("encode", self.event_shape, self.posterior, x, "x", batch_size)
        return self.draw(*q, seed) if sample else q[0]

    def graph_of_encode(self) -> Graph:
        return Graph({"x": self.event_shape}, lambda x: self.posterior(x)[0])

    def decode(self, z, *, batch_size: int = 512) -> np.ndarray:
        """Images `(rows, ...)`, the mean of `p(x|z)`, of latents `(rows, latent_dim)`."""
        return self.run_graph("decode", z, batch_size)

    def graph_of_decode(self) -> Graph:
        return Graph({"z": (self.latent_dim,)}, self.to_data)

    def reconstruct(self, x, *, batch_size: int = 512) -> np.ndarray:
        """Images `(rows, ...)` decoded from the mean latents of `x`."""
        return self.run_graph("reconstruct", x, batch_size)

    def graph_of_reconstruct(self) -> Graph:
        return Graph({"x": self.event_shape}, self.call)

    def generate(self, num: int, *, seed: int | None = None, batch_size: int = 512) -> np.ndarray:
        """`num` images decoded from draws of the prior; a seed gives the same ones again."""
        return self.decode(self.prior(num, seed), batch_size=batch_size)

    def interpolate(
        self, a, b, steps: int = 8, *, kind: str = "spherical", batch_size: int = 512
    ) -> np.ndarray:
        """Images on the way from each row of `a` to the row of `b`.

        Args:
            a: Float images `(rows, ...)`.
            b: As many images.
            steps: Number of images on the way, both ends included.
            kind: `"spherical"` or `"linear"`, in latent space.
            batch_size: Rows per compiled call.

        Returns:
            Array `(rows, steps, ...)`, float32.
        """
        ends = (self.encode(x, batch_size=batch_size) for x in (a, b))
        images = self.decode(self.path(*ends, steps, kind), batch_size=batch_size)
        return images.reshape(-1, steps, *images.shape[1:])

    def get_config(self):
        config = super().get_config()
        config.update(
            **self.networks_config(["encoder", "decoder"]),
            beta=self.beta,
        )
        return config
