"""Options of `bridging-synthetic`."""

import argparse

from keras_latent.src.cli.options import common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this application."""
    parser.add_argument("--points", type=int, default=2000, help="points per domain")
    parser.add_argument("--steps", type=int, default=3000, help="training steps per variant")
    parser.add_argument("--batch-size", type=int, default=200, help="points per domain and step")


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options."""
    common.check_positive(arguments, "points", "steps", "batch_size")
    if arguments.batch_size > arguments.points:
        raise ValueError(
            "`--batch-size` must not exceed `--points`. "
            f"Received: --batch-size={arguments.batch_size}, --points={arguments.points}"
        )
    common.set_defaults(arguments, out="runs/bridging-synthetic")
