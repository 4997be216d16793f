"""Writes a Keras model as a SavedModel or an ONNX file."""

import functools
import importlib.util
import json
import os
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_latent.src import backend
from keras_latent.src.export.other_backend import plain
from keras_latent.src.utils import checks
from keras_latent.src.utils.optional import import_extra

OUTPUT = "output_0"  # its name in a SavedModel, by TensorFlow, and so in ONNX
BATCH = "batch"


def write(
    program: keras.Model, path: Path, format: str, what: dict[str, Any], opset_version: int | None
) -> None:
    """Writes a functional model of float32 inputs with the running backend."""
    spec = {
        i.name: keras.InputSpec(shape=i.shape, dtype="float32", name=i.name) for i in program.inputs
    }
    signature = [spec] if len(spec) > 1 else list(spec.values())
    arguments = {"opset_version": opset_version} if format == "onnx" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracers, about shapes that are constants here
        program.export(
            str(path), format=format, verbose=False, input_signature=signature, **arguments
        )
    if format == "onnx":
        _finish_onnx(path, spec, program.output_shape, what)


def other_backend_for(format: str) -> str | None:
    """The backend whose process must write this format; `None`: the running one can.

    Raises:
        ImportError: If a package is not installed.
    """
    purpose = f"`export(format={format!r})` with the {backend.NAME} backend"
    packages = backend.EXPORT_PACKAGES.get(format)
    if format == "tf_saved_model":
        if packages is not None:
            import_extra("tensorflow", "tensorflow", purpose)
            return None
        if not _installed("tensorflow"):  # not imported here: another process will
            import_extra("tensorflow", "tensorflow", purpose)
        return "tensorflow"
    if packages == ("jax2onnx",):
        if _installed("jax2onnx"):
            return None
        for other, needed in {"torch": ("onnx",), "tensorflow": ("onnx", "tf2onnx")}.items():
            if _installed(other, *needed):
                return other
        raise ImportError(
            f"{purpose} needs the package 'jax2onnx' (`pip install jax2onnx`), or another backend "
            "that writes the file: `pip install keras-latent[export,torch]`."
        )
    for package in packages:
        import_extra(package, "export", purpose)
    if "tf2onnx" in packages:
        _teach_erfc()
    return None


@functools.cache
def _teach_erfc() -> None:
    """Adds `erfc(x) = 1 - erf(x)` to tf2onnx: TensorFlow's `gelu` uses it."""
    from tf2onnx.handler import tf_op
    from tf2onnx.utils import map_onnx_to_numpy_type

    @tf_op("Erfc")
    class Erfc:
        @classmethod
        def version_9(cls, ctx, node, **kwargs):
            dtype, shape = ctx.get_dtype(node.output[0]), ctx.get_shape(node.output[0])
            inputs, outputs = list(node.input), list(node.output)
            ctx.remove_node(node.name)
            erf = ctx.make_node("Erf", inputs, shapes=[shape], dtypes=[dtype])
            one = ctx.make_const(f"{node.name}_one", np.array(1.0, map_onnx_to_numpy_type(dtype)))
            ctx.make_node(
                "Sub",
                [one.output[0], erf.output[0]],
                name=node.name,
                outputs=outputs,
                shapes=[shape],
                dtypes=[dtype],
            )


def _installed(*modules: str) -> bool:
    return all(importlib.util.find_spec(module) is not None for module in modules)


def check_place(filepath: str | os.PathLike, format: str) -> None:
    """Raises `ValueError` if an export would replace something that is not an older export.

    Args:
        filepath: Where to write.
        format: `"tf_saved_model"` or `"onnx"`.
    """
    path = checks.path("filepath", filepath)
    if format == "onnx":
        if path.is_dir():
            raise ValueError(f"`filepath` must be a file. Received a folder: {str(path)!r}")
    elif path.exists() and not path.is_dir():
        raise ValueError(f"`filepath` must be a folder. Received a file: {str(path)!r}")
    elif path.is_dir() and any(path.iterdir()) and not (path / "saved_model.pb").exists():
        raise ValueError(
            "`filepath` must be a new or empty folder, or hold an older SavedModel. "
            f"Received: {str(path)!r}, which holds other files"
        )


def _finish_onnx(path: Path, inputs: Any, output_shape: Any, what: dict[str, Any]) -> None:
    """Sets names, shapes and metadata, which are then the same whatever wrote the file.

    Raises:
        ValueError: If the file takes other inputs than the method, or no ONNX runtime could run it.
    """
    import onnx

    model = onnx.load(path)
    graph = model.graph
    found = sorted(i.name for i in graph.input)
    if found != sorted(inputs) or len(graph.output) != 1:
        raise ValueError(
            f"The method takes {sorted(inputs)} and returns one tensor, but the ONNX file takes "
            f"{found} and returns {len(graph.output)}: the method's graph has tensors that are "
            "neither inputs nor weights. Make them NumPy arrays."
        )
    casts = (a.i for node in graph.node for a in node.attribute if node.op_type == "Cast")
    if onnx.TensorProto.BFLOAT16 in casts:
        raise ValueError(
            "This model computes in bfloat16, which ONNX Runtime mostly does not support. Build "
            "its networks under the dtype policy 'float32', load the weights, and export that."
        )
    if graph.output[0].name != OUTPUT:
        renaming = onnx.helper.make_node("Identity", [graph.output[0].name], [OUTPUT])
        graph.node.append(renaming)
    float32 = onnx.TensorProto.FLOAT
    make = onnx.helper.make_tensor_value_info
    values = [make(i.name, float32, [BATCH, *inputs[i.name].shape[1:]]) for i in graph.input]
    del graph.input[:], graph.output[:], graph.value_info[:]
    graph.input.extend(values)
    graph.output.append(make(OUTPUT, float32, [BATCH, *output_shape[1:]]))
    options = json.dumps(what["options"], default=plain)
    onnx.helper.set_model_props(model, {**what, "options": options})
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ValueError(
            f"The {backend.NAME} backend's exporter made an invalid ONNX file of this "
            f"method. Try another backend: its exporter may support these functions. {error}"
        ) from error
    onnx.save(model, path)
