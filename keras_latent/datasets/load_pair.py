"""Domain pairs by name."""

import os
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from keras_latent.datasets import checks
from keras_latent.datasets.domain_pair import DomainPair, resolve_format
from keras_latent.datasets.from_arrays import pair_from_arrays
from keras_latent.datasets.known_pairs import resolve_known_pairs
from keras_latent.datasets.load_arrays import load_arrays
from keras_latent.datasets.match_by_geometry import match_by_geometry
from keras_latent.datasets.random_affine import RandomAffine

SPLITS = ("keras", "paper")


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
    """Arguments of `pair_from_arrays`: two datasets of their own, with all of their images."""
    arguments = {"test_paired": False}
    for domain, name in (("source", source), ("target", target)):
        (train, labels), (test, test_labels) = load_arrays(name, data_dir)
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
    "mnist_usps": lambda *args: _unpaired("mnist", "usps", *args),
}

# Pairs whose domains have no image in common, and how the images of their training batches are
# augmented by `augment=True`.
UNPAIRED: dict[str, Callable[[], Any]] = {"mnist_usps": RandomAffine}


def load_pair(
    name: str,
    paired: int | Literal["all"] | None = None,
    *,
    matched: bool = False,
    disjoint: bool = False,
    split: Literal["keras", "paper"] = "keras",
    batch_size: int = 50,
    paired_per_batch: int | None = None,
    augment: Any = None,
    seed: int = 0,
    data_dir: str | os.PathLike | None = None,
    format: Literal["auto", "tf", "numpy"] = "auto",
) -> DomainPair:
    """Load a pair of domains by its name.

    - `"mnist_transpose"`: MNIST, and each image transposed (rows and columns exchanged). The
      label stays the same.
    - `"fashion_mnist_transpose"`: likewise, of Fashion-MNIST.
    - `"digits_transpose"`: likewise, of scikit-learn's 8x8 digits, which need no download.
    - `"mnist_usps"`: MNIST (28x28; 60,000 and 10,000 images) and USPS (16x16; 7,291 and 2,007).
      No image is in both, and row i of one has nothing to do with row i of the other, in the
      test images as well. The LSTNet paper trains on it with `batch_size=64, augment=True`.

    Args:
        name: One of the above.
        paired: How many pairs the model may know. `None` or `"all"`: every training row. `n`:
            `n` pairs drawn with the seed. They are the first `n` rows of `source_train` and
            of `target_train`; the other rows of both are in independent random orders, in
            the arrays as in the batches, so that no pairing is hidden in them. For
            `"mnist_usps"`, there are none: `None` is 0.
        matched: Whether further pairs are looked for among the other rows, without labels, by
            `match_by_geometry`, and added to the known ones.
        disjoint: Whether no image is in both domains, but for the known pairs: of the other
            images, half are in the source and half, transposed, in the target. Otherwise
            each image is in both, as in the paper, and has a counterpart to be found.
        split: `"keras"`: the official training and test images. `"paper"`: the first 50,000
            of the 60,000 training images, and the remaining 10,000 of them as the test set.
            The VBTA paper says only "50,000 as training set and the remaining 10,000 as a
            test set"; we read it so because the two add up to the training images.
        batch_size: Rows in a training batch.
        paired_per_batch: Known pairs in each training batch; see `pair_from_arrays`.
        augment: What is done to the images of the training batches; see `pair_from_arrays`. For
            `"mnist_usps"`, `True` is `RandomAffine()`, as in the LSTNet paper.
        seed: Seed of the known pairs, of the order and of the augmentation, 0 or more.
        data_dir: Where the data lies; see `load_arrays`.
        format: `"tf"`, `"numpy"` or `"auto"`; see `pair_from_arrays`.

    Returns:
        A `DomainPair`. But for `"mnist_usps"`, its test rows are aligned: row i of both is the
        same image.

    Raises:
        ValueError: For an unknown `name`, `split` or `format`, a split that the data does not
            have, more `paired` than rows, known or matched pairs of domains that have none,
            `augment=True` where there is no default, and whatever `pair_from_arrays` refuses.
        ImportError: If the packages that read the data are not installed.
        RuntimeError: If the data cannot be read or downloaded.

    Source: "Variational Bi-domain Triplet Autoencoder" (VBTA), sections 5.1 and 5.2.

    Example:

    >>> from keras_latent import datasets
    >>> pair = datasets.load_pair("digits_transpose", paired=100, format="numpy")
    >>> pair.num_paired, pair.train_sizes, pair.source_shape
    (100, (1437, 1437), (8, 8, 1))
    """
    checks.check_choice("name", name, PAIRS)
    checks.check_choice("split", split, SPLITS)
    if name in UNPAIRED:
        paired = _check_unpaired(name, paired, matched, disjoint, split)
    if np.ndim(paired) > 0:
        raise ValueError(
            "`paired` must be None, 'all' or a number of pairs; which pairs, the seed decides. "
            f"Received: paired={paired!r}. For pairs of your own see `pair_from_arrays`."
        )
    if disjoint and paired in (None, "all"):
        raise ValueError(
            "`disjoint` leaves no image in both domains but the known pairs: `paired` must be a "
            f"number of them. Received: paired={paired!r}."
        )
    if augment is True:
        if name not in UNPAIRED:
            raise ValueError(
                f"`augment=True` is for {sorted(UNPAIRED)}. Received: name={name!r}. Pass the "
                "augmentation itself, such as `datasets.RandomAffine()`."
            )
        augment = UNPAIRED[name]()
    # Before the data is read, which takes seconds.
    resolve_format(format)
    seed = checks.check_integer("seed", seed, at_least=0)
    arguments = PAIRS[name](split, data_dir)
    if name not in UNPAIRED and paired not in (None, "all"):
        sizes = len(arguments["source"]), len(arguments["target"])
        paired = len(resolve_known_pairs(paired, *sizes))
        arguments.update(_known_first(arguments, paired, seed, disjoint))
        if matched:
            paired = match_by_geometry(
                arguments["source"], arguments["target"], known_pairs=paired, seed=seed
            )
    return pair_from_arrays(
        **arguments,
        paired=paired,
        batch_size=batch_size,
        paired_per_batch=paired_per_batch,
        augment=augment,
        seed=seed,
        format=format,
        name=name,
    )


