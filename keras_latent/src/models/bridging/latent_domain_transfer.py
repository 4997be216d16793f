"""Two frozen generative models and the bridge between their latent spaces, as one model."""

from typing import Any

import keras
import numpy as np

from keras_latent.src.export.export import Graph
from keras_latent.src.models.base import validation
from keras_latent.src.models.base.image_model import ImageModel
from keras_latent.src.models.base.two_domain_verbs import OTHER
from keras_latent.src.models.base.validation import DOMAINS
from keras_latent.src.models.bridging.bridging_vae import BridgingVAE
from keras_latent.src.models.bridging.transfer_presets import PRESETS

TRANSFERRED = ("none", "ends", "all")


@keras.saving.register_keras_serializable(package="keras_latent")
class LatentDomainTransfer(ImageModel):
    """`x1 -> z1 -> z' -> z2 -> x2`: data of one generative model become those of another.

    The source's encoder gives `z1 ~ q(z1|x1)`, the bridge's `z' ~ q(z'|z1, D=1)`; its decoder
    gives `z2 = g(z', D=2)` and the target's `x2 = g(x2|z2)` (section 2 of the paper). Each step
    takes the mean, or a draw where asked for. The other direction is the same.

    The base models stay as they are. Only the bridge is trained, on latents:

        bridge.fit({"source": transfer.posterior(x1, "source"), "target": ...}, labels)

    Args:
        source: A generative model: `VAE`, `WaveGAN`, any object of their kind (a Keras model with
            `latent_dim`, `event_shape`, `to_data(z)` and, if it can encode, `posterior(x)`), or
            a plain built Keras model from latents `(batch, dim)` to data, such as the generator
            of a GAN.
        bridge: A `BridgingVAE`.
        target: Another generative model.
        domains: The bridge's names of the two; default: its first two domains.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Input of `call`: data of the source `(batch, ...)`, or its latents `(batch, dim)` where the
    source cannot encode; it returns data of the target, by means.

    Raises:
        ValueError: If the latents of a base model are not of the size that the bridge takes.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> vae = models.VAE.from_preset("vae_mnist_bridging", load_weights=False)
    >>> other = models.VAE.from_preset("vae_mnist_bridging", load_weights=False)
    >>> bridge = models.BridgingVAE.from_preset("bridging_mnist", load_weights=False)
    >>> transfer = models.LatentDomainTransfer(vae, bridge, other)
    >>> x = np.zeros((2, 28, 28, 1), "float32")
    >>> transfer.transfer(x).shape
    (2, 28, 28, 1)
    >>> transfer.interpolate(x[:1], x[1:], steps=5, transferred="all").shape
    (1, 5, 28, 28, 1)

    Reference: Tian and Engel, "Latent Domain Transfer: Crossing modalities with Bridging
    Autoencoders" (2018), figure 1b and section 4.3.
    """

    presets = PRESETS

    def __init__(
        self,
        source: keras.Model,
        bridge: BridgingVAE,
        target: keras.Model,
        domains: tuple[str, str] | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not isinstance(bridge, BridgingVAE):
            raise ValueError(f"`bridge` must be a `BridgingVAE`. Received: {bridge!r}")
        self.bridge = bridge
        names = bridge.domains[:2] if domains is None else tuple(domains)
        if len(set(names)) != 2 or not set(names) <= set(bridge.domains):
            raise ValueError(
                f"`domains` must be two of the bridge's, {list(bridge.domains)}. "
                f"Received: domains={domains!r}"
            )
        self.domains = dict(zip(DOMAINS, names, strict=True))
        self.source, self.target = source, target
        self.latent_dims, self.event_shapes = {}, {}
        for domain in DOMAINS:
            model = getattr(self, domain)
            latent_dim, event_shape = sizes_of(domain, model)
            wanted = bridge.latent_dims[self.domains[domain]]
            if latent_dim != wanted:
                raise ValueError(
                    f"The bridge takes {wanted} latents of {self.domains[domain]!r}. Received: "
                    f"`{domain}` with latents of size {latent_dim}"
                )
            self.latent_dims[domain], self.event_shapes[domain] = latent_dim, event_shape
        self.built = True

    def can_encode(self, domain: str) -> bool:
        """Whether the domain's model has an encoder; that of a GAN has none."""
        return hasattr(getattr(self, domain), "posterior")

    def to_data(self, z, domain: str):
        """Data of a domain, float32, of its latents `(batch, dim)`; tensors."""
        model = getattr(self, domain)
        x = model.to_data(z) if hasattr(model, "to_data") else model(z, training=False)
        return keras.ops.cast(x, "float32")

    def call(self, x, training=False):
        z = self.source.posterior(x)[0] if self.can_encode("source") else x
        shared, _ = self.bridge.posterior(z, self.domains["source"])
        z = self.bridge.likelihood_parameters(shared, self.domains["target"])
        return self.to_data(z, "target")

    # Verbs -------------------------------------------------------------------------------

    def posterior(self, x, domain: str = "source", *, batch_size: int = 512) -> np.ndarray:
        """Mean and log-variance of `q(z|x)`, `(rows, 2, dim)`: what the bridge is trained on.

        Args:
            x: Data of `domain`, `(rows, ...)`.
            domain: `"source"` or `"target"`.
            batch_size: Rows per compiled call.

        Raises:
            ValueError: If the domain's model cannot encode: use `rejection_sample`.
        """
        self._require_encoder(domain)
        model, shape = getattr(self, domain), self.event_shapes[domain]
        # The verbs of a model itself keep its own checks of values.
        run = model.run if isinstance(model, ImageModel) else self.run
        q = run(f"posterior {domain}", shape, model.posterior, x, "x", batch_size)
        return np.stack(q, axis=1)

    def _require_encoder(self, domain: str) -> None:
        validation.require_choice("domain", domain, DOMAINS)
        if not self.can_encode(domain):
            raise ValueError(
                f"The {domain}'s model has no encoder, so that its latents must be given: draw "
                "them (`models.rejection_sample`), and pass them with `latents=True`."
            )

    def encode(
        self, x, domain: str = "source", *, sample: bool = False, seed=None, batch_size: int = 512
    ) -> np.ndarray:
        """Latents `(rows, dim)` of the domain's own model: means, or draws of `q(z|x)`."""
        z_mean, z_log_var = np.moveaxis(self.posterior(x, domain, batch_size=batch_size), 1, 0)
        if not sample:
            return z_mean
        noise = np.random.default_rng(seed).standard_normal(z_mean.shape, "float32")
        return z_mean + np.exp(0.5 * z_log_var) * noise

    def graph_of_encode(self, domain: str = "source") -> Graph:
        self._require_encoder(domain)
        model = getattr(self, domain)
        return Graph({"x": self.event_shapes[domain]}, lambda x: model.posterior(x)[0])

    def decode(self, z, domain: str = "source", *, batch_size: int = 512) -> np.ndarray:
        """Data `(rows, ...)` of latents `(rows, dim)` of the domain's own model."""
        return self.run_graph("decode", z, batch_size, domain=domain)

    def graph_of_decode(self, domain: str = "source") -> Graph:
        domain = validation.require_choice("domain", domain, DOMAINS)
        return Graph({"z": (self.latent_dims[domain],)}, lambda z: self.to_data(z, domain))

    def transfer(
        self,
        x,
        to: str = "target",
        *,
        latents: bool = False,
        sample: bool = False,
        seed: int | None = None,
        batch_size: int = 512,
    ) -> np.ndarray:
        """Data of the domain `to` of data of the other domain.

        Args:
            x: Data `(rows, ...)` of the other domain, or its latents `(rows, dim)`.
            to: `"target"` or `"source"`.
            latents: Whether `x` are latents, as they must be of a model that cannot encode.
            sample: Draw `z1` (unless `x` are latents) and `z'` instead of taking the means.
            seed: Seed of the draws.
            batch_size: Rows per compiled call.

        Returns:
            Array `(rows, ...)` of data of the domain `to`, float32.

        Raises:
            ValueError: If `to` is neither domain, the other cannot encode, or shape or values of
                `x` are not those of the other domain.
        """
        to = validation.require_choice("to", to, DOMAINS)
        return self._through(x, OTHER[to], to, latents, sample, seed, batch_size)

    def graph_of_transfer(self, to: str = "target", latents: bool = False) -> Graph:
        to = validation.require_choice("to", to, DOMAINS)
        return self._graph_through(OTHER[to], to, latents)

    def reconstruct(
        self,
        x,
        domain: str = "source",
        *,
        latents: bool = False,
        sample: bool = False,
        seed: int | None = None,
        batch_size: int = 512,
    ) -> np.ndarray:
        """Data of `domain` through both encoders and both decoders of that domain."""
        domain = validation.require_choice("domain", domain, DOMAINS)
        return self._through(x, domain, domain, latents, sample, seed, batch_size)

    def graph_of_reconstruct(self, domain: str = "source", latents: bool = False) -> Graph:
        domain = validation.require_choice("domain", domain, DOMAINS)
        return self._graph_through(domain, domain, latents)

    def transfer_latents(
        self, z, domain: str, to: str, *, sample: bool = False, seed=None, batch_size: int = 2048
    ) -> np.ndarray:
        """Latents of `to` of latents of `domain`, `"source"` or `"target"`, by the bridge."""
        names = (
            self.domains[validation.require_choice("domain", d, DOMAINS)] for d in (domain, to)
        )
        return self.bridge.transfer(z, *names, sample=sample, seed=seed, batch_size=batch_size)

    def graph_of_transfer_latents(self, domain: str, to: str) -> Graph:
        names = (
            self.domains[validation.require_choice(name, d, DOMAINS)]
            for name, d in (("domain", domain), ("to", to))
        )
        return self.bridge.graph_of_transfer(*names)

    def _graph_through(self, domain, to, latents) -> Graph:
        bridge = self.graph_of_transfer_latents(domain, to)
        if latents:
            return Graph(bridge.inputs, lambda z: self.to_data(bridge.fn(z), to))
        encoder = self.graph_of_encode(domain)
        return Graph(encoder.inputs, lambda x: self.to_data(bridge.fn(encoder.fn(x)), to))

    def _through(self, x, domain, to, latents, sample, seed, batch_size):
        # Two streams of noise of one seed.
        seeds = [None, None] if seed is None else np.random.SeedSequence(seed).spawn(2)
        if not latents:
            x = self.encode(x, domain, sample=sample, seed=seeds[0], batch_size=batch_size)
        z = self.transfer_latents(x, domain, to, sample=sample, seed=seeds[1])
        return self.decode(z, to, batch_size=batch_size)

    def interpolate(
        self,
        a,
        b,
        steps: int = 8,
        *,
        transferred: str = "all",
        to: str = "target",
        latents: bool = False,
        kind: str = "spherical",
        batch_size: int = 512,
    ) -> np.ndarray:
        """Data on the way from each row of `a` to the row of `b`: the paper's figures 5 and 6.

        Args:
            a: Data `(rows, ...)` of the other domain than `to`, or its latents.
            b: As many of the same.
            steps: Number of points on the way, both ends included.
            transferred: `"none"`: a path in the first model's latent space, decoded there (the
                figures' first rows). `"ends"`: both ends are transferred, and the path lies in
                the second model's latent space (second rows). `"all"`: every point of the first
                path is transferred (third rows).
            to: The domain to transfer to, `"target"` or `"source"`.
            latents: Whether `a` and `b` are latents.
            kind: `"spherical"`, as in the paper, or `"linear"`.
            batch_size: Rows per compiled call.

        Returns:
            Array `(rows, steps, ...)`, float32: data of `to`, but for `"none"`.

        Raises:
            ValueError: If `a` and `b` differ in rows, or an argument is none of its choices.
        """
        validation.require_choice("transferred", transferred, TRANSFERRED)
        to = validation.require_choice("to", to, DOMAINS)
        domain = OTHER[to]
        ends = [x if latents else self.encode(x, domain, batch_size=batch_size) for x in (a, b)]
        if transferred == "ends":
            ends = [self.transfer_latents(z, domain, to) for z in ends]
        z = self.path(*(np.asarray(z) for z in ends), steps, kind)
        if transferred == "all":
            z = self.transfer_latents(z, domain, to)
        data = self.decode(z, domain if transferred == "none" else to, batch_size=batch_size)
        return data.reshape(-1, steps, *data.shape[1:])

    def fit(self, *args, **kwargs):
        """Not here: the base models are frozen.

        Raises:
            NotImplementedError: Always; it says what to do instead.
        """
        raise NotImplementedError(
            "`LatentDomainTransfer` is not trained as a whole. Train its bridge, on latents: "
            "`bridge.compile()`, `bridge.fit({'source': transfer.posterior(x1, 'source'), "
            "'target': transfer.posterior(x2, 'target')}, labels)`."
        )

    #: The base models and the bridge have an `evaluate` each.
    evaluate = fit

    def check_inputs(self, x):
        can = self.can_encode("source")
        shape = self.event_shapes["source"] if can else (self.latent_dims["source"],)
        self.check_rows(x, shape, "x", image=False)

    def get_config(self):
        config = super().get_config()
        config.update(
            **self.networks_config(["source", "bridge", "target"]),
            domains=list(self.domains.values()),
        )
        return config


def sizes_of(name: str, model: Any) -> tuple[int, tuple[int, ...]]:
    """Size of a generative model's latents, and the shape of one row of its data.

    Raises:
        ValueError: If the model is none.
    """
    if hasattr(model, "latent_dim") and hasattr(model, "to_data"):
        return model.latent_dim, tuple(model.event_shape)
    validation.require_built(name, model)
    shape, output = getattr(model, "input_shape", ()), getattr(model, "output_shape", None)
    if len(shape) != 2 or not isinstance(shape[1], int) or output is None:
        raise ValueError(
            f"`{name}` must be a model with `latent_dim`, `event_shape` and `to_data`, as `VAE` "
            "and `WaveGAN` are, or a Keras model of latents (batch, dim). Received: input shape "
            f"{shape}, output shape {output}"
        )
    return shape[1], tuple(output[1:])
