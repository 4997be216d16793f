"""Fader Networks (Lample et al., 2017): an autoencoder whose latents hold no attributes."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops as kops

from keras_latent.src.models.base.attributes import attribute_nll, known, right_share, signed
from keras_latent.src.models.base.conditional import ConditionalModel
from keras_latent.src.models.base.networks import (
    built,
    check_output,
    conditioned_size,
    event_shape_of,
    outputs_of,
)
from keras_latent.src.models.fader_network.presets import PRESETS
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Tensor
from keras_latent.training import portable


@keras.saving.register_keras_serializable(package="keras_latent")
class FaderNetwork(ConditionalModel):
    """Autoencoder with sliders: attributes are removed from the latent, and given to the decoder.

    A discriminator predicts the attributes from the latent `E(x)`. The encoder learns to leave
    none in it, so that the decoder must take them from `y` (eq. 2 and 3):

        L_dis = -log P_dis(y | E(x))
        L_ae  = ||D(E(x), y) - x||^2 - lambda_E log P_dis(1 - y | E(x))

    `lambda_E` grows linearly from 0 over the first `warm_up` steps. Squared errors are averaged
    over pixels, cross-entropies over the known attributes. In a step, the discriminator is updated
    first, on the same latents. Two optimizers: `"discriminator"` and
    `"autoencoder"`.

    The DualVAE paper uses this model as a baseline. Networks get an attribute as 1 (present), -1
    (absent) or 0 (not known). Unlike in the original, an attribute is one number at the decoder's
    input instead of two constant channels in each layer. Add the original's dropout to the
    discriminator that you pass.

    Args:
        encoder: `E`, built Keras model, `(batch, ...)` to latents `(batch, latent_dim)`.
        decoder: `D`, built Keras model of two inputs, `(batch, latent_dim)` and
            `(batch, attributes)`, to images `(batch, ...)`.
        discriminator: Built Keras model, `(batch, latent_dim)` to logits `(batch, attributes)`.
        attributes: Number of attributes, or their names.
        adversarial_weight: The largest `lambda_E`.
        warm_up: Number of steps in which `lambda_E` grows.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Input: float images `(batch, ...)`, and as `y` integers `(batch, attributes)`: 1 (present),
    0 (absent) or -1 (missing). Default optimizers: Adam, learning rate 2e-3, beta_1 0.5.

    Raises:
        ValueError: If an argument is out of range, a network is not built, or their shapes do
            not fit together; by `fit` and `evaluate`, if `y` does not fit.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> fader = models.FaderNetwork.from_preset("fader_digits", load_weights=False)
    >>> fader.compile()
    >>> rng = np.random.default_rng(0)
    >>> images, y = rng.random((64, 8, 8, 1), "float32"), rng.integers(0, 2, (64, 10))
    >>> history = fader.fit(images, y, batch_size=32, verbose=0)
    >>> fader.transfer(images, 3, attributes=y).shape
    (64, 8, 8, 1)

    Reference: Lample, Zeghidour, Usunier, Bordes, Denoyer and Ranzato, "Fader Networks:
    Manipulating Images by Sliding Attributes" (2017), eq. 1 to 3.
    """

    presets = PRESETS
    trackers = ("loss", "reconstruction_loss", "adversarial_loss", "discriminator_accuracy")
    encodes_attributes = False

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        discriminator: keras.Model,
        attributes: int | Sequence[str],
        adversarial_weight: float = 1e-4,
        warm_up: int = 500_000,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.encoder = built("encoder", encoder)
        self.decoder = built("decoder", decoder)
        self.discriminator = built("discriminator", discriminator)
        self.set_attributes(attributes)
        self.adversarial_weight = checks.non_negative("adversarial_weight", adversarial_weight)
        self.warm_up = int(checks.non_negative("warm_up", warm_up))

        self.event_shape = event_shape_of("encoder", encoder)
        self.latent_dim = conditioned_size("decoder", decoder, self.num_attributes)
        z = outputs_of(keras.Input(self.event_shape), {"encoder": encoder})
        check_output("encoder", z, (self.latent_dim,), "decoder")
        y = keras.Input((self.num_attributes,))
        output = outputs_of([z, y], {"decoder": decoder}, "encoder")
        check_output("decoder", output, self.event_shape, "encoder")
        logits = outputs_of(z, {"discriminator": discriminator}, "encoder")
        check_output("discriminator", logits, (self.num_attributes,))
        self.steps = self.add_weight(
            shape=(), initializer="zeros", dtype="float32", trainable=False, name="steps"
        )
        self.built = True

    def optimizer_groups(self) -> dict[str, list[keras.layers.Layer]]:
        return {
            "discriminator": [self.discriminator],
            "autoencoder": [self.encoder, self.decoder],
        }

    def default_optimizer(self) -> dict[str, keras.optimizers.Optimizer]:
        return {k: keras.optimizers.Adam(2e-3, beta_1=0.5) for k in self.optimizer_groups()}

    # Objectives --------------------------------------------------------------------------

    def call(self, inputs: list[Tensor], training: bool = False) -> Tensor:
        x, y = (kops.convert_to_tensor(part) for part in inputs)  # JAX passes arrays if eager
        return self.decoder([self.encoder(x, training=training), y], training=training)

    def to_latent(self, x: Tensor, y: Tensor) -> Tensor:
        """`E(x)`, whatever the attributes."""
        return kops.cast(self.encoder(x), "float32")

    def to_data(self, z: Tensor, y: Tensor) -> Tensor:
        """`D(z, y)`."""
        return kops.cast(self.decoder([z, y]), "float32")

    def _nll(self, z, y, training):
        """`-log P_dis(y|z)`, averaged over the known attributes of the batch, and the logits."""
        logits = kops.cast(self.discriminator(z, training=training), "float32")
        total, number = kops.sum(attribute_nll(logits, y)), kops.sum(known(y))
        return total / kops.maximum(number, 1.0), logits

    def latents(self, x: Tensor, y: Tensor, training: bool = False) -> Tensor:
        """`E(x)`, which both players share."""
        return self.encoder(x, training=training)

    def discriminator_loss(
        self, x: Tensor, y: Tensor, z: Tensor, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`L_dis`, and the accuracy of the discriminator."""
        loss, logits = self._nll(z, y, training)
        return loss, {"discriminator_accuracy": right_share(logits, y)[0]}

    def autoencoder_loss(
        self, x: Tensor, y: Tensor, z: Tensor, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`L_ae`, and its terms, unweighted."""
        made = self.decoder([z, signed(y)], training=training)
        error = kops.mean(kops.square(kops.cast(made, "float32") - x))
        flipped = kops.where(y < 0, y, 1 - y)
        fooled, _ = self._nll(z, flipped, training)
        share: Any = 1.0
        if self.warm_up:
            share = kops.minimum(kops.convert_to_tensor(self.steps) / self.warm_up, 1.0)
        loss = error + self.adversarial_weight * share * fooled
        return loss, {"reconstruction_loss": error, "adversarial_loss": fooled}

    @portable
    def train_step(self, data):
        x, y = self.unpack(data)
        loss, terms = self.minimize_in_turn(
            self.latents,
            ("discriminator", self.discriminator_loss),
            ("autoencoder", self.autoencoder_loss),
            x,
            y,
        )
        self.steps.assign(self.steps + 1.0)
        return self.track(kops.shape(x)[0], loss=loss, **terms)

    @portable
    def test_step(self, data):
        x, y = self.unpack(data)
        z = self.latents(x, y)
        _, seen = self.discriminator_loss(x, y, z)
        loss, terms = self.objective(self.autoencoder_loss, x, y, z)
        return self.track(kops.shape(x)[0], loss=loss, **terms, **seen)
