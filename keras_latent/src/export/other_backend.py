"""Exports from the same weights with another backend, in a second process."""

import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from keras_latent.src.presets.registry import CONFIG

RUN = "from keras_latent.src.export import other_backend as e; import sys; e.main(sys.argv[1])"
#: Lines of a failed process that the error shows.
LAST_LINES = 6


def export(
    model: Any,
    backend: str,
    path: Path,
    format: str,
    what: dict[str, Any],
    opset_version: int | None,
) -> None:
    """Exports a method of `model` in a Python process with another Keras backend.

    Configuration and weights are passed in a folder that `save_to_preset` writes.

    Args:
        model: A model of this library.
        backend: `"tensorflow"` or `"torch"`.
        path: Where that process writes.
        format: As in `export`.
        what: Dict of `"verb"`, the method, and its `"options"`.
        opset_version: Of ONNX, or `None`.

    Raises:
        RuntimeError: If the process fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        preset = Path(folder) / "preset"
        model.save_to_preset(preset)
        config = json.loads((preset / CONFIG).read_text())
        request = {
            "preset": str(preset),
            "class": [type(model).__module__, type(model).__qualname__],
            "modules": sorted(_modules(config)),
            "export": {
                "filepath": str(path.absolute()),
                "format": format,
                "verb": what["verb"],
                "opset_version": opset_version,
                **what["options"],
            },
        }
        file = Path(folder) / "request.json"
        file.write_text(json.dumps(request, default=plain))
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(file)],
            env=_environment(backend),
            capture_output=True,
            text=True,
        )
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-LAST_LINES:])
        raise RuntimeError(
            f"`export(format={format!r})` started a process with the {backend} backend to rebuild "
            "this model and write the file, and it failed. Custom layers and models must be "
            "registered with Keras, in a module that can be imported (not in `__main__`), and "
            "use only `keras.ops`. Or load the model where Keras runs with that backend, and "
            f"export it there. The process wrote:\n{last}"
        )


def _environment(backend: str) -> dict[str, str]:
    # The same import path; accelerators stay with this process.
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2"}
    return {
        **quiet,
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": paths,
        "CUDA_VISIBLE_DEVICES": "-1",
    }


def _modules(config: Any) -> set[str]:
    """Names of the modules that define a configuration's classes and functions."""
    if isinstance(config, list):
        return set().union(*map(_modules, config))
    if not isinstance(config, dict):
        return set()
    found = set().union(*map(_modules, config.values()))
    module = config.get("module")
    ours = isinstance(module, str) and module.partition(".")[0] not in ("keras", "builtins")
    return found | {str(module)} if ours and module != "__main__" else found


def plain(value: Any) -> Any:
    """An option that JSON cannot write: a NumPy number, an array or a tuple."""
    return value.tolist() if hasattr(value, "tolist") else list(value)


def main(file: str) -> None:
    """Runs in the other process."""
    request = json.loads(Path(file).read_text())
    for name in request["modules"]:
        importlib.import_module(name)
    module, name = request["class"]
    model = getattr(importlib.import_module(module), name).from_preset(request["preset"])
    model.export(**request["export"], verbose=False)
