"""Pix2Pix (Isola et al., 2017)."""

import warnings
from typing import Any

import keras
from keras import ops

from keras_latent.src.models.base.networks import outputs_of
from keras_latent.src.models.cyclegan.games import check_scores, loss_of, mean, share_right
from keras_latent.src.models.cyclegan.two_generators import TwoGenerators
from keras_latent.src.models.pix2pix.presets import PRESETS
from keras_latent.src.training.batches import BatchSpec
from keras_latent.src.training.inputs import Flags
from keras_latent.src.utils import checks
from keras_latent.src.utils.domains import DOMAINS, OTHER
from keras_latent.src.utils.types import Tensor
from keras_latent.training import portable


@keras.saving.register_keras_serializable(package="keras_latent")
class Pix2Pix(TwoGenerators):
    """Pix2Pix: translations learned from known pairs by a conditional GAN.

    A discriminator sees the input of a translation together with its output, real or generated. For
    pairs `(x, y)`, the generator `G: X -> Y` and the discriminator `D` play for (eq. 4)

        G* = arg min_G max_D L_cGAN(G, D) + lambda L_L1(G)

        L_cGAN(G, D) = E log D(x, y) + E log(1 - D(x, G(x)))
        L_L1(G) = E |y - G(x)|

    with mean absolute errors on images in [-1, 1]. As in section 3.3, `G` minimizes the
    non-saturating `-E log D(x, G(x))`, and `D` half of its loss, which slows it down. In each step,
    the discriminator is updated first, then the generator, on the same translations.

    The paper has one direction. This model also has a generator `F: Y -> X` with a discriminator of
    its own, trained on the same pairs with the domains exchanged. The two directions share no
    weights and no loss: they are two models in one.

    Only rows that are known pairs count, in losses and logs. Without any in a batch, the losses are
    0. The other rows pass the networks, so batch normalization sees them.

    The paper's generators have no input noise `z` either, but dropout, also when they translate,
    and batch normalization by the statistics of the images that are translated. Here, networks in
    inference mode are deterministic: without dropout, and with moving averages.

    Args:
        source_generator: `F`, built Keras model, target images `(batch, ...)` in [-1, 1] to source
            images in [-1, 1] (tanh). Images of the two domains may differ in shape.
        target_generator: `G`, likewise from the source to the target.
        source_discriminator: Of `F`. It takes two tensors of images in [-1, 1], input and output
            of the translation, here `[y, x]`, and returns a logit per image, `(batch, 1)`, or per
            patch, `(batch, height, width, 1)`.
        target_discriminator: `D`, likewise of `[x, y]`.
        l1_weight: `lambda`.
        ema_momentum: See Extensions. At least 0 and less than 1, or `None`.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Extensions, not in the paper:

    - `ema_momentum`: the default optimizer of the generators keeps exponential moving averages of
      their weights with this momentum, which replace the weights when `fit` ends.

    Input: a dict of `"source"` and `"target"`, float images **in [0, 1]** with equally many rows,
    and `"paired"`, `(batch,)` bool: whether row `i` of both is a known pair. `call` returns a dict
    of both translations. The model has no latent space.

    The logs hold every term, unweighted, the discriminators' accuracies (0.5: they cannot tell real
    from fake) and the spread of the translated images: their variance over the batch divided by
    that of the real ones. `fit` adds a `callbacks.CollapseMonitor`, unless one is given.

    Default optimizers: `{"discriminators": Adam, "generators": Adam}`, learning rate 2e-4,
    `beta_1` 0.5.

    Raises:
        ValueError: If a network is not built, or their shapes do not fit together.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets, models
    >>> x = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    >>> pair = datasets.pair_from_arrays(x, x.swapaxes(1, 2), paired="all", batch_size=16)
    >>> model = models.Pix2Pix.from_preset("pix2pix_digits", load_weights=False)
    >>> model.compile()
    >>> history = model.fit(pair.train, verbose=0)
    >>> model.translate(x[:5], to="target").shape
    (5, 8, 8, 1)

    Reference: Isola, Zhu, Zhou and Efros, "Image-to-Image Translation with Conditional Adversarial
    Networks", CVPR (2017).
    """

    presets = PRESETS
    trackers = (
        "loss",
        "source_adversarial_loss",
        "target_adversarial_loss",
        "source_l1_loss",
        "target_l1_loss",
        "discriminator_loss",
        "source_discriminator_accuracy",
        "target_discriminator_accuracy",
        "source_spread",
        "target_spread",
    )

    def __init__(
        self,
        source_generator: keras.Model,
        target_generator: keras.Model,
        source_discriminator: keras.Model,
        target_discriminator: keras.Model,
        l1_weight: float = 100.0,
        *,
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
        self.l1_weight = checks.non_negative("l1_weight", l1_weight)
        for d in DOMAINS:
            self._check_discriminator(f"{d}_discriminator", [OTHER[d], d])
        self.built = True

    def _check_discriminator(self, name, domains):
        network = getattr(self, name)
        own, pair = getattr(network, "input_shape", None), [self.event_shapes[d] for d in domains]
        try:
            if isinstance(own, tuple):
                raise ValueError("It takes one tensor.")
            scores = outputs_of([keras.Input(shape) for shape in pair], {name: network})
        except ValueError as error:
            raise ValueError(
                f"`{name}` must take two tensors, the input and the output of a translation, of "
                f"row shapes {pair}. Received: a network of input shape {own}"
            ) from error
        check_scores(name, scores)

    @property
    def batch_spec(self) -> BatchSpec:
        return BatchSpec(
            {**{d: self.images(d) for d in DOMAINS}, "paired": Flags()},
            equal_rows=True,
            hint="`datasets.pair_from_arrays` makes them. If all rows are known pairs, `paired` is "
            "all True.",
        )

    @property
    def predict_spec(self) -> BatchSpec:
        inputs = {**{d: self.images(d) for d in DOMAINS}, "paired": Flags(required=False)}
        return BatchSpec(inputs, equal_rows=True, hint=self.of_one_domain)

    def check_data(self, x: Any, y: Any, sizes: tuple[int, ...]) -> None:
        if sizes and not x["paired"].any():
            warnings.warn(
                "Only known pairs train a `Pix2Pix`, and `paired` is all False, at least in the "
                "first batch. For domains without pairs, use `CycleGAN` or `LSTNet`.",
                stacklevel=4,
            )

    # Objectives --------------------------------------------------------------------------

    def translations(self, x: dict[str, Tensor], training: bool = False) -> dict[str, Tensor]:
        """Translations into each domain, of a batch with images in [-1, 1]."""
        return {d: self.generated(x[OTHER[d]], d, training) for d in DOMAINS}

    def _scores(self, domain, given, images, training):
        discriminator = getattr(self, f"{domain}_discriminator")
        return ops.cast(discriminator([given, images], training=training), "float32")

    def discriminators_loss(
        self, x: Any, made: Any, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What the discriminators minimize, the sum of both directions, and their accuracies."""
        loss: Tensor = 0.0
        terms: dict[str, Tensor] = {}
        for d in DOMAINS:
            real, given = (ops.cast(x[domain], "float32") for domain in (d, OTHER[d]))
            # One call, since spectral normalization updates its weights in each.
            given, images = ops.concatenate([given, given]), ops.concatenate([real, made[d]])
            scores = self._scores(d, given, images, training)
            rows = ops.shape(real)[0]
            parts = {True: scores[:rows], False: scores[rows:]}
            paired = x["paired"]
            loss = (
                loss + sum(loss_of("bce", s, is_real, paired) for is_real, s in parts.items()) / 2
            )
            right = sum(share_right("bce", s, is_real, paired) for is_real, s in parts.items())
            terms[f"{d}_discriminator_accuracy"] = right / 2.0
        return loss, terms | {"discriminator_loss": loss}

    def generators_loss(
        self, x: Any, made: Any, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What `G` and `F` minimize, the sum of both directions, and its terms, unweighted."""
        loss: Tensor = 0.0
        terms: dict[str, Tensor] = {}
        for d in DOMAINS:
            scores = self._scores(d, x[OTHER[d]], made[d], training)
            terms[f"{d}_adversarial_loss"] = loss_of("bce", scores, real=True, weight=x["paired"])
            terms[f"{d}_l1_loss"] = mean(ops.abs(made[d] - x[d]), x["paired"])
            loss = loss + terms[f"{d}_adversarial_loss"] + self.l1_weight * terms[f"{d}_l1_loss"]
        return loss, terms | self.spreads(x, made)

    # Steps -------------------------------------------------------------------------------

    @portable
    def train_step(self, data):
        x = self.unpack(data)
        loss, terms = self.minimize_in_turn(
            self.translations,
            ("discriminators", self.discriminators_loss),
            ("generators", self.generators_loss),
            x,
        )
        return self._logs(x, loss=loss, **terms)

    @portable
    def test_step(self, data):
        x = self.unpack(data)
        made = self.translations(x)
        _, seen = self.discriminators_loss(x, made)
        loss, terms = self.objective(self.generators_loss, x, made)
        return self._logs(x, loss=loss, **terms, **seen)

    def _logs(self, x, **values):
        """Batches count by their number of known pairs."""
        return self.track(ops.sum(ops.cast(x["paired"], "float32")), **values)
