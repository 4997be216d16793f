"""Options of `keras-latent train`."""

import argparse
from pathlib import Path

from keras_latent.src.applications.settings import OWN_METHODS
from keras_latent.src.cli.options import common

#: Trained for this many steps if no length is given.
STEPS = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of a training on your own images."""
    parser.add_argument(
        "--source",
        required=True,
        help="images: a folder (also with sub-folders), a .csv (path, labels) or an .npz file",
    )
    parser.add_argument("--target", help="images of the other domain, for methods of two domains")
    parser.add_argument(
        "--model",
        choices=OWN_METHODS,
        help="the method (default: lstnet with --target, vae without)",
    )
    parser.add_argument(
        "--size", type=int, default=64, help="height and width in pixels to which images are cut"
    )
    parser.add_argument(
        "--labels",
        choices=("folders",),
        help="the first-level sub-folders are classes: for tvae, and for bridging, which then "
        "keeps the classes that both domains have",
    )
    parser.add_argument(
        "--paired-by",
        help="known pairs: 'name' (equal names in both folders) or a .csv of file names, for "
        + " and ".join(name for name, m in OWN_METHODS.items() if m.pairs),
    )
    parser.add_argument(
        "--validation", type=float, default=0.1, help="share of images that are not trained on"
    )
    parser.add_argument("--width", type=int, default=16, help="filters of the first convolution")
    parser.add_argument(
        "--latent-dim", type=int, help="size of latents that are vectors (default: 128)"
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--epochs",
        type=int,
        help="length: passes over the larger domain. With bridging, which trains a VAE per domain "
        "and then the bridge, each of the three takes the length; its bridge takes as many steps "
        "as the larger domain's VAE",
    )
    length.add_argument(
        "--steps", type=int, help=f"length in steps, rounded up to hundreds (default: {STEPS})"
    )
    length.add_argument(
        "--minutes",
        type=float,
        help="length in minutes of training. With bridging, each of the three takes a third",
    )
    parser.add_argument("--batch-size", type=int, default=32, help="images per domain and step")
    parser.add_argument(
        "--learning-rate",
        type=float,
        help="of Adam (default: 1e-3; lstnet, fader: 5e-4; other GANs: as in their papers)",
    )


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options, and sets defaults that depend on others."""
    two = arguments.target is not None
    common.set_defaults(arguments, model="lstnet" if two else "vae")
    method = OWN_METHODS[arguments.model]
    if method.domains != 1 + two:
        wanted = "needs" if method.domains == 2 else "takes no"
        raise ValueError(
            f"`--model {arguments.model}` {wanted} `--target`. Received: "
            f"--target={arguments.target!r}. Methods of {1 + two} domains: "
            f"{[name for name, m in OWN_METHODS.items() if m.domains == 1 + two]}"
        )
    common.check_places(arguments, "source", "target")
    if not 0 < arguments.validation < 1:
        raise ValueError(
            "`--validation` must be above 0 and below 1. "
            f"Received: --validation={arguments.validation}"
        )
    if arguments.latent_dim is not None and not method.vectors:
        raise ValueError(
            f"`--latent-dim` is not an option of `--model {arguments.model}`: see `--width`."
        )
    if method.pairs == "needs" and arguments.paired_by is None:
        raise ValueError(
            f"`--model {arguments.model}` needs known pairs. Received: no `--paired-by`. Pass "
            "`--paired-by name` if images of a pair have one name, or a .csv of file names."
        )
    with_pairs = tuple(name for name, m in OWN_METHODS.items() if m.pairs)
    for name, methods in (("labels", ("tvae", "bridging")), ("paired_by", with_pairs)):
        value = getattr(arguments, name)
        if value is not None and arguments.model not in methods:
            wanted = " and ".join(f"`--model {method}`" for method in methods)
            raise ValueError(
                f"`{common.option(name)}` is an option of {wanted}. "
                f"Received: {common.option(name)}={value}, --model={arguments.model}"
            )
    common.check_positive(
        arguments, "size", "width", "latent_dim", "epochs", "steps", "minutes", "batch_size"
    )
    if arguments.epochs is None and arguments.minutes is None:
        common.set_defaults(arguments, steps=STEPS)
    common.set_defaults(arguments, learning_rate=method.learning_rate, latent_dim=128)
    common.check_positive(arguments, "learning_rate")
    places = [Path(p).name or "images" for p in (arguments.source, arguments.target) if p]
    common.set_defaults(arguments, out=f"runs/{arguments.model}-{'-'.join(places)}")
    for name in ("epochs", "steps", "minutes"):  # only the one that was chosen is configuration
        if getattr(arguments, name) is None:
            delattr(arguments, name)
