"""Domain pairs by name."""

import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from keras_latent.src.datasets import checks
from keras_latent.src.datasets.domain_pair import DomainPair, resolve_format
from keras_latent.src.datasets.from_arrays import pair_from_arrays
from keras_latent.src.datasets.known_pairs import resolve_known_pairs
from keras_latent.src.datasets.match_by_geometry import match_by_geometry
from keras_latent.src.datasets.men_women import attribute_pairs
from keras_latent.src.datasets.named_pairs import (
    AUGMENTATIONS,
    BY_ATTRIBUTES,
    PAIRS,
    UNPAIRED,
    check_by_attributes,
    check_mapping,
    check_unpaired,
)

SPLITS = ("keras", "paper")


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

    - `"mnist_transpose"`: MNIST, and each image transposed (rows and columns exchanged). The
      label stays the same.
    - `"fashion_mnist_transpose"`: likewise, of Fashion-MNIST.
    - `"digits_transpose"`: likewise, of scikit-learn's 8x8 digits, which need no download.
    - `"mnist_usps"`: MNIST (28x28; 60,000 and 10,000 images) and USPS (16x16; 7,291 and 2,007).
      No image is in both, and row i of one has nothing to do with row i of the other, in the
      test images as well. The LSTNet paper trains on it with `batch_size=64, augment=True`.
    - `"mnist_mnist"`: MNIST in both domains, for two models that were trained apart. Row i of
      both arrays is the same image, but no batch says so.
    - `"mnist_fashion"`: MNIST and Fashion-MNIST, whose classes `mapping` sets side by side.
    - `"mnist_spoken_digit"`: MNIST and the Free Spoken Digit Dataset (60,000 and 2,700 rows for
      training, 10,000 and 300 for testing): images `(28, 28, 1)` from 0 to 1, and waveforms
      `(8192, 1)` from -1 to 1, of 8,000 Hz. See `load_arrays`.
    - `"celeba_men_women"`: the men (source) and the women (target) of CelebA's training and
      test splits, `(64, 64, 3)`; `"celeba_64_men_women"`: those of the set `"celeb_a_64"`. See
      `load_faces`. Labels are the 40 attributes, `(N, 40)`, named by `CELEBA_ATTRIBUTES`.

    MNIST and another set, or itself, have no known pairs, and their rows meet at random in
    training batches; equal labels are all that connects their domains. `"mnist_mnist"`,
    `"mnist_fashion"` and `"mnist_spoken_digit"` are those of "Latent Domain Transfer" (Tian and
    Engel, 2018), section 4.1, which had `"sc09"` where we have `"spoken_digit"`.

    Men and women are paired by their attributes, other than `"Male"`: each man and the woman
    who agrees most with him, and each woman and her best man, by `match_by_attributes` with
    the seed. So there are up to as many known pairs as training faces, a face may be in
    several, and `source_train[i]` has nothing to do with `target_train[i]`. The test rows are
    those of the official test split, unpaired. Matching the full set takes less than a
    minute, and its arrays 2.2 GB of memory, beside what `format="tf"` copies of them.

    Args:
        name: One of the above.
        paired: How many pairs the model may know. `None` or `"all"`: every training row. `n`:
            `n` pairs drawn with the seed. They are the first `n` rows of `source_train` and
            of `target_train`; the other rows of both are in independent random orders, in
            the arrays as in the batches, so that no pairing is hidden in them. For the pairs
            that have none, `None` is 0. Of men and women: every pair that the attributes give,
            or `n` of them drawn with the seed; the rows stay where they are, and
            `DomainPair.known_pairs` has their numbers.
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
        mapping: Of `"mnist_fashion"` alone: which class of Fashion-MNIST each digit stands for,
            as ten class numbers, each once: `mapping[digit]` is the class. The target's labels
            are renumbered to the digits, so that equal labels mean each other. `None` is digit
            k to class k, as in table 6 of that paper: 0 T-shirt/top, 1 trouser, 2 pullover,
            3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle boot.
        seed: Seed of the known pairs, of the order and of the augmentation, 0 or more.
        data_dir: Where the data lies; see `load_arrays`.
        format: `"tf"`, `"numpy"` or `"auto"`; see `pair_from_arrays`.

    Returns:
        A `DomainPair`. The test rows of a transposed pair are aligned: row i of both is the
        same image.

    Raises:
        ValueError: For an unknown `name`, `split` or `format`, a split that the data does not
            have, more `paired` than rows (of men and women: than pairs), known or matched pairs
            of domains that have none, `matched`, `disjoint` or `split="paper"` of men and women,
            `augment=True` where there is no default, a `mapping` that is not each of ten classes
            once or is for another pair, and whatever `pair_from_arrays` refuses.
        ImportError: If the packages that read the data are not installed.
        RuntimeError: If the data cannot be read or downloaded.

    Source: "Variational Bi-domain Triplet Autoencoder" (VBTA), sections 5.1 and 5.2, for the
    transposed pairs and for men and women. That each woman's best man is a pair too is ours.

    Example:

    >>> from keras_latent import datasets
    >>> pair = datasets.load_pair("digits_transpose", paired=100, format="numpy")
    >>> pair.num_paired, pair.train_sizes, pair.source_shape
    (100, (1437, 1437), (8, 8, 1))
    """
    checks.check_name(name, PAIRS, "load_pair")
    checks.check_choice("split", split, SPLITS)
    if name in UNPAIRED:
        paired = check_unpaired(name, paired, matched, disjoint, split)
    if np.ndim(paired) > 0:
        raise ValueError(
            "`paired` must be None, 'all' or a number of pairs; which pairs, the seed decides. "
            f"Received: paired={paired!r}. For pairs of your own see `pair_from_arrays`."
        )
    if name in BY_ATTRIBUTES:
        check_by_attributes(name, paired, matched, disjoint, split)
    if disjoint and paired in (None, "all"):
        raise ValueError(
            "`disjoint` leaves no image in both domains but the known pairs: `paired` must be a "
            f"number of them. Received: paired={paired!r}."
        )
    if augment is True:
        if name not in AUGMENTATIONS:
            raise ValueError(
                f"`augment=True` is for {sorted(AUGMENTATIONS)}. Received: name={name!r}. Pass the "
                "augmentation itself, such as `datasets.RandomAffine()`."
            )
        augment = AUGMENTATIONS[name]()
    if mapping is not None:
        mapping = check_mapping(name, mapping)
    # Before the data is read, which takes seconds.
    resolve_format(format)
    seed = checks.check_integer("seed", seed, at_least=0)
    arguments = PAIRS[name](split, data_dir)
    if mapping is not None:
        digit_of = np.argsort(mapping)  # The inverse of a permutation.
        for argument in ("target_labels", "test_target_labels"):
            arguments[argument] = digit_of[arguments[argument]]
    if name in BY_ATTRIBUTES:
        tables = arguments["source_labels"], arguments["target_labels"]
        paired = attribute_pairs(*tables, paired, seed)
    elif name not in UNPAIRED and paired not in (None, "all"):
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
