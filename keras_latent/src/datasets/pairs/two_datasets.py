"""Two datasets as two domains that have only their classes in common."""

import operator
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_latent.src.datasets.sources.load_arrays import load_arrays


def two_datasets(
    source: str,
    target: str,
    *,
    seed: int,
    data_dir: str | os.PathLike | None,
    mapping: Any = None,
) -> dict[str, Any]:
    """Arguments of `pair_from_arrays`: all rows of both datasets; see `load_pair`."""
    digit_of = None if mapping is None else np.argsort(_permutation(mapping))  # The inverse.
    loaded = {name: load_arrays(name, data_dir) for name in dict.fromkeys((source, target))}
    arguments: dict[str, Any] = {}
    for domain, name in (("source", source), ("target", target)):
        for prefix, (rows, labels) in zip(("", "test_"), loaded[name], strict=True):
            if domain == "target" and digit_of is not None:
                labels = digit_of[labels]
            arguments |= {f"{prefix}{domain}": rows, f"{prefix}{domain}_labels": labels}
    return arguments


def _permutation(mapping: Any) -> np.ndarray:
    try:
        # A dict would be read as its keys.
        classes = [] if isinstance(mapping, Mapping) else [operator.index(k) for k in mapping]
    except TypeError:
        classes = []
    if sorted(classes) != list(range(10)):
        raise ValueError(
            "`mapping` must be the class of Fashion-MNIST for each digit from 0 to 9: ten "
            f"integers from 0 to 9, each once. Received: mapping={mapping!r}"
        )
    return np.array(classes)
