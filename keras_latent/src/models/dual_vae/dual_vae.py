"""DualVAE: attributes as linear boundaries in latent space (Okamoto et al., 2019)."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops as kops

from keras_latent import ops
from keras_latent.src.models.base.attributes import (
    AttributeModel,
    Attributes,
    attribute_nll,
    right_share,
)
from keras_latent.src.models.base.batched import Graph, batched, images_of
from keras_latent.src.models.dual_vae.directions import directions_of, steps_to_boundary
from keras_latent.src.models.dual_vae.presets import PRESETS
from keras_latent.src.models.dual_vae.transfer_consistency import TransferConsistency
from keras_latent.src.models.vae.vae import VAE
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor
from keras_latent.training import portable


@keras.saving.register_keras_serializable(package="keras_latent")
class DualVAE(AttributeModel, VAE):
    """Dual variational autoencoder: a VAE whose latents also predict attributes, linearly.

    The bound on the log-likelihood of an image and its attributes (eq. 2)

        log p(x, y) >= L(x) + E_q(z|x) log p(y|z)          p(y|z) = Bern(y | sigmoid(U z))

    with `L(x)` the evidence lower bound of the VAE. Row `u_i` of `U`, the dual vector of
    attribute `i`, is the normal of its decision boundary. Algorithm 1: with one draw of `z`,

        phi, theta <- g   (gradient of L(x))
        phi, U     <- g_e (gradient of alpha sum_i I_i log p(y_i|z, u_i))

    where `I_i` is 0 for a missing attribute. Two optimizers, `"vae"` (g) and `"attributes"` (g_e),
    both update the encoder, whose forward pass they share. Both terms are in nats, summed over
    pixels and attributes, averaged over the batch.

    To transfer an image, its latent takes a step along a dual vector (eq. 3) and is decoded:

        w_i = z + lambda u_i = z + strength u_i / |u_i|

    `strength` counts standard deviations of the prior, because the lengths of dual vectors depend
    on the training. With `unit="dual_vector"`, it is `lambda`.

    The paper leaves open, and this class takes as arguments: networks, latent size, `alpha` and
    `lambda`. `ConditionalInceptionScore` as a function of the step compares them.

    Args:
        encoder: Built Keras model, `(batch, ...)` to `(z_mean, z_log_var)`, each
            `(batch, latent_dim)`.
        decoder: Built Keras model, `(batch, latent_dim)` to the parameters of `p(x|z)`,
            `(batch, ...)`: logits (Bernoulli) or means (Gaussian).
        attributes: Number of attributes, or their names.
        alpha: Weight of the attributes' log-likelihood.
        beta: Weight of the KL divergence.
        likelihood: `"gaussian"` or `"bernoulli"`.
        observation_variance: Variance of the Gaussian likelihood, in squared pixels.
        seed: Seed of the reparametrization noise.
        use_bias: See Extensions, also for the arguments below.
        consistency: 0 or more.
        input_noise: Standard deviation, in pixel values.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Extensions, not in the paper, off by default:

    - `use_bias`: `p(y|z) = Bern(sigmoid(U z + b))`. This moves the boundaries of rare attributes
      away from the origin.
    - `consistency` is the weight of `C` in `L(x) - consistency C`, which makes the decoder render
      the attributes of moved latents (see `TransferConsistency`). It costs a second pass through
      the decoder and one through the encoder.
    - `input_noise` is the standard deviation of Gaussian noise on the encoder's inputs in training.
    - `transfer(direction="isolated")` keeps the logits of other attributes: see `directions`.

    Input: float images `(batch, ...)`, and as `y` integers `(batch, attributes)`: 1 (present),
    0 (absent) or -1 (missing). Default optimizers: Adam, learning rate 1e-3.

    Raises:
        ValueError: If an argument is out of range, a network is not built, or their shapes do
            not fit together; by `fit` and `evaluate`, if `y` is missing, does not have one
            column per attribute, or has other values.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> names = ["round", "straight"]
    >>> dual = models.DualVAE.from_preset("dual_vae_digits", load_weights=False, attributes=names)
    >>> dual.compile()
    >>> rng = np.random.default_rng(0)
    >>> images, y = rng.random((64, 8, 8, 1), "float32"), rng.integers(-1, 2, (64, 2))
    >>> history = dual.fit(images, y, batch_size=32, verbose=0)
    >>> dual.transfer(images, "round", 2.0).shape
    (64, 8, 8, 1)
    >>> dual.attribute_probabilities(images).shape
    (64, 2)

    Reference: Okamoto, Suzuki, Higuchi, Ohsawa and Matsuo, "Dual Space Learning with
    Variational Autoencoders", ICLR workshop (2019), eq. 1 to 3, algorithm 1.
    """

    presets = PRESETS
    trackers = (*VAE.trackers, "attribute_loss", "attribute_accuracy", "consistency_loss")
    optional_trackers = {"consistency_loss": "consistency"}

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        attributes: int | Sequence[str],
        alpha: float = 1.0,
        beta: float = 1.0,
        likelihood: str = "gaussian",
        observation_variance: float = 1.0,
        seed: int | None = None,
        *,
        use_bias: bool = False,
        consistency: float = 0.0,
        input_noise: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(encoder, decoder, beta, likelihood, observation_variance, seed, **kwargs)
        self.set_attributes(attributes)
        self.alpha = checks.non_negative("alpha", alpha)
        self.use_bias = bool(use_bias)
        self.consistency = checks.non_negative("consistency", consistency)
        self.input_noise = checks.non_negative("input_noise", input_noise)
        self.transfer_consistency = TransferConsistency(self)
        self.attribute_decoder = keras.layers.Dense(
            self.num_attributes, use_bias=self.use_bias, dtype="float32", name="attribute_decoder"
        )
        self.attribute_decoder.build((None, self.latent_dim))

    def optimizer_groups(self) -> dict[str, list[keras.layers.Layer]]:
        return {
            "vae": [self.encoder, self.decoder],
            "attributes": [self.encoder, self.attribute_decoder],
        }

    # Objective ---------------------------------------------------------------------------

    def attribute_logits(self, z: Tensor) -> Tensor:
        """`U z`, `(batch, attributes)`, float32: above 0 if an attribute is present."""
        return self.attribute_decoder(kops.cast(z, "float32"))

    def losses_of(
        self, x: Tensor, y: Tensor, training: bool = False
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What each optimizer minimizes, by its name, and the terms, unweighted."""
        extension = self.transfer_consistency
        seen = extension.with_noise(x) if training else x
        z_mean, z_log_var = self.posterior(seen, training)
        z = self.sample(z_mean, z_log_var)
        # First: the decoder's pass below updates averages of batch normalization, a way to phi.
        consistency_loss: Any = extension.of(z, training) if self.consistency else 0.0
        nll = -kops.mean(self.log_prob(x, self.likelihood_parameters(z, training)))
        kl = kops.mean(ops.gaussian_kl(z_mean, z_log_var))

        logits = self.attribute_logits(z)
        attribute_loss = kops.mean(attribute_nll(logits, y))
        terms = {
            "reconstruction_loss": nll,
            "kl_loss": kl,
            "attribute_loss": attribute_loss,
            # Weighted by the number of known labels: a batch without any says nothing about it.
            "attribute_accuracy": right_share(logits, y),
        }
        vae_loss = nll + self.beta * kl
        if self.consistency:
            terms["consistency_loss"] = consistency_loss
            vae_loss = vae_loss + self.consistency * consistency_loss
        return {"vae": vae_loss, "attributes": self.alpha * attribute_loss}, terms

    def dual_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Any]]:
        """The objective, a scalar in nats, and its terms: the two losses together."""
        losses, terms = self.losses_of(x, y)
        return losses["vae"] + losses["attributes"], terms

    @portable
    def train_step(self, data):
        x, y = self.unpack(data)
        losses, terms = self.minimize_each(self.losses_of, x, y, True)
        return self.track(kops.shape(x)[0], loss=sum(losses.values()), **terms)

    @portable
    def test_step(self, data):
        x, y = self.unpack(data)
        loss, terms = self.objective(self.dual_loss, x, y)
        return self.track(kops.shape(x)[0], loss=loss, **terms)

    # Attributes --------------------------------------------------------------------------

    @batched(x=images_of)
    def attribute_probabilities(self, x: Rows, *, batch_size: int = 512) -> np.ndarray:
        """`p(y|z)` at the mean latents of images, `(rows, attributes)`, float32."""
        return kops.sigmoid(self.attribute_logits(self.posterior(x)[0]))

    def dual_vectors(self) -> np.ndarray:
        """`U`, `(attributes, latent_dim)`: row `i` is the normal of boundary `i`."""
        return kops.convert_to_numpy(self.attribute_decoder.kernel).T

    def directions(self, direction: str = "dual", *, unit: str = "dual_vector") -> np.ndarray:
        """Steps that `transfer` takes at strength 1, `(attributes, latent_dim)`.

        `"dual"` ones are the dual vectors. `"isolated"` ones are orthogonal to all others: column
        `i` of the pseudo-inverse of `U`, as long as `u_i`; they need at least as many latents as
        attributes. In the unit `"deviation"`, the default of `transfer`, all have length 1.
        """
        return directions_of(self.dual_vectors(), direction, unit)

    def transferred(  # type: ignore[override]
        self,
        inputs: Any,
        columns: Sequence[int],
        strength: Any,
        direction: str = "dual",
        together: bool = False,
        unit: str = "deviation",
    ) -> Tensor:
        x, strength = self.inputs_of(inputs, strength)
        steps = kops.multiply(strength, self.directions(direction, unit=unit)[columns][None])
        steps = kops.sum(steps, axis=1, keepdims=True) if together else steps
        return self._decode_steps(self.posterior(x)[0], steps)

    def graph_of_transfer(
        self,
        attribute: Attributes = None,
        strength: float | None = 1.0,
        direction: str = "dual",
        together: bool = False,
        unit: str = "deviation",
    ) -> Graph:
        return self.transfer_graph(attribute, strength, together, direction=direction, unit=unit)

    def boundary_function(
        self,
        attribute: Attributes = None,
        margin: float = 0.0,
        *,
        present: bool | None = None,
        direction: str = "dual",
    ) -> Callable[[Any], Tensor]:
        """`to_boundary` as one tensor function, like `transfer_function` for `transfer`.

        If the inputs are a dict with a `"strength"`, one per row, it is the margin.
        """
        columns, _ = self.columns_of(attribute)

        def moved(inputs):
            directions = self.directions(direction)[columns]
            x, chosen = self.inputs_of(inputs, checks.non_negative("margin", margin))
            z = self.posterior(x)[0]
            steps = self._steps_to_boundary(z, columns, directions, chosen, present)
            return self._decode_steps(z, steps)

        return moved

    def _decode_steps(self, z, steps):
        """Images `(batch, columns, ...)` of latents after steps `(batch, columns, latent_dim)`."""
        moved = z[:, None] + kops.cast(steps, "float32")
        images = self.to_data(kops.reshape(moved, (-1, self.latent_dim)))
        return kops.reshape(images, (-1, moved.shape[1], *self.event_shape))

    def _steps_to_boundary(self, z, columns, directions, margin, present):
        """Steps `(batch, columns, latent_dim)` that bring logits to the margin."""
        logits = kops.take(self.attribute_logits(z), np.array(columns), axis=-1)
        return steps_to_boundary(logits, self.dual_vectors()[columns], directions, margin, present)

    def transfer(
        self,
        x: Rows,
        attribute: Attributes = None,
        strength: Any = 1.0,
        *,
        direction: str = "dual",
        together: bool = False,
        unit: str = "deviation",
        batch_size: int = 512,
    ) -> np.ndarray:
        """Images with an attribute added or, if `strength` is negative, removed.

        Args:
            x: Float images `(rows, ...)`.
            attribute: Name or number of an attribute; a sequence of these; `None`: each one.
            strength: Length of the step: a number, one per row, `(rows,)`, or one per row and
                attribute, `(rows, attributes)`.
            direction: `"dual"`, the paper's, or `"isolated"`.
            together: Whether to change several attributes in the same image, not each in its own.
            unit: `"deviation"`: `strength` counts standard deviations of the prior, about those of
                the training data's latents. `"dual_vector"`: it is the paper's `lambda` (eq. 3).
            batch_size: Rows per compiled call.

        Returns:
            Array of the shape of `x` for one attribute, or several together; otherwise
            `(rows, attributes, ...)`; float32. Means of a Gaussian likelihood may leave [0, 1], the
            more so the stronger the edit: clip them to show or store images.
        """
        columns, single = self.columns_of(attribute)
        directions = self.directions(direction, unit=unit)[columns]
        z = self.encode(x, batch_size=batch_size)
        steps = self.strengths(strength, len(z), len(columns))[..., None] * directions
        return self._decode_moved(z, steps, single, together, batch_size)

    def to_boundary(
        self,
        x: Rows,
        attribute: Attributes = None,
        margin: float = 0.0,
        *,
        present: bool | None = None,
        direction: str = "dual",
        batch_size: int = 512,
    ) -> np.ndarray:
        """Images moved to the decision boundary of an attribute, or past it.

        Args:
            x: Float images `(rows, ...)`.
            attribute: As in `transfer`, and so `direction` and `batch_size`.
            margin: How far past the boundary, in log-odds, 0 or more. There, the attribute has
                probability `sigmoid(margin)`, or `sigmoid(-margin)`.
            present: The side to move to: with the attribute (True) or without it (False). Rows
                that are farther on that side stay where they are. `None`: each row moves to the
                other side.

        Returns:
            Array of the shape of `x` for one attribute, otherwise `(rows, attributes, ...)`.
        """
        margin = checks.non_negative("margin", margin)
        columns, single = self.columns_of(attribute)
        directions = self.directions(direction)[columns]
        z = self.encode(x, batch_size=batch_size)
        steps = self._steps_to_boundary(z, columns, directions, margin, present)
        return self._decode_moved(z, kops.convert_to_numpy(steps), single, False, batch_size)

    def _decode_moved(self, z, steps, single, together, batch_size):
        if together:
            return self.decode(z + steps.sum(axis=1), batch_size=batch_size)
        moved = (z[:, None] + steps).reshape(-1, self.latent_dim)
        images = self.decode(moved.astype("float32"), batch_size=batch_size)
        return images if single else images.reshape(len(z), -1, *images.shape[1:])
