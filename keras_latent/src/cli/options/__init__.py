"""Options of the applications, and the checks of them; nothing here imports Keras.

Each module has `add_arguments(parser)`, and `complete(arguments)`, which checks the options and
fills in the defaults that depend on others, before anything is imported or written.
"""

import argparse
from collections.abc import Collection
from pathlib import Path

from keras_latent.src.utils.did_you_mean import did_you_mean


def require_positive(arguments: argparse.Namespace, *names: str) -> None:
    """Checks options that are numbers, or `None`.

    Raises:
        ValueError: If one of them is 0 or less.
    """
    for name in names:
        value = getattr(arguments, name)
        if value is not None and value <= 0:
            raise ValueError(f"`--{name.replace('_', '-')}` must be positive. Received: {value}")


def require_preset(arguments: argparse.Namespace, presets: Collection[str]) -> None:
    """Checks `--preset`: a name, or a directory that `save_to_preset` wrote.

    Raises:
        ValueError: If it is neither.
    """
    if arguments.preset not in presets and not Path(arguments.preset).is_dir():
        raise ValueError(
            f"`--preset` must be one of {list(presets)} or a preset directory. "
            f"Received: {arguments.preset!r}.{did_you_mean(arguments.preset, presets)}"
        )


def require_count(name: str, value: str) -> None:
    """Checks an option that is a number or `all`.

    Raises:
        ValueError: If it is neither.
    """
    if value != "all" and not value.isdigit():
        raise ValueError(f"`--{name}` must be 'all' or a number, 0 or more. Received: {value}")


def preset_in_folder(arguments: argparse.Namespace, presets: Collection[str]) -> str:
    """What a run's folder calls the preset."""
    return arguments.preset if arguments.preset in presets else "custom"
