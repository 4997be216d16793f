"""Options of `celeba-attributes`."""

import argparse

from keras_latent.src.applications.settings import ATTRIBUTE_METHODS, ATTRIBUTE_PRESETS
from keras_latent.src.cli.options import common
from keras_latent.src.models.dual_vae.presets import FACES_DUAL
from keras_latent.src.utils import checks

#: Attributes of CelebA, `len(datasets.CELEBA_ATTRIBUTES)`.
ATTRIBUTES = 40
DUAL_VAE = ("alpha", "consistency", "input_noise")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this application."""
    parser.add_argument(
        "--method",
        choices=ATTRIBUTE_METHODS,
        default="dualvae",
        help="DualVAE, or a baseline: conditional VAE or Fader network",
    )
    parser.add_argument(
        "--preset",
        choices=ATTRIBUTE_PRESETS,
        default="small",
        help="'full': for a GPU; 'small': a quarter as wide, for two CPU cores; 'tiny': for a "
        "quick try",
    )
    parser.add_argument(
        "--domains", type=int, default=40, help="attributes, the first in alphabetical order"
    )
    parser.add_argument(
        "--missing", type=float, default=0.0, help="share of training labels to leave out"
    )
    parser.add_argument(
        "--epochs", type=int, help="passes over the faces (default: 20; full: 40; tiny: 1)"
    )
    parser.add_argument("--batch-size", type=int, default=64, help="faces per step")
    parser.add_argument(
        "--learning-rate",
        type=float,
        default=1e-3,
        help="initial learning rate of Adam, which falls along a cosine",
    )
    for name, text in (
        ("alpha", "DualVAE: weight of the attributes"),
        ("consistency", "DualVAE: weight of transfer consistency, 0 for the paper's objective"),
        ("input_noise", "DualVAE: noise on the input pixels, which are in [0, 1]"),
    ):
        parser.add_argument(
            common.option(name), type=float, help=f"{text} (default: {FACES_DUAL[name]:g})"
        )
    parser.add_argument(
        "--no-bias",
        action="store_true",
        help="DualVAE: U z without a bias, as in the paper",
    )
    parser.add_argument(
        "--fill-missing",
        action="store_true",
        help="predict the labels that are left out, by a classifier trained on the others",
    )
    parser.add_argument(
        "--sweep-images", type=int, default=160, help="validation faces to choose strengths on"
    )
    common.add_faces(parser)


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options, and sets defaults that depend on others."""
    common.set_defaults(arguments, epochs=ATTRIBUTE_PRESETS[arguments.preset].epochs)
    common.check_positive(
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
        raise ValueError(
            f"`--domains` must be from 1 to {ATTRIBUTES}. Received: --domains={arguments.domains}"
        )
    checks.fraction("--missing", arguments.missing)
    if arguments.fill_missing and not arguments.missing:
        raise ValueError("`--fill-missing` needs missing labels. Received: --missing=0")
    for name in (*DUAL_VAE, "no_bias"):
        value = getattr(arguments, name)
        if value is None or value is False:
            continue
        if arguments.method != "dualvae":
            raise ValueError(
                f"`{common.option(name)}` is an option of DualVAE alone. "
                f"Received: --method={arguments.method}"
            )
        if name != "no_bias":
            checks.non_negative(common.option(name), value)
    if arguments.method == "dualvae":
        common.set_defaults(arguments, **{name: FACES_DUAL[name] for name in DUAL_VAE[1:]})
    parts = [arguments.run_name, arguments.dataset, arguments.method, str(arguments.domains)]
    if arguments.missing:
        parts.append(f"missing-{arguments.missing:g}")
    if arguments.fill_missing:
        parts.append("filled")
    common.set_defaults(arguments, out="runs/" + "-".join([*parts, arguments.preset]))
