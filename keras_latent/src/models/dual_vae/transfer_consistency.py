"""An extension of DualVAE: images of moved latents must show the attributes that were moved."""

from typing import Any

from keras import ops as kops
from keras import random

from keras_latent.src.models.base.networks import gaussian_of
from keras_latent.src.utils.types import Tensor

#: In training, an attribute is moved to log-odds drawn uniformly from -12 to 12. Those of rare
#: attributes start far below 0, and end as far above after a transfer of any strength.
LOG_ODDS = 12.0
#: Share of the mean of a Gram matrix's diagonal that is added to it: dual vectors may be almost
#: parallel.
RIDGE = 1e-3


class TransferConsistency:
    """The term that ties what `U z` predicts to what the decoder renders.

    The bound of the paper rewards a decoder for images of latents that were *encoded*. Transfers
    decode others, `w = z + step`, which it was not trained on: the image may not show the
    attribute, not even to the encoder. So, with `phi` and `U` held fixed,

        C(theta) = E_w sum_i KL(Bern(sigmoid(u_i w)) || Bern(sigmoid(u_i mu(D_theta(w)))))

    is the divergence, in nats, between the attributes that a latent predicts and those that the
    encoder's mean finds in its image. `w` is each row's `z` with one random attribute at log-odds
    drawn uniformly from -12 to 12. Half of the rows get there along the dual vector `u_i`, as
    transfers do (eq. 3), and half by a step that keeps the other logits (the pseudo-inverse of
    `U`). No label is needed. `w` is decoded, and its image encoded, as after the training: with
    moving averages in batch normalization, and no dropout. Batch statistics would lead from the
    images back to `phi`.

    With `input_noise`, the encoder sees images with Gaussian noise in training, real ones and
    these. It cannot then use patterns that are too faint for anyone else to see.

    Args:
        model: The `DualVAE`.
    """

    def __init__(self, model: Any):
        self._model = model

    def with_noise(self, images: Tensor) -> Tensor:
        """Images with Gaussian noise of standard deviation `input_noise`."""
        model = self._model
        if not model.input_noise:
            return images
        noise = random.normal(kops.shape(images), dtype="float32", seed=model.seed_generator)
        return images + model.input_noise * noise

    def moved_latents(self, z: Tensor) -> Tensor:
        """`z` with one random attribute of each row at random log-odds, `(batch, latent_dim)`."""
        z = kops.stop_gradient(z)
        rows, n = kops.shape(z)[0], self._model.num_attributes
        seed = self._model.seed_generator
        chosen = kops.one_hot(random.randint((rows,), 0, n, seed=seed), n, dtype="float32")
        wanted = random.uniform((rows, n), -LOG_ODDS, LOG_ODDS, seed=seed)
        missing = chosen * (wanted - kops.stop_gradient(self._model.attribute_logits(z)))
        along_u = kops.cast(random.uniform((rows, 1), seed=seed) < 0.5, "float32")
        steps = [kops.matmul(missing, directions) for directions in self._steps_of_one()]
        return z + along_u * steps[0] + (1.0 - along_u) * steps[1]

    def _steps_of_one(self):
        """Steps that raise one logit by 1, each `(n, latent_dim)`: along `u_i`, and alone."""
        kernel = kops.stop_gradient(kops.cast(self._model.attribute_decoder.kernel, "float32"))
        gram = kops.matmul(kops.transpose(kernel), kernel)
        diagonal = kops.diagonal(gram)
        along_u = kops.transpose(kernel / kops.maximum(diagonal, 1e-12))
        ridge = RIDGE * kops.mean(diagonal) * kops.eye(self._model.num_attributes)
        lower = kops.cholesky(gram + ridge)
        half = kops.solve_triangular(lower, kops.transpose(kernel), lower=True)
        return along_u, kops.solve_triangular(kops.transpose(lower), half, lower=False)

    def of(self, z: Tensor, training: bool = False) -> Tensor:
        """`C` of the latents `(batch, latent_dim)` of a batch, moved and decoded."""
        w = self.moved_latents(z)
        images = self._model.to_data(w)
        return self.loss(w, self.with_noise(images) if training else images)

    def loss(self, w: Tensor, images: Tensor) -> Tensor:
        """`C`, a scalar in nats, of latents `(batch, latent_dim)` and their images."""
        predicted = kops.stop_gradient(self._model.attribute_logits(w))
        found = self._found_logits(images)
        # KL(sigmoid(a) || sigmoid(b)) = softplus(b) - softplus(a) - sigmoid(a) (b - a)
        divergence = (
            kops.softplus(found)
            - kops.softplus(predicted)
            - kops.sigmoid(predicted) * (found - predicted)
        )
        return kops.mean(kops.sum(divergence, axis=-1))

    def _found_logits(self, images):
        """Logits at the encoder's mean of images, whose gradient reaches the images alone."""
        encoder, dense = self._model.encoder, self._model.attribute_decoder
        trainable, others, own = (
            [kops.stop_gradient(v.value) for v in variables]
            for variables in (
                encoder.trainable_variables,
                encoder.non_trainable_variables,
                dense.trainable_variables,
            )
        )
        outputs, _ = encoder.stateless_call(trainable, others, images, training=False)
        z_mean, _ = gaussian_of("encoder", outputs)
        logits, _ = dense.stateless_call(own, [], z_mean)
        return logits
