"""Selects an installed backend before Keras is imported, or raises a clear error."""

import importlib.util
import itertools
import json
import os
import sys
from pathlib import Path

from keras_latent.src.utils.files import keras_folder

#: In order of preference, if Keras's default backend is not installed.
BACKENDS = ("jax", "tensorflow", "torch")
COMMAND = "keras-latent"


def choose_backend() -> None:
    """Set `KERAS_BACKEND` if Keras's default backend is not installed and another one is.

    Does nothing if Keras is already imported, or if the backend that Keras would use is
    installed. The choice is reported on stderr. Nothing is imported.

    Raises:
        ImportError: If no backend is installed, or the one that `KERAS_BACKEND` names is not.
    """
    if "keras" in sys.modules:
        return
    named = os.environ.get("KERAS_BACKEND")
    wanted = named or _default_backend()
    if _is_installed(wanted):
        return
    names = ", ".join
    installed = [backend for backend in BACKENDS if _is_installed(backend)]
    if not installed:
        raise ImportError(
            "Keras needs a backend, and none is installed: `pip install jax`, `pip install torch` "
            "or `pip install tensorflow`."
        )
    if named:
        known = named in BACKENDS
        wrong = "installed" if known else f"one of {names(BACKENDS)}"
        raise ImportError(
            f"KERAS_BACKEND={named} is not {wrong}. Installed: {names(installed)}. "
            f"Choose with KERAS_BACKEND={installed[0]}"
            + (f", or `pip install {named}`." if known else ".")
        )
    os.environ["KERAS_BACKEND"] = installed[0]
    print(
        f"keras_latent: Keras is set to {wanted}, which is not installed. Using {installed[0]}. "
        f"Installed: {names(installed)}. To choose one, set KERAS_BACKEND={installed[-1]}.",
        file=sys.stderr,
    )


def is_command() -> bool:
    """Whether this process is the `keras-latent` command, which chooses a backend later."""
    by_name = Path(sys.argv[0]).stem == COMMAND if sys.argv else False
    return by_name or ("-m", "keras_latent") in itertools.pairwise(sys.orig_argv)


def _default_backend() -> str:
    """The backend that Keras uses without `KERAS_BACKEND`: that of `keras.json`, or TensorFlow."""
    try:
        settings = json.loads((keras_folder() / "keras.json").read_text())
    except (OSError, ValueError):
        settings = {}
    return settings.get("backend", "tensorflow")


def _is_installed(module: str) -> bool:
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # blocked
        return False
    # A folder with that name is found too, without an origin.
    return found is not None and found.origin is not None
