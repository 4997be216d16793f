"""Options of `mnist-spoken-digit`."""

import argparse
from pathlib import Path

from keras_latent.src.applications.settings import GANS, SPEECH_VAE, SPEECH_VAE_EPOCHS
from keras_latent.src.cli.options import bridging, common
from keras_latent.src.utils.did_you_mean import did_you_mean


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this application."""
    bridging.add_arguments(parser)
    parser.add_argument(
        "--gan",
        help=f"the model of spoken digits: {SPEECH_VAE} (a VAE of spectrograms), a preset of "
        "WaveGAN to train, or a .keras file of a trained one",
        default=SPEECH_VAE,
    )
    parser.add_argument(
        "--gan-epochs",
        type=int,
        help="passes of this model over the sounds (default: 300; wavegan_spoken_digit_small: 100; "
        "wavegan_spoken_digit: 5000)",
    )
    parser.add_argument(
        "--per-class",
        type=int,
        default=1700,
        help="latents of a GAN to keep per digit (the paper's reference: 1700), plus a tenth of "
        "that for the test",
    )
    parser.add_argument(
        "--max-draws", type=int, default=100_000, help="samples from a GAN's prior to choose from"
    )


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options, and sets defaults that depend on others."""
    bridging.complete(arguments)
    is_file = arguments.gan.endswith(".keras")
    names = [SPEECH_VAE, *GANS]
    if not (Path(arguments.gan).is_file() if is_file else arguments.gan in names):
        raise ValueError(
            f"`--gan` must be one of {names} or an existing .keras file. "
            f"Received: {arguments.gan!r}.{did_you_mean(arguments.gan, names)}"
        )
    if not is_file:
        gan = GANS.get(arguments.gan)
        common.set_defaults(arguments, gan_epochs=gan.epochs if gan else SPEECH_VAE_EPOCHS)
    common.check_positive(arguments, "per_class", "max_draws", "gan_epochs")
