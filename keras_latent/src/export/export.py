"""Methods of models as Keras models, and as SavedModel and ONNX files."""

import inspect
import os
from collections.abc import Callable
from typing import Any

import keras

from keras_latent.src.export import formats, other_backend
from keras_latent.src.utils import checks
from keras_latent.src.utils.files import folder_replaced_when_complete, replaced_when_complete

FORMATS = ("tf_saved_model", "onnx")


def check_format(format: str, opset_version: int | None) -> None:
    """Raises `ValueError` for an unknown format, or for an option that it does not have."""
    checks.choice("format", format, FORMATS)
    if opset_version is None:
        return
    checks.integer("opset_version", opset_version)
    if format != "onnx":
        raise ValueError(
            "`opset_version` is an option of `format='onnx'`. "
            f"Received: opset_version={opset_version!r}, format={format!r}"
        )


def as_keras_model(
    model: Any, graphs: dict[str, Callable], method: str, options: dict[str, Any]
) -> keras.Model:
    """A method of `model` as a functional Keras model of float32 tensors.

    Args:
        model: The model.
        graphs: What it can export: name of each method to a function of the model and of the
            method's options, which returns the inputs (name to a spec with a `shape`) and a
            function of these tensors.
        method: Name of the method.
        options: Its options.

    Raises:
        ValueError: If there is no such method, or an option is unknown or out of range.
    """
    if not isinstance(method, str) or method not in graphs:
        hint = ""
        if callable(getattr(type(model), str(method), None)):
            hint = (
                f" `{method}` is not one function of its inputs. Export the methods that it is "
                "made of: for `generate`, that is 'decode', whose input are latents."
            )
        raise ValueError(
            f"`verb` must be one of {list(graphs)} for a `{type(model).__name__}`. "
            f"Received: verb={method!r}.{hint}"
        )
    signature = inspect.signature(graphs[method])
    try:
        signature.bind(model, **options)
    except TypeError as error:
        raise ValueError(
            f"The method {method!r} is exported with its options "
            f"{list(signature.parameters)[1:]}, by means and not by draws. "
            f"Received: {sorted(options)} ({error})"
        ) from error
    graph = graphs[method](model, **options)
    inputs = {
        name: keras.Input(spec.shape, name=name, dtype="float32")
        for name, spec in graph.inputs.items()
    }
    output = graph.fn(*inputs.values())
    if keras.backend.standardize_dtype(output.dtype) != "float32":
        output = keras.ops.cast(output, "float32")
    given = inputs if len(inputs) > 1 else next(iter(inputs.values()))
    return keras.Model(given, output, name=f"{model.name}_{method}")


def write(
    model: Any,
    program: keras.Model,
    filepath: str | os.PathLike,
    format: str,
    what: dict[str, Any],
    opset_version: int | None,
) -> None:
    """Writes `program`, a method of `model` as a Keras model, to a file or a folder.

    Args:
        model: The model, from which another backend rebuilds the method if necessary.
        program: A functional model of float32 inputs, with one output.
        filepath: Where to write.
        format: `"tf_saved_model"` or `"onnx"`.
        what: Which method it is, for the metadata of an ONNX file and for another backend.
        opset_version: Of ONNX, or `None`.
    """
    other = formats.other_backend_for(format)
    formats.check_place(filepath, format)
    place = replaced_when_complete if format == "onnx" else folder_replaced_when_complete
    with place(filepath) as path:
        if other is None:
            formats.write(program, path, format, what, opset_version)
        else:
            other_backend.export(model, other, path, format, what, opset_version)
