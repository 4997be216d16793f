"""Pairs of domains by name."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np

from keras_latent.src.datasets.batches.random_affine import RandomAffine
from keras_latent.src.datasets.pairs.domain_pair import DomainPair
from keras_latent.src.datasets.pairs.from_arrays import FORMATS, pair_from_arrays
from keras_latent.src.datasets.pairs.men_women import men_and_women
from keras_latent.src.datasets.pairs.transposed import transposed
from keras_latent.src.datasets.pairs.two_datasets import two_datasets
from keras_latent.src.datasets.sources.names import check_name
from keras_latent.src.utils import checks


class _Pair(NamedTuple):
    """How to make a pair.

    Attributes:
        make: Function of `load_pair`'s arguments that returns arguments of `pair_from_arrays`.
        excluded: Arguments of `load_pair` that `make` does not take, and why.
    """

    make: Callable[..., dict[str, Any]]
    excluded: dict[str, str]


def _unpaired(source: str, target: str, why: str) -> _Pair:
    why = f"its domains {why}; there are no known pairs, and only the official split"
    excluded = dict.fromkeys(("paired", "matched", "disjoint", "split"), why)
    return _Pair(partial(two_datasets, source, target), excluded)


_OF_FACES = {
    "matched": "all known pairs are found by attributes",
    "disjoint": "no face is in both domains anyway",
    "split": "there is no split but the official one",
}
# To add a pair, add a line here and its name in `sources/names.py`.
PAIRS = {
    "mnist_transpose": _Pair(partial(transposed, "mnist"), {}),
    "fashion_mnist_transpose": _Pair(partial(transposed, "fashion_mnist"), {}),
    "digits_transpose": _Pair(partial(transposed, "digits"), {}),
    "mnist_fashion": _unpaired("mnist", "fashion_mnist", "have no image in common"),
    "mnist_mnist": _unpaired("mnist", "mnist", "are used as if only their classes were shared"),
    "mnist_spoken_digit": _unpaired("mnist", "spoken_digit", "are images and sounds"),
    "mnist_usps": _unpaired("mnist", "usps", "have no image in common"),
    "celeba_men_women": _Pair(partial(men_and_women, "celeb_a"), _OF_FACES),
    "celeba_64_men_women": _Pair(partial(men_and_women, "celeb_a_64"), _OF_FACES),
}
_DEFAULTS: dict[str, tuple[Any, ...]] = {
    "paired": (None, 0),
    "matched": (False,),
    "disjoint": (False,),
    "split": ("keras",),
}


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
    mapping: Sequence[int] | None = None,
    seed: int = 0,
    data_dir: str | os.PathLike | None = None,
    format: Literal["auto", "tf", "numpy"] = "auto",
) -> DomainPair:
    """Load a pair of domains by its name.

    - `"mnist_transpose"`: MNIST, and each image transposed (rows and columns swapped). The
      label stays the same.
    - `"fashion_mnist_transpose"`: likewise for Fashion-MNIST.
    - `"digits_transpose"`: likewise for scikit-learn's 8x8 digits, which need no download.
    - `"mnist_usps"`: MNIST (28x28; 60,000 and 10,000 images) and USPS (16x16; 7,291 and 2,007).
      They have no images in common, and row i of one is unrelated to row i of the other, in
      the test images as well. The LSTNet paper trains with `batch_size=64, augment=True`.
    - `"mnist_mnist"`: MNIST in both domains, for two models trained independently. Row i of
      both arrays is the same image, but batches do not reveal this.
    - `"mnist_fashion"`: MNIST and Fashion-MNIST, whose classes `mapping` matches up.
    - `"mnist_spoken_digit"`: MNIST and the Free Spoken Digit Dataset (60,000 and 2,700 rows for
      training, 10,000 and 300 for testing): images `(28, 28, 1)` from 0 to 1, and waveforms
      `(8192, 1)` from -1 to 1 at 8,000 Hz. See `load_arrays`.
    - `"celeba_men_women"`: the men (source) and the women (target) of CelebA's training and
      test splits, `(64, 64, 3)`; `"celeba_64_men_women"`: those of the dataset `"celeb_a_64"`.
      See `load_faces`. Labels are the 40 attributes, `(N, 40)`, named by `CELEBA_ATTRIBUTES`.

    Pairs of MNIST and another dataset, or itself, have no known pairs. Their rows are combined at
    random in training batches; only equal labels connect the domains. `"mnist_mnist"`,
    `"mnist_fashion"` and `"mnist_spoken_digit"` come from "Latent Domain Transfer" (Tian and
    Engel, 2018), section 4.1, which uses `"sc09"` instead of `"spoken_digit"`.

    Men and women are paired by their attributes other than `"Male"`: each man with the woman
    who agrees most with him, and each woman with her best man, by `match_by_attributes` with
    the given seed. So there are at most as many known pairs as training faces, a face may be in
    several pairs, and `source_train[i]` is unrelated to `target_train[i]`. The test rows are
    those of the official test split, unpaired. Matching the full dataset takes less than a
    minute. Its arrays take 2.2 GB of memory, plus a copy with `format="tf"`.

    Args:
        name: One of the names above.
        paired: How many pairs the model may know. `None` or `"all"`: every training row. `n`:
            `n` pairs drawn with the seed. They are the first `n` rows of `source_train` and
            `target_train`. The other rows of both are in independent random orders, in the
            arrays as well as in the batches, so that the order hides no pairs. For pairs of
            domains without known pairs, `None` means 0. For men and women: all pairs found by
            attributes, or `n` of them drawn with the seed. Their rows keep their order, and
            `DomainPair.known_pairs` has the row numbers.
        matched: Whether to search the other rows for further pairs, without labels, with
            `match_by_geometry`, and add them to the known ones.
        disjoint: Whether only known pairs have their image in both domains: half of the other
            images are in the source, and the other half, transposed, in the target. Otherwise
            each image is in both domains, as in the paper, and has a counterpart to be found.
        split: `"keras"`: the official training and test images. `"paper"`: the first 50,000
            of the 60,000 training images, and the remaining 10,000 as the test set.
            The VBTA paper only says "50,000 as training set and the remaining 10,000 as a
            test set". We read it this way because the numbers add up to the training images.
        batch_size: Rows per training batch.
        paired_per_batch: Known pairs per training batch; see `pair_from_arrays`.
        augment: Augmentation of the training batches; see `pair_from_arrays`. For
            `"mnist_usps"`, `True` means `RandomAffine()`, as in the LSTNet paper.
        mapping: Only for `"mnist_fashion"`: the class of Fashion-MNIST that each digit
            corresponds to, as ten class numbers, each once: `mapping[digit]` is the class. The
            target's labels are renumbered to the digits, so that corresponding rows have equal
            labels. `None` maps digit k to class k, as in table 6 of that paper: 0 T-shirt/top,
            1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle
            boot.
        seed: Seed of the known pairs, of the order and of the augmentation, 0 or more.
        data_dir: Where the data is; see `load_arrays`.
        format: `"tf"`, `"numpy"` or `"auto"`; see `pair_from_arrays`.

    Returns:
        A `DomainPair`. The test rows of a transposed pair are aligned: row i is the same image in
        both domains.

    Raises:
        ValueError: For an unknown `name`, `split` or `format`; a split that the data does not
            have; `paired` above the number of rows (for men and women: of pairs); arguments
            that the pair does not support; `augment=True` without a default augmentation; an
            invalid `mapping`; and errors of `pair_from_arrays`.
        ImportError: If the packages that read the data are not installed.
        RuntimeError: If the data cannot be read or downloaded.

    Source: "Variational Bi-domain Triplet Autoencoder" (VBTA), sections 5.1 and 5.2, for the
    transposed pairs and for men and women. Pairing each woman with her best man is our addition.

    Example:

    >>> from keras_latent import datasets
    >>> pair = datasets.load_pair("digits_transpose", paired=100, format="numpy")
    >>> pair.num_paired, pair.train_sizes, pair.source_shape
    (100, (1437, 1437), (8, 8, 1))
    """
    check_name("load_pair", name)
    checks.choice("split", split, ("keras", "paper"))
    checks.choice("format", format, FORMATS)
    seed = checks.integer("seed", seed, at_least=0)
    make, excluded = PAIRS[name]
    options: dict[str, Any] = {
        "paired": paired,
        "matched": matched,
        "disjoint": disjoint,
        "split": split,
    }
    for argument, why in excluded.items():
        value = options.pop(argument)
        scalar = value is None or np.isscalar(value)
        if not scalar or value not in _DEFAULTS[argument]:
            raise ValueError(
                f"`{argument}` is not available for {name!r}: {why}. "
                f"Received: {argument}={value!r}. Omit `{argument}`."
            )
    if paired is not None and not (isinstance(paired, str) and paired == "all"):
        try:
            checks.integer("paired", paired, at_least=0)
        except ValueError:
            raise ValueError(
                "`paired` must be None, 'all' or a number of pairs, 0 or more; the seed decides "
                f"which pairs. Received: paired={paired!r}. To choose the pairs, use "
                "`pair_from_arrays`."
            ) from None
    if augment is True:
        if name != "mnist_usps":
            raise ValueError(
                f"`augment=True` is only for 'mnist_usps'. Received: name={name!r}. Pass the "
                "augmentation itself, such as `datasets.RandomAffine()`."
            )
        augment = RandomAffine()
    if mapping is not None:
        if name != "mnist_fashion":
            raise ValueError(
                "`mapping` is only for 'mnist_fashion', whose labels mean different things. "
                f"Received: name={name!r}, mapping={mapping!r}. Omit `mapping`."
            )
        options["mapping"] = mapping
    return pair_from_arrays(
        **make(**options, seed=seed, data_dir=data_dir),
        batch_size=batch_size,
        paired_per_batch=paired_per_batch,
        augment=augment,
        seed=seed,
        format=format,
        name=name,
    )
