"""What all models with a Gaussian latent space share: checks, verbs, configuration."""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_latent import ops
from keras_latent.models import validation
from keras_latent.models.preset import PresetMixin
from keras_latent.training import PortableModel

LIKELIHOODS = ("gaussian", "bernoulli")

# Of rows and results together, in one call of Keras's `predict`, which copies both: 64 MB.
VALUES_AT_A_TIME = 2**24


class _Programs:
    """Compiled functions of a model's networks, by name.

    A plain object, so that Keras neither tracks nor saves them; they share the variables
    of the networks, and are built when first used.
    """

    def __init__(self):
        self._models = {}

    def get(self, key, make: Callable[[], keras.Model]) -> keras.Model:
        if key not in self._models:
            self._models[key] = make()
        return self._models[key]


class LatentModel(PresetMixin, PortableModel):
    """Base of models that encode to `q(z|x) = N(z_mean, exp(z_log_var))`.

    Holds the observation model: the likelihood `p(x|z)`, Bernoulli (decoders return
    logits) or Gaussian of a fixed variance (decoders return the mean).

    A subclass sets `latent_dim` and `event_shape`, the shape of one row, and defines
    `posterior(x)`, which returns `(z_mean, z_log_var)`; with a `decoder`, or its own
    `likelihood_parameters(z)`, `metrics.log_likelihood` works on it. If it has several
    domains it sets `event_shapes` (domain to shape), and the two take a `domain` as well.

    Args:
        likelihood: `"gaussian"` or `"bernoulli"`.
        observation_variance: Variance of the Gaussian likelihood, in squared pixels;
            without meaning for a Bernoulli.
        seed: Seed of the reparametrisation noise.
        **kwargs: `name`, `dtype` of `keras.Model`.
    """

    def __init__(
        self,
        likelihood: str = "gaussian",
        observation_variance: float = 1.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.likelihood = validation.require_choice("likelihood", likelihood, LIKELIHOODS)
        self.observation_variance = validation.require_positive(
            "observation_variance", observation_variance
        )
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self._programs = _Programs()

    # Networks ----------------------------------------------------------------------------

    @staticmethod
    def gaussian_of(name: str, outputs):
        """`(z_mean, z_log_var)` in float32, the log-variance bounded, from what an encoder gave.

        Raises:
            ValueError: If the encoder did not return two tensors of the same shape
                `(batch, latent_dim)`.
        """
        pair = isinstance(outputs, (tuple, list)) and len(outputs) == 2
        if not pair or len(outputs[0].shape) != 2 or outputs[0].shape != outputs[1].shape:
            shapes = keras.tree.map_structure(lambda t: tuple(t.shape), outputs)
            raise ValueError(
                f"`{name}` must return `(z_mean, z_log_var)`, each of shape "
                f"(batch, latent_dim). Received outputs of shape: {shapes}"
            )
        z_mean, z_log_var = outputs
        return keras.ops.cast(z_mean, "float32"), ops.bound_log_var(z_log_var)

    # Densities ---------------------------------------------------------------------------

    def sample(self, z_mean, z_log_var):
        """`z = mu + sigma * epsilon`, with the model's own stream of noise."""
        return ops.sample_gaussian(z_mean, z_log_var, seed=self.seed_generator)

    def likelihood_parameters(self, z, training: bool = False):
        """Parameters of `p(x|z)`, `(batch, ...)`, of latents: what the decoder returns."""
        return self.decoder(z, training=training)

    def log_prob(self, x, parameters):
        """`log p(x|z)` of each row, `(batch,)`, in nats, for what a decoder returned."""
        if self.likelihood == "bernoulli":
            return ops.bernoulli_log_prob(x, parameters)
        return ops.gaussian_log_prob(x, parameters, self.observation_variance)

    def expected(self, parameters):
        """`E[x|z]`, an image, for what a decoder returned."""
        parameters = keras.ops.cast(parameters, "float32")
        return keras.ops.sigmoid(parameters) if self.likelihood == "bernoulli" else parameters

    # Verbs -------------------------------------------------------------------------------

    def check_rows(self, x, shape, name: str, image: bool = True) -> np.ndarray:
        """`x` in host memory, after a check of its shape, one row's being given, and values."""
        x = x if isinstance(x, np.ndarray) else keras.ops.convert_to_numpy(x)
        validation.check_shape(name, x.shape, shape)
        if not len(x):
            raise ValueError(f"`{name}` must have one row or more. Received: shape={x.shape}")
        validation.check_values(name, x, image and self.likelihood == "bernoulli", image)
        return x

    def program(self, key, make: Callable[[], keras.Model]) -> keras.Model:
        """The compiled program of that name; `make` builds it when it is first asked for."""
        return self._programs.get(key, make)

    def run(self, key, shape, fn: Callable, x, name: str, batch_size: int, image: bool = True):
        """`fn` on checked rows, compiled and in batches; `key` names the compiled function.

        Memory, beside that of the rows and of the result, does not grow with their number.
        """
        x = self.check_rows(x, shape, name, image)

        def make():
            symbolic = keras.Input(shape)
            return keras.Model(symbolic, fn(symbolic))

        program = self.program(key, make)
        tensors = [*program.inputs, *program.outputs]
        values = sum(math.prod(size or 1 for size in t.shape[1:]) for t in tensors)
        block = batch_size * max(1, VALUES_AT_A_TIME // (batch_size * values))
        if len(x) <= block:
            return program.predict(x, batch_size=batch_size, verbose=0)
        result = None
        for first in range(0, len(x), block):
            part = program.predict(x[first : first + block], batch_size=batch_size, verbose=0)
            if result is None:
                result = keras.tree.map_structure(
                    lambda p: np.empty((len(x), *p.shape[1:]), p.dtype), part
                )
            for whole, rows in zip(
                keras.tree.flatten(result), keras.tree.flatten(part), strict=True
            ):
                whole[first : first + len(rows)] = rows
        return result

    def draw(self, z_mean: np.ndarray, z_log_var: np.ndarray, seed: int | None) -> np.ndarray:
        """One sample of each row's `q(z|x)`, the same for a seed on every backend."""
        noise = np.random.default_rng(seed).standard_normal(z_mean.shape, "float32")
        return z_mean + np.exp(0.5 * z_log_var) * noise

    def prior(self, num: int, seed: int | None = None) -> np.ndarray:
        """`num` latents from `p(z) = N(0, I)`, the same for a seed on every backend.

        Raises:
            ValueError: If `num` is not a positive integer.
        """
        if not isinstance(num, (int, np.integer)) or isinstance(num, bool) or num < 1:
            raise ValueError(f"`num` must be a positive integer. Received: num={num!r}")
        return np.random.default_rng(seed).standard_normal((num, self.latent_dim), "float32")

    def path(self, z_a: np.ndarray, z_b: np.ndarray, steps: int, kind: str) -> np.ndarray:
        """Latents `(rows * steps, latent_dim)` on the way from each row of one to the other."""
        if z_a.shape != z_b.shape:
            raise ValueError(
                "`a` and `b` must have the same number of rows. "
                f"Received: {len(z_a)} and {len(z_b)} rows"
            )
        z = ops.interpolate(z_a, z_b, steps, kind)
        return keras.ops.convert_to_numpy(z).reshape(-1, self.latent_dim)

    # Input checks before a training starts -----------------------------------------------

    def check_batch(self, x) -> None:
        """Raises `ValueError` where inputs, NumPy arrays, cannot be trained on."""
        raise NotImplementedError

    def check_targets(self, y, rows: int | None) -> None:
        """Raises `ValueError` where `y` cannot be trained on; most models take none."""

    def _check_data(self, x, y):
        if isinstance(x, keras.utils.PyDataset):
            batch = x[0]
        elif isinstance(x, np.ndarray) or keras.ops.is_tensor(x) or isinstance(x, (dict, list)):
            batch = (x, y)  # arrays: all of them
        elif hasattr(x, "as_numpy_iterator"):
            batch = next(iter(x.take(1).as_numpy_iterator()), None)
        else:  # a generator would lose its first batch; `train_step` still checks shapes
            return
        if batch is None:
            return
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        x = keras.tree.map_structure(keras.ops.convert_to_numpy, x)
        self.check_batch(x)
        self.check_targets(y, len(keras.tree.flatten(x)[0]))

    def fit(self, x=None, y=None, *args, **kwargs):
        """`keras.Model.fit`; arrays, or the first batch of a dataset, are checked before.

        Raises:
            ValueError: If shapes, values or batch sizes cannot be trained on.
        """
        self._check_data(x, y)
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """`keras.Model.evaluate`; the data is checked as in `fit`.

        Raises:
            ValueError: If shapes, values or batch sizes are not what the model takes.
        """
        self._check_data(x, y)
        return super().evaluate(x, y, *args, **kwargs)

    # Configuration -----------------------------------------------------------------------

    def get_config(self):
        config = super().get_config()
        config.update(
            likelihood=self.likelihood,
            observation_variance=self.observation_variance,
            seed=self.seed,
        )
        return config

    def networks_config(self, names: Sequence[str]) -> dict[str, Any]:
        """Configurations of network arguments, by name; of those left out, `None`.

        A network that stands in two places is described in the first, and stays one network.
        """
        config, first = {}, {}
        for name in names:
            network = getattr(self, name)
            if network is not None and first.setdefault(id(network), name) != name:
                config[name] = {"same_as": first[id(network)]}
            else:
                config[name] = keras.saving.serialize_keras_object(network)
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        def deserialize(value):
            if isinstance(value, dict) and "class_name" in value:
                value = copy.deepcopy(value)  # Keras empties a functional model's configuration
                return keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)
            return value

        arguments = {key: deserialize(value) for key, value in config.items()}
        for key, value in arguments.items():
            if isinstance(value, dict) and set(value) == {"same_as"}:
                arguments[key] = arguments[value["same_as"]]
        return cls(**arguments)
