"""The Latent Space Translation Network (Friedjungova et al., 2020)."""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from keras_latent.src.models.base.adversarial import absolute_error, averages, game, spread
from keras_latent.src.models.base.networks import built, check_output, outputs_of
from keras_latent.src.models.lstnet.presets import PRESETS
from keras_latent.src.models.lstnet.shared_translator import SharedTranslator
from keras_latent.src.utils import checks
from keras_latent.src.utils.domains import DOMAINS
from keras_latent.src.utils.types import Tensor
from keras_latent.training import input_gradients, portable

DISCRIMINATORS = ("source_discriminator", "target_discriminator", "latent_discriminator")
TRANSLATORS = (
    "source_encoder",
    "target_encoder",
    "shared_encoder",
    "source_generator",
    "target_generator",
    "shared_generator",
)


@keras.saving.register_keras_serializable(package="keras_latent")
class LSTNet(SharedTranslator):
    """Latent Space Translation Network: two unpaired domains, translated through one latent space.

    Encoders `E_1 = E_s o E_1*`, `E_2 = E_s o E_2*` and generators `G_1 = G_1* o G_s`,
    `G_2 = G_2* o G_s` with shared parts `E_s`, `G_s` (section 2) make the translations

        source to target: G_2(E_1(x_1))        target to source: G_1(E_2(x_2))

    Two players compete (eq. 1): the discriminators `D_1`, `D_2` of images and `D_l` of latents, and
    the translators, which are the encoders and generators. In each step the discriminators are
    updated first, then the translators, on the same translations, which are computed once:

        J = w1 J_AN1(E_2, G_1, D_1) + w2 J_AN2(E_1, G_2, D_2) + wl J_ANl(E_1, E_2, D_l)
            + w3 |x_1 - G_1(E_1(x_1))| + w4 |x_2 - G_2(E_2(x_2))|
            + w5 |x_1 - G_1(E_2(G_2(E_1(x_1))))| + w6 |x_2 - G_2(E_1(G_1(E_2(x_2))))|

    with mean absolute errors on images in [-1, 1], and for the discriminators

        J_AN1 = E log D_1(x_1) + E log(1 - D_1(G_1(E_2(x_2))))

    which they maximize (`J_ANl`: `E_1(x_1)` is real, `E_2(x_2)` is fake). Erratum: the paper
    says that all networks minimize `J`, but the adversarial terms are a game. The translators use
    the non-saturating form, minimizing `-E log D_1(G_1(E_2(x_2)))`, and for the latents the
    flipped labels. Both domains pass through the shared parts together, as one batch, so that batch
    normalization is trained on the mixture of domains that its moving averages describe.

    Args:
        source_encoder: `E_1*`, built Keras model, images `(batch, ...)` in [-1, 1] to features.
        target_encoder: `E_2*`, likewise. Images of the two domains may differ in shape, their
            features may not.
        source_generator: `G_1*`, features to images in [-1, 1] (tanh) of the source.
        target_generator: `G_2*`, likewise of the target.
        source_discriminator: `D_1`, images in [-1, 1] to a logit `(batch, 1)`.
        target_discriminator: `D_2`, likewise.
        latent_discriminator: `D_l`, latents to a logit `(batch, 1)`.
        shared_encoder: `E_s`, features to latents. `None`: the features are the latents.
        shared_generator: `G_s`, latents to features. `None`: the generators take latents.
        w1: Weight of `J_AN1`.
        w2: Weight of `J_AN2`.
        wl: Weight of `J_ANl`.
        w3: Weight of the source's reconstruction.
        w4: Weight of the target's reconstruction.
        w5: Weight of the source's cycle.
        w6: Weight of the target's cycle.
        seed: Seed of the instance noise.
        feature_weight: See Extensions, also for the arguments below.
        label_smoothing: At least 0 and less than 1.
        instance_noise: Standard deviation, of images in [-1, 1].
        r1_weight: 0 or more.
        ema_momentum: At least 0 and less than 1, or `None`.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Extensions, not in the paper, off by default:

    - `feature_weight` is the weight of the latents' cycle: the mean absolute difference between
      the latent of an image and that of its translation.
    - `label_smoothing` is subtracted from the discriminators' label of what is real, 1.
    - `instance_noise` is the standard deviation of Gaussian noise on all images that the image
      discriminators see in training (Sonderby et al., 2017).
    - `r1_weight` is the weight of the penalty `1/2 E |grad D_1(x_1)|^2`, and so for `D_2`, on the
      discriminators (Mescheder et al., 2018).
    - `ema_momentum`: the default optimizer of the translators keeps exponential moving averages of
      their weights with this momentum, which replace the weights when `fit` ends. Your own
      optimizer does so with `use_ema=True`.

    Input: a dict of `"source"` and `"target"`, float images **in [0, 1]**, as everywhere in the
    library. The model maps them to [-1, 1] for its networks, and back. The rows of the two are
    unrelated and may differ in number; `"paired"` is ignored. `call` returns a dict of both
    reconstructions and both translations.

    The logs hold every term, unweighted, the discriminators' accuracies (0.5: they cannot
    tell real from fake) and the spread of the translated images: their variance over the batch
    divided by that of the real ones. `fit` adds a `callbacks.CollapseMonitor`, which warns when
    these show that training has failed, unless one is given.

    For spectral normalization, use `keras.layers.SpectralNormalization` in the networks. Losses
    that the encoders and generators add in their calls (`add_loss`, activity regularizers) do not
    count; weight regularizers do.

    Default optimizers: `{"discriminators": Adam, "translators": Adam}`, learning rate 1e-4,
    `beta_1` 0.8.

    Raises:
        ValueError: If a network is not built, or their shapes do not fit together.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> rng = np.random.default_rng(0)
    >>> images = {"source": rng.random((8, 28, 28, 1)), "target": rng.random((8, 16, 16, 1))}
    >>> lstnet = models.LSTNet.from_preset("lstnet_mnist_usps_tiny", load_weights=False)
    >>> lstnet.compile()
    >>> history = lstnet.fit(images, batch_size=8, verbose=0)
    >>> lstnet.translate(images["target"], to="source").shape
    (8, 28, 28, 1)

    Reference: Friedjungova, Vasata, Chobola and Jirina, "Unsupervised Latent Space Translation
    Network", ESANN (2020).
    """

    presets = PRESETS
    trackers = (
        "loss",
        "source_adversarial_loss",
        "target_adversarial_loss",
        "latent_adversarial_loss",
        "source_reconstruction_loss",
        "target_reconstruction_loss",
        "source_cycle_loss",
        "target_cycle_loss",
        "feature_loss",
        "discriminator_loss",
        "r1_penalty",
        "source_discriminator_accuracy",
        "target_discriminator_accuracy",
        "latent_discriminator_accuracy",
        "source_spread",
        "target_spread",
    )

    optional_trackers = {"feature_loss": "feature_weight", "r1_penalty": "r1_weight"}

    def __init__(
        self,
        source_encoder: keras.Model,
        target_encoder: keras.Model,
        source_generator: keras.Model,
        target_generator: keras.Model,
        source_discriminator: keras.Model,
        target_discriminator: keras.Model,
        latent_discriminator: keras.Model,
        shared_encoder: keras.Model | None = None,
        shared_generator: keras.Model | None = None,
        w1: float = 20.0,
        w2: float = 20.0,
        wl: float = 30.0,
        w3: float = 100.0,
        w4: float = 100.0,
        w5: float = 100.0,
        w6: float = 100.0,
        seed: int | None = None,
        *,
        feature_weight: float = 0.0,
        label_smoothing: float = 0.0,
        instance_noise: float = 0.0,
        r1_weight: float = 0.0,
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
        self.latent_discriminator = built("latent_discriminator", latent_discriminator)
        self.w1, self.w2 = checks.non_negative("w1", w1), checks.non_negative("w2", w2)
        self.wl = checks.non_negative("wl", wl)
        self.w3, self.w4 = checks.non_negative("w3", w3), checks.non_negative("w4", w4)
        self.w5, self.w6 = checks.non_negative("w5", w5), checks.non_negative("w6", w6)
        self.feature_weight = checks.non_negative("feature_weight", feature_weight)
        self.label_smoothing = checks.fraction("label_smoothing", label_smoothing)
        self.instance_noise = checks.non_negative("instance_noise", instance_noise)
        self.r1_weight = checks.non_negative("r1_weight", r1_weight)
        self.ema_momentum = None
        if ema_momentum is not None:
            self.ema_momentum = checks.fraction("ema_momentum", ema_momentum)
        self.seed = checks.keras_seed("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        for seen, shape in {**self.event_shapes, "latent": self.latent_shape}.items():
            name = f"{seen}_discriminator"
            of = "shared_encoder" if seen == "latent" and shared_encoder else f"{seen}_encoder"
            logit = outputs_of(keras.Input(shape), {name: getattr(self, name)}, of)
            check_output(name, logit, (1,))
        self.built = True

    # Objectives --------------------------------------------------------------------------

    def _games(self, x: Any, made: Any) -> Iterator[tuple[str, float, Tensor, Tensor]]:
        """Name, weight, real and fake inputs of each of the three games."""
        yield "source", self.w1, x["source"], made["translated"]["source"]
        yield "target", self.w2, x["target"], made["translated"]["target"]
        yield "latent", self.wl, made["latent"]["source"], made["latent"]["target"]

    def _logits(self, name, inputs, training):
        inputs = ops.cast(inputs, "float32")
        if training and self.instance_noise and name in DOMAINS:
            noise = keras.random.normal(ops.shape(inputs), seed=self.seed_generator)
            inputs = inputs + self.instance_noise * noise
        logits = self.own(name, "discriminator")(inputs, training=training)
        return ops.cast(logits, "float32")

    def discriminators_loss(
        self, x: Any, made: Any, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`-(w1 J_AN1 + w2 J_AN2 + wl J_ANl)`, which `D_1`, `D_2`, `D_l` minimize, and terms."""
        loss: Tensor = 0.0
        terms: dict[str, Tensor] = {}
        for name, weight, real, fake in self._games(x, made):
            both = [ops.cast(images, "float32") for images in (real, fake)]
            logits = self._logits(name, ops.concatenate(both), training)
            rows = ops.shape(real)[0]
            nll, accuracy = game(logits[:rows], logits[rows:], self.label_smoothing)
            loss = loss + weight * nll
            terms[f"{name}_discriminator_accuracy"] = accuracy
        terms["discriminator_loss"] = loss
        if self.r1_weight and training:
            terms["r1_penalty"] = sum(self._squared_slope(x[d], d) for d in DOMAINS)
            loss = loss + 0.5 * self.r1_weight * terms["r1_penalty"]
        return loss, terms

    def _squared_slope(self, x, domain):
        slope = ops.cast(input_gradients(self.own(domain, "discriminator"), x), "float32")
        return ops.mean(ops.sum(slope**2, axis=tuple(range(1, len(x.shape)))))

    def translators_loss(
        self, x: Any, made: Any, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`J` (eq. 1) as encoders and generators minimize it, and its terms, unweighted."""
        weights = {
            "source_adversarial_loss": self.w1,
            "target_adversarial_loss": self.w2,
            "latent_adversarial_loss": self.wl,
            "source_reconstruction_loss": self.w3,
            "target_reconstruction_loss": self.w4,
            "source_cycle_loss": self.w5,
            "target_cycle_loss": self.w6,
        }
        terms: dict[str, Tensor] = {}
        for name, _, real, fake in self._games(x, made):
            if name == "latent":  # here the encoders make what is real, too
                # One call, since spectral normalization updates its weights in each.
                logits = self._logits(name, ops.concatenate([real, fake]), training)
                rows = ops.shape(real)[0]
                to_fool = ops.mean(ops.softplus(logits[:rows]))
                to_fool = to_fool + ops.mean(ops.softplus(-logits[rows:]))
            else:
                to_fool = ops.mean(ops.softplus(-self._logits(name, fake, training)))
            terms[f"{name}_adversarial_loss"] = to_fool
        for d in DOMAINS:
            terms[f"{d}_reconstruction_loss"] = absolute_error(x[d], made["reconstructed"][d])
            terms[f"{d}_cycle_loss"] = absolute_error(x[d], made["cycled"][d])
        if self.feature_weight:
            weights["feature_loss"] = self.feature_weight
            there, back = made["latent"], made["latent_of_translated"]
            terms["feature_loss"] = sum(absolute_error(there[d], back[d]) for d in DOMAINS)
        loss = sum(weight * terms[name] for name, weight in weights.items())
        for d in DOMAINS:
            terms[f"{d}_spread"] = spread(made["translated"][d]) / (spread(x[d]) + 1e-7)
        return loss, terms

    # Steps -------------------------------------------------------------------------------

    @portable
    def train_step(self, data):
        x = self.unpack(data)
        loss, terms = self.minimize_in_turn(
            self.translations,
            ("discriminators", self.discriminators_loss),
            ("translators", self.translators_loss),
            x,
        )
        return self.track(ops.shape(x["source"])[0], loss=loss, **terms)

    @portable
    def test_step(self, data):
        x = self.unpack(data)
        made = self.translations(x)
        _, seen = self.discriminators_loss(x, made)
        loss, terms = self.objective(self.translators_loss, x, made)
        return self.track(ops.shape(x["source"])[0], loss=loss, **terms, **seen)

    def optimizer_groups(self) -> dict[str, list[keras.layers.Layer]]:
        translators = [getattr(self, name) for name in TRANSLATORS]
        return {
            "discriminators": [getattr(self, name) for name in DISCRIMINATORS],
            "translators": [network for network in translators if network is not None],
        }

    def default_optimizer(self) -> dict[str, keras.optimizers.Optimizer]:
        return {
            "discriminators": keras.optimizers.Adam(1e-4, beta_1=0.8),
            "translators": keras.optimizers.Adam(1e-4, beta_1=0.8, **averages(self.ema_momentum)),
        }
