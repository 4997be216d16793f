"""The bridging VAE of Latent Domain Transfer (Tian and Engel, 2018)."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops as kops

from keras_latent import ops
from keras_latent.layers import SlicedWasserstein
from keras_latent.src.models.base import networks
from keras_latent.src.models.base.batched import Graph, batched
from keras_latent.src.models.base.latent_model import LatentModel
from keras_latent.src.models.bridging.batch import (
    LABELLED,
    batch_of,
    check_classes,
    domain_names,
    domain_of,
    latent_sizes,
)
from keras_latent.src.models.bridging.presets import PRESETS
from keras_latent.src.training.batches import BatchSpec
from keras_latent.src.training.inputs import Input
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor
from keras_latent.training import portable


def _latents(self, domain):
    return Input((self.latent_dims[checks.choice("domain", domain, self.domains)],))


def _shared(self, domain):
    checks.choice("domain", domain, self.domains)
    return Input((self.latent_dim,))


@keras.saving.register_keras_serializable(package="keras_latent")
class BridgingVAE(LatentModel):
    """A small conditional VAE between the latent spaces of frozen generative models.

    Latents `z_d` of every domain `d` go through one encoder `q(z'|z_d, D=d)` into one shared
    space and through one decoder `g(z', D=d)` back. Both get the domain, one-hot. It minimizes

        L = sum_d L_d^ELBO + beta_SWD L^SWD + beta_Cls sum_d L_d^Cls

        L_d^ELBO = E |z_d - g(z', D=d)|^2 / dim(z_d) + beta_KL KL(q(z'|z_d, D=d) || N(0, I))
        L^SWD    = mean over directions w of W_p^p(w.Z'_1, w.Z'_2), over pairs of domains
        L_d^Cls  = E H(f(z'), y), f one linear layer, over the rows that have a label

    with one draw of z' per row, from one pass through the encoder, for all three terms. To transfer
    a latent, encode it with its own D and decode it with the other.

    Where the paper is ambiguous: its likelihood of variance 1 is "effectively" the squared error
    (appendix A). Here that is averaged over the latent dimensions, as in its reference code, while
    the KL divergence, in nats, is summed. The paper writes W_2^2 (`swd_order=2`), the reference
    code uses W_1 (`swd_order=1`). The classifier is trained together with the rest.

    Args:
        encoder: Built Keras model, `(z, domain)`, of shapes `(batch, dim)` and
            `(batch, domains)`, to `(z'_mean, z'_log_var)`, each `(batch, shared_dim)`.
        decoder: Built Keras model, `(z', domain)` to `(batch, dim)`.
        domains: Names of the domains, two or more.
        latent_dims: Size of each domain's latents. The networks take the largest. Shorter ones are
            padded with zeros, which do not count. Default: the size that the networks take.
        num_classes: Number of classes of the labels; `None`: no classifier.
        beta_kl: `beta_KL`. The paper has 0.1 in its text and 0.05 in its appendix, its reference
            code 0.005. With an averaged squared error, the larger values leave z' empty.
        beta_swd: `beta_SWD`. 0 removes the term.
        beta_cls: `beta_Cls`. 0 removes the term.
        conditional: Whether the networks see the domain. `False`, for the ablation of the
            paper's table 4, passes zeros.
        num_projections: Directions of the sliced Wasserstein distance, drawn in each step.
        swd_order: `p`, 2 or 1.
        seed: Seed of the draws and of the directions.
        denoise: See Extensions.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Extensions, not in the paper, off by default:

    - `denoise`: where the distribution of a latent is given, reconstruct its mean instead of the
      draw. Latent dimensions that a base model leaves at the prior are then not learned as noise.

    Input: a dict of domain to a float tensor of latents, `(batch, dim)`, or of the parameters of
    their distribution, `(batch, 2, dim)`: mean and log-variance, from which each step draws anew.
    Domains may differ in rows. `y` is optional: a dict of domain to integer labels `(batch,)`, with
    -1 for a missing label, so that the same `fit` is supervised, semi-supervised or unsupervised.
    If labelled rows are rare, a domain may have further rows `"<domain>_labelled"` in both dicts
    (`datasets.LatentBatches` makes them). The classifier's term then uses only these, and the other
    terms do not use them. `call` returns a dict of reconstructions, from mean shared latents.

    Raises:
        ValueError: If a network is not built, or shapes, names or labels do not fit together.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> rng = np.random.default_rng(0)
    >>> z = {d: rng.normal(size=(64, 100)).astype("float32") for d in ("source", "target")}
    >>> y = {d: rng.integers(-1, 10, 64) for d in z}
    >>> bridge = models.BridgingVAE.from_preset("bridging_mnist", load_weights=False)
    >>> bridge.compile()
    >>> history = bridge.fit(z, y, batch_size=32, verbose=0)
    >>> bridge.transfer(z["source"], "source", "target").shape
    (64, 100)

    Reference: Tian and Engel, "Latent Domain Transfer: Crossing modalities with Bridging
    Autoencoders" (2018), section 2 and appendices A and B.
    """

    presets = PRESETS
    trackers = (
        *("loss", "reconstruction_loss", "kl_loss"),
        *("swd_loss", "classification_loss", "accuracy"),
    )
    optional_trackers = {
        "swd_loss": "beta_swd",
        **dict.fromkeys(("classification_loss", "accuracy"), "classifies"),
    }

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        domains: Sequence[str] = ("source", "target"),
        latent_dims: Sequence[int] | None = None,
        num_classes: int | None = 10,
        beta_kl: float = 0.005,
        beta_swd: float = 1.0,
        beta_cls: float = 0.05,
        conditional: bool = True,
        num_projections: int = 64,
        swd_order: int = 2,
        seed: int | None = None,
        *,
        denoise: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.encoder = networks.built("encoder", encoder)
        self.decoder = networks.built("decoder", decoder)
        self.set_observation("gaussian", 1.0, seed)
        self.domains = domain_names(domains)
        self.beta_kl = checks.non_negative("beta_kl", beta_kl)
        self.beta_swd = checks.non_negative("beta_swd", beta_swd)
        self.beta_cls = checks.non_negative("beta_cls", beta_cls)
        self.conditional = bool(conditional)
        self.denoise = bool(denoise)
        self.num_projections = num_projections
        self.swd_order = checks.choice("swd_order", swd_order, (1, 2))
        self.sliced_wasserstein = SlicedWasserstein(num_projections, swd_order, self.seed)

        self.width = networks.conditioned_size("encoder", encoder, len(self.domains), "domains")
        self.latent_dims = latent_sizes(latent_dims, self.domains, self.width)
        one_hot = keras.Input((len(self.domains),))
        inputs = keras.Input((self.width,)), one_hot
        outputs = networks.outputs_of(inputs, {"encoder": encoder})
        z_mean, _ = networks.gaussian_of("encoder", outputs)
        self.latent_dim = z_mean.shape[-1]
        output = networks.outputs_of((z_mean, one_hot), {"decoder": decoder}, "encoder")
        networks.check_output("decoder", output, (self.width,), "encoder")

        self.num_classes, self.classifier = check_classes(num_classes), None
        if num_classes is not None:
            self.classifier = keras.layers.Dense(num_classes, name="classifier")
            self.classifier.build((None, self.latent_dim))
        self.built = True

    @property
    def batch_spec(self) -> BatchSpec:
        return batch_of(self.latent_dims, self.num_classes)

    # Networks ----------------------------------------------------------------------------

    def one_hot(self, domain: str, z: Tensor) -> Tensor:
        """`D` per row of `z`, `(batch, domains)`; zeros if the model is not conditional."""
        row = np.zeros((1, len(self.domains)), "float32")
        row[0, self.domains.index(domain)] = float(self.conditional)
        # A sum, since the number of rows of a symbolic `z` is unknown.
        return kops.zeros_like(z[:, :1], dtype="float32") + row

    def padded(self, z: Tensor, domain: str) -> Tensor:
        """Latents of a domain, padded with zeros to the networks' width."""
        missing = self.width - self.latent_dims[domain]
        return kops.pad(z, ((0, 0), (0, missing))) if missing else z

    def posterior(self, z: Tensor, domain: str, training: bool = False) -> tuple[Tensor, Tensor]:
        """`(mean, log_var)` of `q(z'|z, D)`, each `(batch, shared_dim)`, float32."""
        inputs = self.padded(z, domain), self.one_hot(domain, z)
        return networks.gaussian_of("encoder", self.encoder(inputs, training=training))

    def likelihood_parameters(self, z: Tensor, domain: str, training: bool = False) -> Tensor:
        """`g(z', D)`, the mean latents of a domain, `(batch, dim)`, float32."""
        output = self.decoder((z, self.one_hot(domain, z)), training=training)
        return kops.cast(output[:, : self.latent_dims[domain]], "float32")

    def call(self, z: dict[str, Tensor], training: bool = False) -> dict[str, Tensor]:
        return {
            d: self.likelihood_parameters(self.posterior(self.drawn(z[d]), d)[0], d)
            for d in self.domains
        }

    def drawn(self, z: Tensor) -> Tensor:
        """Latents `(batch, dim)` unchanged; one draw per row of `(batch, 2, dim)`."""
        z = kops.convert_to_tensor(z)  # JAX passes arrays if eager
        if len(z.shape) == 2:
            return z
        return self.sample(z[:, 0], ops.bound_log_var(z[:, 1]))

    # Objective ---------------------------------------------------------------------------

    def bridging_loss(
        self, z: dict[str, Tensor], labels: dict[str, Tensor], training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`L`, a scalar, and its terms, unweighted and summed over the domains."""
        given, z = z, {key: self.drawn(rows) for key, rows in z.items()}
        # All rows in one pass: the encoder serves all three terms.
        one_hot = kops.concatenate([self.one_hot(domain_of(key), rows) for key, rows in z.items()])
        inputs = kops.concatenate([self.padded(rows, domain_of(k)) for k, rows in z.items()])
        q = networks.gaussian_of("encoder", self.encoder((inputs, one_hot), training=training))
        shared = self.sample(*q)
        place: dict[str, slice] = {}
        ends: Any = 0
        for key, rows in z.items():
            begins, ends = ends, ends + kops.shape(rows)[0]
            place[key] = slice(begins, ends)

        whole = slice(0, place[self.domains[-1]].stop)  # the domains come before labelled rows
        output = self.decoder((shared[whole], one_hot[whole]), training=training)
        output = kops.cast(output, "float32")
        kl_of_rows = ops.gaussian_kl(*q)
        terms: dict[str, Tensor] = {"reconstruction_loss": 0.0, "kl_loss": 0.0}
        for d in self.domains:
            wanted = given[d][:, 0] if self.denoise and len(given[d].shape) == 3 else z[d]
            error = wanted - output[place[d], : self.latent_dims[d]]
            terms["reconstruction_loss"] += kops.mean(kops.square(error))
            terms["kl_loss"] += kops.mean(kl_of_rows[place[d]])
        loss = terms["reconstruction_loss"] + self.beta_kl * terms["kl_loss"]
        if self.beta_swd:
            pairs = [(a, b) for i, b in enumerate(self.domains) for a in self.domains[:i]]
            distances = [
                self.sliced_wasserstein(shared[place[a]], shared[place[b]]) for a, b in pairs
            ]
            terms["swd_loss"] = sum(distances) / len(pairs)
            loss = loss + self.beta_swd * terms["swd_loss"]
        if self.classifies and labels:
            terms |= self._classification(shared, place, labels)
            loss = loss + self.beta_cls * terms["classification_loss"]
        return loss, terms

    @property
    def classifies(self) -> bool:
        """Whether the objective has the classifier's term."""
        return self.classifier is not None and self.beta_cls > 0.0

    def _classification(self, shared, place, labels):
        """Cross entropy in nats, summed over the domains, and accuracy, over labelled rows."""
        loss, right, known = 0.0, 0.0, 0.0
        for d in self.domains:
            key = d + LABELLED if d + LABELLED in labels else d
            if key not in labels:
                continue
            y = labels[key]
            weight = kops.cast(y >= 0, "float32")
            y = kops.maximum(y, 0)
            logits = kops.cast(self.classifier(shared[place[key]]), "float32")
            nll = kops.sparse_categorical_crossentropy(y, logits, from_logits=True)
            loss = loss + ops.weighted_mean(nll, weight)
            seen = kops.cast(kops.argmax(logits, axis=-1), "int32")
            right = right + kops.sum(weight * kops.cast(seen == y, "float32"))
            known = known + kops.sum(weight)
        return {"classification_loss": loss, "accuracy": kops.divide_no_nan(right, known)}

    @portable
    def train_step(self, data):
        z, labels = self.unpack(data)
        loss, terms = self.minimize(self.bridging_loss, z, labels, True)
        return self.track(kops.shape(z[self.domains[0]])[0], loss=loss, **terms)

    @portable
    def test_step(self, data):
        z, labels = self.unpack(data)
        loss, terms = self.objective(self.bridging_loss, z, labels)
        return self.track(kops.shape(z[self.domains[0]])[0], loss=loss, **terms)

    # Methods on arrays -------------------------------------------------------------------

    @batched(z=_latents)
    def encode(
        self,
        z: Rows,
        domain: str,
        *,
        sample: bool = False,
        seed: int | None = None,
        batch_size: int = 2048,
    ) -> np.ndarray:
        """Shared latents `(rows, shared_dim)` of a domain's latents `(rows, dim)`.

        They are means, or with `sample` draws from `q(z'|z, D)`.
        """
        return self.posterior(z, domain)  # type: ignore[return-value]  # a Gaussian

    @batched(z=_shared)
    def decode(self, z: Rows, domain: str, *, batch_size: int = 2048) -> np.ndarray:
        """Latents `(rows, dim)` of a domain, from shared latents `(rows, shared_dim)`."""
        return self.likelihood_parameters(z, domain)

    def transfer(
        self,
        z: Rows,
        domain: str,
        to: str,
        *,
        sample: bool = False,
        seed: int | None = None,
        batch_size: int = 2048,
    ) -> np.ndarray:
        """Latents of the domain `to`, `(rows, dim)`, from latents `z` of `domain`."""
        checks.choice("to", to, self.domains)
        shared = self.encode(z, domain, sample=sample, seed=seed, batch_size=batch_size)
        return self.decode(shared, to, batch_size=batch_size)

    def graph_of_transfer(self, domain: str, to: str) -> Graph:
        checks.choice("to", to, self.domains)
        return Graph(
            {"z": _latents(self, domain)},
            lambda z: self.likelihood_parameters(self.posterior(z, domain)[0], to),
        )

    @batched(z=_latents)
    def classify(self, z: Rows, domain: str, *, batch_size: int = 2048) -> np.ndarray:
        """Logits `(rows, num_classes)` of the linear classifier, at the mean shared latents."""
        if self.classifier is None:
            raise ValueError("`classify` needs a model with `num_classes`. Received: None")
        return self.classifier(self.posterior(z, domain)[0])

    def generate(
        self, num: int, *, seed: int | None = None, batch_size: int = 2048
    ) -> dict[str, np.ndarray]:
        """`num` latents of each domain, decoded from the same draws of `p(z')`."""
        z = self.prior(num, seed)
        return {d: self.decode(z, d, batch_size=batch_size) for d in self.domains}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "latent_dims": list(self.latent_dims.values())}
