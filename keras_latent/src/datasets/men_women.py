"""Men and women of CelebA as two domains, and which of them are taken for pairs."""

import os
from typing import Any, Literal

import numpy as np

from keras_latent.src.datasets.celeba_attributes import CELEBA_ATTRIBUTES
from keras_latent.src.datasets.faces import load_faces
from keras_latent.src.datasets.match_by_attributes import match_by_attributes

_MALE = CELEBA_ATTRIBUTES.index("Male")


def men_and_women(name: str, data_dir: str | os.PathLike | None) -> dict[str, Any]:
    """Arguments of `pair_from_arrays`: men and women of the official splits.

    Args:
        name: A name that `load_faces` knows.
        data_dir: Where the data lies; see `load_faces`.
    """
    faces = load_faces(name, data_dir, splits=("train", "test"))
    arguments = {"test_paired": False}
    for split, prefix in (("train", ""), ("test", "test_")):
        images, attributes = faces.images[split], faces.attributes[split]
        men_first = np.argsort(attributes[:, _MALE] == 0, kind="stable")
        attributes = attributes[men_first]
        reorder_in_place(images, men_first)
        men = np.count_nonzero(attributes[:, _MALE])
        if men in (0, len(attributes)):
            raise ValueError(
                f"The split {split!r} of {name!r} must have men and women. Received: {men} men and "
                f"{len(attributes) - men} women."
            )
        arguments |= {
            f"{prefix}source": images[:men],
            f"{prefix}target": images[men:],
            f"{prefix}source_labels": attributes[:men],
            f"{prefix}target_labels": attributes[men:],
        }
    return arguments


def attribute_pairs(
    men: np.ndarray, women: np.ndarray, paired: int | Literal["all"] | None, seed: int
) -> np.ndarray:
    """Each man with his best woman, and each woman with her best man.

    Args:
        men: Attributes `(N_men, 40)`.
        women: Attributes `(N_women, 40)`.
        paired: How many of the pairs, drawn with the seed; `None` or `"all"` for all.
        seed: Seed of the draws.

    Returns:
        int64 array `(n, 2)`: row of `men`, row of `women`; sorted, no pair twice.

    Raises:
        ValueError: If `paired` exceeds the pairs that there are.
    """
    if paired == 0:
        return np.empty((0, 2), dtype=np.int64)
    options = {"exclude": ("Male",), "seed": seed}
    of_men = np.arange(len(men)), match_by_attributes(men, women, **options)
    of_women = match_by_attributes(women, men, **options), np.arange(len(women))
    pairs = np.unique(np.concatenate([of_men, of_women], axis=1).T, axis=0)
    if paired in (None, "all"):
        return pairs
    if paired > len(pairs):
        raise ValueError(
            "`paired` must not exceed the pairs that the attributes give. Received: "
            f"paired={paired}, with {len(pairs)} pairs of {len(men)} men and {len(women)} women."
        )
    # A stream of its own, beside those of `EpochOrder` and of `_known_first`.
    rng = np.random.default_rng([seed, 0, 4])
    return pairs[np.sort(rng.choice(len(pairs), paired, replace=False))]


def reorder_in_place(rows: np.ndarray, order: np.ndarray) -> None:
    """`rows[:] = rows[order]`, without a second array: those of CelebA take gigabytes."""
    done = np.zeros(len(order), dtype=bool)
    for start in range(len(order)):
        if done[start]:
            continue
        held, row = rows[start].copy(), start
        while (source := order[row]) != start:
            rows[row] = rows[source]
            done[row], row = True, source
        rows[row] = held
        done[row] = True
