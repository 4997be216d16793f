"""The Variational Bi-domain Triplet Autoencoder (Kuznetsova and Bakhteev, 2018)."""

import warnings
from typing import Any

import keras
from keras import ops as kops

from keras_latent import ops
from keras_latent.layers import SlicedWasserstein, TripletMiner
from keras_latent.src.models.base.networks import built, gaussian_of, optional
from keras_latent.src.models.base.two_domain_vae import TwoDomainVAE
from keras_latent.src.models.vbta.presets import PRESETS
from keras_latent.src.utils import checks
from keras_latent.src.utils.domains import DOMAINS, OTHER
from keras_latent.src.utils.types import Tensor
from keras_latent.training import portable


@keras.saving.register_keras_serializable(package="keras_latent")
class VBTA(TwoDomainVAE):
    """Variational Bi-domain Triplet Autoencoder: two domains, one shared latent space.

    Domain encoders `E_x`, `E_y`, a shared encoder `E`, a shared decoder `D` and domain
    decoders `D_x`, `D_y` make the translations (section 3)

        f(x) = D_y(D(E(E_x(x))))        g(y) = D_x(D(E(E_y(y))))

    The objective (eq. 6), minimized here with the opposite sign, in nats, averaged over
    the batch:

        alpha [KL(q(z|x) || N(0, I)) + KL(q(z|y) || N(0, I))]
        - beta [E_q(z|x) log p(x|z) + E_q(z|y) log p(y|z)]
        - gamma E log p(t|z)

    A triplet `t = (i, j, k)` is an object of the source domain, the object of the target
    domain it is paired with, and the closest of the other target objects in the batch,
    by `d(a, b) = 1/2 KL(a||b) + 1/2 KL(b||a)` between their posteriors (section 5.2).

    Erratum: with the minus sign in eq. 4, eq. 3 would reward dissimilar pairs. The intended formula
    is `p(t) = exp(-d_ij) / (exp(-d_ij) + exp(-d_ik))`, so that

        -log p(t|z) = softplus(d_ij - d_ik)

    The triplet term is averaged over the known pairs in the batch. Without any, it is 0.

    Args:
        source_encoder: `E_x`, built Keras model, `(batch, ...)` to features.
        target_encoder: `E_y`, likewise. The shapes of the two domains may differ.
        source_decoder: `D_x`, features to the parameters of `p(x|z)`: logits (Bernoulli)
            or means (Gaussian).
        target_decoder: `D_y`, likewise.
        shared_encoder: `E`, features to `(z_mean, z_log_var)`, each `(batch, latent_dim)`.
            `None`: the domain encoders return these two.
        shared_decoder: `D`, `(batch, latent_dim)` to features. `None`: the domain decoders
            take the latent.
        alpha: Weight of the KL divergences.
        beta: Weight of the log-likelihoods.
        gamma: Weight of the triplet term.
        likelihood: `"gaussian"` or `"bernoulli"`.
        observation_variance: Variance of the Gaussian likelihood, in squared pixels.
        seed: Seed of the reparametrization noise.
        cross_reconstruction: See Extensions.
        swd: See Extensions.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Extensions, not in the paper, off by default:

    - `cross_reconstruction` is the weight of `-log p(x|z)` under `q(z|y)` and `-log p(y|z)` under
      `q(z|x)`, averaged over the known pairs. It is in the authors' code.
    - `swd` is the weight of the sliced Wasserstein distance W_2^2 between the draws of both domains
      in the batch. Triplets compare distances with one another, so they do not see an offset
      between the domains. With an offset, a decoder meets latents that it was not trained on.

    Input: a dict of `"source"` and `"target"`, float images with equally many rows, and
    `"paired"`, `(batch,)` bool: whether row `i` of both is a known pair. `call` returns a
    dict of both reconstructions and both translations, from mean latents. Default
    optimizer: Adam, learning rate 1e-3.

    Raises:
        ValueError: If a network is not built, or their shapes do not fit together.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets, models
    >>> images = np.random.default_rng(0).random((64, 28, 28, 1), "float32")
    >>> pair = datasets.pair_from_arrays(images, images.swapaxes(1, 2), batch_size=16)
    >>> vbta = models.VBTA.from_preset("vbta_mnist_transpose", load_weights=False)
    >>> vbta.compile()
    >>> history = vbta.fit(pair.train, verbose=0)
    >>> vbta.translate(images[:5], to="target").shape
    (5, 28, 28, 1)

    Reference: Kuznetsova and Bakhteev, "Variational Bi-domain Triplet Autoencoder",
    KDD Deep Learning Day (2018).
    """

    presets = PRESETS
    trackers = (
        "loss",
        "source_reconstruction_loss",
        "target_reconstruction_loss",
        "source_kl_loss",
        "target_kl_loss",
        "triplet_loss",
        "cross_reconstruction_loss",
        "swd_loss",
    )
    optional_trackers = {
        "cross_reconstruction_loss": "cross_reconstruction",
        "swd_loss": "swd",
    }

    def __init__(
        self,
        source_encoder: keras.Model,
        target_encoder: keras.Model,
        source_decoder: keras.Model,
        target_decoder: keras.Model,
        shared_encoder: keras.Model | None = None,
        shared_decoder: keras.Model | None = None,
        alpha: float = 1.0,
        beta: float = 1.0,
        gamma: float = 1.0,
        likelihood: str = "gaussian",
        observation_variance: float = 1.0,
        seed: int | None = None,
        *,
        cross_reconstruction: float = 0.0,
        swd: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.source_encoder = built("source_encoder", source_encoder)
        self.target_encoder = built("target_encoder", target_encoder)
        self.source_decoder = built("source_decoder", source_decoder)
        self.target_decoder = built("target_decoder", target_decoder)
        self.shared_encoder = optional("shared_encoder", shared_encoder)
        self.shared_decoder = optional("shared_decoder", shared_decoder)
        self.alpha = checks.non_negative("alpha", alpha)
        self.beta = checks.non_negative("beta", beta)
        self.gamma = checks.non_negative("gamma", gamma)
        self.cross_reconstruction = checks.non_negative(
            "cross_reconstruction", cross_reconstruction
        )
        self.swd = checks.non_negative("swd", swd)
        self.set_observation(likelihood, observation_variance, seed)
        self.sliced_wasserstein: Any = SlicedWasserstein(seed=self.seed) if self.swd else None
        self.miner = TripletMiner(strategy="hard", distance="symmetric_kl")
        # It has no weights. Keras on JAX would call the model on data once more to build it,
        # and raise its own shape errors before ours.
        self.miner.built = True

        self.set_shapes("decoder", lambda name, outputs: gaussian_of(name, outputs)[0])
        (self.latent_dim,) = self.latent_shape
        self.built = True

    # Objective ---------------------------------------------------------------------------

    def triplet_loss(self, q_source: Any, q_target: Any, paired: Tensor) -> Tensor:
        """`softplus(d_ij - d_ik)`, averaged over the known pairs `(i, j)` in the batch."""
        # A row's identity is its label: only a known pair has its positive in the other
        # domain (-1: none), and every other row of that domain may be its negative.
        row = kops.arange(kops.shape(paired)[0], dtype="int32")
        _, _, negative, weight = self.miner(q_source, kops.where(paired, row, -1), q_target, row)
        # Object i and its pair j are in the same row.
        d_ij = ops.symmetric_kl(*q_source, *q_target)
        q_k = [kops.take(t, negative, axis=0) for t in q_target]
        d_ik = ops.symmetric_kl(*q_source, *q_k)
        return ops.weighted_mean(ops.triplet_softplus(d_ij, d_ik), weight)

    def negative_elbo(
        self, x: dict[str, Tensor], training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The objective, a scalar in nats, and its terms, unweighted."""
        q = {d: self.posterior(x[d], d, training) for d in DOMAINS}
        z = {d: self.sample(*q[d]) for d in DOMAINS}
        h = {d: self.hidden(z[d], training) for d in DOMAINS}

        terms: dict[str, Tensor] = {}
        for d in DOMAINS:
            parameters = self._decoder(d)(h[d], training=training)
            terms[f"{d}_reconstruction_loss"] = -kops.mean(self.log_prob(x[d], parameters))
            terms[f"{d}_kl_loss"] = kops.mean(ops.gaussian_kl(*q[d]))
        terms["triplet_loss"] = self.triplet_loss(q["source"], q["target"], x["paired"])

        loss = (
            self.alpha * (terms["source_kl_loss"] + terms["target_kl_loss"])
            + self.beta
            * (terms["source_reconstruction_loss"] + terms["target_reconstruction_loss"])
            + self.gamma * terms["triplet_loss"]
        )
        if self.cross_reconstruction:
            weight = kops.cast(x["paired"], "float32")
            nll: Tensor = 0.0
            for d in DOMAINS:
                parameters = self._decoder(d)(h[OTHER[d]], training=training)
                nll += ops.weighted_mean(-self.log_prob(x[d], parameters), weight)
            terms["cross_reconstruction_loss"] = nll
            loss += self.cross_reconstruction * nll
        if self.swd:
            terms["swd_loss"] = self.sliced_wasserstein(z["source"], z["target"])
            loss += self.swd * terms["swd_loss"]
        return loss, terms

    @portable
    def train_step(self, data):
        x = self.unpack(data)
        loss, terms = self.minimize(self.negative_elbo, x, True)
        return self.track(kops.shape(x["paired"])[0], loss=loss, **terms)

    @portable
    def test_step(self, data):
        x = self.unpack(data)
        loss, terms = self.objective(self.negative_elbo, x)
        return self.track(kops.shape(x["paired"])[0], loss=loss, **terms)

    def check_data(self, x: Any, y: Any, sizes: tuple[int, ...]) -> None:
        if sizes and sizes[0] < 2 and self.gamma:
            warnings.warn(
                "A triplet takes two rows of a batch (a pair, and another target), so the triplet "
                f"loss stays 0 in batches of {sizes[0]}. Raise `batch_size`, or set `gamma=0` to "
                "train without triplets.",
                stacklevel=4,
            )
