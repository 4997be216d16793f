"""Coupled generative adversarial networks, CoGAN (Liu and Tuzel, 2016)."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_latent.src import backend
from keras_latent.src.models.base.adversarial import averages, game, spread
from keras_latent.src.models.base.networks import built, check_output, optional, outputs_of
from keras_latent.src.models.base.two_domain import images_of
from keras_latent.src.models.cogan.presets import PRESETS
from keras_latent.src.models.lstnet.shared_translator import SharedTranslator
from keras_latent.src.utils import checks
from keras_latent.src.utils.domains import DOMAINS
from keras_latent.src.utils.types import Rows, Tensor
from keras_latent.training import input_gradients, portable

EPSILON = 1e-7  # of Adam


@keras.saving.register_keras_serializable(package="keras_latent")
class CoGAN(SharedTranslator):
    """Coupled GANs: pairs of images of two domains from one latent, learned from unpaired images.

    Generators `g_1`, `g_2` share their first layers, which make what the two images of a pair have
    in common, and discriminators `f_1`, `f_2` their last ones (section 3). They play

        max over g; min over f:  E [-log f_1(x_1)] + E [-log(1 - f_1(g_1(z)))]
                               + E [-log f_2(x_2)] + E [-log(1 - f_2(g_2(z)))]

    with the same `z ~ N(0, I)` for both generators. The generators use the non-saturating form,
    minimizing `-E log f_1(g_1(z)) - E log f_2(g_2(z))`. Each step updates the discriminators first,
    then the generators, on the same images, which are computed once. The paper's latents are
    uniform in [-1, 1]; it names the Gaussian as another choice.

    The paper translates an image by the latent of the closest generated one: `x_2 = g_2(z*)` with
    `z* = argmin |g_1(z) - x_1|^2`, for each image by L-BFGS (section 6). `invert` does so by Adam.

    Our extension are encoders `E_1`, `E_2`, which invert the generators at once, so that the model
    has the methods of all models of two domains. After each step of the game, they minimize

        E |E_1(g_1(z)) - z|^2 + w E |g_1(E_1(x_1)) - x_1|^2      and the same of `E_2` and `g_2`

    as means over latent variables and pixels. The game does not depend on them. The second term is
    the paper's search, learned for all images; there, generators are in inference mode.

    Args:
        source_encoder: First layers of `E_1`, built Keras model, images `(batch, ...)` in [-1, 1]
            to features.
        target_encoder: Those of `E_2`. Images of the two domains may differ in shape, their
            features may not.
        source_generator: Last layers of `g_1`, features to images in [-1, 1] (tanh) of the source.
        target_generator: Those of `g_2`, likewise of the target.
        source_discriminator: First layers of `f_1`, images in [-1, 1] to features.
        target_discriminator: Those of `f_2`, likewise.
        shared_encoder: Last layers of both encoders, features to latents `(batch, latent_dim)`.
            `None`: the features are the latents.
        shared_generator: First layers of both generators, latents to features. `None`: the
            generators take latents.
        shared_discriminator: Last layers of both discriminators, features to a logit `(batch, 1)`.
            `None`: the discriminators return logits.
        seed: Seed of the latents.
        image_weight: See Extensions: `w`.
        ema_momentum: See Extensions. At least 0 and less than 1, or `None`.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Extensions, not in the paper:

    - The encoders, see above. `image_weight=0` trains them on generated images alone.
    - `ema_momentum`: the default optimizer of the generators keeps exponential moving averages of
      their weights with this momentum, which replace the weights when `fit` ends. Your own
      optimizer does so with `use_ema=True`. Off by default.

    Input: a dict of `"source"` and `"target"`, float images **in [0, 1]**, as everywhere in the
    library. The model maps them to [-1, 1] for its networks, and back. The rows of the two are
    unrelated and may differ in number; `"paired"` is ignored. `call` returns a dict of both
    reconstructions and both translations, by the encoders.

    The logs hold `loss`, that of the generators; `encoder_loss`, with the errors of `latent` and of
    `reconstruction` per domain, squared and unweighted; the discriminators' accuracies (0.5: they
    cannot tell real from fake); and the spread of generated images: their variance over the batch
    divided by that of the real ones. `fit` adds a `callbacks.CollapseMonitor`, unless one is given.

    Default optimizers: `{"discriminators": Adam, "generators": Adam, "encoders": Adam}`. Those of
    the game have learning rate 2e-4 and `beta_1` 0.5, as in the paper; that of the encoders 1e-3.

    Raises:
        ValueError: If a network is not built, or their shapes do not fit together.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> x = np.random.default_rng(0).random((16, 8, 8, 1))
    >>> cogan = models.CoGAN.from_preset("cogan_digits", load_weights=False)
    >>> cogan.compile()
    >>> history = cogan.fit({"source": x, "target": x.swapaxes(1, 2)}, batch_size=8, verbose=0)
    >>> pairs = cogan.generate(3, seed=0)
    >>> pairs["source"].shape, pairs["target"].shape
    ((3, 8, 8, 1), (3, 8, 8, 1))
    >>> z = cogan.invert(x, "source", refine_steps=10)
    >>> cogan.decode(z, "target").shape
    (16, 8, 8, 1)

    Reference: Liu and Tuzel, "Coupled Generative Adversarial Networks", NIPS (2016).
    """

    presets = PRESETS
    trackers = (
        "loss",
        *(f"{domain}_adversarial_loss" for domain in DOMAINS),
        *("discriminator_loss", "encoder_loss"),
        *(f"{domain}_{kind}_loss" for kind in ("latent", "reconstruction") for domain in DOMAINS),
        *(f"{domain}_discriminator_accuracy" for domain in DOMAINS),
        *(f"{domain}_spread" for domain in DOMAINS),
    )

    def __init__(
        self,
        source_encoder: keras.Model,
        target_encoder: keras.Model,
        source_generator: keras.Model,
        target_generator: keras.Model,
        source_discriminator: keras.Model,
        target_discriminator: keras.Model,
        shared_encoder: keras.Model | None = None,
        shared_generator: keras.Model | None = None,
        shared_discriminator: keras.Model | None = None,
        seed: int | None = None,
        *,
        image_weight: float = 1.0,
        ema_momentum: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            source_encoder,
            target_encoder,
            source_generator,
            target_generator,
            shared_encoder,
            shared_generator,
            **kwargs,
        )
        self.source_discriminator = built("source_discriminator", source_discriminator)
        self.target_discriminator = built("target_discriminator", target_discriminator)
        self.shared_discriminator = optional("shared_discriminator", shared_discriminator)
        self.image_weight = checks.non_negative("image_weight", image_weight)
        self.ema_momentum = None
        if ema_momentum is not None:
            self.ema_momentum = checks.fraction("ema_momentum", ema_momentum)
        self.seed = checks.keras_seed("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        if len(self.latent_shape) != 1:
            name = "source_encoder" if shared_encoder is None else "shared_encoder"
            raise ValueError(
                f"`{name}` must return latents (batch, latent_dim), such as those of a `Dense` "
                f"layer. Received: output of shape {('batch', *self.latent_shape)}"
            )
        (self.latent_dim,) = self.latent_shape
        for d, shape in self.event_shapes.items():
            names = (f"{d}_discriminator", "shared_discriminator")
            parts = {name: getattr(self, name) for name in names}
            logit = outputs_of(keras.Input(shape), parts, f"{d}_encoder")
            check_output(names[0] if shared_discriminator is None else names[1], logit, (1,))
        self.built = True

    # Objectives --------------------------------------------------------------------------

    def generated(self, x: dict[str, Tensor], training: bool = False) -> dict[str, Tensor]:
        """As many pairs as `x["source"]` has rows: both images in [-1, 1], and their `"latent"`."""
        shape = (ops.shape(x["source"])[0], self.latent_dim)
        z = keras.random.normal(shape, dtype="float32", seed=self.seed_generator)
        h = self.shared("generator", z, training)
        return {"latent": z} | {d: self.own(d, "generator")(h, training=training) for d in DOMAINS}

    def _logits(self, domain, x, training):
        h = self.own(domain, "discriminator")(ops.cast(x, "float32"), training=training)
        return ops.cast(self.shared("discriminator", h, training), "float32")

    def discriminators_loss(
        self, x: Any, made: Any, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What `f_1` and `f_2` minimize, and terms."""
        loss: Tensor = 0.0
        terms: dict[str, Tensor] = {}
        for d in DOMAINS:
            both = ops.concatenate([ops.cast(images, "float32") for images in (x[d], made[d])])
            logits, rows = self._logits(d, both, training), ops.shape(x[d])[0]
            nll, terms[f"{d}_discriminator_accuracy"] = game(logits[:rows], logits[rows:])
            loss = loss + nll
        return loss, terms | {"discriminator_loss": loss}

    def generators_loss(
        self, x: Any, made: Any, training: bool = False
    ) -> tuple[Tensor, dict[str, Any]]:
        """What `g_1` and `g_2` minimize, its terms, and what they `"made"`."""
        terms: dict[str, Any] = {}
        for d in DOMAINS:
            fooled = ops.softplus(-self._logits(d, made[d], training))
            terms[f"{d}_adversarial_loss"] = ops.mean(fooled)
        loss = sum(terms.values())
        for d in DOMAINS:
            terms[f"{d}_spread"] = spread(made[d]) / (spread(x[d]) + 1e-7)
        return loss, terms | {"made": made}

    def encoders_loss(
        self, x: Any, made: Any, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What `E_1` and `E_2` minimize, and its terms, unweighted."""
        both = {d: ops.concatenate([ops.cast(made[d], "float32"), x[d]]) for d in DOMAINS}
        z = ops.cast(self.encoded(both, training), "float32")
        rows, first = ops.shape(made["latent"])[0], ops.shape(both["source"])[0]
        latents = {"source": z[:first], "target": z[first:]}
        loss: Tensor = 0.0
        terms: dict[str, Tensor] = {}
        for d in DOMAINS:
            of_made, of_real = latents[d][:rows], latents[d][rows:]
            images = self.own(d, "generator")(self.shared("generator", of_real))
            terms[f"{d}_latent_loss"] = squared_error(of_made, made["latent"])
            terms[f"{d}_reconstruction_loss"] = squared_error(images, x[d])
            loss = loss + terms[f"{d}_latent_loss"]
            loss = loss + self.image_weight * terms[f"{d}_reconstruction_loss"]
        return loss, terms | {"encoder_loss": loss}

    # Steps -------------------------------------------------------------------------------

    @portable
    def train_step(self, data):
        x = self.unpack(data)
        loss, terms = self.minimize_in_turn(
            self.generated,
            ("discriminators", self.discriminators_loss),
            ("generators", self.generators_loss),
            x,
        )
        made = keras.tree.map_structure(ops.stop_gradient, terms.pop("made"))
        _, inverted = self.minimize(self.encoders_loss, x, made, True, of="encoders")
        return self.track(ops.shape(x["source"])[0], loss=loss, **terms, **inverted)

    @portable
    def test_step(self, data):
        x = self.unpack(data)
        made = self.generated(x)
        _, seen = self.discriminators_loss(x, made)
        _, inverted = self.encoders_loss(x, made)
        loss, terms = self.objective(self.generators_loss, x, made)
        del terms["made"]
        return self.track(ops.shape(x["source"])[0], loss=loss, **terms, **seen, **inverted)

    def optimizer_groups(self) -> dict[str, list[keras.layers.Layer]]:
        parts = {
            kind: [getattr(self, f"{d}_{kind}") for d in (*DOMAINS, "shared")]
            for kind in ("discriminator", "generator", "encoder")
        }
        return {f"{kind}s": [n for n in parts[kind] if n is not None] for kind in parts}

    def default_optimizer(self) -> dict[str, keras.optimizers.Optimizer]:
        return {
            "discriminators": keras.optimizers.Adam(2e-4, beta_1=0.5),
            "generators": keras.optimizers.Adam(2e-4, beta_1=0.5, **averages(self.ema_momentum)),
            "encoders": keras.optimizers.Adam(1e-3),
        }

    # Methods on arrays -------------------------------------------------------------------

    def generate(
        self, num: int, *, seed: int | None = None, batch_size: int = 512
    ) -> dict[str, np.ndarray]:
        """`num` images of each domain, decoded from the same draws of the prior: pairs."""
        z = self.prior(num, seed)
        return {d: self.decode(z, d, batch_size=batch_size) for d in DOMAINS}

    def invert(
        self,
        x: Rows,
        domain: str = "source",
        *,
        refine_steps: int = 100,
        learning_rate: float = 0.05,
        batch_size: int = 512,
    ) -> np.ndarray:
        """Latents whose images are closest to `x`: `argmin |g(z) - x|^2`, from the encoder's.

        The translation of the paper is `decode(invert(x, "source"), "target")`. It takes a pass
        through the generator and back per step; `translate` takes one through the encoder.

        Args:
            x: Float images `(rows, ...)` of `domain`.
            domain: `"source"` or `"target"`.
            refine_steps: Steps of Adam.
            learning_rate: Its learning rate, in units of the prior's standard deviation.
            batch_size: Rows at a time.

        Returns:
            Array `(rows, latent_dim)`, float32.

        Raises:
            ValueError: If an argument is out of range, or shape or values of `x` are not those of
                the domain.
        """
        x = images_of(self, domain).rows("x", x).astype("float32", copy=False)
        refine_steps = checks.integer("refine_steps", refine_steps)
        learning_rate = checks.positive("learning_rate", learning_rate)
        z = np.array(self.encode(x, domain, batch_size=batch_size))

        @backend.compiled
        def slope(z, x):
            return input_gradients(lambda z: ops.square(self.to_image(z, domain) - x), z)

        with self._programs.lock:  # no other thread predicts
            for first in range(0, len(x), batch_size):
                rows = slice(first, first + batch_size)
                images = ops.convert_to_tensor(x[rows])
                mean, square = np.zeros_like(z[rows]), np.zeros_like(z[rows])
                for i in range(1, refine_steps + 1):
                    g = ops.convert_to_numpy(slope(ops.convert_to_tensor(z[rows]), images))
                    mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g**2
                    root = np.sqrt(square / (1 - 0.999**i)) + EPSILON
                    z[rows] -= learning_rate * mean / (1 - 0.9**i) / root
        return z


def squared_error(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared difference, a scalar."""
    return ops.mean(ops.square(ops.cast(a, "float32") - ops.cast(b, "float32")))
