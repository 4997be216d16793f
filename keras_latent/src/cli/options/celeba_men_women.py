"""Options of `celeba-men-women`."""

import argparse

from keras_latent.src.applications.settings import MEN_WOMEN_PRESETS, training_of
from keras_latent.src.cli.options import common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this application."""
    parser.add_argument(
        "--preset",
        default="small",
        help="'paper': the paper's networks, triplets only; 'small': one encoder for both domains, "
        "a decoder for each, and a sliced Wasserstein distance between the latents of the domains, "
        "for two CPU cores; or a preset directory of VBTA. Both reconstruct by squared errors",
    )
    parser.add_argument("--epochs", type=int, help="passes over faces (default: 12; paper: 100)")
    parser.add_argument("--batch-size", type=int, default=50, help="faces per domain and step")
    parser.add_argument(
        "--learning-rate",
        type=float,
        help="learning rate of Adam; it falls with 'small' (default: 1e-3; paper: 1e-4)",
    )
    parser.add_argument(
        "--paired-per-batch",
        type=int,
        help="known pairs per batch, from the best matches by attributes (default: every row is in "
        "a pair; 0: no pairs)",
    )
    parser.add_argument(
        "--no-flip",
        action="store_true",
        help="do not augment (default: half of the faces are flipped left to right, at random in "
        "each epoch)",
    )
    parser.add_argument(
        "--no-vae",
        action="store_true",
        help="do not train the plain VAE to compare reconstruction errors with",
    )
    common.add_faces(parser)


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options, and sets defaults that depend on others."""
    name = common.check_preset(arguments, MEN_WOMEN_PRESETS)
    preset = training_of(arguments.preset, MEN_WOMEN_PRESETS)
    common.set_defaults(
        arguments,
        epochs=preset.epochs,
        learning_rate=preset.learning_rate,
        out=f"runs/celeba-men-women-{arguments.dataset}-{name}",
    )
    common.check_positive(
        arguments, "epochs", "batch_size", "learning_rate", "classifier_epochs", "limit"
    )
    known = arguments.paired_per_batch
    if known is not None and not 0 <= known <= arguments.batch_size:
        raise ValueError(
            "`--paired-per-batch` must be from 0 to `--batch-size`, "
            f"{arguments.batch_size}. Received: --paired-per-batch={known}"
        )
