"""Options that several applications have, and their checks."""

import argparse
from collections.abc import Collection
from pathlib import Path

from keras_latent.src.utils import checks
from keras_latent.src.utils.did_you_mean import did_you_mean


def option(name: str) -> str:
    """The option of an argument: `--batch-size` for `batch_size`."""
    return "--" + name.replace("_", "-")


def check_positive(arguments: argparse.Namespace, *names: str) -> None:
    """Checks that options are positive numbers, or `None`."""
    for name in names:
        value = getattr(arguments, name)
        if value is not None:
            check = checks.integer if isinstance(value, int) else checks.positive
            check(option(name), value)


def check_places(arguments: argparse.Namespace, *names: str) -> None:
    """Checks that there is something where options say that images are, unless they are `None`."""
    for name in names:
        place = getattr(arguments, name)
        if place is not None and not Path(place).expanduser().exists():
            raise ValueError(
                f"`{option(name)}` must be a folder of images, a .csv file or an .npz file. "
                f"Received: {place!r}, where there is nothing"
            )


def check_preset(arguments: argparse.Namespace, presets: Collection[str]) -> str:
    """Checks `--preset`: a name, or a directory that `save_to_preset` wrote.

    Returns:
        The part of a folder's name: the name of the preset, or "custom".

    Raises:
        ValueError: If it is neither.
    """
    if arguments.preset in presets:
        return arguments.preset
    if Path(arguments.preset).is_dir():
        return "custom"
    raise ValueError(
        f"`--preset` must be one of {list(presets)} or a preset directory. "
        f"Received: {arguments.preset!r}.{did_you_mean(arguments.preset, presets)}"
    )


def check_count(name: str, value: str) -> None:
    """Checks that an option is a number or "all"."""
    if value != "all" and not value.isdigit():
        raise ValueError(
            f"`{option(name)}` must be 'all' or a number, 0 or more. Received: {value!r}"
        )


def set_defaults(arguments: argparse.Namespace, **defaults: object) -> None:
    """Sets options that were not given."""
    for name, value in defaults.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)


def add_faces(parser: argparse.ArgumentParser) -> None:
    """Options of the applications on faces."""
    parser.add_argument(
        "--dataset",
        choices=("celeb_a", "celeb_a_64"),
        default="celeb_a_64",
        help="'celeb_a': all of CelebA, which needs 2.5 GB of memory; 'celeb_a_64': a prepared "
        "part of it",
    )
    parser.add_argument(
        "--classifier",
        choices=("small", "inception"),
        default="small",
        help="evaluation classifier of attributes: a small network trained from scratch, or "
        "Inception-v3",
    )
    parser.add_argument(
        "--classifier-epochs", type=int, help="epochs of the evaluation classifier (default: 6)"
    )
    add_limit(parser, "faces")


def add_limit(parser: argparse.ArgumentParser, what: str) -> None:
    """The option `--limit`."""
    parser.add_argument(
        "--limit", type=int, help=f"use only this many {what} of each split, for a quick try"
    )
