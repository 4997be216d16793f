"""What all models with a Gaussian latent space share: densities, draws, the prior."""

import keras
import numpy as np

from keras_latent import ops
from keras_latent.src.models.base import validation
from keras_latent.src.models.base.image_model import ImageModel

LIKELIHOODS = ("gaussian", "bernoulli")


class LatentModel(ImageModel):
    """Base of models that encode to `q(z|x) = N(z_mean, exp(z_log_var))`.

    Holds the observation model: the likelihood `p(x|z)`, Bernoulli (decoders return
    logits) or Gaussian of a fixed variance (decoders return the mean).

    A subclass sets `latent_dim` and `event_shape`, the shape of one row, and defines
    `posterior(x)`, which returns `(z_mean, z_log_var)`; with a `decoder`, or its own
    `likelihood_parameters(z)`, `metrics.log_likelihood` works on it. If it has several
    domains it sets `event_shapes` (domain to shape), and the two take a `domain` as well.

    Args:
        likelihood: `"gaussian"` or `"bernoulli"`.
        observation_variance: Variance of the Gaussian likelihood, in squared pixels;
            without meaning for a Bernoulli.
        seed: Seed of the reparametrisation noise.
        **kwargs: `name`, `dtype` of `keras.Model`.
    """

    def __init__(
        self,
        likelihood: str = "gaussian",
        observation_variance: float = 1.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.likelihood = validation.require_choice("likelihood", likelihood, LIKELIHOODS)
        self.observation_variance = validation.require_positive(
            "observation_variance", observation_variance
        )
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def unit_interval(self):
        return self.likelihood == "bernoulli"

    # Networks ----------------------------------------------------------------------------

    @staticmethod
    def gaussian_of(name: str, outputs):
        """`(z_mean, z_log_var)` in float32, the log-variance bounded, from what an encoder gave.

        Raises:
            ValueError: If the encoder did not return two tensors of the same shape
                `(batch, latent_dim)`.
        """
        pair = isinstance(outputs, (tuple, list)) and len(outputs) == 2
        if not pair or len(outputs[0].shape) != 2 or outputs[0].shape != outputs[1].shape:
            shapes = keras.tree.map_structure(lambda t: tuple(t.shape), outputs)
            raise ValueError(
                f"`{name}` must return `(z_mean, z_log_var)`, each of shape "
                f"(batch, latent_dim). Received outputs of shape: {shapes}"
            )
        z_mean, z_log_var = outputs
        return keras.ops.cast(z_mean, "float32"), ops.bound_log_var(z_log_var)

    # Densities ---------------------------------------------------------------------------

    def sample(self, z_mean, z_log_var):
        """`z = mu + sigma * epsilon`, with the model's own stream of noise."""
        return ops.sample_gaussian(z_mean, z_log_var, seed=self.seed_generator)

    def likelihood_parameters(self, z, training: bool = False):
        """Parameters of `p(x|z)`, `(batch, ...)`, of latents: what the decoder returns."""
        return self.decoder(z, training=training)

    def log_prob(self, x, parameters):
        """`log p(x|z)` of each row, `(batch,)`, in nats, for what a decoder returned."""
        if self.likelihood == "bernoulli":
            return ops.bernoulli_log_prob(x, parameters)
        return ops.gaussian_log_prob(x, parameters, self.observation_variance)

    def expected(self, parameters):
        """`E[x|z]`, an image, for what a decoder returned."""
        parameters = keras.ops.cast(parameters, "float32")
        return keras.ops.sigmoid(parameters) if self.likelihood == "bernoulli" else parameters

    # Latents -----------------------------------------------------------------------------

    def draw(self, z_mean: np.ndarray, z_log_var: np.ndarray, seed: int | None) -> np.ndarray:
        """One sample of each row's `q(z|x)`, the same for a seed on every backend."""
        noise = np.random.default_rng(seed).standard_normal(z_mean.shape, "float32")
        return z_mean + np.exp(0.5 * z_log_var) * noise

    def prior(self, num: int, seed: int | None = None) -> np.ndarray:
        """`num` latents from `p(z) = N(0, I)`, the same for a seed on every backend.

        Raises:
            ValueError: If `num` is not a positive integer.
        """
        if not isinstance(num, (int, np.integer)) or isinstance(num, bool) or num < 1:
            raise ValueError(f"`num` must be a positive integer. Received: num={num!r}")
        if not (seed is None or isinstance(seed, (int, np.integer)) and seed >= 0):
            raise ValueError(
                f"`seed` must be an integer of 0 or more, or None. Received: seed={seed!r}"
            )
        return np.random.default_rng(seed).standard_normal((num, self.latent_dim), "float32")

    def get_config(self):
        config = super().get_config()
        config.update(
            likelihood=self.likelihood,
            observation_variance=self.observation_variance,
            seed=self.seed,
        )
        return config
