"""The base of all models: methods on arrays, presets, exports, configuration."""

import inspect
import os
from pathlib import Path
from typing import Any, ClassVar, Self

import keras
import numpy as np

from keras_latent import ops
from keras_latent.src.callbacks.stop_at_nan import StopAtNaN
from keras_latent.src.export import export
from keras_latent.src.models.base import networks
from keras_latent.src.models.base.batched import Graph, exported_graphs
from keras_latent.src.models.base.likelihoods import Bernoulli, Gaussian, Likelihood
from keras_latent.src.models.base.programs import Programs, in_blocks
from keras_latent.src.presets import loading
from keras_latent.src.training.model import PortableModel
from keras_latent.src.utils import checks
from keras_latent.src.utils.did_you_mean import did_you_mean
from keras_latent.src.utils.step_limit import without_step_limit
from keras_latent.src.utils.types import Tensor


class LatentModel(PortableModel):
    """Base of all models.

    Methods that are decorated with `batched` take arrays and run compiled, in batches. A model with
    a distribution over its data calls `set_observation`; `metrics.log_likelihood` then needs
    `posterior(x)`, which returns `(z_mean, z_log_var)`, and `likelihood_parameters(z)`. A model of
    several domains sets `event_shapes` (domain to the shape of one row); these functions then take
    a `domain` as well.

    `get_config` collects the arguments of `__init__` from attributes of the same names.

    Args:
        **kwargs: `name`, `dtype` of `keras.Model`.
    """

    #: Name to description of the built-in presets of the class.
    presets: ClassVar[dict[str, str]] = {}
    #: `p(x|z)`, for models that have one: see `set_observation`.
    likelihood: str
    observation_variance: float
    #: Shape of one row of data, and size of a latent, where there is one of each.
    event_shape: tuple[int, ...]
    latent_dim: int

    def __init__(self, **kwargs: Any):
        unknown = sorted(kwargs.keys() - {"name", "dtype", "trainable", "autocast"})
        if unknown and "activity_regularizer" not in unknown:
            raise ValueError(_unknown_argument(type(self), unknown[0]))
        super().__init__(**kwargs)
        self._programs = Programs()

    def default_callbacks(self) -> list[keras.callbacks.Callback]:
        return [StopAtNaN()]

    # Methods on arrays -------------------------------------------------------------------

    def program(self, key: str, graph: Graph) -> keras.Model:
        """The compiled function of a graph; `key` names it, and it is built once."""
        return self._programs.get(key, graph)

    def run(self, key: str, graph: Graph, values: dict[str, Any], batch_size: int) -> Any:
        """A graph on checked rows, compiled and in batches; `key` names the compiled function.

        Memory, beyond that of the rows and of the result, does not grow with their number.
        """
        rows: list[np.ndarray] = []
        for name, spec in graph.inputs.items():
            count = len(rows[0]) if rows else None
            value = values[name]
            if value is None and spec.fill is not None:
                value = np.full((count, *spec.shape), spec.fill, "float32")
            rows.append(spec.rows(name, value, count))
        batch_size = checks.integer("batch_size", batch_size)
        with self._programs.lock, without_step_limit():
            return in_blocks(self.program(key, graph), rows, batch_size)

    def path(self, z_a: np.ndarray, z_b: np.ndarray, steps: int, kind: str) -> np.ndarray:
        """Latents `(rows * steps, ...)` between the rows of `z_a` and those of `z_b`."""
        if z_a.shape != z_b.shape:
            raise ValueError(
                "`a` and `b` must have the same number of rows. "
                f"Received: {len(z_a)} and {len(z_b)} rows"
            )
        a, b = z_a.reshape(len(z_a), -1), z_b.reshape(len(z_b), -1)
        z = keras.ops.convert_to_numpy(ops.interpolate(a, b, steps, kind))
        return z.reshape(-1, *z_a.shape[1:])

    def prior(self, num: int, seed: int | None = None) -> np.ndarray:
        """`num` latents from `p(z) = N(0, I)`, the same for a seed on every backend.

        Raises:
            ValueError: If `num` is not a positive integer.
        """
        shape = (checks.integer("num", num), self.latent_dim)
        return np.random.default_rng(checks.seed("seed", seed)).standard_normal(shape, "float32")

    @property
    def unit_interval(self) -> bool:
        """Whether data must lie in [0, 1]."""
        return hasattr(self, "observation") and self.observation.unit_interval

    # Densities ---------------------------------------------------------------------------

    def set_observation(
        self, likelihood: str, observation_variance: float, seed: int | None
    ) -> None:
        """Sets `p(x|z)` and the stream of reparametrization noise; called by `__init__`."""
        self.likelihood = checks.choice("likelihood", likelihood, ("gaussian", "bernoulli"))
        self.observation_variance = checks.positive("observation_variance", observation_variance)
        self.seed = checks.keras_seed("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    @property
    def observation(self) -> Likelihood:
        """`p(x|z)`, by `likelihood` and `observation_variance` as they are now."""
        if self.likelihood == "bernoulli":
            return Bernoulli()
        return Gaussian(self.observation_variance)

    def sample(self, z_mean: Tensor, z_log_var: Tensor) -> Tensor:
        """`z = mu + sigma * epsilon`, with the model's own stream of noise."""
        return ops.sample_gaussian(z_mean, z_log_var, seed=self.seed_generator)

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        """`log p(x|z)` per row, `(batch,)`, in nats, of a decoder's outputs."""
        return self.observation.log_prob(x, parameters)

    def expected(self, parameters: Tensor) -> Tensor:
        """`E[x|z]` of a decoder's outputs, float32."""
        return self.observation.mean(parameters)

    # Presets -----------------------------------------------------------------------------

    @classmethod
    def from_preset(cls, preset: str | Path, load_weights: bool = True, **kwargs: Any) -> Self:
        """Makes a model from a built-in preset, a directory or a model hub.

        Args:
            preset: A name in `cls.presets`; a directory that `save_to_preset` wrote; or text such
                as `hf://user/name` or `kaggle://user/model/keras/variation[/version]`, which
                `presets.upload_preset` wrote. What hubs send is cached. Requires the extra `hub`.
            load_weights: Whether to load trained weights, or to start from random ones.
            **kwargs: Arguments of the model that replace those of the preset.

        Returns:
            A model of this class, not compiled.

        Raises:
            ImportError: If the client of a hub is not installed.
            RuntimeError: If a preset on a hub cannot be downloaded.
            ValueError: If there is no such preset or directory, if it is damaged or of
                another class, or if it holds no weights and `load_weights` is True. A file
                is damaged if it does not have the SHA-256 that was written with it; directories
                of older versions have none.
        """
        return loading.load(cls, preset, load_weights, kwargs)

    @classmethod
    def preset_card(cls, preset: str) -> dict[str, Any]:
        """How the trained weights of a built-in preset were made, and what they reach.

        Args:
            preset: A name in `cls.presets` that comes with trained weights.

        Returns:
            `"task"`; `"data"` with its license; `"configuration"`, with the seed; `"figures"`,
            measured on test rows with the shipped weights, and `"figures_float32"`, with the
            weights before rounding; the `"sha256"` of the weights; the `"command"` that trains
            and measures them again; `"date"` and `"environment"`.

        Raises:
            ValueError: If there is no such preset, if it comes without weights, or if its card
                is damaged.

        Example:

        >>> from keras_latent import models
        >>> models.VBTA.preset_card("vbta_digits_transpose_sharp")["data"]["licence"]
        'CC BY 4.0'
        """
        return loading.card(cls, preset)

    def save_to_preset(self, preset_dir: str | Path, *, half: bool = False) -> None:
        """Writes configuration and weights to a new directory, all of it or nothing.

        `metadata.json` gets the SHA-256 of both, by which `from_preset` notices damage.

        Args:
            preset_dir: A directory that does not exist yet, or is empty; or a link to one.
            half: Whether to write the weights as float16, which halves the file and rounds
                to 11 bits. A model that loads them computes in its own precision.

        Raises:
            ValueError: If the directory is not empty, or a weight does not fit float16.
        """
        loading.save(self, preset_dir, half)

    # Export ------------------------------------------------------------------------------

    def export_verbs(self) -> list[str]:
        """Names of the methods that `export` and `verb_model` take, in alphabetical order."""
        return list(exported_graphs(type(self)))

    def verb_model(self, verb: str, **options: Any) -> keras.Model:
        """A method as a plain Keras model, to be saved, served or built into another one.

        Args:
            verb: One of `export_verbs()`, for example `"translate"` or `"encode"`.
            **options: Arguments of that method that are not data, such as `to` or `domain`.

        Returns:
            A functional model in inference mode that shares this model's weights. Its inputs have
            the names of the method's. It takes one float32 tensor `(batch, ...)`, or a dict of
            several. It returns float32: means, where the method could draw.

        Raises:
            ValueError: If there is no such method, or an option is unknown or out of range.

        Example:

        >>> import keras
        >>> from keras_latent import models
        >>> vbta = models.VBTA.from_preset("vbta_digits_transpose", load_weights=False)
        >>> vbta.export_verbs()
        ['cycle', 'decode', 'encode', 'reconstruct', 'translate']
        >>> encoder = vbta.verb_model("encode", domain="target")
        >>> encoder.input_shape, encoder.output_shape
        ((None, 8, 8, 1), (None, 32))
        """
        return export.as_keras_model(self, exported_graphs(type(self)), verb, options)

    def export(
        self,
        filepath: str | os.PathLike,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        *,
        verb: str = "translate",
        opset_version: int | None = None,
        **options: Any,
    ) -> None:
        """Writes one method to a file that runs without Keras and without this library.

        The file takes any number of rows and returns what the method returns, without its checks of
        values. Inputs have the names of the method's, `x` or `z`. Models with attributes add
        `attributes`, float32 `(rows, attributes)` of 1, 0 and -1, and for `transfer` with
        `strength=None` also `strength`, `(rows,)`. The output is `output_0`. All are float32.

        | | written by | needs |
        |---|---|---|
        | SavedModel | TensorFlow, JAX | `tensorflow` |
        | ONNX | TensorFlow | `onnx`, `tf2onnx` |
        | ONNX | PyTorch | `onnx` |
        | ONNX | JAX | `jax2onnx` |

        `pip install keras-latent[export]` installs these except the backends and `jax2onnx`. If the
        running backend cannot write the format (PyTorch: SavedModel; JAX without `jax2onnx`: ONNX),
        a second Python process writes the file from the same weights, with another installed
        backend. It must be able to import the modules of your custom layers.

        Args:
            filepath: The file (ONNX) or folder (SavedModel) to write. An older one is replaced
                when the new one is complete.
            format: `"tf_saved_model"` or `"onnx"`. `keras.Model.export` has more, and
                `verb_model` makes a model for it.
            verbose: Whether to print where it was saved. `None`: yes.
            verb: The method: one of `export_verbs()`.
            opset_version: The ONNX opset. `None`: the default of what writes the file.
            **options: Arguments of that method that are not data: `to`, `domain`, `attribute`...

        Raises:
            ValueError: If there is no such method, an option is unknown or out of range, the
                format is unknown, or `filepath` holds something other than an older export.
            ImportError: If a package is missing; the message says which to install.
            RuntimeError: If the second process cannot rebuild the model.

        Example:

        >>> import keras, tempfile
        >>> from keras_latent import models
        >>> vbta = models.VBTA.from_preset("vbta_digits_transpose", load_weights=False)
        >>> path = tempfile.mkdtemp() + "/translate.onnx"
        >>> if keras.backend.backend() != "jax":  # may take seconds there: a second process
        ...     vbta.export(path, "onnx", verbose=False, verb="translate", to="target")

        To run it, anywhere:

        ```python
        session = onnxruntime.InferenceSession("translate.onnx")
        (images,) = session.run(None, {"x": x})
        ```
        """
        export.check_format(format, opset_version)
        program = self.verb_model(verb, **options)
        what = {"model": type(self).__name__, "verb": verb, "options": options}
        export.write(self, program, filepath, format, what, opset_version)
        if verbose is None or verbose:
            print(f"Saved artifact at '{filepath}'.")

    # Configuration -----------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        arguments = {name: getattr(self, name) for name in _arguments(type(self))}
        return {**super().get_config(), **networks.serialize(arguments)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        return cls(**networks.deserialize(cls.__name__, config, custom_objects))


def _arguments(cls: type) -> list[str]:
    """Names of the arguments of `__init__` of this library's classes, without `**kwargs`.

    A subclass of a user adds its own arguments in its own `get_config`.
    """
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    names: dict[str, None] = {}
    for base in cls.__mro__[: cls.__mro__.index(LatentModel)]:
        if "__init__" in vars(base) and base.__module__.startswith("keras_latent."):
            parameters = list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]
            names |= {p.name: None for p in parameters if p.kind not in kinds}
    return list(names)


def _unknown_argument(cls: type, name: str) -> str:
    known = _arguments(cls)
    hint = did_you_mean(name, known) or " Sizes are those of the networks."
    return f"`{cls.__name__}` has no argument {name!r}. It has {[*known, 'name', 'dtype']}.{hint}"
