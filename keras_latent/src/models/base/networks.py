"""Networks as arguments of models: checks of them, and their configuration."""

import copy
import re
from typing import Any

import keras

from keras_latent import ops
from keras_latent.src.training.inputs import fits
from keras_latent.src.utils.types import Tensor


def built(name: str, network: Any) -> keras.Model:
    """Returns a network argument if it is a Keras model or layer whose weights exist.

    Raises:
        ValueError: If it is not a Keras layer, or is not built: a `.keras` file of a model with
            unbuilt parts could not restore its optimizer.
    """
    if not isinstance(network, keras.layers.Layer):
        hint = ""
        if isinstance(network, str):
            hint = ". To use a preset, call `from_preset(name)`"
        raise ValueError(f"`{name}` must be a Keras model or layer. Received: {network!r}{hint}")
    if not network.built:
        raise ValueError(
            f"`{name}` is not built yet. Start a `Sequential` with `keras.Input(shape)`, or "
            f"call the network once on data, before you pass it. Received: {network!r}"
        )
    return network


def optional(name: str, network: Any) -> keras.Model | None:
    """`built` for a network that may be `None`."""
    return None if network is None else built(name, network)


def outputs_of(inputs: Any, networks: dict[str, keras.Model | None], of: str = "") -> Any:
    """What networks make of symbolic inputs, each of what the one before it returned.

    Args:
        inputs: Symbolic tensors.
        networks: Networks by the names of their arguments; `None` is left out.
        of: The argument that the inputs come from, if any.

    Raises:
        ValueError: If a network does not take its inputs.
    """
    for name, network in networks.items():
        if network is None:
            continue
        own = getattr(network, "input_shape", None)
        try:
            if not _takes(own, inputs):
                raise ValueError("Keras may not notice: it ignores last axes of size 1.")
            outputs = network(inputs)
        except Exception as error:  # of the backend, of Keras or of the network
            raise ValueError(
                f"`{name}` must take {f'what `{of}` returns' if of else 'its own inputs'}, of "
                f"shape {shapes_of(inputs)}. Received: a network of input shape {own}"
            ) from error
        inputs, of = outputs, name
    return inputs


def _takes(own, inputs):
    """Whether an `input_shape` is that of the inputs, but for a last axis of size 1."""
    several = isinstance(inputs, (list, tuple))
    inputs, own = (inputs, own) if several else ([inputs], [own])
    if not isinstance(own, list) or not all(isinstance(shape, tuple) for shape in own):
        return True  # not known
    return len(own) == len(inputs) and all(
        fits(x.shape, shape[1:]) or fits((*x.shape, 1), shape[1:]) or fits(x.shape, (*shape[1:], 1))
        for x, shape in zip(inputs, own, strict=True)
    )


def check_output(name: str, output: Any, shape: tuple[int | None, ...], of: str = "") -> None:
    """Checks what a network returned.

    Args:
        name: The argument.
        output: Its symbolic output.
        shape: What the shape of one row must be.
        of: The argument that determines this shape, if any.

    Raises:
        ValueError: If it is not one tensor of that shape.
    """
    got = shapes_of(output)
    if not hasattr(output, "shape") or not fits(got, shape):
        because = f", which `{of}` takes" if of else ""
        raise ValueError(
            f"`{name}` must return one tensor of shape {('batch', *shape)}{because}. "
            f"Received: output of shape {got}"
        )


def shapes_of(tensors: Any) -> Any:
    """The shape of each tensor in a structure."""
    return keras.tree.map_structure(lambda t: tuple(t.shape), tensors)


def event_shape_of(name: str, network: keras.Model) -> tuple[int, ...]:
    """The shape of one row that a built network takes, without the batch axis.

    Raises:
        ValueError: If the network takes several tensors.
    """
    shape: Any = getattr(network, "input_shape", None)
    if shape is None:  # a subclassed network: what it was built with
        shape = (network.get_build_config() or {}).get("input_shape")
    sizes = isinstance(shape, (tuple, list)) and all(s is None or isinstance(s, int) for s in shape)
    if not sizes:
        raise ValueError(f"`{name}` must take one tensor. Received: input shape {shape}")
    return tuple(shape[1:])


