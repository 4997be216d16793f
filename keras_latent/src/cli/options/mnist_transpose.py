"""Options of `mnist-transpose`."""

import argparse

from keras_latent.src.applications.settings import TRANSPOSE_DATASETS, TRANSPOSE_PRESETS
from keras_latent.src.cli.options import common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this application."""
    parser.add_argument(
        "--dataset", choices=TRANSPOSE_DATASETS, default="mnist", help="images to transpose"
    )
    parser.add_argument(
        "--preset",
        default="sharp",
        help="'paper': squared errors, triplets only; 'sharp': variance 0.05 and "
        "cross-reconstruction of the known pairs; or a preset directory of VBTA",
    )
    parser.add_argument(
        "--epochs", type=int, help="passes over the data (default: 20; digits: 150)"
    )
    parser.add_argument(
        "--paired", default="all", help="number of known pairs, or 'all' (n in the paper's table 1)"
    )
    parser.add_argument(
        "--match",
        action="store_true",
        help="find more pairs by geometry, without labels (keras_latent.datasets."
        "match_by_geometry); with --paired 0, these are the only pairs",
    )
    parser.add_argument(
        "--disjoint",
        action="store_true",
        help="split the images between the domains, except for the known pairs",
    )
    parser.add_argument(
        "--paired-per-batch",
        type=int,
        help="known pairs per batch (default: as they come in random order)",
    )
    parser.add_argument("--batch-size", type=int, default=50, help="images per domain and step")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="learning rate of Adam")


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options, and sets defaults that depend on others."""
    name = common.check_preset(arguments, TRANSPOSE_PRESETS)
    common.set_defaults(
        arguments,
        epochs=TRANSPOSE_DATASETS[arguments.dataset].epochs,
        out=f"runs/mnist-transpose-{arguments.dataset}-{name}",
    )
    common.check_positive(arguments, "epochs", "batch_size", "learning_rate")
    common.check_count("paired", arguments.paired)
    if arguments.disjoint and arguments.paired == "all":
        raise ValueError("`--disjoint` needs a number of known pairs, for example `--paired 0`.")
