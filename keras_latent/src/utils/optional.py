"""Imports of packages that only an extra installs."""

import importlib
from types import ModuleType


def import_extra(module: str, extra: str, purpose: str) -> ModuleType:
    """Import `module`, or say which extra of keras-latent brings it.

    Args:
        module: Dotted name of the module, e.g. `"sklearn.datasets"`.
        extra: Name of the extra that installs it, e.g. `"data"`.
        purpose: What needs it, as the subject of the error's sentence.

    Returns:
        The module.

    Raises:
        ImportError: If the module, or something that it imports, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs the package {module.partition('.')[0]!r}, which cannot be imported "
            f"({error}). Install it with `pip install keras-latent[{extra}]`."
        ) from error
