"""Options of `mnist-usps`."""

import argparse

from keras_latent.src.cli import options

#: Name to the model's preset, epochs, learning rate, and the share of the training in which that
#: falls, along a cosine, to a twentieth; 0: it stays what it is.
PRESETS = {
    "paper": ("lstnet_mnist_usps", 30, 1e-4, 0.0),
    "large": ("lstnet_mnist_usps", 30, 2e-4, 0.75),
    "small": ("lstnet_mnist_usps_small", 8, 5e-4, 0.75),
    "tiny": ("lstnet_mnist_usps_tiny", 1, 1e-3, 0.75),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this application."""
    parser.add_argument(
        "--preset",
        default="small",
        help="'paper': the paper's networks and learning rate, for a GPU; 'large': the same "
        "networks, larger learning rate that falls along a cosine; 'small': a quarter as wide, "
        "for two CPU cores; 'tiny': to see it run; or a preset directory of LSTNet",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        help="of 60,000 images of MNIST (default: 8; paper, large: 30; tiny: 1)",
    )
    parser.add_argument("--batch-size", type=int, default=64, help="images of each domain a step")
    parser.add_argument(
        "--learning-rate",
        type=float,
        help="of both teams (default: 5e-4; paper: 1e-4; large: 2e-4; tiny: 1e-3)",
    )
    parser.add_argument("--grid-every", type=int, default=1, help="epochs between pictures")
    parser.add_argument("--tensorboard", help="folder for the pictures in TensorBoard")
    parser.add_argument(
        "--classifier-epochs", type=int, help="of both classifiers (default: 16 and 60)"
    )


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options and fills in the defaults that depend on others.

    Raises:
        ValueError: If an option cannot be meant.
    """
    options.require_preset(arguments, PRESETS)
    _, epochs, learning_rate, _ = PRESETS.get(arguments.preset, PRESETS["small"])
    if arguments.epochs is None:
        arguments.epochs = epochs
    if arguments.learning_rate is None:
        arguments.learning_rate = learning_rate
    options.require_positive(
        arguments, "epochs", "batch_size", "learning_rate", "grid_every", "classifier_epochs"
    )
    if arguments.out is None:
        arguments.out = f"runs/mnist-usps-{options.preset_in_folder(arguments, PRESETS)}"
