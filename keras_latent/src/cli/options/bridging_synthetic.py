"""Options of `bridging-synthetic`."""

import argparse

from keras_latent.src.cli import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this application."""
    parser.add_argument("--points", type=int, default=2000, help="points of each domain")
    parser.add_argument("--steps", type=int, default=3000, help="batches, for each variant")
    parser.add_argument("--batch-size", type=int, default=200, help="points of each domain a step")


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options.

    Raises:
        ValueError: If an option cannot be meant.
    """
    options.require_positive(arguments, "points", "steps", "batch_size")
    if arguments.batch_size > arguments.points:
        raise ValueError(
            "`--batch-size` must not exceed `--points`. "
            f"Received: {arguments.batch_size} and {arguments.points}"
        )
    if arguments.out is None:
        arguments.out = "runs/bridging-synthetic"
