"""Options of `mnist-usps`."""

import argparse

from keras_latent.src.applications.settings import USPS_PRESETS, training_of
from keras_latent.src.cli.options import common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this application."""
    parser.add_argument(
        "--preset",
        default="small",
        help="'paper': the paper's networks and learning rate, for a GPU; 'large': the same "
        "networks, a larger learning rate that falls to zero, and moving averages of the weights; "
        "'small': the same with a quarter of the width, for two CPU cores; 'tiny': for a quick "
        "try; or a preset directory of LSTNet",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        help="epochs of 60,000 images of MNIST (default: 8; paper, large: 30; tiny: 1)",
    )
    parser.add_argument("--batch-size", type=int, default=64, help="images per domain and step")
    parser.add_argument(
        "--learning-rate",
        type=float,
        help="of both players (default: 5e-4; paper: 1e-4; large: 2e-4; tiny: 1e-3)",
    )
    parser.add_argument("--grid-every", type=int, default=1, help="epochs between two pictures")
    parser.add_argument("--tensorboard", help="folder for writing the pictures to TensorBoard")
    parser.add_argument(
        "--classifier-epochs",
        type=int,
        help="epochs of both evaluation classifiers (default: 16 and 60)",
    )


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options, and sets defaults that depend on others."""
    name = common.check_preset(arguments, USPS_PRESETS)
    preset = training_of(arguments.preset, USPS_PRESETS)
    common.set_defaults(
        arguments,
        epochs=preset.epochs,
        learning_rate=preset.learning_rate,
        out=f"runs/mnist-usps-{name}",
    )
    common.check_positive(
        arguments, "epochs", "batch_size", "learning_rate", "grid_every", "classifier_epochs"
    )
