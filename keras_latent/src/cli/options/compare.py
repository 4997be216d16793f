"""Options of `keras-latent compare`."""

import argparse
from pathlib import Path

from keras_latent.src.applications.settings import COMPARED, COMPARED_PAIRS
from keras_latent.src.cli.options import common

#: Steps of each method if no length is given.
STEPS = 2000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of a comparison of methods."""
    parser.add_argument(
        "pair",
        nargs="?",
        choices=COMPARED_PAIRS,
        metavar="PAIR",
        help=f"a ready-built pair: {', '.join(COMPARED_PAIRS)}; or use --source and --target",
    )
    parser.add_argument("--source", help="your own images, as for `keras-latent train`")
    parser.add_argument("--target", help="images of the other domain")
    parser.add_argument(
        "--size", type=int, default=64, help="height and width in pixels to which images are cut"
    )
    parser.add_argument(
        "--labels", choices=("folders",), help="the first-level sub-folders are classes"
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=COMPARED,
        help="what to compare (default: all, but without known pairs not those that need them)",
    )
    parser.add_argument(
        "--paired",
        help="how many pairs are known, of a ready-built pair: a number or 'all' (default: all)",
    )
    parser.add_argument(
        "--paired-by", help="known pairs of your own images, as for `keras-latent train`"
    )
    parser.add_argument("--width", type=int, default=16, help="filters of the first convolution")
    parser.add_argument(
        "--latent-dim", type=int, default=128, help="size of latents that are vectors"
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, help=f"of each method (default: {STEPS})")
    length.add_argument("--minutes", type=float, help="of each method")
    parser.add_argument("--batch-size", type=int, default=64, help="images per domain and step")


def complete(arguments: argparse.Namespace) -> None:
    """Checks the options, and sets defaults that depend on others."""
    own = arguments.source is not None or arguments.target is not None
    if own == (arguments.pair is not None) or (own and not (arguments.source and arguments.target)):
        raise ValueError(
            f"Give PAIR, one of {', '.join(COMPARED_PAIRS)}, or --source and --target. Received: "
            f"PAIR={arguments.pair!r}, --source={arguments.source!r}, --target={arguments.target!r}"
        )
    for name, belongs in (("paired", not own), ("paired_by", own), ("labels", own)):
        if getattr(arguments, name) is not None and not belongs:
            given = "--source and --target" if own else "PAIR"
            raise ValueError(f"`{common.option(name)}` is not an option of {given}.")
    if arguments.paired is not None:
        common.check_count("paired", arguments.paired)
    common.check_places(arguments, "source", "target")
    common.check_positive(
        arguments, "size", "width", "latent_dim", "steps", "minutes", "batch_size"
    )
    if arguments.minutes is None:
        common.set_defaults(arguments, steps=STEPS)
    what = arguments.pair or "-".join(
        Path(place).name or "images" for place in (arguments.source, arguments.target)
    )
    common.set_defaults(arguments, out=f"runs/compare-{what}")
