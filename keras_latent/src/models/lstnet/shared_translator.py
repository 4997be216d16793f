"""Encoders and generators of two domains, with shared parts: one half of LSTNet."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_latent.callbacks import CollapseMonitor
from keras_latent.src.models.base.batched import tensor_function
from keras_latent.src.models.base.networks import built, optional
from keras_latent.src.models.base.two_domain import TwoDomain, images_of, latents_of
from keras_latent.src.training.batches import BatchSpec
from keras_latent.src.training.inputs import Ignored
from keras_latent.src.utils.domains import DOMAINS, OTHER
from keras_latent.src.utils.types import Tensor


class SharedTranslator(TwoDomain):
    """`E_1 = E_s o E_1*`, `E_2 = E_s o E_2*`, `G_1 = G_1* o G_s` and `G_2 = G_2* o G_s`.

    Images are in [0, 1] in methods and data, and in [-1, 1] inside the networks.

    Args:
        source_encoder: `E_1*`; see `LSTNet` for this and the others.
        target_encoder: `E_2*`.
        source_generator: `G_1*`.
        target_generator: `G_2*`.
        shared_encoder: `E_s`, or `None`.
        shared_generator: `G_s`, or `None`.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Raises:
        ValueError: If a network is not built, or their shapes do not fit together.
    """

    unit_interval = True

    def __init__(
        self,
        source_encoder: keras.Model,
        target_encoder: keras.Model,
        source_generator: keras.Model,
        target_generator: keras.Model,
        shared_encoder: keras.Model | None = None,
        shared_generator: keras.Model | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.source_encoder = built("source_encoder", source_encoder)
        self.target_encoder = built("target_encoder", target_encoder)
        self.source_generator = built("source_generator", source_generator)
        self.target_generator = built("target_generator", target_generator)
        self.shared_encoder = optional("shared_encoder", shared_encoder)
        self.shared_generator = optional("shared_generator", shared_generator)

        self.set_shapes("generator")
        features = {
            d: tuple(self.own(d, "encoder")(keras.Input(shape)).shape[1:])
            for d, shape in self.event_shapes.items()
        }
        if features["source"] != features["target"]:  # they become one batch
            raise ValueError(
                "`source_encoder` and `target_encoder` must return features of one shape. "
                f"Received: {features}"
            )

    def own(self, domain: str, kind: str) -> keras.Model:
        """A domain's own `"encoder"`, `"generator"` or `"discriminator"`."""
        return getattr(self, f"{domain}_{kind}")

    def shared(self, kind: str, inputs: Tensor, training: bool = False) -> Tensor:
        """`E_s` or `G_s` applied to a tensor; without that network, the tensor itself."""
        network = getattr(self, f"shared_{kind}")
        return inputs if network is None else network(inputs, training=training)

    def encoded(self, x: dict[str, Tensor], training: bool = False) -> Tensor:
        """Latents of images in [-1, 1], as one batch: the source's first, the target's last."""
        features = [self.own(d, "encoder")(x[d], training=training) for d in DOMAINS]
        return self.shared("encoder", ops.concatenate(features), training)

    @property
    def batch_spec(self) -> BatchSpec:
        return BatchSpec(
            {**{d: self.images(d) for d in DOMAINS}, "paired": Ignored()},
            hint="`datasets.load_pair` and `datasets.pair_from_arrays` make them.",
        )

    def unpack(self, data: Any) -> dict[str, Tensor]:
        """Images of both domains, in [-1, 1]."""
        x = super().unpack(data)
        return {d: 2.0 * x[d] - 1.0 for d in DOMAINS}

    def default_callbacks(self) -> list[keras.callbacks.Callback]:
        return [*super().default_callbacks(), CollapseMonitor()]

    @tensor_function(x=images_of)
    def to_latent(self, x: Tensor, domain: str) -> Tensor:
        """`E_1(x_1)`, or `E_2(x_2)`, of images in [0, 1]."""
        return self.shared("encoder", self.own(domain, "encoder")(2.0 * x - 1.0))

    @tensor_function(z=latents_of)
    def to_image(self, z: Tensor, domain: str) -> Tensor:
        """`G_1(z)`, or `G_2(z)`, in [0, 1]."""
        x = self.own(domain, "generator")(self.shared("generator", z))
        return (ops.cast(x, "float32") + 1.0) / 2.0

    def call(self, inputs: dict[str, Tensor], training: bool = False) -> dict[str, Tensor]:
        x = {d: 2.0 * ops.cast(inputs[d], "float32") - 1.0 for d in DOMAINS}
        made = self.translations(x, training)
        outputs = {f"{d}_reconstruction": made["reconstructed"][d] for d in DOMAINS}
        # By the domain that is translated, as in `VBTA`.
        outputs |= {f"{d}_translation": made["translated"][OTHER[d]] for d in DOMAINS}
        return {name: (ops.cast(image, "float32") + 1.0) / 2.0 for name, image in outputs.items()}

    def translations(
        self,
        x: dict[str, Tensor],
        training: bool = False,
        draw: Callable[[Tensor], Tensor] = lambda z: z,
    ) -> dict[str, dict[str, Tensor]]:
        """All outputs of the translators for a batch `{domain: images in [-1, 1]}`.

        Args:
            x: The batch.
            training: Whether the networks are trained.
            draw: What the generators get, of what the encoders return.

        Returns:
            Dict of `"latent"`, `"reconstructed"`, `"translated"` (into that domain),
            `"latent_of_translated"` (of that domain's images, once translated) and
            `"cycled"`, each a dict of `"source"` and `"target"`.
        """
        rows = ops.shape(x["source"])[0]
        z = self.encoded(x, training)
        h = self.shared("generator", draw(z), training)
        source = self.source_generator(h, training=training)
        target = self.target_generator(h, training=training)
        translated = {"source": source[rows:], "target": target[:rows]}

        # The translations into the source come from the target's images, and vice versa.
        rows_back = ops.shape(x["target"])[0]
        z_back = self.encoded(translated, training)
        h_back = self.shared("generator", draw(z_back), training)
        return {
            "latent": {"source": z[:rows], "target": z[rows:]},
            "reconstructed": {"source": source[:rows], "target": target[rows:]},
            "translated": translated,
            "latent_of_translated": {"source": z_back[rows_back:], "target": z_back[:rows_back]},
            "cycled": {
                "source": self.source_generator(h_back[rows_back:], training=training),
                "target": self.target_generator(h_back[:rows_back], training=training),
            },
        }
