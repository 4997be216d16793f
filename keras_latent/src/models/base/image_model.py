"""What all models of images share: checks, compiled verbs, configuration."""

import copy
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_latent import ops
from keras_latent.src.export.export import ExportMixin
from keras_latent.src.models.base import validation
from keras_latent.src.presets.preset import PresetMixin
from keras_latent.src.training import first_batch
from keras_latent.src.utils.step_limit import uncut
from keras_latent.training import PortableModel

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


def _unknown_class(cls, error: TypeError) -> Exception:
    """Keras prints the whole configuration around the name of a class that it does not know."""
    name = re.search(r"Could not locate (?:class|function) '([^']+)'", str(error))
    if name is None:
        return error
    return ValueError(
        f"A network of this `{cls.__name__}` has a part {name[1]!r} of your own, which Keras does "
        f"not know here. Decorate it with `@keras.saving.register_keras_serializable()` and "
        "import it first, or load with "
        f"`keras.saving.load_model(path, custom_objects={{{name[1]!r}: {name[1]}}})`."
    )


class ImageModel(ExportMixin, PresetMixin, PortableModel):
    """Base of all models: verbs that run compiled and in batches, checks, saving of networks.

    Args:
        **kwargs: `name`, `dtype` of `keras.Model`.
    """

    #: Whether images must lie in [0, 1].
    unit_interval = False

    def __init__(self, **kwargs):
        validation.check_arguments(type(self), kwargs)
        super().__init__(**kwargs)
        self._programs = _Programs()

    # Verbs -------------------------------------------------------------------------------

    def check_rows(self, x, shape, name: str, image: bool = True) -> np.ndarray:
        """`x` in host memory, after a check of its shape, one row's being given, and values."""
        x = validation.require_array(name, x)
        validation.check_shape(name, x.shape, shape)
        if not len(x):
            raise ValueError(f"`{name}` must have one row or more. Received: shape={x.shape}")
        validation.check_values(name, x, image and self.unit_interval, image)
        return x

    def program(self, key, make: Callable[[], keras.Model]) -> keras.Model:
        """The compiled program of that name; `make` builds it when it is first asked for."""
        return self._programs.get(key, make)

    def run(self, key, shape, fn: Callable, x, name: str, batch_size: int, image: bool = True):
        """`fn` on checked rows, compiled and in batches; `key` names the compiled function.

        Memory, beside that of the rows and of the result, does not grow with their number.
        """
        x = self.check_rows(x, shape, name, image)
        batch_size = validation.require_count("batch_size", batch_size)

        def make():
            symbolic = keras.Input(shape)
            return keras.Model(symbolic, fn(symbolic))

        program = self.program(key, make)
        tensors = [*program.inputs, *program.outputs]
        values = sum(math.prod(size or 1 for size in t.shape[1:]) for t in tensors)
        block = batch_size * max(1, VALUES_AT_A_TIME // (batch_size * values))
        with uncut():
            return self._in_blocks(program, x, block, batch_size)

    def run_graph(self, verb: str, rows, batch_size: int, **options) -> np.ndarray:
        """The verb whose tensor function, of one input, is `graph_of_<verb>(**options)`."""
        graph = getattr(self, f"graph_of_{verb}")(**options)
        [(name, shape)] = graph.inputs.items()
        key = " ".join([verb, *map(str, options.values())])
        return self.run(key, shape, graph.fn, rows, name, batch_size, image=name == "x")

    @staticmethod
    def _in_blocks(program, x, block, batch_size):
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

    def path(self, z_a: np.ndarray, z_b: np.ndarray, steps: int, kind: str) -> np.ndarray:
        """Latents `(rows * steps, ...)` on the way from each row of one to the other's."""
        if z_a.shape != z_b.shape:
            raise ValueError(
                "`a` and `b` must have the same number of rows. "
                f"Received: {len(z_a)} and {len(z_b)} rows"
            )
        flat = (z.reshape(len(z), -1) for z in (z_a, z_b))
        z = keras.ops.convert_to_numpy(ops.interpolate(*flat, steps, kind))
        return z.reshape(-1, *z_a.shape[1:])

    # Input checks before a training starts -----------------------------------------------

    def check_batch(self, x) -> None:
        """Raises `ValueError` where inputs, NumPy arrays, cannot be trained on."""
        raise NotImplementedError

    def check_targets(self, y, rows: int | None) -> None:
        """Raises `ValueError` where `y` cannot be trained on; most models take none."""

    def check_batch_size(self, rows: int) -> None:
        """Warns where a training batch has too few rows; most models can do with one."""

    def check_inputs(self, x) -> None:
        """Raises `ValueError` where `x`, arrays, is not what `predict` takes."""
        self.check_batch(x)

    def _check_data(self, x, y, peek=True, batch_size=None, train=False):
        """`x` as Keras shall get it, once its rows, or its first batch, have been looked at."""
        x, batch, whole = first_batch.first_batch(x, y, peek)
        if batch is None:
            return x
        inputs, labels, _ = keras.utils.unpack_x_y_sample_weight(batch)
        inputs = first_batch.as_numpy(inputs)
        self.check_batch(inputs)
        if whole:
            first_batch.check_rows(inputs)
        self.check_targets(labels, len(keras.tree.flatten(inputs)[0]))
        if train:
            self.check_batch_size(first_batch.batch_rows(batch_size, inputs, whole))
        return x

    def unpack(self, data):
        x = super().unpack(data)
        for name, value in x.items() if isinstance(x, dict) else [("x", x)]:
            if name != "paired" and keras.ops.is_tensor(value):
                validation.check_dtype(name, keras.backend.standardize_dtype(value.dtype))
        return x

    def fit(self, x=None, y=None, *args, **kwargs):
        """`keras.Model.fit`; arrays, or the first batch of a dataset, are checked before.

        Raises:
            ValueError: If shapes, values or batch sizes cannot be trained on.
        """
        batch_size = args[0] if args else kwargs.get("batch_size")
        x = self._check_data(x, y, batch_size=batch_size, train=True)
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """`keras.Model.evaluate`; the data is checked as in `fit`.

        Raises:
            ValueError: If shapes, values or batch sizes are not what the model takes.
        """
        # In `fit`, Keras has made an iterator of a generator before this.
        x = self._check_data(x, y, peek=not kwargs.get("_use_cached_eval_dataset"))
        return super().evaluate(x, y, *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        """`keras.Model.predict`: what `call` returns; arrays are checked before.

        Raises:
            ValueError: If shapes or values are not what the model takes.
        """
        if isinstance(x, (np.ndarray, dict, list, tuple)) or keras.ops.is_tensor(x):
            self.check_inputs(first_batch.as_numpy(x))
        return super().predict(x, *args, **kwargs)

    # Configuration -----------------------------------------------------------------------

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
                try:
                    return keras.saving.deserialize_keras_object(
                        value, custom_objects=custom_objects
                    )
                except TypeError as error:
                    raise _unknown_class(cls, error) from error
            return value

        arguments = {key: deserialize(value) for key, value in config.items()}
        for key, value in arguments.items():
            if isinstance(value, dict) and set(value) == {"same_as"}:
                arguments[key] = arguments[value["same_as"]]
        return cls(**arguments)
