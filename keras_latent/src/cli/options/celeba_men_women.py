"""Options of `celeba-men-women`."""

import argparse

from keras_latent.src.cli import options

#: Name to the model's preset, epochs, and learning rate.
PRESETS = {
    "paper": ("vbta_celeba", 100, 1e-4),
    "small": ("vbta_celeba_small", 20, 5e-4),
}
#: Dataset to its pair's name.
DATASETS = {"celeb_a": "celeba_men_women", "celeb_a_64": "celeba_64_men_women"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this application."""
    parser.add_argument(
        "--dataset",
        choices=DATASETS,
        default="celeb_a_64",
        help="'celeb_a': all of CelebA, 2.5 GB of memory; 'celeb_a_64': a part of it, prepared",
    )
    parser.add_argument(
        "--preset",
        default="small",
        help="'paper': the paper's networks, unit observation variance, triplets only; 'small': "
        "one encoder for both domains, decoders of their own, variance 0.02, and a sliced "
        "Wasserstein distance between the domains' latents, for two CPU cores; or a preset "
        "directory of VBTA",
    )
    parser.add_argument(
        "--epochs", type=int, help="passes over the faces (default: 20; paper: 100)"
    )
    parser.add_argument("--batch-size", type=int, default=50, help="faces of each domain a step")
    parser.add_argument("--learning-rate", type=float, help="Adam's (default: 5e-4; paper: 1e-4)")
    parser.add_argument(
        "--paired-per-batch",
        type=int,
        help="pairs of the largest matching of attributes in each batch (default: every row is "
        "one of a pair; 0: no pair at all)",
    )
    parser.add_argument(
        "--no-flip",
        action="store_true",
        help="train on the faces as they are (default: each is mirrored left to right or not, anew "
        "in every epoch)",
    )
    parser.add_argument(
        "--classifier",
        choices=("small", "inception"),
        default="small",
        help="what judges attributes: a small network trained from scratch, or Inception-v3",
    )
    parser.add_argument("--classifier-epochs", type=int, help="of what judges (default: 6)")
    parser.add_argument(
        "--no-vae",
        action="store_true",
        help="leave out the plain VAE whose reconstruction error stands beside",
    )
    parser.add_argument(
        "--limit", type=int, help="take this many faces of each split only, to see it run"
    )


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options and fills in the defaults that depend on others.

    Raises:
        ValueError: If an option cannot be meant.
    """
    options.require_preset(arguments, PRESETS)
    _, epochs, learning_rate = PRESETS.get(arguments.preset, PRESETS["small"])
    if arguments.epochs is None:
        arguments.epochs = epochs
    if arguments.learning_rate is None:
        arguments.learning_rate = learning_rate
    options.require_positive(
        arguments, "epochs", "batch_size", "learning_rate", "classifier_epochs", "limit"
    )
    known = arguments.paired_per_batch
    if known is not None and not 0 <= known <= arguments.batch_size:
        raise ValueError(
            "`--paired-per-batch` must be from 0 to `--batch-size`, "
            f"{arguments.batch_size}. Received: {known}"
        )
    if arguments.out is None:
        preset = options.preset_in_folder(arguments, PRESETS)
        arguments.out = f"runs/celeba-men-women-{arguments.dataset}-{preset}"
