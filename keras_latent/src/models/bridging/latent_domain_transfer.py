"""Two frozen generative models and the bridge between their latent spaces, as one model."""

from typing import Any

import keras
import numpy as np

from keras_latent.src.models.base.batched import Graph, batched
from keras_latent.src.models.base.latent_model import LatentModel
from keras_latent.src.models.bridging.batch import domain_names
from keras_latent.src.models.bridging.bridging_vae import BridgingVAE
from keras_latent.src.models.bridging.generators import sizes_of
from keras_latent.src.models.bridging.transfer_presets import PRESETS
from keras_latent.src.training.batches import BatchSpec
from keras_latent.src.training.inputs import Images, Input
from keras_latent.src.utils import checks
from keras_latent.src.utils.domains import DOMAINS, OTHER
from keras_latent.src.utils.types import Rows, Tensor

TRANSFERRED = ("none", "ends", "all")


def _data(self, domain):
    return self.data_spec(domain)


def _latents(self, domain):
    return Input((self.latent_dims[checks.choice("domain", domain, DOMAINS)],))


@keras.saving.register_keras_serializable(package="keras_latent")
class LatentDomainTransfer(LatentModel):
    """`x1 -> z1 -> z' -> z2 -> x2`: turns data of one generative model into data of another.

    The source's encoder gives `z1 ~ q(z1|x1)` and the bridge's encoder `z' ~ q(z'|z1, D=1)`. The
    bridge's decoder gives `z2 = g(z', D=2)` and the target's decoder `x2 = g(x2|z2)` (section 2 of
    the paper). Each step takes the mean, or a draw on request. The other direction is the same.

    The base models are frozen. Only the bridge is trained, on latents:

        bridge.fit({"source": transfer.posterior(x1, "source"), "target": ...}, labels)

    Args:
        source: A generative model: `VAE`, `WaveGAN`, a Keras model with the same attributes
            (`latent_dim`, `event_shape`, `to_data(z)` and, if it can encode, `posterior(x)`), or
            a plain built Keras model from latents `(batch, dim)` to data, such as the generator
            of a GAN.
        bridge: A `BridgingVAE`.
        target: Another generative model.
        domains: The bridge's names of the two. Default: its first two domains.
        **kwargs: `name`, `dtype` of `keras.Model`.

    `call` takes data of the source `(batch, ...)`, or latents `(batch, dim)` if the source cannot
    encode. It returns data of the target, by means.

    Raises:
        ValueError: If the latents of a base model do not have the size that the bridge takes.

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
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not isinstance(bridge, BridgingVAE):
            raise ValueError(f"`bridge` must be a `BridgingVAE`. Received: {bridge!r}")
        self.bridge = bridge
        names = domain_names(bridge.domains[:2] if domains is None else domains)
        if len(names) != 2 or not set(names) <= set(bridge.domains):
            raise ValueError(
                f"`domains` must be two of those of `bridge`, {list(bridge.domains)}. "
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
                    f"`bridge` takes {wanted} latents of {self.domains[domain]!r}. Received: "
                    f"`{domain}` with latents of size {latent_dim}"
                )
            self.latent_dims[domain], self.event_shapes[domain] = latent_dim, event_shape
        self.built = True

    # Networks ----------------------------------------------------------------------------

    def can_encode(self, domain: str) -> bool:
        """Whether the domain's model has an encoder. That of a GAN has none."""
        return hasattr(getattr(self, domain), "posterior")

    def data_spec(self, domain: str) -> Input:
        """What data of a domain must be: what its own model takes.

        Raises:
            ValueError: If the domain's model cannot encode.
        """
        checks.choice("domain", domain, DOMAINS)
        if not self.can_encode(domain):
            raise ValueError(
                f"The {domain}'s model has no encoder, so its latents must be given: draw them "
                "(`models.rejection_sample`), and pass them with `latents=True`."
            )
        spec = getattr(getattr(self, domain), "batch_spec", None)
        own = getattr(spec, "inputs", None)
        return own if isinstance(own, Input) else Images(self.event_shapes[domain])

    def to_data(self, z: Tensor, domain: str) -> Tensor:
        """Data of a domain, float32, from its latents `(batch, dim)`; tensors."""
        model = getattr(self, domain)
        x = model.to_data(z) if hasattr(model, "to_data") else model(z, training=False)
        return keras.ops.cast(x, "float32")

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        z = self.source.posterior(x)[0] if self.can_encode("source") else x
        shared, _ = self.bridge.posterior(z, self.domains["source"])
        z = self.bridge.likelihood_parameters(shared, self.domains["target"])
        return self.to_data(z, "target")

    @property
    def predict_spec(self) -> BatchSpec:
        can = self.can_encode("source")
        shape = self.event_shapes["source"] if can else (self.latent_dims["source"],)
        return BatchSpec(Input(shape))

    def require_compiled(self) -> None:
        """Raises `NotImplementedError`: only the bridge is trained."""
        raise NotImplementedError(
            "`LatentDomainTransfer` is not trained as a whole. Train its bridge, on latents: "
            "`bridge.compile()`, `bridge.fit({'source': transfer.posterior(x1, 'source'), "
            "'target': transfer.posterior(x2, 'target')}, labels)`."
        )

    # Methods on arrays -------------------------------------------------------------------

    def posterior(self, x: Rows, domain: str = "source", *, batch_size: int = 512) -> np.ndarray:
        """Mean and log-variance of `q(z|x)`, `(rows, 2, dim)`: what the bridge is trained on.

        Args:
            x: Data of `domain`, `(rows, ...)`.
            domain: `"source"` or `"target"`.
            batch_size: Rows per compiled call.

        Raises:
            ValueError: If the domain's model cannot encode: use `rejection_sample`.
        """
        graph = Graph({"x": self.data_spec(domain)}, getattr(self, domain).posterior)
        return np.stack(self.run(f"encode {domain} x", graph, {"x": x}, batch_size), axis=1)

    @batched(x=_data)
    def encode(
        self,
        x: Rows,
        domain: str = "source",
        *,
        sample: bool = False,
        seed: Any = None,
        batch_size: int = 512,
    ) -> np.ndarray:
        """Latents `(rows, dim)` of the domain's own model: means, or draws of `q(z|x)`."""
        return getattr(self, domain).posterior(x)

    @batched(z=_latents)
    def decode(self, z: Rows, domain: str = "source", *, batch_size: int = 512) -> np.ndarray:
        """Data `(rows, ...)`, from latents `(rows, dim)` of the domain's own model."""
        return self.to_data(z, domain)

    def transfer_latents(
        self,
        z: Rows,
        domain: str,
        to: str,
        *,
        sample: bool = False,
        seed: Any = None,
        batch_size: int = 2048,
    ) -> np.ndarray:
        """Latents of `to` from latents of `domain`, `"source"` or `"target"`, by the bridge."""
        names = self._bridge_names(domain, to)
        return self.bridge.transfer(z, *names, sample=sample, seed=seed, batch_size=batch_size)

    def graph_of_transfer_latents(self, domain: str, to: str) -> Graph:
        return self.bridge.graph_of_transfer(*self._bridge_names(domain, to))

    def _bridge_names(self, domain, to):
        choices = (("domain", domain), ("to", to))
        return [self.domains[checks.choice(name, value, DOMAINS)] for name, value in choices]

    def transfer(
        self,
        x: Rows,
        to: str = "target",
        *,
        latents: bool = False,
        sample: bool = False,
        seed: int | None = None,
        batch_size: int = 512,
    ) -> np.ndarray:
        """Data of the domain `to` from data of the other domain.

        Args:
            x: Data `(rows, ...)` of the other domain, or its latents `(rows, dim)`.
            to: `"target"` or `"source"`.
            latents: Whether `x` are latents, as they must be for a model that cannot encode.
            sample: Draw `z1` (unless `x` are latents) and `z'` instead of taking the means.
            seed: Seed of the draws.
            batch_size: Rows per compiled call.

        Returns:
            Array `(rows, ...)` of data of the domain `to`, float32.

        Raises:
            ValueError: If `to` is neither domain, the other cannot encode, or shape or values of
                `x` are not those of the other domain.
        """
        domain = OTHER[checks.choice("to", to, DOMAINS)]
        return self._through(x, domain, to, latents, sample, seed, batch_size)

    def graph_of_transfer(self, to: str = "target", latents: bool = False) -> Graph:
        return self._graph_through(OTHER[checks.choice("to", to, DOMAINS)], to, latents)

    def reconstruct(
        self,
        x: Rows,
        domain: str = "source",
        *,
        latents: bool = False,
        sample: bool = False,
        seed: int | None = None,
        batch_size: int = 512,
    ) -> np.ndarray:
        """Data of `domain`, through both encoders and both decoders of that domain."""
        checks.choice("domain", domain, DOMAINS)
        return self._through(x, domain, domain, latents, sample, seed, batch_size)

    def graph_of_reconstruct(self, domain: str = "source", latents: bool = False) -> Graph:
        return self._graph_through(checks.choice("domain", domain, DOMAINS), domain, latents)

    def _graph_through(self, domain: str, to: str, latents: bool) -> Graph:
        bridge = self.graph_of_transfer_latents(domain, to)
        if latents:
            return Graph(bridge.inputs, lambda z: self.to_data(bridge.fn(z), to))
        encoder = getattr(self, domain)
        return Graph(
            {"x": self.data_spec(domain)},
            lambda x: self.to_data(bridge.fn(encoder.posterior(x)[0]), to),
        )

    def _through(self, x, domain, to, latents, sample, seed, batch_size):
        seed = checks.seed("seed", seed)  # of two streams of noise
        seeds = [None, None] if seed is None else np.random.SeedSequence(seed).spawn(2)
        if not latents:
            x = self.encode(x, domain, sample=sample, seed=seeds[0], batch_size=batch_size)
        z = self.transfer_latents(x, domain, to, sample=sample, seed=seeds[1])
        return self.decode(z, to, batch_size=batch_size)

    def interpolate(
        self,
        a: Rows,
        b: Rows,
        steps: int = 8,
        *,
        transferred: str = "all",
        to: str = "target",
        latents: bool = False,
        kind: str = "spherical",
        batch_size: int = 512,
    ) -> np.ndarray:
        """Data between each row of `a` and the same row of `b`: the paper's figures 5 and 6.

        Args:
            a: Data `(rows, ...)` of the other domain than `to`, or its latents.
            b: The same for the other ends, with as many rows.
            steps: Number of points per row, both ends included.
            transferred: `"none"`: a path in the first model's latent space, decoded there (the
                figures' first rows). `"ends"`: both ends are transferred, and the path lies in
                the second model's latent space (second rows). `"all"`: every point of the first
                path is transferred (third rows).
            to: The domain to transfer to, `"target"` or `"source"`.
            latents: Whether `a` and `b` are latents.
            kind: `"spherical"`, as in the paper, or `"linear"`.
            batch_size: Rows per compiled call.

        Returns:
            Array `(rows, steps, ...)`, float32: data of `to`, or of the other for `"none"`.

        Raises:
            ValueError: If `a` and `b` differ in rows, or an option is unknown.
        """
        checks.choice("transferred", transferred, TRANSFERRED)
        to = checks.choice("to", to, DOMAINS)
        domain = OTHER[to]
        spec = _latents(self, domain) if latents else self.data_spec(domain)
        ends = [spec.rows("a", a), spec.rows("b", b)]
        if not latents:
            ends = [self.encode(x, domain, batch_size=batch_size) for x in ends]
        if transferred == "ends":
            ends = [self.transfer_latents(z, domain, to) for z in ends]
        z = self.path(ends[0], ends[1], steps, kind)
        if transferred == "all":
            z = self.transfer_latents(z, domain, to)
        data = self.decode(z, domain if transferred == "none" else to, batch_size=batch_size)
        return data.reshape(-1, steps, *data.shape[1:])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "domains": list(self.domains.values())}
