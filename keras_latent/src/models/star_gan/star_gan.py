"""StarGAN (Choi et al., 2018): one generator that changes any of the attributes of an image."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops as kops

from keras_latent.src.models.base import adversarial, networks
from keras_latent.src.models.base.attributes import (
    AttributeInput,
    AttributeModel,
    Attributes,
    attribute_nll,
    right_share,
    signed,
)
from keras_latent.src.models.base.batched import Graph, batched, images_of
from keras_latent.src.models.star_gan.presets import PRESETS
from keras_latent.src.training.inputs import Input
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor
from keras_latent.training import portable


@keras.saving.register_keras_serializable(package="keras_latent")
class StarGAN(AttributeModel):
    """StarGAN: one generator `G(x, c)` translates an image `x` to the attributes `c`; no latents.

    A discriminator has two heads: `D_src`, a critic that tells real images from translated ones,
    and `D_cls`, which predicts the attributes. With the attributes `c'` of `x`, the objectives are
    (eq. 5 and 6)

        D minimizes  L_D = -L_adv + lambda_cls L_cls^r
        G minimizes  L_G =  L_adv + lambda_cls L_cls^f + lambda_rec L_rec

    with (eq. 8, and eq. 2 to 4)

        L_adv   = E D_src(x) - E D_src(G(x, c)) - lambda_gp E (|grad_x^ D_src(x^)|_2 - 1)^2
        L_cls^r = E -log D_cls(c'|x)
        L_cls^f = E -log D_cls(c|G(x, c))
        L_rec   = E |x - G(G(x, c), c')|_1

    and `x^ = e x + (1 - e) G(x, c)`, `e ~ U(0, 1)` per row. The targets `c` are the attributes of
    the batch in another order. The discriminator gets `critic_steps` updates, each on other rows,
    then the generator gets one, on the rows of the last of them: a batch of `fit` is cut into
    `critic_steps` equal parts.

    Where the paper is ambiguous, or its equations differ from its text and the authors' code:

    - With eq. 8, eq. 6 would have `G` change the penalty, too. As in the code, `G` minimizes only
      the part `-E D_src(G(x, c))` of `L_adv`.
    - As in the code, `L_cls` is a sum of binary cross-entropies over attributes, in nats, and
      `L_rec` a mean over pixels, of images in [-1, 1].
    - Missing attributes. The paper, which trains on two datasets with different attributes, gives
      the generator zeros and a mask in their place. Here networks get an attribute as 1 (present),
      -1 (absent) or 0 (not known), as those of `CVAE` and `FaderNetwork`; in the code, it is 1 or
      0. A missing attribute of an image is not in its `L_cls^r`, nor one of its targets in
      `L_cls^f`.
    - `D_src` is one score per image here. In the paper it is one per patch.

    Args:
        generator: `G`, built Keras model of two inputs, images `(batch, ...)` in [-1, 1] and
            attributes `(batch, attributes)`, to images in [-1, 1] (tanh).
        discriminator: `D`, built Keras model, images in [-1, 1] to a pair: scores `(batch, 1)` of
            `D_src`, and logits `(batch, attributes)` of `D_cls`. Without batch normalization: the
            penalty is on the slope of each row.
        attributes: Number of attributes, or their names.
        classification_weight: `lambda_cls`.
        reconstruction_weight: `lambda_rec`.
        gradient_penalty_weight: `lambda_gp`.
        critic_steps: Updates of the discriminator per update of the generator, `n_critic`.
        seed: Seed of the order of the targets and of the points `x^`.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Input: float images `(batch, ...)` **in [0, 1]**, which the model maps to [-1, 1] for its
    networks, and back; as `y` integers `(batch, attributes)`: 1 (present), 0 (absent) or -1
    (missing). A batch must be a multiple of `critic_steps`. `call` takes `[x, signed attributes]`
    and returns `G(x, c)` in [0, 1].

    The logs hold every term, unweighted: `loss` (`L_G`) and its `adversarial_loss`,
    `classification_loss` and `reconstruction_loss`; `discriminator_loss` (`L_D`) and its
    `wasserstein` (`E D_src(x) - E D_src(G(x, c))`), `gradient_penalty` and
    `real_classification_loss`, and `discriminator_accuracy`, the share of the known attributes of
    real images that `D_cls` predicts. Those of the discriminator are means over a step's updates.

    Default optimizers: `{"discriminator": Adam, "generator": Adam}`, 1e-4 with `beta_1` 0.5.

    Raises:
        ValueError: If an argument is out of range, a network is not built, or shapes do not fit
            together; by `fit`, if a batch cannot be cut into `critic_steps` parts.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> star = models.StarGAN.from_preset("star_gan_digits", load_weights=False)
    >>> star.compile()
    >>> rng = np.random.default_rng(0)
    >>> images, y = rng.random((40, 8, 8, 1), "float32"), rng.integers(0, 2, (40, 10))
    >>> history = star.fit(images, y, batch_size=20, verbose=0)  # 5 updates of D on 4 rows
    >>> star.transfer(images, 3, attributes=y).shape
    (40, 8, 8, 1)

    Reference: Choi, Choi, Kim, Ha, Kim and Choo, "StarGAN: Unified Generative Adversarial Networks
    for Multi-Domain Image-to-Image Translation", CVPR (2018), eq. 2 to 6 and 8; Gulrajani, Ahmed,
    Arjovsky, Dumoulin and Courville, "Improved Training of Wasserstein GANs", NeurIPS (2017).
    """

    presets = PRESETS
    optional_trackers = {"gradient_penalty": "gradient_penalty_weight"}
    trackers = (
        *("loss", "adversarial_loss", "classification_loss", "reconstruction_loss"),
        *("discriminator_loss", "wasserstein", "gradient_penalty", "real_classification_loss"),
        "discriminator_accuracy",
    )
    decodes_attributes = True
    unit_interval = True

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        attributes: int | Sequence[str],
        classification_weight: float = 1.0,
        reconstruction_weight: float = 10.0,
        gradient_penalty_weight: float = 10.0,
        critic_steps: int = 5,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.generator = networks.built("generator", generator)
        self.discriminator = networks.built("discriminator", discriminator)
        self.set_attributes(attributes)
        weight = checks.non_negative
        self.classification_weight = weight("classification_weight", classification_weight)
        self.reconstruction_weight = weight("reconstruction_weight", reconstruction_weight)
        self.gradient_penalty_weight = weight("gradient_penalty_weight", gradient_penalty_weight)
        self.critic_steps = checks.integer("critic_steps", critic_steps)
        self.seed = checks.keras_seed("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

        self.event_shape = networks.conditioned_shape("generator", generator, self.num_attributes)
        x, c = keras.Input(self.event_shape), keras.Input((self.num_attributes,))
        made = networks.outputs_of([x, c], {"generator": generator})
        networks.check_output("generator", made, self.event_shape)
        judged = networks.outputs_of(made, {"discriminator": discriminator}, "generator")
        shapes, wanted = networks.shapes_of(judged), [(None, 1), (None, self.num_attributes)]
        if not isinstance(judged, (tuple, list)) or list(shapes) != wanted:
            raise ValueError(
                "`discriminator` must return a pair: scores (batch, 1), and logits with a column "
                f"for each of `attributes`, (batch, {self.num_attributes}). "
                f"Received: outputs of shape {shapes}"
            )
        self.built = True

    # Networks ----------------------------------------------------------------------------

    def translated(self, x: Tensor, c: Tensor, training: bool = False) -> Tensor:
        """`G(x, c)`, float32: images in [-1, 1], signed attributes `(batch, attributes)`."""
        inputs = [kops.convert_to_tensor(part) for part in (x, c)]  # JAX passes arrays if eager
        return kops.cast(self.generator(inputs, training=training), "float32")

    def to_image(self, x: Tensor, c: Tensor, training: bool = False) -> Tensor:
        """`G(x, c)` of images in [0, 1], in [0, 1]."""
        x = 2.0 * kops.cast(x, "float32") - 1.0
        return (self.translated(x, c, training) + 1.0) / 2.0

    def call(self, inputs: list[Tensor], training: bool = False) -> Tensor:
        x, c = inputs
        return self.to_image(x, c, training)

    def judged(self, x: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """`D_src(x)`, `(batch,)`, and the logits of `D_cls`, `(batch, attributes)`; float32."""
        scores, logits = self.discriminator(x, training=training)
        return kops.cast(scores, "float32")[:, 0], kops.cast(logits, "float32")

    def _scores(self, x):
        return self.judged(x)[0]

    # Objectives --------------------------------------------------------------------------

    def targets(self, y: Tensor) -> Tensor:
        """`c`: the attributes of the batch in another order, from the model's own stream."""
        # Of row numbers: on JAX, Keras shuffles each column of a matrix by itself.
        order = keras.random.shuffle(kops.arange(kops.shape(y)[0]), seed=self.seed_generator)
        return kops.take(y, order, axis=0)

    def discriminator_loss(
        self, x: Tensor, y: Tensor, made: Tensor, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`L_D` of images in [-1, 1], their attributes, and their translations; and its terms."""
        rows = kops.shape(x)[0]
        scores, logits = self.judged(kops.concatenate([x, made]), training)
        distance = kops.mean(scores[:rows]) - kops.mean(scores[rows:])
        nll = kops.mean(attribute_nll(logits[:rows], y))
        loss = self.classification_weight * nll - distance
        terms = {"wasserstein": distance, "real_classification_loss": nll}
        terms["discriminator_accuracy"] = right_share(logits[:rows], y)[0]
        if self.gradient_penalty_weight:
            penalty = adversarial.gradient_penalty(self._scores, x, made, self.seed_generator)
            terms["gradient_penalty"] = penalty
            loss = loss + self.gradient_penalty_weight * penalty
        return loss, terms | {"discriminator_loss": loss}

    def generator_loss(
        self, x: Tensor, y: Tensor, c: Tensor, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`L_G` of images in [-1, 1], their attributes and targets; and its terms."""
        made = self.translated(x, signed(c), training)
        back = self.translated(made, signed(y), training)
        scores, logits = self.judged(made, training)
        terms = {
            "adversarial_loss": -kops.mean(scores),
            "classification_loss": kops.mean(attribute_nll(logits, c)),
            "reconstruction_loss": adversarial.absolute_error(x, back),
        }
        loss = terms["adversarial_loss"] + self.classification_weight * terms["classification_loss"]
        return loss + self.reconstruction_weight * terms["reconstruction_loss"], terms

    # Steps -------------------------------------------------------------------------------

    @portable
    def train_step(self, data):
        x, y = self.unpack(data)
        rows = kops.shape(x)[0]
        if x.shape[0] is not None:  # unknown on TensorFlow, where `fit` has checked arrays
            adversarial.check_parts(x.shape[0], self.critic_steps)
        c = self.targets(y)
        made = kops.stop_gradient(self.translated(x, signed(c), training=True))
        x, y, c, made = (
            kops.reshape(part, (self.critic_steps, -1, *part.shape[1:])) for part in (x, y, c, made)
        )
        seen = []
        for i in range(self.critic_steps):
            part = x[i], y[i], made[i]
            seen.append(self.minimize(self.discriminator_loss, *part, True, of="discriminator")[1])
        means = {name: sum(t[name] for t in seen) / self.critic_steps for name in seen[0]}
        part = x[-1], y[-1], c[-1]
        loss, terms = self.minimize(self.generator_loss, *part, True, of="generator")
        return self.track(rows, loss=loss, **terms, **means)

    @portable
    def test_step(self, data):
        x, y = self.unpack(data)
        c = self.targets(y)
        _, seen = self.discriminator_loss(x, y, self.translated(x, signed(c)))
        loss, terms = self.objective(self.generator_loss, x, y, c)
        return self.track(kops.shape(x)[0], loss=loss, **terms, **seen)

    def unpack(self, data: Any) -> tuple[Tensor, Tensor]:
        """Images in [-1, 1], and attributes."""
        x, y = super().unpack(data)
        return 2.0 * x - 1.0, y

    def check_data(self, x: Any, y: Any, sizes: tuple[int, ...]) -> None:
        adversarial.check_batches(sizes, self.critic_steps)

    def optimizer_groups(self) -> dict[str, list[keras.layers.Layer]]:
        return {"discriminator": [self.discriminator], "generator": [self.generator]}

    def default_optimizer(self) -> dict[str, keras.optimizers.Optimizer]:
        return {k: keras.optimizers.Adam(1e-4, beta_1=0.5) for k in self.optimizer_groups()}

    # Methods on arrays -------------------------------------------------------------------

    @batched(x=images_of, attributes=lambda self: AttributeInput(self.attribute_names))
    def reconstruct(
        self, x: Rows, attributes: Rows | None = None, *, batch_size: int = 512
    ) -> np.ndarray:
        """`G(x, c)` for the attributes of the images: they should come back unchanged.

        Args:
            x: Float images `(rows, ...)` in [0, 1].
            attributes: `(rows, attributes)` of 1, 0 and -1. `None`: none is known. Those of others
                make this a translation that changes several at once.
            batch_size: Rows per compiled call.

        Returns:
            Images `(rows, ...)` in [0, 1], float32.

        Raises:
            ValueError: If shapes or values do not fit.
        """
        return self.to_image(x, signed(attributes))

    def transfer(
        self,
        x: Rows,
        attribute: Attributes = None,
        strength: Any = 1.0,
        *,
        attributes: Rows | None = None,
        batch_size: int = 512,
    ) -> np.ndarray:
        """Images with an attribute changed.

        Args:
            x: Float images `(rows, ...)` in [0, 1].
            attribute: Name or number of an attribute; a sequence of these; `None`: each one.
            strength: How far the attribute goes from the image's own value to another one: to
                present if it is positive, and to absent if it is negative. 1 and -1 go all the way,
                as in the objective; 0 leaves the image's own value; values beyond exaggerate the
                change. An attribute that is not known starts halfway between the two. A number, one
                per row, `(rows,)`, or one per row and attribute.
            attributes: The known attributes of the images, `(rows, attributes)` of 1, 0 and -1.
            batch_size: Rows per compiled call.

        Returns:
            Like `x` for one attribute, otherwise `(rows, attributes, ...)`; in [0, 1], float32.

        Raises:
            ValueError: If there is no such attribute, or `strength` or `attributes` do not fit.
        """
        columns, single = self.columns_of(attribute)
        x = images_of(self).rows("x", x)
        values = self.strengths(strength, len(x), len(columns))
        y = AttributeInput(self.attribute_names).fill_rows(attributes, len(x))
        own = np.where(y < 0, 0.0, np.where(y > 0, 1.0, -1.0)).astype("float32")
        # Of signed attributes of any size, not of labels.
        graph = Graph({"x": images_of(self), "c": Input((self.num_attributes,))}, self.to_image)
        made = []
        for i, column in enumerate(columns):
            c = own.copy()
            c[:, column] = moved(own[:, column], values[:, i])
            made.append(self.run("translate signed", graph, {"x": x, "c": c}, batch_size))
        return made[0] if single else np.stack(made, axis=1)

    def transferred(
        self, inputs: Any, columns: Sequence[int], strength: Any, **options: Any
    ) -> Tensor:
        """Transfers as a tensor function of `{"x": images, "y": attributes}`."""
        x, strength = self.inputs_of(inputs, strength)
        own = signed(inputs["y"])[:, None]
        chosen = np.eye(self.num_attributes, dtype="float32")[columns][None]  # (1, columns, n)
        c = own * (1.0 - chosen) + moved(own, strength) * chosen
        pixel = (slice(None), slice(None), *([None] * len(self.event_shape)))
        repeated = x[:, None] + kops.zeros_like(c[..., 0])[pixel]
        c = kops.reshape(c, (-1, self.num_attributes))
        images = self.to_image(kops.reshape(repeated, (-1, *self.event_shape)), c)
        return kops.reshape(images, (-1, len(columns), *self.event_shape))


def moved(own: Any, strength: Any) -> Any:
    """A signed attribute on its way from its own value to the sign of `strength`."""
    # own + |s| (sign(s) - own)
    return (1.0 - abs(strength)) * own + strength
