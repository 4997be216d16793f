"""Unsupervised image-to-image translation networks, UNIT (Liu, Breuel and Kautz, 2017)."""

from typing import Any

import keras
from keras import ops

from keras_latent.ops import sample_gaussian
from keras_latent.src.models.base.adversarial import absolute_error, averages, game, spread
from keras_latent.src.models.base.networks import built, check_output, outputs_of
from keras_latent.src.models.lstnet.shared_translator import SharedTranslator
from keras_latent.src.models.unit.presets import PRESETS
from keras_latent.src.utils import checks
from keras_latent.src.utils.domains import DOMAINS
from keras_latent.src.utils.types import Tensor
from keras_latent.training import portable

DISCRIMINATORS = ("source_discriminator", "target_discriminator")
TRANSLATORS = (
    "source_encoder",
    "target_encoder",
    "shared_encoder",
    "source_generator",
    "target_generator",
    "shared_generator",
)


@keras.saving.register_keras_serializable(package="keras_latent")
class UNIT(SharedTranslator):
    """UNIT: two unpaired domains, a VAE and a GAN of each, and one latent space for both.

    Encoders `E_1`, `E_2` share their last layers, and generators `G_1`, `G_2` their first ones. An
    image has the posterior `q_1(z|x_1) = N(E_1(x_1), I)`, with the prior `N(0, I)`; a translation
    is `x_1->2 = G_2(z)`, `z ~ q_1(z|x_1)`. The problem (eq. 2) is

        min over E, G; max over D:  L_VAE1 + L_GAN1 + L_CC1 + L_VAE2 + L_GAN2 + L_CC2

    with (eq. 3, 5 and 7; the other domain's are eq. 4, 6 and 8)

        L_VAE1 = l1 KL(q_1(z|x_1) || N(0, I)) - l2 E log p(x_1|z),           z ~ q_1(z|x_1)
        L_GAN1 = l0 E log D_1(x_1) + l0 E log(1 - D_1(G_1(z))),              z ~ q_2(z|x_2)
        L_CC1  = l3 KL(q_1(z|x_1) || N(0, I)) + l3 KL(q_2(z|x_1->2) || N(0, I))
                 - l4 E log p(x_1|z),                                  z ~ q_2(z|x_1->2)

    where `p(x|z)` is a Laplace distribution around `G(z)`: its terms are absolute errors, on images
    in [-1, 1]. Each step draws `z` once per posterior. It updates the discriminators first, then
    encoders and generators, on the same translations, which are computed once (section 3).

    Where the paper is ambiguous:

    - Sums or means. All terms are means over pixels or latent variables, as in the authors' code,
      for which the printed weights are: `KL = 1/2 mean(E(x)^2)`, in nats per latent variable. That
      code leaves out the 1/2.
    - The KL divergence of `q_1(z|x_1)` has the weight `l1 + l3`, since it is in both equations. The
      authors' code counts it once, which is `kl_weight=0`.
    - The adversarial loss of the generators is the non-saturating `-l0 E log D_1(G_1(z))`, as in
      the authors' code.

    The networks of the presets are LSTNet's, and not the paper's.

    Args:
        source_encoder: First layers of `E_1`, built Keras model, images `(batch, ...)` in [-1, 1]
            to features.
        target_encoder: Those of `E_2`. Images of the two domains may differ in shape, their
            features may not.
        source_generator: Last layers of `G_1`, features to images in [-1, 1] (tanh) of the source.
        target_generator: Those of `G_2`, likewise of the target.
        source_discriminator: `D_1`, images in [-1, 1] to a logit `(batch, 1)`.
        target_discriminator: `D_2`, likewise.
        shared_encoder: Last layers of both encoders, features to the posterior's mean, of any
            shape. `None`: the features are the mean.
        shared_generator: First layers of both generators, latents to features. `None`: the
            generators take latents.
        gan_weight: `l0`, of both domains, as the other weights.
        kl_weight: `l1`.
        reconstruction_weight: `l2`.
        cycle_kl_weight: `l3`.
        cycle_weight: `l4`.
        seed: Seed of the draws from posteriors in training.
        ema_momentum: See Extensions. At least 0 and less than 1, or `None`.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Extensions, not in the paper, off by default:

    - `ema_momentum`: the default optimizer of the translators keeps exponential moving averages of
      their weights with this momentum, which replace the weights when `fit` ends. Your own
      optimizer does so with `use_ema=True`.

    Input: a dict of `"source"` and `"target"`, float images **in [0, 1]**, as everywhere in the
    library. The model maps them to [-1, 1] for its networks, and back. The rows of the two are
    unrelated and may differ in number; `"paired"` is ignored. `call` returns a dict of both
    reconstructions and both translations. They and all methods use the posteriors' means, and
    `evaluate` draws, as the objective does.

    The logs hold every term, unweighted: `kl` of the images, `cycle_kl` of their translations; the
    discriminators' accuracies (0.5: they cannot tell real from fake); and the spread of the
    translated images: their variance over the batch divided by that of the real ones. `fit` adds a
    `callbacks.CollapseMonitor`, unless one is given.

    Default optimizers: `{"discriminators": Adam, "translators": Adam}`, learning rate 1e-4,
    `beta_1` 0.5.

    Raises:
        ValueError: If a network is not built, or their shapes do not fit together.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> x = np.random.default_rng(0).random((16, 8, 8, 1))
    >>> unit = models.UNIT.from_preset("unit_digits", load_weights=False)
    >>> unit.compile()
    >>> history = unit.fit({"source": x, "target": x.swapaxes(1, 2)}, batch_size=8, verbose=0)
    >>> unit.translate(x, to="target").shape
    (16, 8, 8, 1)

    Reference: Liu, Breuel and Kautz, "Unsupervised Image-to-Image Translation Networks", NIPS
    (2017).
    """

    presets = PRESETS
    trackers = (
        "loss",
        *(
            f"{domain}_{term}_loss"
            for term in ("adversarial", "kl", "reconstruction", "cycle_kl", "cycle")
            for domain in DOMAINS
        ),
        "discriminator_loss",
        *(f"{name}_accuracy" for name in DISCRIMINATORS),
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
        gan_weight: float = 10.0,
        kl_weight: float = 0.1,
        reconstruction_weight: float = 100.0,
        cycle_kl_weight: float = 0.1,
        cycle_weight: float = 100.0,
        seed: int | None = None,
        *,
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
        self.gan_weight = checks.non_negative("gan_weight", gan_weight)
        self.kl_weight = checks.non_negative("kl_weight", kl_weight)
        self.reconstruction_weight = checks.non_negative(
            "reconstruction_weight", reconstruction_weight
        )
        self.cycle_kl_weight = checks.non_negative("cycle_kl_weight", cycle_kl_weight)
        self.cycle_weight = checks.non_negative("cycle_weight", cycle_weight)
        self.ema_momentum = None
        if ema_momentum is not None:
            self.ema_momentum = checks.fraction("ema_momentum", ema_momentum)
        self.seed = checks.keras_seed("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        for d, shape in self.event_shapes.items():
            name = f"{d}_discriminator"
            judge = {name: getattr(self, name)}
            check_output(name, outputs_of(keras.Input(shape), judge, f"{d}_encoder"), (1,))
        self.built = True

    # Objectives --------------------------------------------------------------------------

    def drawn(self, z_mean: Tensor) -> Tensor:
        """`z ~ N(z_mean, I)`, with the model's own stream of noise."""
        return sample_gaussian(z_mean, ops.zeros_like(z_mean), seed=self.seed_generator)

    def drawn_translations(
        self, x: dict[str, Tensor], training: bool = False
    ) -> dict[str, dict[str, Tensor]]:
        """`translations`, of draws from the posteriors; the `"latent"`s are their means."""
        return self.translations(x, training, self.drawn)

    def _logits(self, domain, x, training):
        logits = self.own(domain, "discriminator")(ops.cast(x, "float32"), training=training)
        return ops.cast(logits, "float32")

    def discriminators_loss(
        self, x: Any, made: Any, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`-(L_GAN1 + L_GAN2)`, which `D_1` and `D_2` minimize, and terms."""
        loss: Tensor = 0.0
        terms: dict[str, Tensor] = {}
        for d in DOMAINS:
            both = [ops.cast(images, "float32") for images in (x[d], made["translated"][d])]
            logits = self._logits(d, ops.concatenate(both), training)
            rows = ops.shape(x[d])[0]
            nll, terms[f"{d}_discriminator_accuracy"] = game(logits[:rows], logits[rows:])
            loss = loss + self.gan_weight * nll
        return loss, terms | {"discriminator_loss": loss}

    def translators_loss(
        self, x: Any, made: Any, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The objective as encoders and generators minimize it, and its terms, unweighted."""
        weights = {
            "adversarial_loss": self.gan_weight,
            "kl_loss": self.kl_weight + self.cycle_kl_weight,
            "reconstruction_loss": self.reconstruction_weight,
            "cycle_kl_loss": self.cycle_kl_weight,
            "cycle_loss": self.cycle_weight,
        }
        loss: Tensor = 0.0
        terms: dict[str, Tensor] = {}
        for d in DOMAINS:
            logits = self._logits(d, made["translated"][d], training)
            found = {
                "adversarial_loss": ops.mean(ops.softplus(-logits)),
                "kl_loss": kl_per_latent(made["latent"][d]),
                "reconstruction_loss": absolute_error(x[d], made["reconstructed"][d]),
                "cycle_kl_loss": kl_per_latent(made["latent_of_translated"][d]),
                "cycle_loss": absolute_error(x[d], made["cycled"][d]),
            }
            loss = loss + sum(weight * found[name] for name, weight in weights.items())
            terms |= {f"{d}_{name}": value for name, value in found.items()}
            terms[f"{d}_spread"] = spread(made["translated"][d]) / (spread(x[d]) + 1e-7)
        return loss, terms

    # Steps -------------------------------------------------------------------------------

    @portable
    def train_step(self, data):
        x = self.unpack(data)
        loss, terms = self.minimize_in_turn(
            self.drawn_translations,
            ("discriminators", self.discriminators_loss),
            ("translators", self.translators_loss),
            x,
        )
        return self.track(ops.shape(x["source"])[0], loss=loss, **terms)

    @portable
    def test_step(self, data):
        x = self.unpack(data)
        made = self.drawn_translations(x)
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
            "discriminators": keras.optimizers.Adam(1e-4, beta_1=0.5),
            "translators": keras.optimizers.Adam(1e-4, beta_1=0.5, **averages(self.ema_momentum)),
        }


def kl_per_latent(z_mean: Tensor) -> Tensor:
    """`KL(N(z_mean, I) || N(0, I))` in nats per latent variable, averaged over the batch."""
    return 0.5 * ops.mean(ops.square(ops.cast(z_mean, "float32")))
