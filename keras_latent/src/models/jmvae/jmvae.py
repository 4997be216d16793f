"""The joint multimodal variational autoencoder, JMVAE-kl (Suzuki, Nakayama and Matsuo, 2016)."""

import warnings
from typing import Any

import keras
import numpy as np
from keras import ops as kops

from keras_latent import ops
from keras_latent.src.models.base.batched import tensor_function
from keras_latent.src.models.base.networks import built, gaussian_of, outputs_of, shapes_of
from keras_latent.src.models.base.two_domain_vae import TwoDomainVAE
from keras_latent.src.models.jmvae.pairs import Pairs
from keras_latent.src.models.jmvae.presets import PRESETS
from keras_latent.src.utils import checks
from keras_latent.src.utils.domains import DOMAINS
from keras_latent.src.utils.types import Tensor
from keras_latent.training import portable


@keras.saving.register_keras_serializable(package="keras_latent")
class JMVAE(TwoDomainVAE):
    """JMVAE-kl: a VAE of pairs, and an encoder of each domain alone that imitates its encoder.

    A pair has the model `p(x, y, z) = p(z) p(x|z) p(y|z)`, `p(z) = N(0, I)`, and the posterior
    `q(z|x, y)`, a Gaussian, as are `q(z|x)` and `q(z|y)`, by which images of one domain are encoded
    when the other image is missing. The objective, in nats, averaged over pairs, and minimized here
    with the opposite sign (JMVAE-kl; the paper's `w` is `y` here):

        L_JM = E_q(z|x,y) [log p(x|z) + log p(y|z)] - KL(q(z|x, y) || p(z))
        L_JM-kl(alpha) = L_JM - alpha [KL(q(z|x, y) || q(z|x)) + KL(q(z|x, y) || q(z|y))]

    Both divergences train the joint encoder too, as in the authors' code.

    **Unpaired rows are left out**, since the paper trains on pairs only: all terms are means over
    the rows with `paired=True`, and a batch without any has a loss of 0. If few pairs are known,
    train on these rows alone: the others cost time. The logs of an epoch are means over its pairs.

    Where the sources differ or are silent:

    - `alpha` is the weight of the sum of both divergences, as in the objective and in the authors'
      code. A later version of their code weights their mean.
    - The default `alpha` is that of the authors' code.
    - The authors' code can raise the weight of the KL divergence from 0 to 1 in the first epochs,
      and does not by default. This is left out.

    The networks of the presets have the sizes of VBTA's, so that the methods are compared.

    Args:
        source_encoder: `q(z|x)`, built Keras model, images `(batch, ...)` to `(z_mean, z_log_var)`,
            each `(batch, latent_dim)`.
        target_encoder: `q(z|y)`, likewise. The shapes of the two domains may differ.
        joint_encoder: `q(z|x, y)`, likewise, of a list of images of the source and of the target.
        source_decoder: `p(x|z)`, latents to logits (Bernoulli) or means (Gaussian).
        target_decoder: `p(y|z)`, likewise.
        alpha: Weight of the divergences from the encoders of one domain. With 0, these are not
            trained.
        likelihood: `"gaussian"` or `"bernoulli"`, of both domains.
        observation_variance: Variance of the Gaussian likelihood, in squared pixels.
        seed: Seed of the reparametrization noise.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Input: as `VBTA`: a dict of `"source"` and `"target"`, float images with equally many rows, and
    `"paired"`, `(batch,)` bool: whether row `i` of both is a known pair. `call` returns a dict of
    both reconstructions and both translations. They and all methods use the encoders of one domain,
    and their means. Default optimizer: Adam, learning rate 1e-3.

    The logs hold every term, unweighted: `joint_kl_loss` is the divergence from the prior, and
    `source_divergence_loss` and `target_divergence_loss` are those from `q(z|x)` and `q(z|y)`.

    Raises:
        ValueError: If a network is not built, or their shapes do not fit together.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    >>> pairs = {"source": images, "target": images.swapaxes(1, 2), "paired": np.ones(64, bool)}
    >>> jmvae = models.JMVAE.from_preset("jmvae_digits_transpose", load_weights=False)
    >>> jmvae.compile()
    >>> history = jmvae.fit(pairs, verbose=0)
    >>> jmvae.translate(images[:5], to="target").shape
    (5, 8, 8, 1)

    Reference: Suzuki, Nakayama and Matsuo, "Joint Multimodal Learning with Deep Generative Models"
    (2016), https://arxiv.org/abs/1611.01891.
    """

    presets = PRESETS
    trackers = (
        "loss",
        "source_reconstruction_loss",
        "target_reconstruction_loss",
        "joint_kl_loss",
        "source_divergence_loss",
        "target_divergence_loss",
    )

    def __init__(
        self,
        source_encoder: keras.Model,
        target_encoder: keras.Model,
        joint_encoder: keras.Model,
        source_decoder: keras.Model,
        target_decoder: keras.Model,
        alpha: float = 1.0,
        likelihood: str = "gaussian",
        observation_variance: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.source_encoder = built("source_encoder", source_encoder)
        self.target_encoder = built("target_encoder", target_encoder)
        self.joint_encoder = built("joint_encoder", joint_encoder)
        self.source_decoder = built("source_decoder", source_decoder)
        self.target_decoder = built("target_decoder", target_decoder)
        self.shared_encoder = self.shared_decoder = None
        self.alpha = checks.non_negative("alpha", alpha)
        self.set_observation(likelihood, observation_variance, seed)
        self.set_shapes("decoder", lambda name, outputs: gaussian_of(name, outputs)[0])
        (self.latent_dim,) = self.latent_shape
        self._check_joint_encoder()
        self.built = True

    def _check_joint_encoder(self):
        images = [keras.Input(self.event_shapes[d]) for d in DOMAINS]
        try:
            outputs = outputs_of(images, {"joint_encoder": self.joint_encoder})
        except ValueError as error:
            raise ValueError(
                "`joint_encoder` must take a list of images of the source and of the target, of "
                f"shapes {shapes_of(images)}. Received: a network of input shape "
                f"{getattr(self.joint_encoder, 'input_shape', None)}"
            ) from error
        z_mean, _ = gaussian_of("joint_encoder", outputs)
        if z_mean.shape[1] != self.latent_dim:
            raise ValueError(
                "`joint_encoder` must return latents of the size of the other encoders', "
                f"{self.latent_dim}. Received: outputs of shape {shapes_of(outputs)}"
            )

    @tensor_function(
        source=lambda self: self.images("source"), target=lambda self: self.images("target")
    )
    def joint_posterior(
        self, source: Tensor, target: Tensor, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        """`(z_mean, z_log_var)` of `q(z|x, y)`, of pairs of images."""
        outputs = self.joint_encoder([source, target], training=training)
        return gaussian_of("joint_encoder", outputs)

    def pairs(self) -> Pairs:
        """This model as one of pairs, with which `metrics.log_likelihood` estimates `log p(x, y)`.

        The estimate draws from `q(z|x, y)`. With that of `log p(y)`, which draws from `q(z|y)`, it
        gives `log p(x|y) = log p(x, y) - log p(y)`. Both are lower bounds in expectation, and so
        their difference is neither a lower nor an upper bound: look at their `row_errors`.

        Returns:
            A model that shares this one's variables. Its method `rows(source, target)` makes rows
            of pairs of images.

        Example:

        >>> import numpy as np
        >>> from keras_latent import metrics, models
        >>> jmvae = models.JMVAE.from_preset("jmvae_digits_transpose", load_weights=False)
        >>> x = np.random.default_rng(0).random((4, 8, 8, 1), "float32")
        >>> y, pairs = x.swapaxes(1, 2), jmvae.pairs()
        >>> log_p_xy = metrics.log_likelihood(pairs, pairs.rows(x, y), samples=10)
        >>> log_p_y = metrics.log_likelihood(jmvae, y, samples=10, domain="target")
        >>> (log_p_xy.values - log_p_y.values).shape  # log p(x|y)
        (4,)
        """
        return Pairs(self)

    # Objective ---------------------------------------------------------------------------

    def negative_elbo(
        self, x: dict[str, Tensor], training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`-L_JM-kl(alpha)`, a scalar in nats, and its terms, unweighted: means over the pairs."""
        q = self.joint_posterior(x["source"], x["target"], training)
        z = self.sample(*q)
        terms = {"joint_kl_loss": ops.gaussian_kl(*q)}
        for d in DOMAINS:
            parameters = self.likelihood_parameters(z, d, training)
            terms[f"{d}_reconstruction_loss"] = -self.log_prob(x[d], parameters)
            alone = self.posterior(x[d], d, training)
            terms[f"{d}_divergence_loss"] = ops.gaussian_kl(*q, *alone)
        terms = {name: ops.weighted_mean(rows, x["paired"]) for name, rows in terms.items()}
        loss = (
            terms["source_reconstruction_loss"]
            + terms["target_reconstruction_loss"]
            + terms["joint_kl_loss"]
            + self.alpha * (terms["source_divergence_loss"] + terms["target_divergence_loss"])
        )
        return loss, terms

    @portable
    def train_step(self, data):
        x = self.unpack(data)
        loss, terms = self.minimize(self.negative_elbo, x, True)
        return self.track(kops.sum(kops.cast(x["paired"], "float32")), loss=loss, **terms)

    @portable
    def test_step(self, data):
        x = self.unpack(data)
        loss, terms = self.objective(self.negative_elbo, x)
        return self.track(kops.sum(kops.cast(x["paired"], "float32")), loss=loss, **terms)

    def check_data(self, x: Any, y: Any, sizes: tuple[int, ...]) -> None:
        if not np.any(x["paired"]):
            warnings.warn(
                f"None of the {len(x['paired'])} rows of `paired`, or of those of a dataset's "
                "first batch, is True. `JMVAE` is trained on known pairs only, and batches without "
                "any have a loss of 0. Pass the pairs alone, as `source[paired]`, or shuffle.",
                stacklevel=4,
            )
