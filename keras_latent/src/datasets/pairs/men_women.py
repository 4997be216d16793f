"""Men and women of CelebA as two domains, paired by their attributes."""

import os
from typing import Any, Literal

import numpy as np

from keras_latent.src.datasets.matching.match_by_attributes import match_by_attributes
from keras_latent.src.datasets.sources.load_faces import load_faces
from keras_latent.src.datasets.sources.names import CELEBA_ATTRIBUTES

_MALE = CELEBA_ATTRIBUTES.index("Male")


def men_and_women(
    dataset: str,
    *,
    paired: int | Literal["all"] | None,
    seed: int,
    data_dir: str | os.PathLike | None,
) -> dict[str, Any]:
    """Arguments of `pair_from_arrays`: men and women of the official splits; see `load_pair`."""
    faces = load_faces(dataset, data_dir, splits=("train", "test"))
    arguments: dict[str, Any] = {}
    for split, prefix in (("train", ""), ("test", "test_")):
        images, attributes = faces.images[split], faces.attributes[split]
        men_first = np.argsort(attributes[:, _MALE] == 0, kind="stable")
        attributes = attributes[men_first]
        reorder_in_place(images, men_first)
        men = np.count_nonzero(attributes[:, _MALE])
        if men in (0, len(attributes)):
            raise ValueError(
                f"The split {split!r} of {dataset!r} must have men and women. Received: {men} men "
                f"and {len(attributes) - men} women"
            )
        arguments |= {
            f"{prefix}source": images[:men],
            f"{prefix}target": images[men:],
            f"{prefix}source_labels": attributes[:men],
            f"{prefix}target_labels": attributes[men:],
        }
    tables = arguments["source_labels"], arguments["target_labels"]
    return arguments | {"paired": attribute_pairs(*tables, paired, seed)}


def attribute_pairs(
    men: np.ndarray, women: np.ndarray, paired: int | Literal["all"] | None, seed: int
) -> np.ndarray:
    """Pair each man with his best woman, and each woman with her best man, by attributes.

    Returns:
        int64 array `(n, 2)`: row of `men`, row of `women`; sorted and without repetitions. If
        `paired` is a number, that many pairs drawn with the seed.
    """
    if paired == 0:
        return np.empty((0, 2), dtype=np.int64)
    best_women = match_by_attributes(men, women, exclude=("Male",), seed=seed)
    best_men = match_by_attributes(women, men, exclude=("Male",), seed=seed)
    of_men = np.stack([np.arange(len(men)), best_women], axis=1)
    of_women = np.stack([best_men, np.arange(len(women))], axis=1)
    pairs = np.unique(np.concatenate([of_men, of_women]), axis=0)
    if paired is None or paired == "all":
        return pairs
    if paired > len(pairs):
        raise ValueError(
            "`paired` must not exceed the number of pairs found by attributes. Received: "
            f"paired={paired}, with {len(pairs)} pairs of {len(men)} men and {len(women)} women"
        )
    rng = np.random.default_rng([seed, 0, 4])  # See `EpochOrder` for the other streams.
    return pairs[np.sort(rng.choice(len(pairs), paired, replace=False))]


def reorder_in_place(rows: np.ndarray, order: np.ndarray) -> None:
    """`rows[:] = rows[order]` without a second array, since CelebA's take gigabytes."""
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
