"""Options that the three bridging applications share; all of those between two sets of images."""

import argparse

from keras_latent.src.cli import options

#: The paper's table 4: what a bridge leaves out.
VARIANTS = {
    "vae": {"conditional": False, "beta_swd": 0.0},
    "conditional": {"beta_swd": 0.0},
    "full": {},
}
PRESETS = {
    "paper": {
        "preset": "bridging_mnist",
        "model": {},
        "batch_size": 128,
        "learning_rate": 1e-3,
        "decay": False,
        "propagate": False,
        "relabel": False,
    },
    "ours": {
        "preset": "bridging_mnist_sharp",
        "model": {},
        "batch_size": 128,
        "learning_rate": 1e-3,
        "decay": True,
        "propagate": True,
        "relabel": True,
    },
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of a bridge, one or both of whose sides is a VAE of images."""
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        default="ours",
        help="'paper': its networks, weights and labels as they are; 'ours': wider shared space, "
        "labels propagated to their neighbours where few are given",
    )
    parser.add_argument("--variant", choices=VARIANTS, default="full", help="the paper's table 4")
    parser.add_argument(
        "--labels", default="all", help="labelled rows of each domain in all, or 'all' (table 3)"
    )
    parser.add_argument("--steps", type=int, default=6000, help="batches (the paper: 50000)")
    parser.add_argument("--batch-size", type=int, help="rows of each domain (default: 128)")
    parser.add_argument(
        "--classifier-epochs",
        type=int,
        help="of the judges (default: MNIST 16, Fashion-MNIST 8, sounds 15)",
    )
    parser.add_argument("--base-epochs", type=int, default=40, help="epochs of the base VAEs")
    parser.add_argument(
        "--base-precision",
        choices=("float32", "mixed_bfloat16"),
        default="float32",
        help="of the base VAEs' training; the models compute in float32 afterwards",
    )
    parser.add_argument(
        "--limit", type=int, help="take this many images of each set only, to see it run"
    )


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options and fills in the defaults that depend on others.

    Raises:
        ValueError: If an option cannot be meant.
    """
    if arguments.batch_size is None:
        arguments.batch_size = PRESETS[arguments.preset]["batch_size"]
    options.require_positive(arguments, "steps", "batch_size", "base_epochs")
    options.require_count("labels", arguments.labels)
    if arguments.out is None:
        parts = [arguments.run_name, arguments.preset, f"labels-{arguments.labels}"]
        arguments.out = "runs/" + "-".join([*parts, arguments.variant])