def conditioned_shape(
    name: str, network: keras.Model, columns: int, condition: str = "attributes"
) -> tuple[int, ...]:
    """The shape of one row of the first of two inputs of a network.

    Args:
        name: The argument.
        network: The network.
        columns: The size of its second input.
        condition: The argument that determines this size.

    Raises:
        ValueError: If the network has other inputs.
    """
    shapes: Any = getattr(network, "input_shape", None)
    two = isinstance(shapes, (list, tuple)) and len(shapes) == 2
    two = two and all(isinstance(shape, (list, tuple)) for shape in shapes)
    if not two or tuple(shapes[1][1:]) != (columns,):
        raise ValueError(
            f"`{name}` must take two tensors, the second with a column for each of "
            f"`{condition}`: (batch, {columns}). Received: input shape {shapes}"
        )
    return tuple(shapes[0][1:])


def conditioned_size(name: str, network: keras.Model, *condition: Any) -> int:
    """`conditioned_shape` of a network whose first input are latents: their size.

    Raises:
        ValueError: If the network has other inputs.
    """
    shape = conditioned_shape(name, network, *condition)
    if len(shape) != 1 or shape[0] is None:
        raise ValueError(
            f"`{name}` must take latents, (batch, size), as the first of two tensors. "
            f"Received: shape {('batch', *shape)}"
        )
    return shape[0]


def gaussian_of(name: str, outputs: Any) -> tuple[Tensor, Tensor]:
    """`(z_mean, z_log_var)` of an encoder's outputs, in float32, with a bounded log-variance.

    Raises:
        ValueError: If the encoder did not return two tensors of the same shape
            `(batch, latent_dim)`.
    """
    pair = isinstance(outputs, (tuple, list)) and len(outputs) == 2
    if not pair or len(outputs[0].shape) != 2 or outputs[0].shape != outputs[1].shape:
        raise ValueError(
            f"`{name}` must return `(z_mean, z_log_var)`, each of shape "
            f"(batch, latent_dim). Received outputs of shape: {shapes_of(outputs)}"
        )
    z_mean, z_log_var = outputs
    return keras.ops.cast(z_mean, "float32"), ops.bound_log_var(z_log_var)


def serialize(arguments: dict[str, Any]) -> dict[str, Any]:
    """A configuration of arguments, in which a network that is passed twice stands once."""
    config: dict[str, Any] = {}
    first: dict[int, str] = {}
    for name, value in arguments.items():
        if not isinstance(value, keras.layers.Layer):
            config[name] = list(value) if isinstance(value, tuple) else value
        elif id(value) in first:
            config[name] = {"same_as": first[id(value)]}
        else:
            first[id(value)] = name
            config[name] = keras.saving.serialize_keras_object(value)
    return config


def deserialize(model: str, config: dict[str, Any], custom_objects: Any) -> dict[str, Any]:
    """The arguments of a configuration that `serialize` made.

    Raises:
        ValueError: If a network has a custom part that Keras does not know.
    """

    def read(value):
        if not isinstance(value, dict) or "class_name" not in value:
            return value
        value = copy.deepcopy(value)  # Keras empties a functional model's configuration
        try:
            return keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)
        except TypeError as error:
            raise _unknown_part(model, error) from error

    arguments = {name: read(value) for name, value in config.items()}
    for name, value in arguments.items():
        if isinstance(value, dict) and set(value) == {"same_as"}:
            arguments[name] = arguments[value["same_as"]]
    return arguments


def _unknown_part(model, error):
    # Keras prints the whole configuration around the name of the class.
    name = re.search(r"Could not locate (?:class|function) '([^']+)'", str(error))
    if name is None:
        return error
    return ValueError(
        f"A network of this `{model}` has a custom part {name[1]!r}, which Keras does not know. "
        "Decorate it with `@keras.saving.register_keras_serializable()` and import it first, or "
        f"load with `keras.saving.load_model(path, custom_objects={{{name[1]!r}: {name[1]}}})`."
    )
