"""The domain pairs that `load_pair` knows, and what can be asked of each."""

import operator
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from keras_latent.src.datasets.checks import check_integer
from keras_latent.src.datasets.load_arrays import load_arrays
from keras_latent.src.datasets.men_women import men_and_women
from keras_latent.src.datasets.random_affine import RandomAffine


def _transpose(name: str, split: str, data_dir: str | os.PathLike | None) -> dict[str, Any]:
    """Arguments of `pair_from_arrays`: images, and the same images transposed."""
    (train, labels), (test, test_labels) = load_arrays(name, data_dir)
    if split == "paper":
        if len(train) != 60_000:
            raise ValueError(
                "`split='paper'` is the first 50,000 and the remaining 10,000 of 60,000 training "
                f"images. Received: {name!r}, which has {len(train)}. Pass `split='keras'`."
            )
        train, test = train[:50_000], train[50_000:]
        labels, test_labels = labels[:50_000], labels[50_000:]
    return {
        "source": train,
        "target": train.swapaxes(1, 2),
        "source_labels": labels,
        "target_labels": labels,
        "test_source": test,
        "test_target": test.swapaxes(1, 2),
        "test_source_labels": test_labels,
        "test_target_labels": test_labels,
        "test_paired": True,
    }


def _unpaired(
    source: str, target: str, split: str, data_dir: str | os.PathLike | None
) -> dict[str, Any]:
    """Arguments of `pair_from_arrays`: two datasets of their own, with all of their rows."""
    arguments = {"test_paired": False}
    loaded = {name: load_arrays(name, data_dir) for name in dict.fromkeys((source, target))}
    for domain, name in (("source", source), ("target", target)):
        (train, labels), (test, test_labels) = loaded[name]
        arguments |= {
            domain: train,
            f"{domain}_labels": labels,
            f"test_{domain}": test,
            f"test_{domain}_labels": test_labels,
        }
    return arguments


# Name of the pair: a function of `(split, data_dir)` that returns arguments of
# `pair_from_arrays`. A new pair is a new line.
PAIRS: dict[str, Callable[[str, Any], dict[str, Any]]] = {
    "mnist_transpose": lambda *args: _transpose("mnist", *args),
    "fashion_mnist_transpose": lambda *args: _transpose("fashion_mnist", *args),
    "digits_transpose": lambda *args: _transpose("digits", *args),
    "mnist_fashion": lambda *args: _unpaired("mnist", "fashion_mnist", *args),
    "mnist_mnist": lambda *args: _unpaired("mnist", "mnist", *args),
    "mnist_spoken_digit": lambda *args: _unpaired("mnist", "spoken_digit", *args),
    "mnist_usps": lambda *args: _unpaired("mnist", "usps", *args),
    "celeba_men_women": lambda _, data_dir: men_and_women("celeb_a", data_dir),
    "celeba_64_men_women": lambda _, data_dir: men_and_women("celeb_a_64", data_dir),
}

# Pairs without known pairs, and what is said to those who ask for some.
UNPAIRED = {
    "mnist_fashion": "have no image in common",
    "mnist_mnist": "are used as if they had nothing in common but their classes",
    "mnist_spoken_digit": "are images and sounds",
    "mnist_usps": "have no image in common",
}
# Pairs whose known pairs are found by `match_by_attributes`.
BY_ATTRIBUTES = ("celeba_men_women", "celeba_64_men_women")
# How the images of training batches are augmented by `augment=True`.
AUGMENTATIONS: dict[str, Callable[[], Any]] = {"mnist_usps": RandomAffine}


def check_unpaired(name: str, paired: Any, matched: bool, disjoint: bool, split: str) -> int:
    """Return 0, the number of known pairs, unless something else is asked for."""
    for argument, value, is_default in (
        ("paired", paired, np.ndim(paired) == 0 and paired in (None, 0)),
        ("matched", matched, not matched),
        ("disjoint", disjoint, not disjoint),
        ("split", split, split == "keras"),
    ):
        if not is_default:
            raise ValueError(
                f"The domains of {name!r} {UNPAIRED[name]}: there are no known pairs "
                "between them, and no split but the official one. "
                f"Received: {argument}={value!r}. Leave `{argument}` out."
            )
    return 0


def check_by_attributes(name: str, paired: Any, matched: bool, disjoint: bool, split: str) -> None:
    """Raise if something is asked for that men and women do not have."""
    for argument, value, default, why in (
        ("matched", matched, False, "the known pairs are found by attributes, all of them"),
        ("disjoint", disjoint, False, "no face is in both domains anyway"),
        ("split", split, "keras", "there is no split but the official one"),
    ):
        if value != default:
            raise ValueError(
                f"`{argument}` is not for {name!r}: {why}. Received: {argument}={value!r}. "
                f"Leave `{argument}` out."
            )
    if paired not in (None, "all"):
        if isinstance(paired, str):
            raise ValueError(
                "`paired` must be 'all' or None, or a number of pairs. "
                f"Received: paired={paired!r}."
            )
        check_integer("paired", paired, at_least=0)


def check_mapping(name: str, mapping: Any) -> np.ndarray:
    """Return a permutation of the ten classes as an array; otherwise raise."""
    if name != "mnist_fashion":
        raise ValueError(
            "`mapping` is for 'mnist_fashion', whose labels mean different things. "
            f"Received: name={name!r}, mapping={mapping!r}. Leave `mapping` out."
        )
    try:
        # Of a dict, only the keys would be looked at.
        classes = [] if isinstance(mapping, Mapping) else [operator.index(k) for k in mapping]
    except TypeError:
        classes = []
    if sorted(classes) != list(range(10)):
        raise ValueError(
            "`mapping` must be the class of Fashion-MNIST for each digit from 0 to 9: ten "
            f"integers from 0 to 9, each once. Received: mapping={mapping!r}."
        )
    return np.array(classes)
