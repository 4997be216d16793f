"""DualVAE: attributes as linear boundaries in latent space (Okamoto et al., 2019)."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops as kops

from keras_latent import ops
from keras_latent.src.export.export import Graph
from keras_latent.src.models.base import validation
from keras_latent.src.models.base.attribute_model import (
    AttributeModel,
    Attributes,
    attribute_nll,
    right_share,
)
from keras_latent.src.models.dual_vae.presets import PRESETS
from keras_latent.src.models.dual_vae.transfer_consistency import TransferConsistency
from keras_latent.src.models.vae.vae import VAE
from keras_latent.training import portable

DIRECTIONS = ("dual", "isolated")


@keras.saving.register_keras_serializable(package="keras_latent")
class DualVAE(TransferConsistency, AttributeModel, VAE):
    """Dual variational autoencoder: a VAE whose latents also predict attributes, linearly.

    The bound on the log-likelihood of an image and its attributes (eq. 2)

        log p(x, y) >= L(x) + E_q(z|x) log p(y|z)          p(y|z) = Bern(y | sigmoid(U z))

    with `L(x)` the evidence lower bound of the VAE. Row `u_i` of `U`, the dual vector of
    attribute `i`, is the normal of its decision boundary. Algorithm 1: with one draw of `z`,

        phi, theta <- g   (gradient of L(x))
        phi, U     <- g_e (gradient of alpha sum_i I_i log p(y_i|z, u_i))

    where `I_i` is 0 for a missing attribute. Two optimizers, `"vae"` (g) and `"attributes"`
    (g_e), move the encoder both; its forward pass is made once for the two. Both terms are in
    nats, summed over pixels and attributes, averaged over the batch.

    An image is transferred by a step along a dual vector (eq. 3), and decoded:

        w_i = z + lambda u_i

    `direction="isolated"` is ours: along the part of `u_i` that no other dual vector has any
    share in (column `i` of the pseudo-inverse of `U`, as long as `u_i`), so that the logits of
    the other attributes stay what they are. It needs at least as many latents as attributes.

    `consistency > 0` is ours, too: `L(x) - consistency C`, where `C` makes the decoder draw what
    moved latents say (see `TransferConsistency`). It costs a second pass through the decoder and
    one through the encoder.

    Left open by the paper, and read so: networks, latent size, `alpha` and `lambda` (arguments;
    `ConditionalInceptionScore` as a function of `lambda` tells them apart); no bias in `U z`
    (`use_bias=True` moves boundaries away from the origin, for rare attributes).

    Args:
        encoder: Built Keras model, `(batch, ...)` to `(z_mean, z_log_var)`, each
            `(batch, latent_dim)`.
        decoder: Built Keras model, `(batch, latent_dim)` to the parameters of `p(x|z)`,
            `(batch, ...)`: logits (Bernoulli) or means (Gaussian).
        attributes: Number of attributes, or their names.
        alpha: Weight of the attributes' log-likelihood.
        use_bias: Whether `p(y|z) = Bern(sigmoid(U z + b))`.
        consistency: Weight of the consistency of transfers; 0, the paper's, leaves it out.
        input_noise: Standard deviation, in pixel values, of the noise on what the encoder sees
            while training; 0, the paper's: none.
        beta: Weight of the KL divergence.
        likelihood: `"gaussian"` or `"bernoulli"`.
        observation_variance: Variance of the Gaussian likelihood, in squared pixels.
        seed: Seed of the reparametrisation noise.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Input: float images `(batch, ...)`, and as `y` integers `(batch, attributes)`: 1, 0, or -1
    where an attribute is missing. Default optimizers: Adam, learning rate 1e-3.

    Raises:
        ValueError: If an argument is out of range, a network is not built, or their shapes do
            not fit together; by `fit` and `evaluate`, if `y` is left out, has not one column
            for each attribute, or other values.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> dual = models.DualVAE.from_preset(
    ...     "dual_vae_digits", load_weights=False, attributes=["round", "straight"]
    ... )
    >>> dual.compile()
    >>> rng = np.random.default_rng(0)
    >>> images, y = rng.random((64, 8, 8, 1), "float32"), rng.integers(-1, 2, (64, 2))
    >>> history = dual.fit(images, y, batch_size=32, verbose=0)
    >>> dual.transfer(images, "round", 2.0).shape
    (64, 8, 8, 1)
    >>> dual.transfer(images, ["round", "straight"], 2.0).shape
    (64, 2, 8, 8, 1)
    >>> dual.attribute_probabilities(images).shape
    (64, 2)

    Reference: Okamoto, Suzuki, Higuchi, Ohsawa and Matsuo, "Dual Space Learning with
    Variational Autoencoders", ICLR workshop (2019), eq. 1 to 3, algorithm 1.
    """

    presets = PRESETS

    trackers = (
        "loss",
        "reconstruction_loss",
        "kl_loss",
        "attribute_loss",
        "attribute_accuracy",
    )

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        attributes: int | Sequence[str],
        alpha: float = 1.0,
        use_bias: bool = False,
        consistency: float = 0.0,
        input_noise: float = 0.0,
        beta: float = 1.0,
        likelihood: str = "gaussian",
        observation_variance: float = 1.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(encoder, decoder, beta, likelihood, observation_variance, seed, **kwargs)
        self.set_attributes(attributes)
        self.alpha = validation.require_positive("alpha", alpha, zero_allowed=True)
        self.use_bias = bool(use_bias)
        self.consistency = validation.require_positive(
            "consistency", consistency, zero_allowed=True
        )
        self.input_noise = validation.require_positive(
            "input_noise", input_noise, zero_allowed=True
        )
        if self.consistency:
            self._trackers["consistency_loss"] = keras.metrics.Mean(name="consistency_loss")
        self.attribute_decoder = keras.layers.Dense(
            self.num_attributes, use_bias=self.use_bias, dtype="float32", name="attribute_decoder"
        )
        self.attribute_decoder.build((None, self.latent_dim))

    def optimizer_groups(self):
        return {
            "vae": [self.encoder, self.decoder],
            "attributes": [self.encoder, self.attribute_decoder],
        }

    # Objective ---------------------------------------------------------------------------

    def attribute_logits(self, z):
        """`U z`, `(batch, attributes)`, float32: above 0 where an attribute is there."""
        return self.attribute_decoder(kops.cast(z, "float32"))

    def losses_of(self, x, y, training: bool = False):
        """What each optimizer minimises, by its name, and the terms, unweighted."""
        z_mean, z_log_var = self.posterior(self.with_noise(x) if training else x, training)
        z = self.sample(z_mean, z_log_var)
        # One pass for both halves: batch normalisation sees what it will decode later.
        w = kops.concatenate([z, self.moved_latents(z)]) if self.consistency else z
        parameters = self.likelihood_parameters(w, training)
        nll = -kops.mean(self.log_prob(x, parameters[: kops.shape(x)[0]]))
        kl = kops.mean(ops.gaussian_kl(z_mean, z_log_var))

        logits = self.attribute_logits(z)
        attribute_loss = kops.mean(attribute_nll(logits, y))
        accuracy, known = right_share(logits, y)
        terms = {
            "reconstruction_loss": nll,
            "kl_loss": kl,
            "attribute_loss": attribute_loss,
            "attribute_accuracy": accuracy,
            "known": known,
        }
        vae_loss = nll + self.beta * kl
        if self.consistency:
            images = self.expected(parameters)
            images = self.with_noise(images) if training else images
            terms["consistency_loss"] = self.consistency_loss(w, images)
            vae_loss = vae_loss + self.consistency * terms["consistency_loss"]
        return {"vae": vae_loss, "attributes": self.alpha * attribute_loss}, terms

    def dual_loss(self, x, y):
        """The objective, a scalar in nats, and its terms: the two losses together."""
        losses, terms = self.losses_of(x, y)
        return losses["vae"] + losses["attributes"], terms

    @portable
    def train_step(self, data):
        x, y = self.unpack(data)
        losses, terms = self.minimize_each(self.losses_of, x, y, True)
        return self._log(kops.shape(x)[0], losses["vae"] + losses["attributes"], terms)

    @portable
    def test_step(self, data):
        x, y = self.unpack(data)
        loss, terms = self.objective(self.dual_loss, x, y)
        return self._log(kops.shape(x)[0], loss, terms)

    def _log(self, rows, loss, terms):
        terms = dict(terms)
        # By the number of known labels: a batch without any says nothing about them.
        self.track(terms.pop("known"), attribute_accuracy=terms.pop("attribute_accuracy"))
        return self.track(rows, loss=loss, **terms)

    def unpack(self, data):
        x = super().unpack(data)
        return x, self.unpack_attributes(data, x.shape[0])

    # Attributes --------------------------------------------------------------------------

    def attribute_probabilities(self, x, *, batch_size: int = 512) -> np.ndarray:
        """`p(y|z)` at the mean latents of images, `(rows, attributes)`, float32."""
        return self.run_graph("attribute_probabilities", x, batch_size)

    def graph_of_attribute_probabilities(self):
        return Graph(
            {"x": self.event_shape},
            lambda x: kops.sigmoid(self.attribute_logits(self.posterior(x)[0])),
        )

    def dual_vectors(self) -> np.ndarray:
        """`U`, `(attributes, latent_dim)`: row `i` is the normal of boundary `i`."""
        return kops.convert_to_numpy(self.attribute_decoder.kernel).T

    def directions(self, direction: str = "dual") -> np.ndarray:
        """In which `transfer` moves a latent, for each attribute: `(attributes, latent_dim)`.

        Raises:
            ValueError: If there is no such kind of direction, or `"isolated"` ones cannot be,
                since there are more attributes than latents.
        """
        validation.require_choice("direction", direction, DIRECTIONS)
        u = self.dual_vectors()
        if direction == "dual":
            return u
        if self.num_attributes > self.latent_dim:
            raise ValueError(
                "`direction='isolated'` needs at least as many latents as attributes. "
                f"Received: {self.latent_dim} latents, {self.num_attributes} attributes"
            )
        isolated = np.linalg.pinv(u.astype("float64")).T
        lengths = [np.linalg.norm(v, axis=1, keepdims=True) for v in (u, isolated)]
        return (isolated * (lengths[0] / np.maximum(lengths[1], 1e-12))).astype("float32")

    def transferred(self, inputs, columns, strength, direction="dual", together=False):
        x, strength = self.inputs_of(inputs, strength)
        steps = kops.multiply(strength, self.directions(direction)[columns][None])
        steps = kops.sum(steps, axis=1, keepdims=True) if together else steps
        return self._decode_steps(self.posterior(x)[0], steps)

    def graph_of_transfer(self, attribute=None, strength=1.0, direction="dual", together=False):
        return self.transfer_graph(attribute, strength, together, direction=direction)

    def boundary_function(
        self,
        attribute: Attributes = None,
        margin: float = 0.0,
        *,
        present: bool | None = None,
        direction: str = "dual",
    ):
        """`to_boundary` as one tensor function, as `transfer_function` is that of `transfer`.

        A `"strength"` in a dict of inputs, one for each row, is the margin.
        """
        columns, _ = self.columns_of(attribute)

        def moved(inputs):
            directions = self.directions(direction)[columns]
            x, chosen = self.inputs_of(inputs, margin)
            z = self.posterior(x)[0]
            return self._decode_steps(
                z, self._steps_to_boundary(z, columns, directions, chosen, present)
            )

        return moved

    def _decode_steps(self, z, steps):
        """Images `(batch, columns, ...)` of latents after steps `(batch, columns, latent_dim)`."""
        moved = z[:, None] + kops.cast(steps, "float32")
        images = self.to_data(kops.reshape(moved, (-1, self.latent_dim)))
        return kops.reshape(images, (-1, moved.shape[1], *self.event_shape))

    def _steps_to_boundary(self, z, columns, directions, margin, present):
        """Steps `(batch, columns, latent_dim)` after which logits are at the margin."""
        logits = kops.take(self.attribute_logits(z), np.array(columns), axis=-1)[..., None]
        if present is None:
            missing = kops.where(logits > 0, -margin, margin) - logits
        elif present:
            missing = kops.maximum(margin - logits, 0.0)
        else:
            missing = kops.minimum(-margin - logits, 0.0)
        # What a step along the direction adds to the logit.
        gain = np.sum(self.dual_vectors()[columns] * directions, axis=1)
        return missing * kops.convert_to_tensor(directions / gain[:, None])[None]

    def transfer(
        self,
        x,
        attribute: Attributes = None,
        strength=1.0,
        *,
        direction: str = "dual",
        together: bool = False,
        batch_size: int = 512,
    ) -> np.ndarray:
        """Images with an attribute added (or, of negative strength, taken away).

        Args:
            x: Float images `(rows, ...)`.
            attribute: Name or number of an attribute; a sequence of these; `None`: each one.
            strength: `lambda`: a number, one for each row, `(rows,)`, or one for each row and
                attribute, `(rows, attributes)`. In lengths of the dual vector.
            direction: `"dual"`, the paper's, or `"isolated"`.
            together: Whether several attributes change in the same image, and not each in an
                image of its own.
            batch_size: Rows per compiled call.

        Returns:
            Array of the shape of `x` for one attribute, or several together; otherwise
            `(rows, attributes, ...)`; float32.

        Raises:
            ValueError: If there is no such attribute, or `strength` does not fit.
        """
        columns, single = self.columns_of(attribute)
        directions = self.directions(direction)[columns]
        z = self.encode(x, batch_size=batch_size)
        steps = self.strengths(strength, len(z), len(columns))[..., None] * directions
        return self._decode_moved(z, steps, single, together, batch_size)

    def to_boundary(
        self,
        x,
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
            attribute: Name or number of an attribute; a sequence of these; `None`: each one.
            margin: How far past the boundary, as log-odds, 0 or more: there, the attribute has
                probability `sigmoid(margin)`, or `sigmoid(-margin)`.
            present: The side to move to: where the attribute is there (True), or not (False).
                Rows that are farther on that side stay where they are. `None`: each row goes
                to the side that it is not on.
            direction: As in `transfer`.
            batch_size: Rows per compiled call.

        Returns:
            Array of the shape of `x` for one attribute, otherwise `(rows, attributes, ...)`.

        Raises:
            ValueError: If there is no such attribute, or `margin` is negative.
        """
        margin = validation.require_positive("margin", margin, zero_allowed=True)
        columns, single = self.columns_of(attribute)
        directions = self.directions(direction)[columns]
        z = self.encode(x, batch_size=batch_size)
        steps = self._steps_to_boundary(z, columns, directions, margin, present)
        steps = kops.convert_to_numpy(steps)
        return self._decode_moved(z, steps, single, False, batch_size)

    def _decode_moved(self, z, steps, single, together, batch_size):
        if together:
            return self.decode(z + steps.sum(axis=1), batch_size=batch_size)
        columns = steps.shape[1]
        moved = (z[:, None] + steps).reshape(-1, self.latent_dim)
        images = self.decode(moved.astype("float32"), batch_size=batch_size)
        return self.in_columns(images, columns, single)

    def get_config(self):
        config = super().get_config()
        config.update(
            alpha=self.alpha,
            use_bias=self.use_bias,
            consistency=self.consistency,
            input_noise=self.input_noise,
        )
        return config
