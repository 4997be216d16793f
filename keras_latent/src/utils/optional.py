"""Imports of optional dependencies."""

import importlib
from types import ModuleType


def import_extra(module: str, extra: str, purpose: str) -> ModuleType:
    """Import `module`, or raise an `ImportError` that names the extra of keras-latent to install.

    `purpose`, which needs the module, is the subject of the error message.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs the package {module.partition('.')[0]!r}, which cannot be imported "
            f"({error}). Install it with `pip install keras-latent[{extra}]`."
        ) from error
