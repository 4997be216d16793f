"""The Variational Bi-domain Triplet Autoencoder (Kuznetsova and Bakhteev, 2018)."""

import warnings

import keras
import numpy as np
from keras import ops as kops

from keras_latent import ops
from keras_latent.layers import SlicedWasserstein, TripletMiner
from keras_latent.src.models.base import validation
from keras_latent.src.models.base.two_domain_model import TwoDomainModel
from keras_latent.src.models.base.two_domain_verbs import OTHER
from keras_latent.src.models.base.validation import DOMAINS
from keras_latent.src.models.vbta.presets import PRESETS
from keras_latent.training import portable


@keras.saving.register_keras_serializable(package="keras_latent")
class VBTA(TwoDomainModel):
    """Variational Bi-domain Triplet Autoencoder: two domains, one shared latent space.

    Domain encoders `E_x`, `E_y`, a shared encoder `E`, a shared decoder `D` and domain
    decoders `D_x`, `D_y` make the translations (section 3)

        f(x) = D_y(D(E(E_x(x))))        g(y) = D_x(D(E(E_y(y))))

    The objective (eq. 6), minimised here with the opposite sign, in nats, averaged over
    the batch:

        alpha [KL(q(z|x) || N(0, I)) + KL(q(z|y) || N(0, I))]
        - beta [E_q(z|x) log p(x|z) + E_q(z|y) log p(y|z)]
        - gamma E log p(t|z)

    A triplet `t = (i, j, k)` is an object of the source domain, the object of the target
    domain it is paired with, and the closest of the other target objects in the batch,
    by `d(a, b) = 1/2 KL(a||b) + 1/2 KL(b||a)` between their posteriors (section 5.2).

    Erratum: with the minus sign in eq. 4, eq. 3 would reward dissimilar pairs. Meant is
    `p(t) = exp(-d_ij) / (exp(-d_ij) + exp(-d_ik))`, so that

        -log p(t|z) = softplus(d_ij - d_ik)

    The triplet term, and cross-reconstruction, are averaged over the known pairs in the
    batch: without any, they are 0. Cross-reconstruction, `-log p(x|z)` under `q(z|y)` and
    `-log p(y|z)` under `q(z|x)` of known pairs, is in the authors' code and not in the
    paper; its weight is 0 unless given.

    `swd > 0` is ours: it adds `swd SWD(z_x, z_y)`, the sliced Wasserstein distance W_2^2 of the
    draws of both domains in the batch. Triplets compare distances with one another, and say
    nothing of an offset that all of one domain have from the other; where there is one, a decoder
    meets latents of the other domain that it has never seen.

    Args:
        source_encoder: `E_x`, built Keras model, `(batch, ...)` to features.
        target_encoder: `E_y`, likewise; shapes of the two domains may differ.
        source_decoder: `D_x`, features to the parameters of `p(x|z)`: logits (Bernoulli)
            or means (Gaussian).
        target_decoder: `D_y`, likewise.
        shared_encoder: `E`, features to `(z_mean, z_log_var)`, each `(batch, latent_dim)`.
            `None`: the domain encoders return the two themselves.
        shared_decoder: `D`, `(batch, latent_dim)` to features. `None`: the domain decoders
            take the latent.
        alpha: Weight of the KL divergences.
        beta: Weight of the log-likelihoods.
        gamma: Weight of the triplet term.
        cross_reconstruction: Weight of cross-reconstruction.
        swd: Weight of the sliced Wasserstein distance between the domains' latents.
        likelihood: `"gaussian"` or `"bernoulli"`.
        observation_variance: Variance of the Gaussian likelihood, in squared pixels.
        seed: Seed of the reparametrisation noise.
        **kwargs: `name`, `dtype` of `keras.Model`.

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
        cross_reconstruction: float = 0.0,
        swd: float = 0.0,
        likelihood: str = "gaussian",
        observation_variance: float = 1.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(likelihood, observation_variance, seed, **kwargs)
        built, positive = validation.require_built, validation.require_positive
        self.source_encoder = built("source_encoder", source_encoder)
        self.target_encoder = built("target_encoder", target_encoder)
        self.source_decoder = built("source_decoder", source_decoder)
        self.target_decoder = built("target_decoder", target_decoder)
        self.shared_encoder = self.shared_decoder = None
        if shared_encoder is not None:
            self.shared_encoder = built("shared_encoder", shared_encoder)
        if shared_decoder is not None:
            self.shared_decoder = built("shared_decoder", shared_decoder)
        self.alpha = positive("alpha", alpha, zero_allowed=True)
        self.beta = positive("beta", beta, zero_allowed=True)
        self.gamma = positive("gamma", gamma, zero_allowed=True)
        self.cross_reconstruction = positive(
            "cross_reconstruction", cross_reconstruction, zero_allowed=True
        )
        self.swd = positive("swd", swd, zero_allowed=True)
        self.sliced_wasserstein = SlicedWasserstein(seed=seed) if self.swd else None
        self.miner = TripletMiner(strategy="hard", distance="symmetric_kl")
        # It has no weights. Keras on JAX would call the model on data once more to build it,
        # and report its own shape errors before those of `check_shapes`.
        self.miner.built = True

        self.event_shapes = {
            d: validation.event_shape_of(f"{d}_encoder", self._encoder(d)) for d in DOMAINS
        }
        inputs = {d: keras.Input(self.event_shapes[d]) for d in DOMAINS}
        latents = {d: self.posterior(inputs[d], d)[0] for d in DOMAINS}
        sizes = {d: latents[d].shape[-1] for d in DOMAINS}
        if sizes["source"] != sizes["target"]:
            raise ValueError(
                f"Both domains must share one latent space. Received latent sizes: {sizes}"
            )
        self.latent_dim = sizes["source"]
        for domain in DOMAINS:
            output = self.likelihood_parameters(latents[domain], domain)
            validation.check_shape(f"{domain}_decoder", output.shape, self.event_shapes[domain])
        self.built = True

    # Networks ----------------------------------------------------------------------------

    def _encoder(self, domain):
        return self.source_encoder if domain == "source" else self.target_encoder

    def _decoder(self, domain):
        return self.source_decoder if domain == "source" else self.target_decoder

    def posterior(self, x, domain: str, training: bool = False):
        """`(z_mean, z_log_var)` of `q(z|x)`, or `q(z|y)`: `E(E_x(x))`, or `E(E_y(y))`."""
        outputs = self._encoder(domain)(x, training=training)
        if self.shared_encoder is not None:
            outputs = self.shared_encoder(outputs, training=training)
            return self.gaussian_of("shared_encoder", outputs)
        return self.gaussian_of(f"{domain}_encoder", outputs)

    def hidden(self, z, training: bool = False):
        """The shared variable `h = D(z)`, from which both domains are decoded."""
        return z if self.shared_decoder is None else self.shared_decoder(z, training=training)

    def likelihood_parameters(self, z, domain: str, training: bool = False):
        """Parameters of `p(x|z)`, or `p(y|z)`: `D_x(D(z))`, or `D_y(D(z))`."""
        return self._decoder(domain)(self.hidden(z, training), training=training)

    def call(self, inputs, training=False):
        outputs = {}
        for domain in DOMAINS:
            z, _ = self.posterior(inputs[domain], domain, training)
            h = self.hidden(z, training)
            for to in DOMAINS:
                kind = "reconstruction" if to == domain else "translation"
                parameters = self._decoder(to)(h, training=training)
                outputs[f"{domain}_{kind}"] = self.expected(parameters)
        return outputs

    # Objective ---------------------------------------------------------------------------

    def triplet_loss(self, q_source, q_target, paired):
        """`softplus(d_ij - d_ik)`, averaged over the known pairs `(i, j)` in the batch."""
        # A row's identity is its label: only a known pair has its positive in the other
        # domain (-1: none), and every other row of that domain may be its negative.
        row = kops.arange(kops.shape(paired)[0], dtype="int32")
        _, _, negative, weight = self.miner(q_source, kops.where(paired, row, -1), q_target, row)
        # Object i and the object j it is paired with stand in the same row.
        d_ij = ops.symmetric_kl(*q_source, *q_target)
        q_k = [kops.take(t, negative, axis=0) for t in q_target]
        d_ik = ops.symmetric_kl(*q_source, *q_k)
        return ops.weighted_mean(ops.triplet_softplus(d_ij, d_ik), weight)

    def negative_elbo(self, x, training: bool = False):
        """The objective, a scalar in nats, and its terms, unweighted."""
        q = {d: self.posterior(x[d], d, training) for d in DOMAINS}
        z = {d: self.sample(*q[d]) for d in DOMAINS}
        h = {d: self.hidden(z[d], training) for d in DOMAINS}

        terms = {}
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
            nll = 0.0
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

    @property
    def metrics(self):
        # A term that is not part of the objective has no place in the logs.
        absent = {
            "cross_reconstruction_loss": not self.cross_reconstruction,
            "swd_loss": not self.swd,
        }
        return [m for m in super().metrics if not absent.get(m.name)]

    def unpack(self, data):
        x = super().unpack(data)
        self.check_shapes(x)
        images = {d: kops.cast(x[d], "float32") for d in DOMAINS}
        return {**images, "paired": kops.cast(x["paired"], "bool")}

    def check_shapes(self, x):
        if not isinstance(x, dict) or set(x) != {*DOMAINS, "paired"}:
            got = sorted(x) if isinstance(x, dict) else type(x).__name__
            raise ValueError(
                "`VBTA` trains on batches `{'source': images, 'target': images, 'paired': "
                "bool of each row}`; `datasets.pair_from_arrays` makes them. For rows that "
                f"are all known pairs, `paired` is all True. Received: {got}"
            )
        for domain in DOMAINS:
            validation.check_shape(domain, x[domain].shape, self.event_shapes[domain])
        rank = len(x["paired"].shape)
        if rank != 1:
            hint = "`paired[:, 0]`" if rank == 2 else "for all of them, `np.ones(rows, bool)`"
            raise ValueError(
                "`paired` must have shape ('batch',): for each row whether it is a known pair. "
                f"Received: shape={tuple(x['paired'].shape)}. Pass {hint}."
            )
        rows = {key: value.shape[0] for key, value in x.items()}
        if len(set(rows.values()) - {None}) > 1:
            raise ValueError(
                "`source`, `target` and `paired` must have equally many rows in a batch. "
                f"Received: {rows}"
            )

    def check_batch(self, x):
        self.check_shapes(x)
        for domain in DOMAINS:
            validation.check_values(domain, x[domain], self.unit_interval)
        if not np.isin(x["paired"], (0, 1)).all():
            raise ValueError(
                "`paired` must say of each row whether it is a known pair, True or False. "
                f"Received: values from {x['paired'].min()} to {x['paired'].max()}. Of the numbers "
                "of those rows, pass `np.isin(np.arange(len(source)), numbers)`."
            )

    def check_inputs(self, x):
        if isinstance(x, dict) and {*DOMAINS} <= set(x):
            x = {"paired": np.ones(len(x["source"]), bool)} | x
        self.check_batch(x)

    def check_batch_size(self, rows):
        if rows < 2 and self.gamma:
            warnings.warn(
                "A triplet takes two rows of a batch (a pair, and another target), so that the "
                f"triplet loss stays 0 in batches of {rows}. Raise `batch_size`; for no triplets, "
                "`gamma=0`.",
                stacklevel=3,
            )

    def get_config(self):
        config = super().get_config()
        parts = ("source", "target", "shared")
        config.update(
            **self.networks_config([f"{p}_{n}" for p in parts for n in ("encoder", "decoder")]),
            alpha=self.alpha,
            beta=self.beta,
            gamma=self.gamma,
            cross_reconstruction=self.cross_reconstruction,
            swd=self.swd,
        )
        return config