def _check_unpaired(name: str, paired: Any, matched: bool, disjoint: bool, split: str) -> int:
    """Return 0, the number of known pairs, unless something else is asked for."""
    for argument, value, is_default in (
        ("paired", paired, np.ndim(paired) == 0 and paired in (None, 0)),
        ("matched", matched, not matched),
        ("disjoint", disjoint, not disjoint),
        ("split", split, split == "keras"),
    ):
        if not is_default:
            raise ValueError(
                f"The domains of {name!r} have no image in common: there are no known pairs "
                "between them, and no split but the official one. "
                f"Received: {argument}={value!r}. Leave `{argument}` out."
            )
    return 0


def _known_first(
    arguments: dict[str, Any], known: int, seed: int, disjoint: bool
) -> dict[str, np.ndarray]:
    """Reorder aligned training rows: `known` pairs first, all others independently."""
    # A stream of its own: epochs draw theirs from the seed and their number.
    rng = np.random.default_rng([seed, 0, 1])
    first, rest = np.split(rng.permutation(len(arguments["source"])), [known])
    source_rest, target_rest = np.array_split(rest, 2) if disjoint else (rest, rest)
    source_rows = np.concatenate([first, source_rest])
    target_rows = np.concatenate([first, rng.permutation(target_rest)])
    return {
        "source": arguments["source"][source_rows],
        "source_labels": arguments["source_labels"][source_rows],
        "target": arguments["target"][target_rows],
        "target_labels": arguments["target_labels"][target_rows],
    }
