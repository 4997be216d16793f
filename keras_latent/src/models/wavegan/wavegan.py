"""WaveGAN (Donahue, McAuley and Puckette, 2019)."""

import numbers

import keras
import numpy as np
from keras import ops

from keras_latent.src.export.export import Graph
from keras_latent.src.models.base import validation
from keras_latent.src.models.base.image_model import ImageModel
from keras_latent.src.models.base.latent_model import LatentModel
from keras_latent.src.models.wavegan.presets import PRESETS
from keras_latent.training import input_gradients, portable

NETWORKS = ("generator", "critic")
EPSILON = 1e-12  # below the root of a squared slope: the gradient of a norm at 0 is infinite


@keras.saving.register_keras_serializable(package="keras_latent")
class WaveGAN(ImageModel):
    """WaveGAN: waveforms from latents, `x = G(z)`, `z ~ N(0, I)`, by a game against a critic.

    The critic `D` learns the Wasserstein-1 distance between the data and what `G` makes, as a
    function whose slope is held near 1 (WGAN-GP), and the generator brings that distance down:

        D minimises  E D(G(z)) - E D(x) + lambda E (|grad_x^ D(x^)|_2 - 1)^2
        G minimises  -E D(G(z))

    with `x^ = e x + (1 - e) G(z)`, `e ~ U(0, 1)` for each row, on the way from a real waveform
    to a generated one (Gulrajani et al., 2017, algorithm 1). The penalty is two-sided and its
    norm that of a whole waveform. The critic has `critic_steps` updates on data of their own,
    then the generator has one: a batch of `fit` is cut into `critic_steps` equal parts. The
    generator's update takes as many latents as one part has rows.

    `D(x^)` is computed in inference mode, without phase shuffle; the paper's implementation
    shuffles there too. A shift moves a waveform's features and leaves the norm of the slope
    about as it is, and the penalty may draw no random numbers (`training.input_gradients`).

    The latents are Gaussian, as in Latent Domain Transfer (Tian and Engel, 2019), which takes a
    trained WaveGAN as the model of one of its domains; WaveGAN's own are uniform in [-1, 1].

    Args:
        generator: `G`, built Keras model, latents `(batch, latent_dim)` to waveforms
            `(batch, samples, channels)` in [-1, 1] (tanh).
        critic: `D`, built Keras model, waveforms to scores `(batch, 1)`. No batch
            normalisation: the penalty is on each row's own slope.
        gradient_penalty_weight: `lambda`.
        critic_steps: Updates of the critic for one of the generator.
        ema_momentum: If given, the default optimizer of the generator keeps exponential moving
            averages of its weights with this momentum, which take the weights' place when `fit`
            ends: not in the paper, and of great help with short trainings. An optimizer of your
            own does so with `use_ema=True`.
        seed: Seed of the latents and of the points `x^`.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Input: float waveforms `(rows, samples, channels)` in [-1, 1]; `latent_dim` and
    `event_shape`, `(samples, channels)`, are attributes. `call` takes latents and returns
    waveforms.

    The logs are means over a step's updates: `critic_loss` (with its penalty), `generator_loss`,
    `wasserstein` (`E D(x) - E D(G(z))`, the estimate of the distance), `gradient_penalty`
    (unweighted), and `generated_spread`: the variance of generated waveforms over the batch
    divided by that of the real ones, near 1 where the generator has neither collapsed nor grown
    too loud. `evaluate` reports the same.

    Default optimizers: `{"critic": Adam, "generator": Adam}`, learning rate 1e-4, `beta_1` 0.5,
    `beta_2` 0.9.

    Raises:
        ValueError: If a network is not built, or their shapes do not fit together.

    Example:

    >>> import numpy as np
    >>> from keras_latent import models
    >>> t = np.arange(1024) / 8000
    >>> pitch = np.random.default_rng(0).uniform(200, 400, (10, 1, 1))
    >>> x = np.sin(2 * np.pi * pitch * t[:, None]).astype("float32")
    >>> wavegan = models.WaveGAN.from_preset("wavegan_tiny", load_weights=False)
    >>> wavegan.compile()
    >>> history = wavegan.fit(x, batch_size=10, verbose=0)  # 5 updates of the critic on 2 rows
    >>> wavegan.generate(3, seed=0).shape
    (3, 1024, 1)

    Reference: Donahue, McAuley and Puckette, "Adversarial Audio Synthesis", ICLR (2019);
    Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville, "Improved Training of Wasserstein GANs",
    NeurIPS (2017).
    """

    presets = PRESETS

    trackers = (
        "critic_loss",
        "generator_loss",
        "wasserstein",
        "gradient_penalty",
        "generated_spread",
    )

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        gradient_penalty_weight: float = 10.0,
        critic_steps: int = 5,
        ema_momentum: float | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.generator = validation.require_built("generator", generator)
        self.critic = validation.require_built("critic", critic)
        self.gradient_penalty_weight = validation.require_positive(
            "gradient_penalty_weight", gradient_penalty_weight, zero_allowed=True
        )
        whole = isinstance(critic_steps, numbers.Integral) and not isinstance(critic_steps, bool)
        if not whole or critic_steps < 1:
            raise ValueError(
                "`critic_steps` must be a positive integer. "
                f"Received: critic_steps={critic_steps!r}"
            )
        self.critic_steps = int(critic_steps)
        self.ema_momentum = None
        if ema_momentum is not None:
            self.ema_momentum = validation.require_fraction("ema_momentum", ema_momentum)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        latent_shape = validation.event_shape_of("generator", self.generator)
        if len(latent_shape) != 1:
            raise ValueError(
                "`generator` must take latents (batch, latent_dim). "
                f"Received: input shape (batch, {', '.join(map(str, latent_shape))})"
            )
        self.latent_dim = latent_shape[0]
        self.event_shape = validation.event_shape_of("critic", self.critic)
        if len(self.event_shape) != 2 or None in self.event_shape:
            raise ValueError(
                "`critic` must take waveforms (batch, samples, channels) of a known length. "
                f"Received: input shape (batch, {', '.join(map(str, self.event_shape))})"
            )
        made = self.generator(keras.Input(latent_shape))
        validation.check_shape("output of `generator`", made.shape, self.event_shape)
        score = self.critic(keras.Input(self.event_shape))
        validation.check_shape("output of `critic`", score.shape, (1,))
        self.built = True

    # Networks ----------------------------------------------------------------------------

    def to_data(self, z, training: bool = False):
        """`G(z)`: latents `(batch, latent_dim)` to waveforms in [-1, 1], float32; tensors."""
        return ops.cast(self.generator(z, training=training), "float32")

    def scores(self, x, training: bool = False):
        """`D(x)`, `(batch,)`, float32."""
        return ops.cast(self.critic(x, training=training), "float32")[:, 0]

    def call(self, z, training: bool = False):
        return self.to_data(z, training)

    def noise(self, rows):
        """Latents `(rows, latent_dim)` from `N(0, I)`, from the model's own stream."""
        return keras.random.normal(
            (rows, self.latent_dim), dtype="float32", seed=self.seed_generator
        )

    # Objectives --------------------------------------------------------------------------

    def gradient_penalty(self, x, made):
        """`E (|grad D(x^)| - 1)^2` at points between the rows of `x` and of `made`, a scalar."""
        shape = (ops.shape(x)[0], 1, 1)
        e = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        slopes = input_gradients(self.scores, e * x + (1.0 - e) * made)
        norms = ops.sqrt(ops.sum(ops.cast(slopes, "float32") ** 2, axis=(1, 2)) + EPSILON)
        return ops.mean((norms - 1.0) ** 2)

    def critic_loss(self, x, made, training: bool = False):
        """What `D` minimises, and its terms."""
        rows = ops.shape(x)[0]
        scores = self.scores(ops.concatenate([x, made]), training)
        distance = ops.mean(scores[:rows]) - ops.mean(scores[rows:])
        loss, terms = -distance, {"wasserstein": distance}
        if self.gradient_penalty_weight:
            terms["gradient_penalty"] = self.gradient_penalty(x, made)
            loss = loss + self.gradient_penalty_weight * terms["gradient_penalty"]
        return loss, terms | {"critic_loss": loss}

    def generator_loss(self, z, training: bool = False):
        """What `G` minimises, `-E D(G(z))`, and the waveforms."""
        made = self.to_data(z, training)
        return -ops.mean(self.scores(made, training)), {"made": made}

    # Steps -------------------------------------------------------------------------------

    @portable
    def train_step(self, data):
        x = self.unpack(data)
        rows = x.shape[0]
        if rows is not None:  # on TensorFlow unknown; `fit` has checked arrays
            self.check_parts(rows)
        made = ops.stop_gradient(self.to_data(self.noise(ops.shape(x)[0]), training=True))
        split = (self.critic_steps, -1, *self.event_shape)
        parts, made_parts = ops.reshape(x, split), ops.reshape(made, split)
        seen = []
        for i in range(self.critic_steps):
            part = parts[i], made_parts[i]
            seen.append(self.minimize(self.critic_loss, *part, True, of="critic")[1])
        terms = {name: sum(t[name] for t in seen) / self.critic_steps for name in seen[0]}
        z = self.noise(ops.shape(parts)[1])
        loss, _ = self.minimize(self.generator_loss, z, True, of="generator")
        terms["generated_spread"] = spread(made) / (spread(x) + 1e-7)
        return self.track(ops.shape(x)[0], generator_loss=loss, **terms)

    @portable
    def test_step(self, data):
        x = self.unpack(data)
        loss, kept = self.generator_loss(self.noise(ops.shape(x)[0]))
        _, terms = self.objective(self.critic_loss, x, kept["made"])
        terms["generated_spread"] = spread(kept["made"]) / (spread(x) + 1e-7)
        return self.track(ops.shape(x)[0], generator_loss=loss, **terms)

    @property
    def metrics(self):
        # A term that is not part of the objective has no place in the logs.
        absent = {"gradient_penalty": not self.gradient_penalty_weight}
        return [m for m in super().metrics if not absent.get(m.name)]

    def optimizer_groups(self):
        return {"critic": [self.critic], "generator": [self.generator]}

    def default_optimizer(self):
        averages = {}
        if self.ema_momentum is not None:
            averages = {"use_ema": True, "ema_momentum": self.ema_momentum}
        adam = {"learning_rate": 1e-4, "beta_1": 0.5, "beta_2": 0.9}
        return {
            "critic": keras.optimizers.Adam(**adam),
            "generator": keras.optimizers.Adam(**adam, **averages),
        }

    # Input -------------------------------------------------------------------------------

    def fit(self, x=None, y=None, batch_size=None, *args, **kwargs):
        """`keras.Model.fit`; arrays, or the first batch of a dataset, are checked before.

        Raises:
            ValueError: If shapes or values cannot be trained on, or if a batch, the last one
                too, cannot be cut into `critic_steps` equal parts.
        """
        if isinstance(x, np.ndarray) or ops.is_tensor(x):
            self.check_waveforms(x)
            self._check_batches(len(x), 32 if batch_size is None else batch_size, kwargs)
        return super().fit(x, y, batch_size, *args, **kwargs)

    def _check_batches(self, rows, batch_size, kwargs):
        rows = int(rows * (1.0 - (kwargs.get("validation_split") or 0.0)))
        self.check_parts(min(rows, batch_size))
        rest = rows % batch_size
        if rest % self.critic_steps:
            raise ValueError(
                f"The last batch of {rows} rows in batches of {batch_size} has {rest}, which "
                f"cannot be cut into critic_steps={self.critic_steps} equal parts. Leave out the "
                f"last {rest % self.critic_steps} rows: `x[:{rows - rest % self.critic_steps}]`."
            )

    def check_parts(self, rows: int) -> None:
        """Raises `ValueError` where a batch of `rows` is no multiple of `critic_steps`."""
        if rows % self.critic_steps:
            raise ValueError(
                f"A batch must be a multiple of critic_steps={self.critic_steps}, which is how "
                "many updates of the critic share it: for n rows in each of them, "
                f"`batch_size={self.critic_steps} * n`; a dataset drops its remainder. "
                f"Received: a batch of {rows} rows"
            )

    def unpack(self, data):
        x = super().unpack(data)
        self.check_waveforms(x)
        return ops.cast(x, "float32")

    def check_waveforms(self, x) -> None:
        if not hasattr(x, "shape"):
            raise ValueError(
                "`WaveGAN` trains on one array of waveforms. Received: "
                f"{sorted(x) if isinstance(x, dict) else type(x).__name__}"
            )
        validation.check_shape("x", x.shape, self.event_shape)

    def check_batch(self, x):
        self.check_waveforms(x)
        if np.issubdtype(x.dtype, np.integer):
            raise ValueError(
                "`x` must hold floats in [-1, 1]; 16-bit audio is divided by 32768. "
                f"Received: dtype={x.dtype}"
            )
        validation.check_values("x", x, unit_interval=False, image=False)
        low, high = float(x.min()), float(x.max())
        if low < -1.0 or high > 1.0:
            raise ValueError(
                "`x` must lie in [-1, 1]; 16-bit audio is divided by 32768, and a recording by "
                f"its own peak. Received: values from {low:g} to {high:g}"
            )
        if low >= 0.0 and high > 0.0:
            raise ValueError(
                "`x` must lie in [-1, 1] around 0, as waveforms do; those in [0, 1] are mapped by "
                f"`2 * x - 1`. Received: values from {low:g} to {high:g}"
            )

    def check_inputs(self, x):
        self.check_rows(x, (self.latent_dim,), "z", image=False)

    # Verbs -------------------------------------------------------------------------------

    #: `num` latents from `p(z) = N(0, I)`, the same for a seed on every backend.
    prior = LatentModel.prior

    def decode(self, z, *, batch_size: int = 128) -> np.ndarray:
        """`G(z)`.

        Args:
            z: Latents `(rows, latent_dim)`.
            batch_size: Rows at a time.

        Returns:
            Waveforms `(rows, samples, channels)` in [-1, 1], float32.

        Raises:
            ValueError: If shape or values are not those of latents.
        """
        return self.run_graph("decode", z, batch_size)

    def graph_of_decode(self) -> Graph:
        return Graph({"z": (self.latent_dim,)}, self.to_data)

    def generate(self, num: int, *, seed: int | None = None, batch_size: int = 128) -> np.ndarray:
        """Waveforms `(num, samples, channels)` of latents from the prior.

        Args:
            num: How many.
            seed: Seed of the latents.
            batch_size: Rows at a time.

        Raises:
            ValueError: If `num` is not a positive integer.
        """
        return self.decode(self.prior(num, seed), batch_size=batch_size)

    def interpolate(
        self, z_a, z_b, steps: int = 8, *, kind: str = "spherical", batch_size: int = 128
    ) -> np.ndarray:
        """Waveforms on the way from each latent to another.

        Args:
            z_a: Latents `(rows, latent_dim)` to start from.
            z_b: Latents to arrive at.
            steps: Waveforms on each way, both ends included.
            kind: `"linear"` or `"spherical"`; Gaussian latents are best on the sphere.
            batch_size: Rows at a time.

        Returns:
            `(rows, steps, samples, channels)`, float32.

        Raises:
            ValueError: If shapes, values or `kind` are not as above.
        """
        shape = (self.latent_dim,)
        z_a, z_b = (
            self.check_rows(z, shape, name, image=False) for name, z in (("z_a", z_a), ("z_b", z_b))
        )
        made = self.decode(self.path(z_a, z_b, steps, kind), batch_size=batch_size)
        return made.reshape(len(z_a), steps, *self.event_shape)

    def get_config(self):
        config = super().get_config()
        config.update(self.networks_config(NETWORKS))
        numbers = ("gradient_penalty_weight", "critic_steps", "ema_momentum", "seed")
        return config | {name: getattr(self, name) for name in numbers}


def spread(waveforms):
    """Variance over the batch, averaged over time steps: a scalar."""
    return ops.mean(ops.var(ops.cast(waveforms, "float32"), axis=0))
