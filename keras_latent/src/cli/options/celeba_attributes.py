"""Options of `celeba-attributes`."""

import argparse

from keras_latent.src.cli import options
from keras_latent.src.models.dual_vae.presets import FACES_DUAL

METHODS = ("dualvae", "cvae", "fader")
#: Name to filters of the first convolution, size of the latent, and epochs.
SIZES = {"full": (64, 256, 40), "small": (16, 128, 20), "tiny": (2, 48, 1)}
#: Of CelebA, `len(datasets.CELEBA_ATTRIBUTES)`.
ATTRIBUTES = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this application."""
    parser.add_argument(
        "--dataset",
        choices=("celeb_a", "celeb_a_64"),
        default="celeb_a_64",
        help="'celeb_a': all of CelebA, 2.5 GB of memory; 'celeb_a_64': a part of it, prepared",
    )
    parser.add_argument(
        "--method", choices=METHODS, default="dualvae", help="or what it is compared with"
    )
    parser.add_argument(
        "--preset",
        choices=SIZES,
        default="small",
        help="'full': for a GPU; 'small': a quarter as wide, for two CPU cores; 'tiny': to see "
        "it run",
    )
    parser.add_argument(
        "--domains", type=int, default=40, help="attributes, the first in alphabetical order"
    )
    parser.add_argument(
        "--missing", type=float, default=0.0, help="share of the training labels left out"
    )
    parser.add_argument(
        "--epochs", type=int, help="passes over the faces (default: 20; full: 40; tiny: 1)"
    )
    parser.add_argument("--batch-size", type=int, default=64, help="faces a step")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="falls along a cosine")
    of_dual_vae = {
        name: f"{FACES_DUAL[name]:g}" for name in ("alpha", "consistency", "input_noise")
    }
    parser.add_argument(
        "--alpha",
        type=float,
        help=f"of DualVAE: weight of the attributes (default: {of_dual_vae['alpha']})",
    )
    parser.add_argument(
        "--consistency",
        type=float,
        help=f"of DualVAE; 0: the paper's objective (default: {of_dual_vae['consistency']})",
    )
    parser.add_argument(
        "--input-noise",
        type=float,
        help=f"of DualVAE, of pixels in [0, 1] (default: {of_dual_vae['input_noise']})",
    )
    parser.add_argument(
        "--classifier",
        choices=("small", "inception"),
        default="small",
        help="what judges: a small network trained from scratch, or Inception-v3",
    )
    parser.add_argument("--classifier-epochs", type=int, help="of what judges (default: 6)")
    parser.add_argument(
        "--sweep-images", type=int, default=160, help="validation faces that choose the strength"
    )
    parser.add_argument(
        "--limit", type=int, help="take this many faces of each split only, to see it run"
    )


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options and fills in the defaults that depend on others.

    Raises:
        ValueError: If an option cannot be meant.
    """
    if arguments.epochs is None:
        arguments.epochs = SIZES[arguments.preset][2]
    options.require_positive(
        arguments,
        "epochs",
        "batch_size",
        "learning_rate",
        "alpha",
        "classifier_epochs",
        "sweep_images",
        "limit",
    )
    if not 1 <= arguments.domains <= ATTRIBUTES:
        raise ValueError(f"`--domains` must be 1 to {ATTRIBUTES}. Received: {arguments.domains}")
    if not 0 <= arguments.missing < 1:
        raise ValueError(f"`--missing` must be 0 to below 1. Received: {arguments.missing}")
    for name in ("alpha", "consistency", "input_noise"):
        value, option = getattr(arguments, name), "--" + name.replace("_", "-")
        if value is not None and arguments.method != "dualvae":
            raise ValueError(f"`{option}` is DualVAE's. Received: --method {arguments.method}")
        if name != "alpha" and value is not None and value < 0:
            raise ValueError(f"`{option}` must be 0 or more. Received: {value}")
    if arguments.method == "dualvae":
        for name in ("consistency", "input_noise"):
            if getattr(arguments, name) is None:
                setattr(arguments, name, FACES_DUAL[name])
    if arguments.out is None:
        parts = [arguments.run_name, arguments.dataset, arguments.method, str(arguments.domains)]
        if arguments.missing:
            parts.append(f"missing-{arguments.missing:g}")
        arguments.out = "runs/" + "-".join([*parts, arguments.preset])
