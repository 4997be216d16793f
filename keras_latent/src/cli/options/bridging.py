"""Options of `mnist-mnist` and `mnist-fashion`, most of which `mnist-spoken-digit` has too."""

import argparse

from keras_latent.src.applications.settings import BRIDGE_PRESETS, BRIDGE_VARIANTS
from keras_latent.src.cli.options import common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of a bridge with at least one VAE of images."""
    parser.add_argument(
        "--preset",
        choices=BRIDGE_PRESETS,
        default="ours",
        help="'paper': the networks, weights and labels of the paper; 'ours': a wider shared "
        "space, and a few labels are propagated to their neighbors",
    )
    parser.add_argument(
        "--variant",
        choices=BRIDGE_VARIANTS,
        default="full",
        help="variant of the paper's table 4",
    )
    parser.add_argument(
        "--labels",
        default="all",
        help="total number of labelled rows per domain, or 'all' (table 3 of the paper)",
    )
    parser.add_argument("--steps", type=int, default=6000, help="training steps (the paper: 50000)")
    parser.add_argument("--batch-size", type=int, default=128, help="rows per domain and step")
    parser.add_argument(
        "--classifier-epochs",
        type=int,
        help="epochs of the evaluation classifiers (default: MNIST 16, Fashion-MNIST 8, sounds 15)",
    )
    parser.add_argument("--base-epochs", type=int, default=40, help="epochs of the base VAEs")
    parser.add_argument(
        "--base-precision",
        choices=("float32", "mixed_bfloat16"),
        default="float32",
        help="precision of training the base VAEs, which compute in float32 afterwards",
    )
    common.add_limit(parser, "images")


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options, and sets defaults that depend on others."""
    common.check_positive(
        arguments, "steps", "batch_size", "classifier_epochs", "base_epochs", "limit"
    )
    common.check_count("labels", arguments.labels)
    parts = [arguments.run_name, arguments.preset, f"labels-{arguments.labels}", arguments.variant]
    common.set_defaults(arguments, out="runs/" + "-".join(parts))
