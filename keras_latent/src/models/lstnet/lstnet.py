"""The Latent Space Translation Network (Friedjungova et al., 2020)."""

import keras
from keras import ops

from keras_latent.src.callbacks.collapse_monitor import CollapseMonitor
from keras_latent.src.models.base import validation
from keras_latent.src.models.base.validation import DOMAINS
from keras_latent.src.models.lstnet.presets import PRESETS
from keras_latent.src.models.lstnet.shared_translator import TRANSLATORS, SharedTranslator
from keras_latent.training import input_gradients, portable

DISCRIMINATORS = ("source_discriminator", "target_discriminator", "latent_discriminator")


@keras.saving.register_keras_serializable(package="keras_latent")
class LSTNet(SharedTranslator):
    """Latent Space Translation Network: two unpaired domains, translated through one latent space.

    Encoders `E_1 = E_s o E_1*`, `E_2 = E_s o E_2*` and generators `G_1 = G_1* o G_s`,
    `G_2 = G_2* o G_s` with shared parts `E_s`, `G_s` (section 2) make the translations

        source to target: G_2(E_1(x_1))        target to source: G_1(E_2(x_2))

    Two teams play (eq. 1): discriminators `D_1`, `D_2` of images and `D_l` of latents, against
    encoders and generators. In every step the discriminators are updated first, then the
    translators, on the same translations, which are computed once:

        J = w1 J_AN1(E_2, G_1, D_1) + w2 J_AN2(E_1, G_2, D_2) + wl J_ANl(E_1, E_2, D_l)
            + w3 |x_1 - G_1(E_1(x_1))| + w4 |x_2 - G_2(E_2(x_2))|
            + w5 |x_1 - G_1(E_2(G_2(E_1(x_1))))| + w6 |x_2 - G_2(E_1(G_1(E_2(x_2))))|

    with mean absolute errors on images in [-1, 1], and for the discriminators

        J_AN1 = E log D_1(x_1) + E log(1 - D_1(G_1(E_2(x_2))))

    which they maximise (`J_ANl`: `E_1(x_1)` is true, `E_2(x_2)` is false). Erratum: the paper
    says that `J` is minimised by all; the adversarial terms are a game. The translators take
    the non-saturating form, minimising `-E log D_1(G_1(E_2(x_2)))`, and for the latents both
    labels flipped. Both domains pass the shared parts together, as one batch: batch
    normalisation then sees in training the mixture that its moving averages hold afterwards.

    Args:
        source_encoder: `E_1*`, built Keras model, images `(batch, ...)` in [-1, 1] to features.
        target_encoder: `E_2*`, likewise; images of the two domains may differ in shape, their
            features may not.
        source_generator: `G_1*`, features to images in [-1, 1] (tanh) of the source.
        target_generator: `G_2*`, likewise of the target.
        source_discriminator: `D_1`, images in [-1, 1] to a logit `(batch, 1)`.
        target_discriminator: `D_2`, likewise.
        latent_discriminator: `D_l`, latents to a logit `(batch, 1)`.
        shared_encoder: `E_s`, features to latents. `None`: the features are the latents.
        shared_generator: `G_s`, latents to features. `None`: the generators take latents.
        w1: Weight of `J_AN1`.
        w2: Weight of `J_AN2`.
        wl: Weight of `J_ANl`.
        w3: Weight of the source's reconstruction.
        w4: Weight of the target's reconstruction.
        w5: Weight of the source's cycle.
        w6: Weight of the target's cycle.
        feature_weight: Weight of the latents' cycle, not in the paper: the mean absolute
            difference between the latent of an image and that of its translation.
        label_smoothing: The discriminators' label of what is true is 1 less this.
        instance_noise: Standard deviation of Gaussian noise on all images that the image
            discriminators see in training (Sonderby et al., 2017), where images are in [-1, 1].
        r1_weight: Weight of the penalty `1/2 E |grad D_1(x_1)|^2`, and so for `D_2`, on the
            discriminators (Mescheder et al., 2018).
        ema_momentum: If given, the default optimizer of the translators keeps exponential
            moving averages of their weights with this momentum, which take the weights' place
            when `fit` ends. An optimizer of your own does so with `use_ema=True`.
        seed: Seed of the instance noise.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Input: a dict of `"source"` and `"target"`, float images **in [0, 1]**, as everywhere in the
    library; the model maps them to [-1, 1] for its networks, and back. Rows of the two have
    nothing to do with each other, and may differ in number; `"paired"` is ignored. `call`
    returns a dict of both reconstructions and both translations.

    The logs hold every term, unweighted, the discriminators' accuracies (0.5: they cannot
    tell) and the spread of the translated images: their variance over the batch divided by that
    of the real ones. `fit` adds a `callbacks.CollapseMonitor`, which warns when these say that
    the game is lost, unless one is given.

    Spectral normalisation is a matter of the networks: `keras.layers.SpectralNormalization`.
    Losses that the encoders and generators add in their calls (`add_loss`, activity
    regularizers) do not count; weight regularizers do.

    Default optimizers: `{"discriminators": Adam, "translators": Adam}`, learning rate 1e-4,
    `beta_1` 0.8.

    Raises:
        ValueError: If a network is not built, or their shapes do not fit together.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> rng = np.random.default_rng(0)
    >>> images = {"source": rng.random((8, 28, 28, 1)), "target": rng.random((8, 16, 16, 1))}
    >>> lstnet = models.LSTNet.from_preset("lstnet_mnist_usps_tiny", load_weights=False)
    >>> lstnet.compile()
    >>> history = lstnet.fit(images, batch_size=8, verbose=0)
    >>> lstnet.translate(images["target"], to="source").shape
    (8, 28, 28, 1)

    Reference: Friedjungova, Vasata, Chobola and Jirina, "Unsupervised Latent Space Translation
    Network", ESANN (2020).
    """

    presets = PRESETS

    trackers = (
        "loss",
        "source_adversarial_loss",
        "target_adversarial_loss",
        "latent_adversarial_loss",
        "source_reconstruction_loss",
        "target_reconstruction_loss",
        "source_cycle_loss",
        "target_cycle_loss",
        "feature_loss",
        "discriminator_loss",
        "r1_penalty",
        "source_discriminator_accuracy",
        "target_discriminator_accuracy",
        "latent_discriminator_accuracy",
        "source_spread",
        "target_spread",
    )

    def __init__(
        self,
        source_encoder: keras.Model,
        target_encoder: keras.Model,
        source_generator: keras.Model,
        target_generator: keras.Model,
        source_discriminator: keras.Model,
        target_discriminator: keras.Model,
        latent_discriminator: keras.Model,
        shared_encoder: keras.Model | None = None,
        shared_generator: keras.Model | None = None,
        w1: float = 20.0,
        w2: float = 20.0,
        wl: float = 30.0,
        w3: float = 100.0,
        w4: float = 100.0,
        w5: float = 100.0,
        w6: float = 100.0,
        feature_weight: float = 0.0,
        label_smoothing: float = 0.0,
        instance_noise: float = 0.0,
        r1_weight: float = 0.0,
        ema_momentum: float | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(
            source_encoder,
            target_encoder,
            source_generator,
            target_generator,
            shared_encoder,
            shared_generator,
            **kwargs,
        )
        built, positive = validation.require_built, validation.require_positive
        self.source_discriminator = built("source_discriminator", source_discriminator)
        self.target_discriminator = built("target_discriminator", target_discriminator)
        self.latent_discriminator = built("latent_discriminator", latent_discriminator)
        self.w1 = positive("w1", w1, zero_allowed=True)
        self.w2 = positive("w2", w2, zero_allowed=True)
        self.wl = positive("wl", wl, zero_allowed=True)
        self.w3 = positive("w3", w3, zero_allowed=True)
        self.w4 = positive("w4", w4, zero_allowed=True)
        self.w5 = positive("w5", w5, zero_allowed=True)
        self.w6 = positive("w6", w6, zero_allowed=True)
        self.feature_weight = positive("feature_weight", feature_weight, zero_allowed=True)
        self.label_smoothing = validation.require_fraction("label_smoothing", label_smoothing)
        self.instance_noise = positive("instance_noise", instance_noise, zero_allowed=True)
        self.r1_weight = positive("r1_weight", r1_weight, zero_allowed=True)
        self.ema_momentum = None
        if ema_momentum is not None:
            self.ema_momentum = validation.require_fraction("ema_momentum", ema_momentum)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        for seen, shape in {**self.event_shapes, "latent": self.latent_shape}.items():
            logit = self.own(seen, "discriminator")(keras.Input(shape))
            validation.check_shape(f"{seen}_discriminator", logit.shape, (1,))
        self.built = True

    # Objectives --------------------------------------------------------------------------

    def _games(self, x, made):
        """Name, weight, what is true and what is false of each of the three games."""
        yield "source", self.w1, x["source"], made["translated"]["source"]
        yield "target", self.w2, x["target"], made["translated"]["target"]
        yield "latent", self.wl, made["latent"]["source"], made["latent"]["target"]

    def _logits(self, name, inputs, training):
        inputs = ops.cast(inputs, "float32")
        if training and self.instance_noise and name in DOMAINS:
            noise = keras.random.normal(ops.shape(inputs), seed=self.seed_generator)
            inputs = inputs + self.instance_noise * noise
        logits = self.own(name, "discriminator")(inputs, training=training)
        return ops.cast(logits, "float32")

    def discriminators_loss(self, x, made, training: bool = False):
        """What `D_1`, `D_2`, `D_l` minimise, `-(w1 J_AN1 + w2 J_AN2 + wl J_ANl)`, and terms."""
        loss, terms = 0.0, {}
        for name, weight, true, false in self._games(x, made):
            both = [ops.cast(images, "float32") for images in (true, false)]
            logits = self._logits(name, ops.concatenate(both), training)
            rows = ops.shape(true)[0]
            on_true, on_false = logits[:rows], logits[rows:]
            # -log D = softplus(-logit), -log(1 - D) = softplus(logit)
            s = self.label_smoothing
            nll = (1.0 - s) * ops.softplus(-on_true) + s * ops.softplus(on_true)
            loss = loss + weight * (ops.mean(nll) + ops.mean(ops.softplus(on_false)))
            right = [ops.mean(ops.cast(r, "float32")) for r in (on_true > 0.0, on_false < 0.0)]
            terms[f"{name}_discriminator_accuracy"] = (right[0] + right[1]) / 2.0
        terms["discriminator_loss"] = loss
        if self.r1_weight and training:
            terms["r1_penalty"] = sum(self._squared_slope(x[d], d) for d in DOMAINS)
            loss = loss + 0.5 * self.r1_weight * terms["r1_penalty"]
        return loss, terms

    def _squared_slope(self, x, domain):
        slope = ops.cast(input_gradients(self.own(domain, "discriminator"), x), "float32")
        return ops.mean(ops.sum(slope**2, axis=tuple(range(1, len(x.shape)))))

    def translators_loss(self, x, made, training: bool = False):
        """`J` (eq. 1) as encoders and generators minimise it, and its terms, unweighted."""
        weights = {
            "source_adversarial_loss": self.w1,
            "target_adversarial_loss": self.w2,
            "latent_adversarial_loss": self.wl,
            "source_reconstruction_loss": self.w3,
            "target_reconstruction_loss": self.w4,
            "source_cycle_loss": self.w5,
            "target_cycle_loss": self.w6,
        }
        terms = {}
        for name, _, true, false in self._games(x, made):
            if name == "latent":  # here what is true is the encoders' own work, too
                # One call: spectral normalisation writes to the weights in each.
                logits = self._logits(name, ops.concatenate([true, false]), training)
                rows = ops.shape(true)[0]
                to_fool = ops.mean(ops.softplus(logits[:rows]))
                to_fool = to_fool + ops.mean(ops.softplus(-logits[rows:]))
            else:
                to_fool = ops.mean(ops.softplus(-self._logits(name, false, training)))
            terms[f"{name}_adversarial_loss"] = to_fool
        for d in DOMAINS:
            terms[f"{d}_reconstruction_loss"] = absolute_error(x[d], made["reconstructed"][d])
            terms[f"{d}_cycle_loss"] = absolute_error(x[d], made["cycled"][d])
        if self.feature_weight:
            weights["feature_loss"] = self.feature_weight
            there, back = made["latent"], made["latent_of_translated"]
            terms["feature_loss"] = sum(absolute_error(there[d], back[d]) for d in DOMAINS)
        loss = sum(weight * terms[name] for name, weight in weights.items())
        for d in DOMAINS:
            terms[f"{d}_spread"] = spread(made["translated"][d]) / (spread(x[d]) + 1e-7)
        return loss, terms

    # Steps -------------------------------------------------------------------------------

    @portable
    def train_step(self, data):
        x = self.unpack(data)

        def play(x):
            made = self.translations(x, training=True)  # once, for both teams
            frozen = keras.tree.map_structure(ops.stop_gradient, made)
            _, seen = self.minimize(self.discriminators_loss, x, frozen, True, of="discriminators")
            loss, terms = self.translators_loss(x, made, training=True)
            return loss, terms | seen

        loss, terms = self.minimize(play, x, of="translators")
        return self.track(ops.shape(x["source"])[0], loss=loss, **terms)

    @portable
    def test_step(self, data):
        x = self.unpack(data)
        made = self.translations(x)
        _, seen = self.discriminators_loss(x, made)
        loss, terms = self.objective(self.translators_loss, x, made)
        return self.track(ops.shape(x["source"])[0], loss=loss, **terms, **seen)

    @property
    def metrics(self):
        # A term that is not part of the objective has no place in the logs.
        absent = {"feature_loss": not self.feature_weight, "r1_penalty": not self.r1_weight}
        return [m for m in super().metrics if not absent.get(m.name)]

    def fit(self, x=None, y=None, *args, callbacks=None, **kwargs):
        """`keras.Model.fit`, with a `callbacks.CollapseMonitor` unless one is given.

        Raises:
            ValueError: If shapes or values cannot be trained on.
        """
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = [] if callbacks is None else list(keras.tree.flatten(callbacks))
            if not any(isinstance(c, CollapseMonitor) for c in callbacks):
                callbacks.append(CollapseMonitor())
        return super().fit(x, y, *args, callbacks=callbacks, **kwargs)

    def optimizer_groups(self):
        translators = [getattr(self, name) for name in TRANSLATORS]
        return {
            "discriminators": [getattr(self, name) for name in DISCRIMINATORS],
            "translators": [network for network in translators if network is not None],
        }

    def default_optimizer(self):
        averages = {}
        if self.ema_momentum is not None:
            averages = {"use_ema": True, "ema_momentum": self.ema_momentum}
        return {
            "discriminators": keras.optimizers.Adam(1e-4, beta_1=0.8),
            "translators": keras.optimizers.Adam(1e-4, beta_1=0.8, **averages),
        }

    # Input -------------------------------------------------------------------------------

    def unpack(self, data):
        x = super().unpack(data)
        self.check_shapes(x)
        return {d: 2.0 * ops.cast(x[d], "float32") - 1.0 for d in DOMAINS}

    def check_shapes(self, x):
        if not isinstance(x, dict) or not {*DOMAINS} <= set(x) <= {*DOMAINS, "paired"}:
            got = sorted(x) if isinstance(x, dict) else type(x).__name__
            raise ValueError(
                "`LSTNet` trains on batches `{'source': images, 'target': images}`; "
                f"`datasets.load_pair` and `datasets.pair_from_arrays` make them. Received: {got}"
            )
        for domain in DOMAINS:
            validation.check_shape(domain, x[domain].shape, self.event_shapes[domain])

    def check_batch(self, x):
        self.check_shapes(x)
        for domain in DOMAINS:
            validation.check_values(domain, x[domain], self.unit_interval)

    def get_config(self):
        config = super().get_config()
        config.update(self.networks_config([*TRANSLATORS, *DISCRIMINATORS]))
        numbers = ("w1", "w2", "wl", "w3", "w4", "w5", "w6", "feature_weight", "label_smoothing")
        numbers += ("instance_noise", "r1_weight", "ema_momentum", "seed")
        return config | {name: getattr(self, name) for name in numbers}


def absolute_error(a, b):
    """Mean absolute difference, a scalar."""
    return ops.mean(ops.abs(ops.cast(a, "float32") - ops.cast(b, "float32")))


def spread(images):
    """Variance over the batch, averaged over pixels: a scalar."""
    return ops.mean(ops.var(ops.cast(images, "float32"), axis=0))
