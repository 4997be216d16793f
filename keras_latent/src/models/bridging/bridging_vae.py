"""The bridging VAE of Latent Domain Transfer (Tian and Engel, 2018)."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops as kops

from keras_latent import ops
from keras_latent.layers import SlicedWasserstein
from keras_latent.src.export.export import Graph
from keras_latent.src.models.base import validation
from keras_latent.src.models.base.latent_model import LatentModel
from keras_latent.src.models.bridging.presets import PRESETS
from keras_latent.training import portable

LABELLED = "_labelled"


@keras.saving.register_keras_serializable(package="keras_latent")
class BridgingVAE(LatentModel):
    """A small conditional VAE between the latent spaces of frozen generative models.

    Latents `z_d` of every domain `d` go through one encoder `q(z'|z_d, D=d)` into one shared
    space and through one decoder `g(z', D=d)` back, both told the domain, one-hot. Minimises

        L = sum_d L_d^ELBO + beta_SWD L^SWD + beta_Cls sum_d L_d^Cls

        L_d^ELBO = E |z_d - g(z', D=d)|^2 / dim(z_d) + beta_KL KL(q(z'|z_d, D=d) || N(0, I))
        L^SWD    = mean over directions w of W_p^p(w.Z'_1, w.Z'_2), over pairs of domains
        L_d^Cls  = E H(f(z'), y), f one linear layer, over the rows that have a label

    with one draw of z' for each row, from one pass through the encoder, for all three. A latent
    is moved to another domain by encoding it with its own D and decoding it with the other.

    Readings: the paper's likelihood of variance 1 is "effectively" the squared error (appendix
    A); here it is averaged over the latent dimensions, as in its reference, while the KL
    divergence, in nats, is summed. The paper writes W_2^2 (`swd_order=2`); the reference takes
    W_1 (`swd_order=1`). The classifier is trained with the rest.

    Args:
        encoder: Built Keras model, `(z, domain)`, of shapes `(batch, dim)` and
            `(batch, domains)`, to `(z'_mean, z'_log_var)`, each `(batch, shared_dim)`.
        decoder: Built Keras model, `(z', domain)` to `(batch, dim)`.
        domains: Names of the domains, two or more.
        latent_dims: Size of each domain's latents; the networks take the largest, and shorter
            ones are filled up with zeros that count nowhere. Default: that of the networks.
        num_classes: Number of classes of the labels; `None`: no classifier.
        beta_kl: `beta_KL`. The paper has 0.1 in its text and 0.05 in its appendix, its reference
            0.005: with the squared error averaged, the larger ones leave z' empty.
        beta_swd: `beta_SWD`; 0 leaves the term out.
        beta_cls: `beta_Cls`; 0 leaves the term out.
        conditional: Whether the networks see the domain; `False`, for the ablation of the
            paper's table 4, feeds them zeros.
        denoise: Whether to reconstruct the mean of the distribution that a latent was drawn from,
            where that is given, instead of the draw: not in the paper. What a base model leaves
            at its prior is then no noise to be learned.
        num_projections: Directions of the sliced Wasserstein distance, new in each step.
        swd_order: `p`, 2 or 1.
        seed: Seed of the draws and of the directions.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Input: a dict, for each domain a float tensor of latents, `(batch, dim)`, or of the parameters
    of their distribution, `(batch, 2, dim)`: mean and log-variance, of which each step draws
    afresh. Domains may differ in rows. `y`, which may be left out, is a dict, for each domain
    integer labels `(batch,)`, -1 where one is missing, so that the same `fit` is supervised,
    semi-supervised or unsupervised. Where labelled rows are rare, a domain may have further rows
    `"<domain>_labelled"` in both dicts (`datasets.LatentBatches` makes them): they count in the
    classifier's term alone, which the rows of all data then leave to them. `call` returns a dict
    of reconstructions, from mean shared latents.

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
        "loss",
        "reconstruction_loss",
        "kl_loss",
        "swd_loss",
        "classification_loss",
        "accuracy",
    )

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
        denoise: bool = False,
        num_projections: int = 64,
        swd_order: int = 2,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(seed=seed, **kwargs)
        self.encoder = validation.require_built("encoder", encoder)
        self.decoder = validation.require_built("decoder", decoder)
        self.domains = _names(domains)
        self.beta_kl = validation.require_positive("beta_kl", beta_kl, zero_allowed=True)
        self.beta_swd = validation.require_positive("beta_swd", beta_swd, zero_allowed=True)
        self.beta_cls = validation.require_positive("beta_cls", beta_cls, zero_allowed=True)
        self.conditional = bool(conditional)
        self.denoise = bool(denoise)
        self.sliced_wasserstein = SlicedWasserstein(num_projections, swd_order, seed)

        shapes = getattr(encoder, "input_shape", None)
        if not isinstance(shapes, (list, tuple)) or len(shapes) != 2 or None in shapes:
            raise ValueError(
                "`encoder` must take two tensors, latents and the one-hot domain. Received: "
                f"input shape {shapes}"
            )
        self.width = shapes[0][-1]
        validation.check_shape("encoder", shapes[1], (len(self.domains),))
        self.latent_dims = _sizes(latent_dims, self.domains, self.width)
        one_hot = keras.Input((len(self.domains),))
        z_mean, _ = self.gaussian_of("encoder", encoder((keras.Input((self.width,)), one_hot)))
        self.latent_dim = z_mean.shape[-1]
        output = decoder((keras.Input((self.latent_dim,)), one_hot))
        validation.check_shape("decoder", output.shape, (self.width,))

        self.num_classes, self.classifier = num_classes, None
        if num_classes is not None:
            if not isinstance(num_classes, (int, np.integer)) or num_classes < 2:
                raise ValueError(
                    "`num_classes` must be an integer of 2 or more, or None. "
                    f"Received: num_classes={num_classes!r}"
                )
            self.classifier = keras.layers.Dense(num_classes, name="classifier")
            self.classifier.build((None, self.latent_dim))
        self.built = True

    # Networks ----------------------------------------------------------------------------

    def one_hot(self, domain: str, z):
        """`D` for each row of `z`, `(batch, domains)`; zeros if the model is not conditional."""
        row = np.zeros((1, len(self.domains)), "float32")
        row[0, self.domains.index(domain)] = float(self.conditional)
        # By a sum, since the number of rows of a symbolic `z` is unknown.
        return kops.zeros_like(z[:, :1], dtype="float32") + row

    def padded(self, z, domain: str):
        """Latents of a domain, filled up with zeros to the networks' width."""
        missing = self.width - self.latent_dims[domain]
        return kops.pad(z, ((0, 0), (0, missing))) if missing else z

    def posterior(self, z, domain: str, training: bool = False):
        """`(mean, log_var)` of `q(z'|z, D)`, each `(batch, shared_dim)`, float32."""
        inputs = self.padded(z, domain), self.one_hot(domain, z)
        return self.gaussian_of("encoder", self.encoder(inputs, training=training))

    def likelihood_parameters(self, z, domain: str, training: bool = False):
        """`g(z', D)`, the mean latents of a domain, `(batch, dim)`, float32."""
        output = self.decoder((z, self.one_hot(domain, z)), training=training)
        return kops.cast(output[:, : self.latent_dims[domain]], "float32")

    def call(self, z, training=False):
        return {
            d: self.likelihood_parameters(self.posterior(self.drawn(z[d]), d)[0], d)
            for d in self.domains
        }

    def drawn(self, z):
        """Latents `(batch, dim)` as they are; a draw of each row of `(batch, 2, dim)`."""
        if len(z.shape) == 2:
            return z
        return self.sample(z[:, 0], ops.bound_log_var(z[:, 1]))

    # Objective ---------------------------------------------------------------------------

    def bridging_loss(self, z, labels, training: bool = False):
        """`L`, a scalar, and its terms, unweighted and summed over the domains."""
        given, z = z, {key: self.drawn(rows) for key, rows in z.items()}
        # All rows in one pass: the encoder serves all three terms.
        one_hot = kops.concatenate([self.one_hot(domain_of(key), rows) for key, rows in z.items()])
        inputs = kops.concatenate([self.padded(rows, domain_of(k)) for k, rows in z.items()])
        q = self.gaussian_of("encoder", self.encoder((inputs, one_hot), training=training))
        shared = self.sample(*q)
        place, ends = {}, 0
        for key, rows in z.items():
            begins, ends = ends, ends + kops.shape(rows)[0]
            place[key] = slice(begins, ends)

        whole = slice(0, place[self.domains[-1]].stop)  # the domains come before labelled rows
        output = self.decoder((shared[whole], one_hot[whole]), training=training)
        output = kops.cast(output, "float32")
        kl_of_rows = ops.gaussian_kl(*q)
        terms = {"reconstruction_loss": 0.0, "kl_loss": 0.0}
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

    @property
    def metrics(self):
        absent = {"swd_loss": not self.beta_swd}
        absent |= dict.fromkeys(("classification_loss", "accuracy"), not self.classifies)
        return [m for m in super().metrics if not absent.get(m.name)]

    # Input -------------------------------------------------------------------------------

    def unpack(self, data):
        z = super().unpack(data)
        labels = keras.utils.unpack_x_y_sample_weight(data)[1]
        self.check_shapes(z)
        self.check_labels(labels, {key: rows.shape[0] for key, rows in z.items()})
        order = [*self.domains, *(d + LABELLED for d in self.domains if d + LABELLED in z)]
        z = {key: kops.cast(z[key], "float32") for key in order}
        labels = labels or {}
        return z, {k: kops.cast(kops.convert_to_tensor(y), "int32") for k, y in labels.items()}

    def check_shapes(self, z):
        keys = {*self.domains, *(d + LABELLED for d in self.domains)}
        if not isinstance(z, Mapping) or not set(self.domains) <= set(z) <= keys:
            got = sorted(z) if isinstance(z, Mapping) else type(z).__name__
            raise ValueError(
                f"`BridgingVAE` takes a dict of latents with the keys {list(self.domains)} (and, "
                f"if there are any, '<domain>{LABELLED}'). Received: {got}"
            )
        for key, rows in z.items():
            dim = self.latent_dims[domain_of(key)]
            parameters = len(rows.shape) == 3
            if len(rows.shape) > 3:
                raise ValueError(
                    f"`x['{key}']` must be latents, (batch, {dim}), or their means and "
                    f"log-variances, (batch, 2, {dim}). Received: shape={tuple(rows.shape)}. Data "
                    "become latents by `encode` of the domain's own model, or by "
                    "`LatentDomainTransfer.posterior`."
                )
            validation.check_shape(f"x['{key}']", rows.shape, (2, dim) if parameters else (dim,))

    def check_labels(self, labels, rows: dict[str, int | None], values: bool = False) -> None:
        """Raises `ValueError` where labels, a dict or `None`, are not those of the rows."""
        if labels is None:
            extra = sorted(key for key in rows if key.endswith(LABELLED))
            if extra:
                raise ValueError(f"Labels are missing for the rows {extra}: pass them as `y`.")
            return
        if not isinstance(labels, Mapping) or not set(labels) <= set(rows):
            got = sorted(labels) if isinstance(labels, Mapping) else type(labels).__name__
            raise ValueError(
                "`y` must be a dict of integer labels, by the keys of the latents "
                f"{sorted(rows)}. Received: {got}"
            )
        for key, y in labels.items():
            if not hasattr(y, "shape"):
                raise ValueError(
                    f"`y['{key}']` must be an array of integer labels: `np.asarray(...)`. "
                    f"Received: {type(y).__name__}"
                )
            dtype = keras.backend.standardize_dtype(y.dtype)
            size = rows[key]
            if (
                len(y.shape) != 1
                or "int" not in dtype
                or None not in (size, y.shape[0])
                and (size != y.shape[0])
            ):
                raise ValueError(
                    f"`y['{key}']` must hold one integer label a row, ({size},), -1 where it is "
                    f"missing, not one-hot rows. Received: shape={tuple(y.shape)}, dtype={dtype}. "
                    "Of one-hot rows, pass `.argmax(-1)`."
                )
            if values and self.num_classes and y.size:
                low, high = int(y.min()), int(y.max())
                if low < -1 or high >= self.num_classes:
                    raise ValueError(
                        f"`y['{key}']` must be from 0 to {self.num_classes - 1}, or -1 where a "
                        f"label is missing. Received: labels from {low} to {high}"
                    )

    def check_batch(self, z):
        self.check_shapes(z)
        for key, rows in z.items():
            validation.check_values(f"x['{key}']", rows, unit_interval=False, image=False)
        self._rows = {key: len(rows) for key, rows in z.items()}

    def check_targets(self, y, rows=None):
        if y is not None and isinstance(y, Mapping):
            y = {
                key: keras.ops.convert_to_numpy(value) if hasattr(value, "shape") else value
                for key, value in y.items()
            }
        self.check_labels(y, self._rows, values=True)

    # Verbs -------------------------------------------------------------------------------

    def encode(
        self,
        z,
        domain: str,
        *,
        sample: bool = False,
        seed: int | None = None,
        batch_size: int = 2048,
    ) -> np.ndarray:
        """Shared latents `(rows, shared_dim)` of a domain's latents `(rows, dim)`.

        Args:
            z: Float latents of `domain`.
            domain: One of `domains`.
            sample: Draw from `q(z'|z, D)` instead of returning its mean.
            seed: Seed of the draw.
            batch_size: Rows per compiled call.

        Raises:
            ValueError: If `domain` is unknown, or `z` are no latents of it.
        """
        graph = self._graph_from(domain, lambda z: self.posterior(z, domain))
        shape = graph.inputs["z"]
        q = self.run(f"posterior {domain}", shape, graph.fn, z, "z", batch_size, image=False)
        return self.draw(*q, seed) if sample else q[0]

    def graph_of_encode(self, domain: str) -> Graph:
        return self._graph_from(domain, lambda z: self.posterior(z, domain)[0])

    def decode(self, z, domain: str, *, batch_size: int = 2048) -> np.ndarray:
        """Latents `(rows, dim)` of a domain, of shared latents `(rows, shared_dim)`."""
        return self.run_graph("decode", z, batch_size, domain=domain)

    def graph_of_decode(self, domain: str) -> Graph:
        validation.require_choice("domain", domain, self.domains)
        return Graph({"z": (self.latent_dim,)}, lambda z: self.likelihood_parameters(z, domain))

    def transfer(
        self,
        z,
        domain: str,
        to: str,
        *,
        sample: bool = False,
        seed: int | None = None,
        batch_size: int = 2048,
    ) -> np.ndarray:
        """Latents of the domain `to`, `(rows, dim)`, of the latents `z` of `domain`."""
        validation.require_choice("to", to, self.domains)
        shared = self.encode(z, domain, sample=sample, seed=seed, batch_size=batch_size)
        return self.decode(shared, to, batch_size=batch_size)

    def graph_of_transfer(self, domain: str, to: str) -> Graph:
        validation.require_choice("to", to, self.domains)
        return self._graph_from(
            domain, lambda z: self.likelihood_parameters(self.posterior(z, domain)[0], to)
        )

    def classify(self, z, domain: str, *, batch_size: int = 2048) -> np.ndarray:
        """Logits `(rows, num_classes)` of the linear classifier, at the mean shared latents.

        Raises:
            ValueError: If the model has no classifier.
        """
        return self.run_graph("classify", z, batch_size, domain=domain)

    def graph_of_classify(self, domain: str) -> Graph:
        if self.classifier is None:
            raise ValueError("`classify` needs a model with `num_classes`. Received: None")
        return self._graph_from(domain, lambda z: self.classifier(self.posterior(z, domain)[0]))

    def generate(
        self, num: int, *, seed: int | None = None, batch_size: int = 2048
    ) -> dict[str, np.ndarray]:
        """`num` latents of each domain, decoded from the same draws of `p(z')`."""
        z = self.prior(num, seed)
        return {d: self.decode(z, d, batch_size=batch_size) for d in self.domains}

    def _graph_from(self, domain: str, fn) -> Graph:
        validation.require_choice("domain", domain, self.domains)
        return Graph({"z": (self.latent_dims[domain],)}, fn)

    def get_config(self):
        config = super().get_config()
        del config["likelihood"], config["observation_variance"]
        config.update(
            **self.networks_config(["encoder", "decoder"]),
            domains=list(self.domains),
            latent_dims=list(self.latent_dims.values()),
            num_classes=self.num_classes,
            beta_kl=self.beta_kl,
            beta_swd=self.beta_swd,
            beta_cls=self.beta_cls,
            conditional=self.conditional,
            denoise=self.denoise,
            num_projections=self.sliced_wasserstein.num_projections,
            swd_order=self.sliced_wasserstein.p,
        )
        return config


def domain_of(key: str) -> str:
    """The domain of a batch's key, `"<domain>"` or `"<domain>_labelled"`."""
    return key.removesuffix(LABELLED)


def _names(domains: Any) -> tuple[str, ...]:
    names = tuple(domains) if not isinstance(domains, str) else ()
    strings = all(isinstance(name, str) and not name.endswith(LABELLED) for name in names)
    if len(set(names)) != len(names) or len(names) < 2 or not strings:
        raise ValueError(
            "`domains` must be two or more different names, none of which ends in "
            f"'{LABELLED}'. Received: domains={domains!r}"
        )
    return names


def _sizes(latent_dims: Any, domains: tuple[str, ...], width: int) -> dict[str, int]:
    sizes = [width] * len(domains) if latent_dims is None else [int(n) for n in latent_dims]
    if len(sizes) != len(domains) or min(sizes, default=0) < 1 or max(sizes) != width:
        raise ValueError(
            "`latent_dims` must be one size for each domain, the largest of which is the "
            f"encoder's, {width}. Received: latent_dims={latent_dims!r}"
        )
    return dict(zip(domains, sizes, strict=True))
