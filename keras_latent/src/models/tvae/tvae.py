"""The Triplet-based Variational Autoencoder (Ishfaq, Hoogi and Rubin, 2018)."""

import warnings
from typing import Any

import keras
import numpy as np
from keras import ops as kops

from keras_latent import ops
from keras_latent.layers import TripletMiner
from keras_latent.src.models.base.batched import images_of
from keras_latent.src.models.tvae.presets import PRESETS
from keras_latent.src.models.vae.vae import VAE
from keras_latent.src.training.batches import BatchSpec
from keras_latent.src.training.targets import Labels
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Tensor
from keras_latent.training import portable

MINING = ("random", "hard", "semi_hard", "all")


@keras.saving.register_keras_serializable(package="keras_latent")
class TVAE(VAE):
    """Triplet-based variational autoencoder: a VAE whose latent distances follow the labels.

    With `f(x)` the mean of `q(z|x)`, `D(x_i, x_j) = ||f(x_i) - f(x_j)||_2` and triplets of an
    anchor, a positive of its label and a negative of another, the objective is (eq. 1 and 2)

        L_TVAE = L_rec + L_KL + L_triplet
        L_triplet = max{0, D(x_a, x_p) - D(x_a, x_n) + m}

    Here `L_rec + beta * L_KL`, the negative evidence lower bound in nats, is averaged over the
    batch, and `triplet_weight * L_triplet` over the triplets mined in it. Means are not
    normalized: `D` and `m` are in the prior's standard deviations.

    `mining` chooses the triplets. Each row is an anchor once, except in `"all"`:

    - `"random"`: a random positive and a random negative, as in the paper.
    - `"hard"`: the farthest positive and the nearest negative (Hermans et al. 2017). The means may
      collapse onto one point, where the hinge stays at `m`.
    - `"semi_hard"`: a random positive, and the nearest negative beyond it (FaceNet). If all
      negatives are nearer than the positive, the farthest of them, as in TensorFlow Addons:
      FaceNet's rule alone would never train such an anchor.
    - `"all"`: every triplet in the batch. Time and memory grow with the cube of its size.

    A collapse shows in the logs: `embedding_spread`, the mean distance of a batch's means from
    their center, goes to 0, while `active_triplets`, the share of mined triplets with a positive
    hinge, stays near 1 and `triplet_loss` near `m`. A batch without a valid triplet has a
    `triplet_loss` of 0 and does not count in `active_triplets`.

    The paper leaves open, and this class chooses: the margin (1); the weight of the triplet term
    (eq. 2 has none: 1, relative to the ELBO of one image, not the sum over a triplet's three);
    "L2" reconstruction (a Gaussian of unit variance: half the squared error); how triplets are
    drawn (inside a batch, so that batches must hold several rows of a class).

    Args:
        encoder: Built Keras model, `(batch, ...)` to `(z_mean, z_log_var)`, each
            `(batch, latent_dim)`.
        decoder: Built Keras model, `(batch, latent_dim)` to the parameters of `p(x|z)`,
            `(batch, ...)`: logits (Bernoulli) or means (Gaussian).
        margin: `m`, at least 0, in the prior's standard deviations.
        mining: `"random"`, `"hard"`, `"semi_hard"` or `"all"`.
        triplet_weight: Weight of the triplet term. With 0, a VAE that logs it.
        beta: Weight of the KL divergence.
        likelihood: `"gaussian"` or `"bernoulli"`.
        observation_variance: Variance of the Gaussian likelihood, in squared pixels.
        seed: Seed of the reparametrization noise and of the random choices of triplets.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Input: float images `(batch, ...)`, and as `y` integer labels `(batch,)`, 0 or more. -1
    means missing: such a row counts in the ELBO and is in no triplet. `call` takes only images
    and returns the reconstruction from the mean latent. Default optimizer: Adam, learning rate
    1e-3.

    Raises:
        ValueError: If an option is unknown or out of range, a network is not built, or their
            shapes do not fit together; by `fit` and `evaluate`, if labels are missing or are
            not one integer of -1 or more per row.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> tvae = models.TVAE.from_preset("tvae_digits", load_weights=False)
    >>> tvae.compile()
    >>> rng = np.random.default_rng(0)
    >>> images, labels = rng.random((64, 8, 8, 1), "float32"), rng.integers(-1, 3, 64)
    >>> history = tvae.fit(images, labels, batch_size=32, verbose=0)
    >>> sorted(history.history)[:3]
    ['active_triplets', 'embedding_spread', 'kl_loss']
    >>> tvae.encode(images).shape
    (64, 10)

    Reference: Ishfaq, Hoogi and Rubin, "TVAE: Triplet-Based Variational Autoencoder using
    Metric Learning", ICLR workshop (2018).
    """

    presets = PRESETS
    trackers = (*VAE.trackers, "triplet_loss", "active_triplets", "embedding_spread")

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        margin: float = 1.0,
        mining: str = "random",
        triplet_weight: float = 1.0,
        beta: float = 1.0,
        likelihood: str = "gaussian",
        observation_variance: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(encoder, decoder, beta, likelihood, observation_variance, seed, **kwargs)
        self.margin = checks.non_negative("margin", margin)
        self.mining = checks.choice("mining", mining, MINING)
        self.triplet_weight = checks.non_negative("triplet_weight", triplet_weight)
        self.miner = TripletMiner(
            mining.replace("_", "-"),
            # The nearest negative beyond the positive, however far: the hinge has the margin.
            margin=float("inf"),
            # A stream of its own, apart from the reparametrization's.
            seed=None if self.seed is None else self.seed + 1,
            fallback=True,
        )
        # It has no weights: Keras on JAX need not call the model on data to build it.
        self.miner.built = True

    @property
    def batch_spec(self) -> BatchSpec:
        return BatchSpec(images_of(self), targets=Labels())

    # Objective ---------------------------------------------------------------------------

    def triplet_distances(self, z_mean: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`D(x_a, x_p)`, `D(x_a, x_n)` and weight, 1 or 0, of each mined triplet."""
        if self.mining == "all":
            return self._all_distances(z_mean, labels)
        _, positive, negative, weight = self.miner(z_mean, labels)
        d_positive = ops.euclidean(z_mean, kops.take(z_mean, positive, axis=0))
        d_negative = ops.euclidean(z_mean, kops.take(z_mean, negative, axis=0))
        return d_positive, d_negative, weight

    def _all_distances(self, z_mean, labels):
        # Each distance is part of many triplets: compute it once and broadcast it.
        rows = kops.shape(z_mean)[0]
        pair = kops.arange(rows * rows, dtype="int32")
        left, right = (kops.take(z_mean, i, axis=0) for i in (pair // rows, pair % rows))
        distances = kops.reshape(ops.euclidean(left, right), (rows, rows))
        positives, negatives = ops.triplet_masks(labels)
        weight = kops.logical_and(positives[:, :, None], negatives[:, None, :])
        d_positive = kops.broadcast_to(distances[:, :, None], (rows, rows, rows))
        d_negative = kops.broadcast_to(distances[:, None, :], (rows, rows, rows))
        return d_positive, d_negative, kops.cast(weight, "float32")

    def tvae_loss(
        self, x: Tensor, labels: Tensor, training: bool = False
    ) -> tuple[Tensor, dict[str, Any]]:
        """`L_TVAE`, a scalar, its terms, unweighted, and measures of a collapse."""
        z_mean, z_log_var = self.posterior(x, training)
        parameters = self.likelihood_parameters(self.sample(z_mean, z_log_var), training)
        nll = -kops.mean(self.log_prob(x, parameters))
        kl = kops.mean(ops.gaussian_kl(z_mean, z_log_var))

        d_positive, d_negative, weight = self.triplet_distances(z_mean, labels)
        hinge = ops.triplet_hinge(d_positive, d_negative, self.margin)
        triplet = ops.weighted_mean(hinge, weight)
        center = kops.broadcast_to(kops.mean(z_mean, axis=0), kops.shape(z_mean))
        active = ops.weighted_mean(kops.cast(hinge > 0, "float32"), weight)
        terms = {
            "reconstruction_loss": nll,
            "kl_loss": kl,
            "triplet_loss": triplet,
            # Weighted by the number of triplets: a batch without any says nothing about it.
            "active_triplets": (active, kops.sum(weight)),
            "embedding_spread": kops.mean(ops.euclidean(z_mean, center)),
        }
        return nll + self.beta * kl + self.triplet_weight * triplet, terms

    @portable
    def train_step(self, data):
        x, labels = self.unpack(data)
        loss, terms = self.minimize(self.tvae_loss, x, labels, True)
        return self.track(kops.shape(x)[0], loss=loss, **terms)

    @portable
    def test_step(self, data):
        x, labels = self.unpack(data)
        loss, terms = self.objective(self.tvae_loss, x, labels)
        return self.track(kops.shape(x)[0], loss=loss, **terms)

    def check_data(self, x: Any, y: Any, sizes: tuple[int, ...]) -> None:
        if not self.triplet_weight:
            return
        classes = np.unique(y[y >= 0], return_counts=True)[1]
        if len(classes) < 2 or classes.max() < 2:
            warnings.warn(
                "No triplet can be made of the labels `y`, or of those of a dataset's first batch: "
                f"{int(classes.sum())} of {len(y)} rows have a label, of {len(classes)} classes. A "
                "triplet takes two rows of one class and one of another. Shuffle data that is "
                "sorted by class.",
                stacklevel=4,
            )
        if sizes and sizes[0] < 3:
            warnings.warn(
                "A triplet takes three rows of a batch (two of one class, one of another), so the "
                f"triplet loss stays 0 in batches of {sizes[0]}. Raise `batch_size`, or set "
                "`triplet_weight=0` to train without triplets.",
                stacklevel=4,
            )
