"""`keras-latent compare`."""

import argparse
import functools
from pathlib import Path

import keras

from keras_latent import datasets
from keras_latent.src.applications.comparing.compare import compare
from keras_latent.src.applications.own.methods import two_domain_model
from keras_latent.src.applications.settings import COMPARED, OWN_METHODS

#: Options that the models depend on, besides those that `compare` takes.
SETTINGS = ("width", "latent_dim", "mixed_precision")


def run(arguments: argparse.Namespace) -> None:
    """Trains and measures the methods, and prints the table."""
    keras.config.set_dtype_policy(arguments.mixed_precision)
    pair = load(arguments)
    if arguments.verbose:
        print(pair)
    shapes = [pair.source_shape, pair.target_shape]
    needy = [name for name in COMPARED if OWN_METHODS[name].pairs == "needs"]
    methods = arguments.methods
    if methods is None:
        methods = [name for name in COMPARED if pair.num_paired or name not in needy]
    elif not pair.num_paired and set(methods) & set(needy):
        raise ValueError(
            f"{', '.join(needy)} need known pairs, and {pair.name!r} has none. Received: "
            f"--methods {' '.join(methods)}"
        )
    made = {
        name: functools.partial(
            two_domain_model,
            name,
            shapes,
            pair.num_paired,
            arguments.steps,
            width=arguments.width,
            latent_dim=arguments.latent_dim,
            seed=arguments.seed,
        )
        for name in methods
    }
    compare(
        pair,
        made,
        arguments.out,
        steps=arguments.steps,
        minutes=arguments.minutes,
        seed=arguments.seed,
        settings={name: getattr(arguments, name) for name in SETTINGS},
        overwrite=arguments.overwrite,
        verbose=arguments.verbose,
    )
    out = Path(arguments.out)
    print((out / "comparison.md").read_text())
    print(f"Results: {out.resolve()}")


def load(arguments: argparse.Namespace) -> datasets.DomainPair:
    """The ready-built pair, or that of two folders."""
    options = {"batch_size": arguments.batch_size, "seed": arguments.seed, "format": "numpy"}
    if arguments.pair is None:
        return datasets.pair_from_folders(
            arguments.source,
            arguments.target,
            size=arguments.size,
            labels=arguments.labels,
            paired_by=arguments.paired_by,
            **options,
        )
    known = arguments.paired
    return datasets.load_pair(
        arguments.pair.replace("-", "_"),
        paired=known if known in (None, "all") else int(known),
        augment=True if arguments.pair == "mnist-usps" else None,  # as its paper does
        data_dir=arguments.data_dir,
        **options,
    )
