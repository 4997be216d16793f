"""Public methods made of tensor functions: checked, compiled, in batches, and exportable."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from keras_latent.src.ops.casting import to_tensor
from keras_latent.src.training.inputs import Images, Input
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Tensor

F = TypeVar("F", bound=Callable[..., Any])
#: Arguments of a public method that its tensor function does not use.
OF_THE_METHOD = ("self", "batch_size", "sample", "seed")
GRAPH_OF = "graph_of_"


class Graph(NamedTuple):
    """A method as one function of tensors.

    Attributes:
        inputs: Name of each input to what it must be.
        fn: Function of the inputs, float32 tensors `(batch, ...)`, in order.
    """

    inputs: dict[str, Input]
    fn: Callable[..., Tensor]


def batched(**inputs: Callable[..., Input]) -> Callable[[F], F]:
    """Turns a tensor function into a public method of a `LatentModel`.

    The function is written for one batch of tensors. Its arguments are the inputs, options such as
    `domain`, and `batch_size`, which it does not use. The method takes arrays of any number of
    rows, checks them, runs the compiled function on batches of `batch_size` rows, and returns a
    NumPy array. `LatentModel.export` writes the same function to a file.

    If the method has an argument `sample`, its function returns `(mean, log_var)` of a Gaussian.
    The method then returns the mean or, if `sample` is true, one draw per row with `seed`.

    An input whose default is `None` may be left out. The function then gets `None` and the exported
    one does not take it, unless its `Input` has a value to `fill` it with.

    Args:
        **inputs: For each input, a function of the model and of the options that it needs, by
            their names. It returns what the input must be, and raises `ValueError` for an option
            that is out of range.

    Example:

    ```python
    @batched(x=lambda self, domain: Images(self.event_shapes[domain]))
    def encode(self, x, domain="source", *, batch_size=512):
        return self.to_latent(x, domain)
    ```
    """

    def decorate(function: Any) -> Any:
        signature = inspect.signature(function)
        options = [n for n in signature.parameters if n not in (*OF_THE_METHOD, *inputs)]
        optional = [n for n in inputs if signature.parameters[n].default is None]
        options_of = {n: [*inspect.signature(spec).parameters][1:] for n, spec in inputs.items()}
        draws = "sample" in signature.parameters

        def graph(self: Any, *, given: Any = (), **chosen: Any) -> Graph:
            """The tensor function with its options; `given`: the optional inputs to include."""
            specs = {
                name: spec(self, **{option: chosen[option] for option in options_of[name]})
                for name, spec in inputs.items()
            }
            used = {
                name: spec
                for name, spec in specs.items()
                if name not in optional or name in given or spec.fill is not None
            }

            def fn(*tensors):
                arguments = dict.fromkeys(inputs) | dict(zip(used, tensors, strict=True))
                return function(self, **arguments, **chosen)

            return Graph(used, fn)

        @functools.wraps(function)
        def method(self, *args, **kwargs):
            try:
                bound = signature.bind(self, *args, **kwargs)
            except TypeError as error:
                name = f"{type(self).__name__}.{function.__name__}"
                raise TypeError(f"{name}() {error}") from None
            bound.apply_defaults()
            values = bound.arguments
            if draws and not isinstance(values["seed"], np.random.SeedSequence):
                checks.seed("seed", values["seed"])
            chosen = {name: values[name] for name in options}
            given = tuple(name for name in optional if values[name] is not None)
            whole = graph(self, given=given, **chosen)
            key = " ".join([function.__name__, *map(str, chosen.values()), *whole.inputs])
            result = self.run(
                key, whole, {name: values[name] for name in whole.inputs}, values["batch_size"]
            )
            if not draws:
                return result
            return draw(*result, values["seed"]) if values["sample"] else result[0]

        def of_export(self: Any, **chosen: Any) -> Graph:
            defaults = {name: signature.parameters[name].default for name in options}
            whole = graph(self, **defaults | chosen)
            return Graph(whole.inputs, lambda *t: whole.fn(*t)[0]) if draws else whole

        # What may be passed to `export`: the options, with their defaults.
        of_export.__dict__["__signature__"] = signature.replace(
            parameters=[signature.parameters["self"], *(signature.parameters[n] for n in options)]
        )
        method.__dict__["exported"] = of_export
        return method

    return decorate


def tensor_function(**inputs: Callable[..., Input]) -> Callable[[F], F]:
    """Checks what a tensor function of a `LatentModel` is called with.

    Shapes and data types are checked, and not values: compiled code pays nothing.

    Args:
        **inputs: As in `batched`.
    """

    def decorate(function: Any) -> Any:
        signature = inspect.signature(function)
        options_of = {n: [*inspect.signature(spec).parameters][1:] for n, spec in inputs.items()}

        @functools.wraps(function)
        def checked(self, *args, **kwargs):
            bound = signature.bind(self, *args, **kwargs)
            values = bound.arguments
            for name, spec in inputs.items():
                values[name] = to_tensor(name, values[name])
                options = {option: values[option] for option in options_of[name]}
                spec(self, **options).check(name, values[name])
            return function(*bound.args, **bound.kwargs)

        checked.__dict__["inputs"] = inputs
        return checked

    return decorate


def exported_graphs(cls: type) -> dict[str, Callable[..., Graph]]:
    """Methods that can be exported, by name, each as `function(model, **options)`.

    Those are `batched` methods, and methods that have a companion `graph_of_<method>`.
    """
    found = {}
    for name in dir(cls):
        if name.startswith(GRAPH_OF):
            found[name.removeprefix(GRAPH_OF)] = getattr(cls, name)
            continue
        # A subclass may override the method; the function of its base is exported then.
        for base in cls.__mro__:
            if hasattr(vars(base).get(name), "exported"):
                found.setdefault(name, vars(base)[name].exported)
                break
    return dict(sorted(found.items()))


def draw(z_mean: np.ndarray, z_log_var: np.ndarray, seed: Any) -> np.ndarray:
    """One sample per row of `N(z_mean, exp(z_log_var))`, the same for a seed on every backend."""
    noise = np.random.default_rng(seed).standard_normal(z_mean.shape, "float32")
    return z_mean + np.exp(0.5 * z_log_var) * noise


def images_of(model: Any) -> Images:
    """What images of a model of one domain must be."""
    return Images(model.event_shape, model.unit_interval)


def latents_of(model: Any) -> Input:
    """What latents of a model with one latent vector per row must be."""
    return Input((model.latent_dim,))
