"""Imports of optional dependencies."""

import importlib
from types import ModuleType


def import_extra(module: str, extra: str, purpose: str) -> ModuleType:
    """Import `module`, or raise an error that names the extra of keras-latent to install.

    Args:
        module: Dotted name of the module, e.g. `"sklearn.datasets"`.
        extra: The extra that installs it, e.g. `"data"`.
        purpose: What needs the module; the subject of the error message.

    Raises:
        ImportError: If the module, or one of its imports, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs the package {module.partition('.')[0]!r}, which cannot be imported "
            f"({error}). Install it with `pip install keras-latent[{extra}]`."
        ) from error
