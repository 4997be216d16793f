"""Exports by another backend, in a process of its own, from the same weights."""

import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from keras_latent.src.presets.preset import CONFIG

RUN = "from keras_latent.src.export import other_backend as e; import sys; e.main(sys.argv[1])"
#: Lines of a failed process that its error shows.
LAST_LINES = 6


def export(model, backend: str, path: Path, format: str, what: dict, opset_version) -> None:
    """Lets a Python process with another Keras backend export a verb of `model`.

    Configuration and weights travel in a folder, as `save_to_preset` writes it.

    Args:
        model: A model of this library.
        backend: `"tensorflow"` or `"torch"`.
        path: Where that process shall write.
        format: As in `export`.
        what: Dict of `"verb"` and its `"options"`.
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
            f"`export(format={format!r})` asked a process with the {backend} backend to rebuild "
            "this model and write the file, and it failed. Layers and models of your own must be "
            "registered with Keras, in a module that can be imported (not in `__main__`), and "
            "use `keras.ops` alone. Or load the model where Keras runs with that backend, and "
            f"export it there. The process wrote:\n{last}"
        )


def _environment(backend: str) -> dict[str, str]:
    # What can be imported here can be there; an accelerator stays with this process.
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
    """Names of the modules that a configuration's classes and functions come from."""
    if isinstance(config, list):
        return set().union(*map(_modules, config))
    if not isinstance(config, dict):
        return set()
    found = set().union(*map(_modules, config.values()))
    module = config.get("module")
    ours = isinstance(module, str) and module.partition(".")[0] not in ("keras", "builtins")
    return found | {module} if ours and module != "__main__" else found


def plain(value: Any) -> Any:
    """A value of an option as JSON can write it: NumPy's numbers, arrays and tuples."""
    return value.tolist() if hasattr(value, "tolist") else list(value)


def main(file: str) -> None:
    """What the other process does."""
    request = json.loads(Path(file).read_text())
    for name in request["modules"]:
        importlib.import_module(name)
    module, name = request["class"]
    model = getattr(importlib.import_module(module), name).from_preset(request["preset"])
    model.export(**request["export"], verbose=False)
