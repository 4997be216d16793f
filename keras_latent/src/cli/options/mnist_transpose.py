"""Options of `mnist-transpose`."""

import argparse

from keras_latent.src.cli import options

#: Dataset to its preset family, its split, epochs of the model, and epochs of the classifier
#: and the pixels by which its images are moved.
DATASETS = {
    "digits": ("digits", "keras", 150, 60, 0),
    "mnist": ("mnist", "paper", 20, 16, 2),
    "fashion_mnist": ("mnist", "keras", 20, 16, 1),
}
PRESETS = {
    "paper": "vbta_{}_transpose",
    "sharp": "vbta_{}_transpose_sharp",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this application."""
    parser.add_argument(
        "--dataset", choices=DATASETS, default="mnist", help="images that are transposed"
    )
    parser.add_argument(
        "--preset",
        default="sharp",
        help="'paper': unit observation variance, triplets only; 'sharp': variance 0.05 and "
        "cross-reconstruction of the known pairs; or a preset directory of VBTA",
    )
    parser.add_argument(
        "--epochs", type=int, help="passes over the data (default: 20; digits: 150)"
    )
    parser.add_argument(
        "--paired", default="all", help="number of known pairs, or 'all' (n of the paper's table 1)"
    )
    parser.add_argument(
        "--match",
        action="store_true",
        help="find further pairs by geometry, without labels (keras_latent.datasets."
        "match_by_geometry); with --paired 0: no pair is given at all",
    )
    parser.add_argument(
        "--disjoint",
        action="store_true",
        help="no image is in both domains, but for the known pairs: half of the images each",
    )
    parser.add_argument(
        "--paired-per-batch", type=int, help="known pairs in each batch (default: as they come)"
    )
    parser.add_argument("--batch-size", type=int, default=50, help="images of each domain a step")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="Adam's")


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options and fills in the defaults that depend on others.

    Raises:
        ValueError: If an option cannot be meant.
    """
    if arguments.epochs is None:
        arguments.epochs = DATASETS[arguments.dataset][2]
    options.require_positive(arguments, "epochs", "batch_size", "learning_rate")
    options.require_count("paired", arguments.paired)
    if arguments.disjoint and arguments.paired == "all":
        raise ValueError("`--disjoint` needs a number of known pairs: `--paired 0`, for example.")
    options.require_preset(arguments, PRESETS)
    if arguments.out is None:
        preset = options.preset_in_folder(arguments, PRESETS)
        arguments.out = f"runs/mnist-transpose-{arguments.dataset}-{preset}"
