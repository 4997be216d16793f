"""Options of `keras-latent translate`."""

import argparse
from pathlib import Path

from keras_latent.src.applications.own.saved_models import find_model
from keras_latent.src.cli.options import common
from keras_latent.src.utils import checks
from keras_latent.src.utils.domains import DOMAINS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="the folder of a run, a .keras file, a preset directory, a preset with trained "
        "weights, or one on a hub: hf://USER/NAME or kaggle://USER/MODEL/keras/VARIATION",
    )
    parser.add_argument(
        "input",
        metavar="INPUT",
        help="a folder of images, with its sub-folders; an image file; or an .npz file of one "
        "array of images of any size",
    )
    parser.add_argument(
        "out",
        metavar="OUTPUT",
        help="the folder or file to write. Files in a folder keep their names",
    )
    parser.add_argument(
        "--to", choices=DOMAINS, help="domain to translate into, for two domains (default: target)"
    )
    parser.add_argument(
        "--attribute", help="name or number of the attribute to change, for models of attributes"
    )
    parser.add_argument(
        "--strength",
        type=float,
        help="how much to change the attribute; negative: remove it (default: 1)",
    )
    parser.add_argument("--batch-size", type=int, default=64, help="images at a time")
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace files that exist. Without it, those of a folder are skipped",
    )


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options that need no images and no model."""
    common.check_positive(arguments, "batch_size")
    if arguments.strength is not None:
        checks.finite("--strength", arguments.strength)
        if arguments.attribute is None:
            raise ValueError("`--strength` needs `--attribute`, the attribute to change.")
    source, out = Path(arguments.input), Path(arguments.out)
    if not source.exists():
        raise ValueError(
            "`INPUT` must be a folder, an image file or an .npz file. "
            f"Received: {arguments.input!r}, which does not exist"
        )
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise ValueError(
            f"`OUTPUT` must be outside of the folder `INPUT`. Received: {arguments.out!r}"
        )
    if out.exists() and source.is_dir() != out.is_dir():
        received = "a folder and a file" if source.is_dir() else "a file and a folder"
        raise ValueError(
            f"`INPUT` and `OUTPUT` must both be files or both be folders. Received: {received}"
        )
    if out.is_file() and not arguments.overwrite:
        raise ValueError(
            f"`OUTPUT` exists: {arguments.out!r}. Choose another name, or add `--overwrite`."
        )
    find_model(arguments.model, arguments.to or "target")
