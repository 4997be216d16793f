"""Images made of moved latents must show what was moved: an addition of ours to DualVAE."""

from keras import ops as kops
from keras import random

#: Log-odds to which an attribute is moved while training: uniform from -12 to 12. Those of rare
#: attributes start far below 0, and lie as far above after a transfer of any strength.
LOG_ODDS = 12.0
#: Of the mean of a Gram matrix's diagonal, added to it: dual vectors may be all but parallel.
RIDGE = 1e-3


class TransferConsistency:
    """Mixin of a `DualVAE`: the term that ties what `U z` says to what the decoder draws.

    The bound of the paper rewards a decoder for images whose latents were *encoded*. Transfers
    decode others, `w = z + step`, of which it has seen none: it may draw a face in which no one,
    the encoder included, finds the attribute. So, with `phi` and `U` held fixed,

        C(theta) = E_w sum_i KL(Bern(sigmoid(u_i w)) || Bern(sigmoid(u_i mu(D_theta(w)))))

    the divergence, in nats, between the attributes that a latent says and those that the
    encoder's mean finds in its image. `w` is each row's `z`, and once more `z` with one attribute,
    drawn at random, at log-odds drawn uniformly from -12 to 12; half of the rows get there along
    the dual vector `u_i`, as transfers do (eq. 3), and half by a step that leaves the other logits
    where they are (the pseudo-inverse of `U`). It needs no label.

    With `input_noise`, training shows the encoder images with Gaussian noise, real ones and these:
    a pattern so faint that only this encoder takes it for an attribute drowns in it.
    """

    def with_noise(self, images):
        """Images with Gaussian noise, which drowns what no one but the encoder would see."""
        if not self.input_noise:
            return images
        noise = random.normal(kops.shape(images), dtype="float32", seed=self.seed_generator)
        return images + self.input_noise * noise

    def moved_latents(self, z):
        """`z` with one random attribute of each row at random log-odds, `(batch, latent_dim)`."""
        z = kops.stop_gradient(z)
        rows, n = kops.shape(z)[0], self.num_attributes
        seed = self.seed_generator
        chosen = kops.one_hot(random.randint((rows,), 0, n, seed=seed), n, dtype="float32")
        wanted = random.uniform((rows, n), -LOG_ODDS, LOG_ODDS, seed=seed)
        missing = chosen * (wanted - kops.stop_gradient(self.attribute_logits(z)))
        along_u = kops.cast(random.uniform((rows, 1), seed=seed) < 0.5, "float32")
        steps = [kops.matmul(missing, directions) for directions in self._steps_of_one()]
        return z + along_u * steps[0] + (1.0 - along_u) * steps[1]

    def _steps_of_one(self):
        """Steps that raise one logit by 1, each `(n, latent_dim)`: along `u_i`, and alone."""
        kernel = kops.stop_gradient(kops.cast(self.attribute_decoder.kernel, "float32"))
        gram = kops.matmul(kops.transpose(kernel), kernel)
        diagonal = kops.diagonal(gram)
        along_u = kops.transpose(kernel / kops.maximum(diagonal, 1e-12))
        ridge = RIDGE * kops.mean(diagonal) * kops.eye(self.num_attributes)
        lower = kops.cholesky(gram + ridge)
        half = kops.solve_triangular(lower, kops.transpose(kernel), lower=True)
        return along_u, kops.solve_triangular(kops.transpose(lower), half, lower=False)

    def consistency_loss(self, w, images):
        """`C`, a scalar in nats, of latents `(batch, latent_dim)` and the images made of them."""
        said = kops.stop_gradient(self.attribute_logits(w))
        seen = self._seen_logits(images)
        # KL(sigmoid(a) || sigmoid(b)) = softplus(b) - softplus(a) - sigmoid(a) (b - a)
        divergence = kops.softplus(seen) - kops.softplus(said) - kops.sigmoid(said) * (seen - said)
        return kops.mean(kops.sum(divergence, axis=-1))

    def _seen_logits(self, images):
        """Logits at the encoder's mean of images, whose gradient reaches the images alone."""
        encoder, dense = self.encoder, self.attribute_decoder
        trainable, others, own = (
            [kops.stop_gradient(v.value) for v in variables]
            for variables in (
                encoder.trainable_variables,
                encoder.non_trainable_variables,
                dense.trainable_variables,
            )
        )
        # As for a transferred image later: moving averages, no dropout.
        outputs, _ = encoder.stateless_call(trainable, others, images, training=False)
        z_mean, _ = self.gaussian_of("encoder", outputs)
        logits, _ = dense.stateless_call(own, [], z_mean)
        return logits
