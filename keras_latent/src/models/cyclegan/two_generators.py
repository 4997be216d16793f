"""A generator for each direction: one half of CycleGAN and of Pix2Pix."""

from typing import Any

import keras
from keras import ops

from keras_latent.callbacks import CollapseMonitor
from keras_latent.src.models.base.adversarial import averages, spread
from keras_latent.src.models.base.batched import tensor_function
from keras_latent.src.models.base.networks import built, check_output, event_shape_of, outputs_of
from keras_latent.src.models.base.translator import Translator, images_of_other
from keras_latent.src.utils import checks
from keras_latent.src.utils.domains import DOMAINS, OTHER
from keras_latent.src.utils.types import Tensor


class TwoGenerators(Translator):
    """`G`, from the source to the target, and `F`, from the target to the source.

    Images are in [0, 1] in methods and data, and in [-1, 1] inside the networks. A subclass checks
    and calls the discriminators, which have an optimizer of their own.

    Args:
        source_generator: `F`; see `CycleGAN` for this and the others.
        target_generator: `G`.
        source_discriminator: `D_X`.
        target_discriminator: `D_Y`.
        ema_momentum: At least 0 and less than 1, or `None`.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Raises:
        ValueError: If a network is not built, or a generator does not take what the other returns.
    """

    unit_interval = True

    def __init__(
        self,
        source_generator: keras.Model,
        target_generator: keras.Model,
        source_discriminator: keras.Model,
        target_discriminator: keras.Model,
        *,
        ema_momentum: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.source_generator = built("source_generator", source_generator)
        self.target_generator = built("target_generator", target_generator)
        self.source_discriminator = built("source_discriminator", source_discriminator)
        self.target_discriminator = built("target_discriminator", target_discriminator)
        self.ema_momentum = None
        if ema_momentum is not None:
            self.ema_momentum = checks.fraction("ema_momentum", ema_momentum)
        names = {d: f"{d}_generator" for d in DOMAINS}
        self.event_shapes = {
            d: event_shape_of(names[OTHER[d]], getattr(self, names[OTHER[d]])) for d in DOMAINS
        }
        for to, name in names.items():
            x = keras.Input(self.event_shapes[OTHER[to]])
            made = outputs_of(x, {name: getattr(self, name)})
            check_output(name, made, self.event_shapes[to], names[OTHER[to]])

    def generated(self, x: Tensor, to: str, training: bool = False) -> Tensor:
        """`G(x)`, or `F(y)`, of images in [-1, 1], float32."""
        made = getattr(self, f"{to}_generator")(x, training=training)
        return ops.cast(made, "float32")

    @tensor_function(x=images_of_other)
    def translated(self, x: Tensor, to: str) -> Tensor:
        """`G(x)`, or `F(y)`, of images in [0, 1]."""
        return (self.generated(2.0 * x - 1.0, to) + 1.0) / 2.0

    def call(self, inputs: dict[str, Tensor], training: bool = False) -> dict[str, Tensor]:
        signed = {d: 2.0 * ops.cast(inputs[d], "float32") - 1.0 for d in DOMAINS}
        # By the domain that is translated, as in `VBTA`.
        return {
            f"{d}_translation": (self.generated(signed[d], OTHER[d], training) + 1.0) / 2.0
            for d in DOMAINS
        }

    def unpack(self, data: Any) -> dict[str, Tensor]:
        """A batch, with images in [-1, 1]."""
        x = super().unpack(data)
        return x | {d: 2.0 * x[d] - 1.0 for d in DOMAINS}

    def spreads(self, x: dict[str, Tensor], translated: dict[str, Tensor]) -> dict[str, Tensor]:
        """The variance of translations over the batch, divided by that of the real images."""
        return {f"{d}_spread": spread(translated[d]) / (spread(x[d]) + 1e-7) for d in DOMAINS}

    def default_callbacks(self) -> list[keras.callbacks.Callback]:
        return [*super().default_callbacks(), CollapseMonitor()]

    def optimizer_groups(self) -> dict[str, list[keras.layers.Layer]]:
        return {
            "discriminators": [self.source_discriminator, self.target_discriminator],
            "generators": [self.source_generator, self.target_generator],
        }

    def default_optimizer(self) -> dict[str, keras.optimizers.Optimizer]:
        return {
            "discriminators": keras.optimizers.Adam(2e-4, beta_1=0.5),
            "generators": keras.optimizers.Adam(2e-4, beta_1=0.5, **averages(self.ema_momentum)),
        }
