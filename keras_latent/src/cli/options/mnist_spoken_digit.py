"""Options of `mnist-spoken-digit`."""

import argparse
from pathlib import Path

from keras_latent.src.cli import options
from keras_latent.src.cli.options import bridging
from keras_latent.src.utils.did_you_mean import did_you_mean

#: Preset of WaveGAN: passes over the sounds, rows of each update of the critic, and learning rates
#: of critic and generator. The small one takes unequal ones in place of many critic updates.
GANS = {
    "wavegan_spoken_digit_small": (100, 32, 4e-4, 2e-4),
    "wavegan_spoken_digit": (5000, 64, 1e-4, 1e-4),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this application."""
    bridging.add_arguments(parser)
    parser.add_argument(
        "--gan",
        help="a preset of WaveGAN, which is trained, or a .keras file of a trained one",
        default="wavegan_spoken_digit_small",
    )
    parser.add_argument(
        "--gan-epochs",
        type=int,
        help="passes over the sounds (default: 100; wavegan_spoken_digit: 5000)",
    )
    parser.add_argument(
        "--per-class",
        type=int,
        default=1700,
        help="the GAN's latents of each digit that are kept (the paper's reference: 1700); as "
        "many again as a tenth of them are kept for the test",
    )
    parser.add_argument("--max-draws", type=int, default=100_000, help="of the GAN's prior")


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options and fills in the defaults that depend on others.

    Raises:
        ValueError: If an option cannot be meant.
    """
    bridging.complete(arguments)
    is_file = arguments.gan.endswith(".keras")
    if not (Path(arguments.gan).is_file() if is_file else arguments.gan in GANS):
        raise ValueError(
            f"`--gan` must be one of {list(GANS)} or a .keras file that is there. "
            f"Received: {arguments.gan}.{did_you_mean(arguments.gan, GANS)}"
        )
    if arguments.gan_epochs is None and not is_file:
        arguments.gan_epochs = GANS[arguments.gan][0]
    options.require_positive(arguments, "per_class", "max_draws", *["gan_epochs"] * (not is_file))
