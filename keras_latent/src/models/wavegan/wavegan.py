"""WaveGAN (Donahue, McAuley and Puckette, 2019)."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_latent.src.models.base.adversarial import (
    averages,
    check_batches,
    check_parts,
    gradient_penalty,
    spread,
)
from keras_latent.src.models.base.batched import batched, latents_of
from keras_latent.src.models.base.latent_model import LatentModel
from keras_latent.src.models.base.networks import built, check_output, event_shape_of, outputs_of
from keras_latent.src.models.wavegan.presets import PRESETS
from keras_latent.src.models.wavegan.waveforms import Waveforms
from keras_latent.src.training.batches import BatchSpec
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor
from keras_latent.training import portable


@keras.saving.register_keras_serializable(package="keras_latent")
class WaveGAN(LatentModel):
    """WaveGAN: waveforms from latents, `x = G(z)`, `z ~ N(0, I)`, trained against a critic.

    The critic `D` estimates the Wasserstein-1 distance between the data and the outputs of `G`, as
    a function whose slope is kept near 1 (WGAN-GP). The generator reduces that distance:

        D minimizes  E D(G(z)) - E D(x) + lambda E (|grad_x^ D(x^)|_2 - 1)^2
        G minimizes  -E D(G(z))

    with `x^ = e x + (1 - e) G(z)`, `e ~ U(0, 1)` per row, between a real waveform and a generated
    one (Gulrajani et al., 2017, algorithm 1). The penalty is two-sided, and its norm is over a
    whole waveform. The critic gets `critic_steps` updates, each on other data, then the generator
    gets one: a batch of `fit` is cut into `critic_steps` equal parts. The generator's update uses
    as many latents as one part has rows.

    `D(x^)` is computed in inference mode, without phase shuffle, since the penalty must not draw
    random numbers (`training.input_gradients`). The paper's implementation shuffles there too. A
    shift moves a waveform's features and hardly changes the norm of the slope.

    The latents are Gaussian, as in Latent Domain Transfer (Tian and Engel, 2019), which uses a
    trained WaveGAN as the model of one domain. Those of the WaveGAN paper are uniform in [-1, 1].

    Args:
        generator: `G`, built Keras model, latents `(batch, latent_dim)` to waveforms
            `(batch, samples, channels)` in [-1, 1] (tanh).
        critic: `D`, built Keras model, waveforms to scores `(batch, 1)`. Without
            batch normalization: the penalty is on the slope of each row.
        gradient_penalty_weight: `lambda`.
        critic_steps: Updates of the critic per update of the generator.
        seed: Seed of the latents and of the points `x^`.
        ema_momentum: See Extensions.
        **kwargs: `name`, `dtype` of `keras.Model`.

    Extensions, not in the paper, off by default:

    - `ema_momentum`: the default optimizer of the generator keeps exponential moving averages of
      its weights with this momentum, which replace the weights when `fit` ends. This helps short
      trainings a lot. Your own optimizer does so with `use_ema=True`.

    Input: float waveforms `(rows, samples, channels)` in [-1, 1]; `latent_dim` and
    `event_shape`, `(samples, channels)`, are attributes. `call` takes latents and returns
    waveforms.

    The logs are means over a step's updates: `critic_loss` (with its penalty), `generator_loss`,
    `wasserstein` (`E D(x) - E D(G(z))`, the estimate of the distance), `gradient_penalty`
    (unweighted), and `generated_spread`: the variance of generated waveforms over the batch
    divided by that of the real ones, near 1 unless the generator has collapsed or become too
    loud. `evaluate` reports the same.

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
    optional_trackers = {"gradient_penalty": "gradient_penalty_weight"}
    trackers = (
        *("critic_loss", "generator_loss"),
        *("wasserstein", "gradient_penalty", "generated_spread"),
    )

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        gradient_penalty_weight: float = 10.0,
        critic_steps: int = 5,
        seed: int | None = None,
        *,
        ema_momentum: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.generator = built("generator", generator)
        self.critic = built("critic", critic)
        self.gradient_penalty_weight = checks.non_negative(
            "gradient_penalty_weight", gradient_penalty_weight
        )
        self.critic_steps = checks.integer("critic_steps", critic_steps)
        self.ema_momentum = None
        if ema_momentum is not None:
            self.ema_momentum = checks.fraction("ema_momentum", ema_momentum)
        self.seed = checks.keras_seed("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        latent_shape = event_shape_of("generator", self.generator)
        if len(latent_shape) != 1:
            raise ValueError(
                "`generator` must take latents (batch, latent_dim). "
                f"Received: input shape (batch, {', '.join(map(str, latent_shape))})"
            )
        self.latent_dim = latent_shape[0]
        self.event_shape = event_shape_of("critic", self.critic)
        if len(self.event_shape) != 2 or None in self.event_shape:
            raise ValueError(
                "`critic` must take waveforms (batch, samples, channels) of a known length. "
                f"Received: input shape (batch, {', '.join(map(str, self.event_shape))})"
            )
        made = outputs_of(keras.Input(latent_shape), {"generator": generator})
        check_output("generator", made, self.event_shape, "critic")
        check_output("critic", outputs_of(made, {"critic": critic}, "generator"), (1,))
        self.built = True

    @property
    def batch_spec(self) -> BatchSpec:
        return BatchSpec(Waveforms(self.event_shape))

    @property
    def predict_spec(self) -> BatchSpec:
        return BatchSpec(latents_of(self), name="z")

    # Networks ----------------------------------------------------------------------------

    def to_data(self, z: Tensor, training: bool = False) -> Tensor:
        """`G(z)`: latents `(batch, latent_dim)` to waveforms in [-1, 1], float32; tensors."""
        return ops.cast(self.generator(z, training=training), "float32")

    def scores(self, x: Tensor, training: bool = False) -> Tensor:
        """`D(x)`, `(batch,)`, float32."""
        return ops.cast(self.critic(x, training=training), "float32")[:, 0]

    def call(self, z: Tensor, training: bool = False) -> Tensor:
        return self.to_data(z, training)

    def noise(self, rows: Any) -> Tensor:
        """Latents `(rows, latent_dim)` from `N(0, I)`, from the model's own stream."""
        return keras.random.normal(
            (rows, self.latent_dim), dtype="float32", seed=self.seed_generator
        )

    # Objectives --------------------------------------------------------------------------

    def gradient_penalty(self, x: Tensor, made: Tensor) -> Tensor:
        """`E (|grad D(x^)| - 1)^2` at points between the rows of `x` and of `made`, a scalar."""
        return gradient_penalty(self.scores, x, made, self.seed_generator)

    def critic_loss(
        self, x: Tensor, made: Tensor, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What `D` minimizes, and its terms."""
        rows = ops.shape(x)[0]
        scores = self.scores(ops.concatenate([x, made]), training)
        distance = ops.mean(scores[:rows]) - ops.mean(scores[rows:])
        loss, terms = -distance, {"wasserstein": distance}
        if self.gradient_penalty_weight:
            terms["gradient_penalty"] = self.gradient_penalty(x, made)
            loss = loss + self.gradient_penalty_weight * terms["gradient_penalty"]
        return loss, terms | {"critic_loss": loss}

    def generator_loss(self, z: Tensor, training: bool = False) -> tuple[Tensor, dict[str, Tensor]]:
        """What `G` minimizes, `-E D(G(z))`, and the waveforms."""
        made = self.to_data(z, training)
        return -ops.mean(self.scores(made, training)), {"made": made}

    # Steps -------------------------------------------------------------------------------

    @portable
    def train_step(self, data):
        x = self.unpack(data)
        rows = x.shape[0]
        if rows is not None:  # unknown on TensorFlow, where `fit` has checked arrays
            check_parts(rows, self.critic_steps)
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

    def optimizer_groups(self) -> dict[str, list[keras.layers.Layer]]:
        return {"critic": [self.critic], "generator": [self.generator]}

    def default_optimizer(self) -> dict[str, keras.optimizers.Optimizer]:
        adam = {"learning_rate": 1e-4, "beta_1": 0.5, "beta_2": 0.9}
        return {
            "critic": keras.optimizers.Adam(**adam),
            "generator": keras.optimizers.Adam(**adam, **averages(self.ema_momentum)),
        }

    # Data --------------------------------------------------------------------------------

    def check_data(self, x: Any, y: Any, sizes: tuple[int, ...]) -> None:
        check_batches(sizes, self.critic_steps)

    # Methods on arrays -------------------------------------------------------------------

    @batched(z=latents_of)
    def decode(self, z: Rows, *, batch_size: int = 128) -> np.ndarray:
        """`G(z)`.

        Args:
            z: Latents `(rows, latent_dim)`.
            batch_size: Rows per compiled call.

        Returns:
            Waveforms `(rows, samples, channels)` in [-1, 1], float32.

        Raises:
            ValueError: If shape or values are not those of latents.
        """
        return self.to_data(z)

    def generate(self, num: int, *, seed: int | None = None, batch_size: int = 128) -> np.ndarray:
        """Waveforms `(num, samples, channels)` of latents from the prior.

        Args:
            num: Number of waveforms.
            seed: Seed of the latents.
            batch_size: Rows per compiled call.

        Raises:
            ValueError: If `num` is not a positive integer.
        """
        return self.decode(self.prior(num, seed), batch_size=batch_size)

    def interpolate(
        self,
        z_a: Rows,
        z_b: Rows,
        steps: int = 8,
        *,
        kind: str = "spherical",
        batch_size: int = 128,
    ) -> np.ndarray:
        """Waveforms between pairs of latents.

        Args:
            z_a: Latents `(rows, latent_dim)` to start from.
            z_b: Latents to end at.
            steps: Waveforms per row, both ends included.
            kind: `"linear"` or `"spherical"`, which suits Gaussian latents.
            batch_size: Rows per compiled call.

        Returns:
            `(rows, steps, samples, channels)`, float32.

        Raises:
            ValueError: If shapes, values or `kind` are not as above.
        """
        z_a, z_b = (latents_of(self).rows(n, z) for n, z in (("z_a", z_a), ("z_b", z_b)))
        made = self.decode(self.path(z_a, z_b, steps, kind), batch_size=batch_size)
        return made.reshape(len(z_a), steps, *self.event_shape)
