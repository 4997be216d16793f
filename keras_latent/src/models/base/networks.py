"""Networks as arguments of models: checks of them, and their configuration."""

import copy
import re
from typing import Any

import keras

from keras_latent import ops
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


def conditioned_shape(name: str, network: keras.Model, attributes: int) -> tuple[int, ...]:
    """The shape of one row of the first input of a network whose second input is the attributes.

    Raises:
        ValueError: If the network has other inputs.
    """
    shapes: Any = getattr(network, "input_shape", None)
    two = isinstance(shapes, (list, tuple)) and len(shapes) == 2
    if not two or not isinstance(shapes[0], (list, tuple)) or tuple(shapes[1][1:]) != (attributes,):
        raise ValueError(
            f"`{name}` must take two tensors, the second being attributes (batch, {attributes}). "
            f"Received: input shape {shapes}"
        )
    return tuple(shapes[0][1:])


def gaussian_of(name: str, outputs: Any) -> tuple[Tensor, Tensor]:
    """`(z_mean, z_log_var)` of an encoder's outputs, in float32, with a bounded log-variance.

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
