"""How a verb's program becomes a SavedModel or an ONNX file on each backend."""

import contextlib
import functools
import importlib.util
import json
import os
import shutil
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from keras_latent.src.export import other_backend as export_elsewhere
from keras_latent.src.utils.files import replaced_when_complete
from keras_latent.src.utils.optional import import_extra

OUTPUT = "output_0"  # its name in a SavedModel, by TensorFlow, and so in ONNX
BATCH = "batch"


def write(model, program: keras.Model, filepath, format: str, what: dict, opset_version) -> None:
    """Writes `program`, the Keras model of a verb of `model`, to a file or a folder.

    Args:
        model: The model, from which another backend rebuilds the verb if need be.
        program: A functional model of float32 inputs, with one output.
        filepath: Where to.
        format: `"tf_saved_model"` or `"onnx"`.
        what: Which verb it is, for the metadata of an ONNX file and for another backend.
        opset_version: Of ONNX, or `None`.
    """
    other = _other_backend(format)
    place = replaced_when_complete if format == "onnx" else folder_replaced_when_complete
    check_place(filepath, format)
    if other is not None:
        with place(filepath) as path:
            export_elsewhere.export(model, other, path, format, what, opset_version)
        return
    spec = {
        i.name: keras.InputSpec(shape=i.shape, dtype="float32", name=i.name) for i in program.inputs
    }
    signature = [spec] if len(spec) > 1 else list(spec.values())
    arguments = {"opset_version": opset_version} if format == "onnx" else {}
    with place(filepath) as path, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracers, on shapes that are constants here
        program.export(
            str(path), format=format, verbose=False, input_signature=signature, **arguments
        )
        if format == "onnx":
            _finish_onnx(path, spec, program.output_shape, what)


def _other_backend(format: str) -> str | None:
    """The backend whose process shall write this format; `None`: the running one.

    Raises:
        ImportError: If what is needed is not installed.
    """
    backend = keras.backend.backend()
    purpose = f"`export(format={format!r})` with the {backend} backend"
    if format == "tf_saved_model":
        import_or_find = import_extra if backend != "torch" else _require
        import_or_find("tensorflow", "tensorflow", purpose)
        return "tensorflow" if backend == "torch" else None
    if backend == "jax":
        if _installed("jax2onnx"):
            return None
        for other, packages in {"torch": ("onnx",), "tensorflow": ("onnx", "tf2onnx")}.items():
            if _installed(other, *packages):
                return other
        raise ImportError(
            f"{purpose} needs the package 'jax2onnx' (`pip install jax2onnx`), or another backend "
            "to write the file: `pip install keras-latent[export,torch]`."
        )
    import_extra("onnx", "export", purpose)
    if backend == "tensorflow":
        import_extra("tf2onnx", "export", purpose)
        _teach_erfc()
    return None


@functools.cache
def _teach_erfc() -> None:
    """`erfc(x) = 1 - erf(x)` for tf2onnx, which lacks it: TensorFlow's `gelu` is made of it."""
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


def _require(module, extra, purpose):
    # Without importing it: another process will.
    if not _installed(module):
        import_extra(module, extra, purpose)


def check_place(filepath: str | os.PathLike, format: str) -> None:
    """Raises `ValueError` where an export would replace something that is none.

    Args:
        filepath: Where to write.
        format: `"tf_saved_model"` or `"onnx"`.
    """
    path = Path(filepath)
    if format == "onnx":
        if path.is_dir():
            raise ValueError(f"`filepath` must be a file. Received a folder: {str(path)!r}")
    elif path.exists() and not path.is_dir():
        raise ValueError(f"`filepath` must be a folder. Received a file: {str(path)!r}")
    elif path.is_dir() and any(path.iterdir()) and not (path / "saved_model.pb").exists():
        raise ValueError(
            "`filepath` must be a new or an empty folder, or that of an older SavedModel. "
            f"Received: {str(path)!r}, which holds other files"
        )


@contextlib.contextmanager
def folder_replaced_when_complete(path: str | os.PathLike) -> Iterator[Path]:
    """`utils.files.replaced_when_complete` for a folder.

    An old folder is moved aside for the moment in which the new one takes its place.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    mark = uuid.uuid4().hex[:8]
    temporary, old = (path.with_name(f".{path.name}.{mark}{kind}") for kind in ("", ".old"))
    try:
        yield temporary
        if path.exists():
            os.replace(path, old)
        try:
            os.replace(temporary, path)
        except OSError:
            if old.exists():
                os.replace(old, path)
            raise
    finally:
        for left in (temporary, old):
            shutil.rmtree(left, ignore_errors=True)


def _finish_onnx(path: Path, inputs, output_shape, what) -> None:
    """The same names and shapes whatever wrote the file, and what it is in its metadata.

    Raises:
        ValueError: If the file takes other inputs than the verb, or no ONNX runtime could run it.
    """
    import onnx

    model = onnx.load(path)
    graph = model.graph
    found = sorted(i.name for i in graph.input)
    if found != sorted(inputs) or len(graph.output) != 1:
        raise ValueError(
            f"The verb takes {sorted(inputs)} and returns one tensor, and the ONNX file takes "
            f"{found} and returns {len(graph.output)}: in the verb's graph there are tensors "
            "that are neither inputs nor weights; make them NumPy arrays."
        )
    casts = (a.i for node in graph.node for a in node.attribute if node.op_type == "Cast")
    if onnx.TensorProto.BFLOAT16 in casts:
        raise ValueError(
            "This model computes in bfloat16, for which ONNX Runtime lacks most functions. Make "
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
    options = json.dumps(what["options"], default=export_elsewhere.plain)
    onnx.helper.set_model_props(model, {**what, "options": options})
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ValueError(
            f"The {keras.backend.backend()} backend's exporter made an invalid ONNX file of this "
            f"verb; that of another backend may know its functions. {error}"
        ) from error
    onnx.save(model, path)
