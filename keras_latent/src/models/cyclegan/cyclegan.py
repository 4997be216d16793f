"""CycleGAN (Zhu et al., 2017), and DiscoGAN (Kim et al., 2017), which is a setting of it."""

from typing import Any

import keras
from keras import ops

from keras_latent.src.models.base.networks import outputs_of
from keras_latent.src.models.cyclegan.games import GANS, check_scores, loss_of, share_right
from keras_latent.src.models.cyclegan.image_buffer import ImageBuffer
from keras_latent.src.models.cyclegan.presets import PRESETS
from keras_latent.src.models.cyclegan.two_generators import TwoGenerators
from keras_latent.src.training.batches import BatchSpec
from keras_latent.src.training.inputs import Ignored
from keras_latent.src.utils import checks
from keras_latent.src.utils.domains import DOMAINS, OTHER
from keras_latent.src.utils.types import Tensor
from keras_latent.training import portable

CYCLE_LOSSES = {"absolute": ops.abs, "squared": ops.square}


@keras.saving.register_keras_serializable(package="keras_latent")
class CycleGAN(TwoGenerators):
    """CycleGAN: two unpaired domains, and translations that a way back undoes.

    Generators `G: X -> Y` and `F: Y -> X` play against the discriminators `D_Y` and `D_X`. The
    objective (section 3) is

        L(G, F, D_X, D_Y) = L_GAN(G, D_Y, X, Y) + L_GAN(F, D_X, Y, X) + lambda L_cyc(G, F)

        L_cyc(G, F) = E |F(G(x)) - x| + E |G(F(y)) - y|

    with mean absolute errors on images in [-1, 1]. In the game of least squares (section 4), `G`
    minimizes `E (D_Y(G(x)) - 1)^2`, and `D_Y` minimizes half of

        E (D_Y(y) - 1)^2 + E D_Y(G(x))^2

    The half, which slows down the discriminators, is the authors'. The identity term (section 5.2)
    keeps the colors of paintings:

        L_identity(G, F) = E |G(y) - y| + E |F(x) - x|

    In training, half of the translations that the discriminators see are past ones, from a buffer
    of 50 per domain (section 4). Until it is full, all of them are new.

    The paper leaves the order of updates open. Here, the discriminators are updated first, then the
    generators, on the same translations. The authors' code does it the other way round.

    DiscoGAN (Kim et al., 2017, eq. 2 to 7) is a setting: binary cross-entropy, squared errors of
    the cycles, and no buffer:

        CycleGAN(..., gan="bce", cycle_loss="squared", cycle_weight=1.0, buffer_size=0)

    DiscoGAN's paper weights all terms by 1, and its squared errors are of images in [0, 1], a
    quarter of ours. Its code differs from the paper: it adds feature matching, which is not
    implemented here, and lowers the weight of the cycles at first.

    Networks with batch normalization see real images and translations of a domain in separate
    passes, and the identity term passes images of the other domain, too. Their moving averages mix
    these.

    Args:
        source_generator: `F`, built Keras model, target images `(batch, ...)` in [-1, 1] to source
            images in [-1, 1] (tanh). Images of the two domains may differ in shape.
        target_generator: `G`, likewise from the source to the target.
        source_discriminator: `D_X`, images in [-1, 1] to a score per image, `(batch, 1)`, or per
            patch, `(batch, height, width, 1)`. For `"bce"`, scores are logits.
        target_discriminator: `D_Y`, likewise.
        cycle_weight: `lambda`.
        identity_weight: Weight of `L_identity`; 5 in the paper (`lambda / 2`), where it is used.
            Above 0, images of both domains must have the same shape.
        gan: `"lsgan"` (least squares) or `"bce"` (binary cross-entropy, with the non-saturating
            loss `-E log D_Y(G(x))` of the generators).
        buffer_size: Past translations per domain; 0 switches the buffer off.
        seed: Seed of the draws from the buffer.
        cycle_loss: See Extensions, also for the arguments below.
        ema_momentum: At least 0 and less than 1, or `None`.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Extensions, not in CycleGAN's paper:

    - `cycle_loss`: `"absolute"`, or `"squared"`, as in DiscoGAN.
    - `ema_momentum`: the default optimizer of the generators keeps exponential moving averages of
      their weights with this momentum, which replace the weights when `fit` ends.

    Input: a dict of `"source"` and `"target"`, float images **in [0, 1]**, as everywhere in the
    library. The rows of the two are unrelated and may differ in number; `"paired"` is ignored.
    `call` returns a dict of both translations. The model has no latent space.

    The logs hold every term, unweighted, the discriminators' accuracies on what they see (0.5: they
    cannot tell real from fake; they say "real" above 1/2, or above logit 0) and the spread of the
    translated images: their variance over the batch divided by that of the real ones. `fit` adds a
    `callbacks.CollapseMonitor`, unless one is given. The buffers are weights of the model, which
    `.keras` files and presets hold.

    Default optimizers: `{"discriminators": Adam, "generators": Adam}`, learning rate 2e-4,
    `beta_1` 0.5. In the paper, the rate falls linearly to 0 in the second half of the training.

    Raises:
        ValueError: If a network is not built, their shapes do not fit together, or the domains
            differ in shape with an identity term.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> x, y = np.random.default_rng(0).random((2, 40, 8, 8, 1), "float32")
    >>> model = models.CycleGAN.from_preset("cyclegan_digits", load_weights=False)
    >>> model.compile()
    >>> history = model.fit({"source": x, "target": y}, batch_size=20, verbose=0)
    >>> model.translate(x[:5], to="target").shape
    (5, 8, 8, 1)

    References: Zhu, Park, Isola and Efros, "Unpaired Image-to-Image Translation using
    Cycle-Consistent Adversarial Networks", ICCV (2017). Kim, Cha, Kim, Lee and Kim, "Learning to
    Discover Cross-Domain Relations with Generative Adversarial Networks", ICML (2017).
    """

    presets = PRESETS
    trackers = (
        "loss",
        "source_adversarial_loss",
        "target_adversarial_loss",
        "source_cycle_loss",
        "target_cycle_loss",
        "source_identity_loss",
        "target_identity_loss",
        "discriminator_loss",
        "source_discriminator_accuracy",
        "target_discriminator_accuracy",
        "source_spread",
        "target_spread",
    )
    optional_trackers = {
        "source_identity_loss": "identity_weight",
        "target_identity_loss": "identity_weight",
    }

    def __init__(
        self,
        source_generator: keras.Model,
        target_generator: keras.Model,
        source_discriminator: keras.Model,
        target_discriminator: keras.Model,
        cycle_weight: float = 10.0,
        identity_weight: float = 0.0,
        gan: str = "lsgan",
        buffer_size: int = 50,
        seed: int | None = None,
        *,
        cycle_loss: str = "absolute",
        ema_momentum: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            source_generator,
            target_generator,
            source_discriminator,
            target_discriminator,
            ema_momentum=ema_momentum,
            **kwargs,
        )
        self.cycle_weight = checks.non_negative("cycle_weight", cycle_weight)
        self.identity_weight = checks.non_negative("identity_weight", identity_weight)
        self.gan = checks.choice("gan", gan, GANS)
        self.cycle_loss = checks.choice("cycle_loss", cycle_loss, CYCLE_LOSSES)
        self.buffer_size = checks.integer("buffer_size", buffer_size, at_least=0)
        self.seed = checks.keras_seed("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        shapes = self.event_shapes
        for d in DOMAINS:
            name = f"{d}_discriminator"
            scores = outputs_of(
                keras.Input(shapes[d]), {name: getattr(self, name)}, f"{d}_generator"
            )
            check_scores(name, scores)
        if self.identity_weight and shapes["source"] != shapes["target"]:
            raise ValueError(
                "`identity_weight` must be 0 if images of the two domains differ in shape: a "
                "generator cannot take those that it makes. Received: "
                f"identity_weight={identity_weight}, shapes {shapes}"
            )
        if self.buffer_size and None in (*shapes["source"], *shapes["target"]):
            raise ValueError(
                "`buffer_size` must be 0 for networks of images of any size. Received: "
                f"buffer_size={buffer_size}, shapes {shapes}"
            )
        self.source_buffer: Any = self._buffer("source")
        self.target_buffer: Any = self._buffer("target")
        self.built = True

    def _buffer(self, domain):
        if not self.buffer_size:
            return None
        shape = self.event_shapes[domain]
        return ImageBuffer(self.buffer_size, shape, self.seed_generator, name=f"{domain}_buffer")

    @property
    def batch_spec(self) -> BatchSpec:
        return BatchSpec(
            {**{d: self.images(d) for d in DOMAINS}, "paired": Ignored()},
            hint="`datasets.load_pair` and `datasets.pair_from_arrays` make them.",
        )

    # Objectives --------------------------------------------------------------------------

    def translations(
        self, x: dict[str, Tensor], training: bool = False
    ) -> dict[str, dict[str, Tensor]]:
        """All outputs of the generators for a batch `{domain: images in [-1, 1]}`.

        Returns:
            Dict of `"translated"` (into that domain), `"cycled"` and, if the identity term has a
            weight, `"same"`, each a dict of `"source"` and `"target"`.
        """
        translated = {d: self.generated(x[OTHER[d]], d, training) for d in DOMAINS}
        cycled = {d: self.generated(translated[OTHER[d]], d, training) for d in DOMAINS}
        made = {"translated": translated, "cycled": cycled}
        if self.identity_weight:
            made["same"] = {d: self.generated(x[d], d, training) for d in DOMAINS}
        return made

    def _scores(self, domain, images, training):
        discriminator = getattr(self, f"{domain}_discriminator")
        return ops.cast(discriminator(images, training=training), "float32")

    def discriminators_loss(
        self, x: Any, made: Any, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What `D_X` and `D_Y` minimize, and their accuracies.

        In training, this puts translations into the buffers, and draws past ones.
        """
        loss: Tensor = 0.0
        terms: dict[str, Tensor] = {}
        for d in DOMAINS:
            real, fake = ops.cast(x[d], "float32"), made["translated"][d]
            if training and self.buffer_size:
                fake = getattr(self, f"{d}_buffer")(fake)
            # One call, since spectral normalization updates its weights in each.
            scores = self._scores(d, ops.concatenate([real, fake]), training)
            rows = ops.shape(real)[0]
            parts = {True: scores[:rows], False: scores[rows:]}
            loss = loss + sum(loss_of(self.gan, s, is_real) for is_real, s in parts.items()) / 2.0
            right = sum(share_right(self.gan, s, is_real) for is_real, s in parts.items())
            terms[f"{d}_discriminator_accuracy"] = right / 2.0
        return loss, terms | {"discriminator_loss": loss}

    def generators_loss(
        self, x: Any, made: Any, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`L` as `G` and `F` minimize it, and its terms, unweighted."""
        difference = CYCLE_LOSSES[self.cycle_loss]
        loss: Tensor = 0.0
        terms: dict[str, Tensor] = {}
        for d in DOMAINS:
            scores = self._scores(d, made["translated"][d], training)
            terms[f"{d}_adversarial_loss"] = loss_of(self.gan, scores, real=True)
            terms[f"{d}_cycle_loss"] = ops.mean(difference(made["cycled"][d] - x[d]))
            loss = loss + terms[f"{d}_adversarial_loss"]
            loss = loss + self.cycle_weight * terms[f"{d}_cycle_loss"]
            if self.identity_weight:
                terms[f"{d}_identity_loss"] = ops.mean(ops.abs(made["same"][d] - x[d]))
                loss = loss + self.identity_weight * terms[f"{d}_identity_loss"]
        return loss, terms | self.spreads(x, made["translated"])

    # Steps -------------------------------------------------------------------------------

    @portable
    def train_step(self, data):
        x = self.unpack(data)
        x = {d: x[d] for d in DOMAINS}
        loss, terms = self.minimize_in_turn(
            self.translations,
            ("discriminators", self.discriminators_loss),
            ("generators", self.generators_loss),
            x,
        )
        return self.track(ops.shape(x["source"])[0], loss=loss, **terms)

    @portable
    def test_step(self, data):
        x = self.unpack(data)
        made = self.translations(x)
        _, seen = self.discriminators_loss(x, made)
        loss, terms = self.objective(self.generators_loss, x, made)
        return self.track(ops.shape(x["source"])[0], loss=loss, **terms, **seen)
