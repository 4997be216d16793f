"""New processes on each backend, which run one module of this package and report rows."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BACKENDS = ("torch", "jax", "tensorflow")


def backends(quick: bool) -> list[str]:
    """Return the backends to measure: those that are installed, or the running one if `quick`."""
    import keras

    if quick:
        return [keras.backend.backend()]
    return [backend for backend in BACKENDS if importlib.util.find_spec(backend)]


def started(module: str, backend: str, *arguments: object, **environment: str) -> subprocess.Popen:
    """Start `python -m MODULE ARGUMENTS` with a backend and environment variables."""
    settings = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_WAIT_POLICY": "passive"}
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | settings | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(process: subprocess.Popen) -> list[dict]:
    """Wait for a process and return its rows, the last line that it prints."""
    output, errors = process.communicate()
    if process.returncode:
        said = (errors.strip().splitlines() or [""])[-1][:300]
        raise RuntimeError(f"{' '.join(process.args[2:])} ended with {process.returncode}: {said}")
    return json.loads(output.strip().splitlines()[-1])


def ask(module: str, backend: str, *arguments: object, **environment: str) -> list[dict]:
    """Run a module in a new process and return its rows, named for the backend."""
    rows = answer(started(module, backend, *arguments, **environment))
    return [row | {"case": f"{backend}: {row['case']}"} for row in rows]


def report(rows: list[dict]) -> None:
    """Print rows for `answer`."""
    print(json.dumps(rows))


def cases() -> dict:
    """Return the small models of the tests and what they are trained on."""
    if os.environ["KERAS_BACKEND"] != "tensorflow":
        # Keras would import it for seconds, to seed it.
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    sys.path.insert(0, str(ROOT / "tests" / "models"))
    from test_every_model import CASES

    return CASES
