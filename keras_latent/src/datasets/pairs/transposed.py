"""Images and the same images transposed as two domains."""

import os
from typing import Any, Literal

import numpy as np

from keras_latent.src.datasets.matching.match_by_geometry import match_by_geometry
from keras_latent.src.datasets.sources.load_arrays import load_arrays
from keras_latent.src.utils import checks


def transposed(
    dataset: str,
    *,
    paired: int | Literal["all"] | None,
    matched: bool,
    disjoint: bool,
    split: str,
    seed: int,
    data_dir: str | os.PathLike | None,
) -> dict[str, Any]:
    """Arguments of `pair_from_arrays`; see `load_pair`."""
    if disjoint and paired in (None, "all"):
        raise ValueError(
            "`disjoint` removes all images that are in both domains except the known pairs, so "
            f"`paired` must be a number of pairs. Received: paired={paired!r}"
        )
    (train, labels), (test, test_labels) = load_arrays(dataset, data_dir)
    if split == "paper":
        if len(train) != 60_000:
            raise ValueError(
                "`split='paper'` splits 60,000 training images into the first 50,000 and the "
                f"other 10,000. Received: {dataset!r}, which has {len(train)}. Pass "
                "`split='keras'`."
            )
        train, test = train[:50_000], train[50_000:]
        labels, test_labels = labels[:50_000], labels[50_000:]
    arguments = {
        "test_source": test,
        "test_target": test.swapaxes(1, 2),
        "test_source_labels": test_labels,
        "test_target_labels": test_labels,
        "test_paired": True,
        "paired": paired,
    }
    source_rows: Any = slice(None)
    target_rows: Any = slice(None)
    if paired not in (None, "all"):
        # Known pairs come first, all other rows in independent orders. See `EpochOrder` for the
        # other streams of random numbers.
        known = checks.integer("paired", paired, at_least=0, at_most=len(train))
        rng = np.random.default_rng([seed, 0, 1])
        first, rest = np.split(rng.permutation(len(train)), [known])
        source_rest, target_rest = np.array_split(rest, 2) if disjoint else (rest, rest)
        source_rows = np.concatenate([first, source_rest])
        target_rows = np.concatenate([first, rng.permutation(target_rest)])
    source, target = train[source_rows], train[target_rows].swapaxes(1, 2)
    if matched and paired not in (None, "all"):
        arguments["paired"] = match_by_geometry(source, target, known_pairs=paired, seed=seed)
    return arguments | {
        "source": source,
        "target": target,
        "source_labels": labels[source_rows],
        "target_labels": labels[target_rows],
    }
