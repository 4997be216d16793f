"""Images that are in two arrays."""

import hashlib

import numpy as np

from keras_latent.src.datasets import array_checks
from keras_latent.src.utils.types import Rows


def find_duplicates(test: Rows, train: Rows) -> np.ndarray:
    """Find test rows whose values are exactly those of a training row.

    Rows are read one by one, so memory-mapped arrays stay on the disk.

    Args:
        test: Array `(N_test, ...)`, uint8, float or bool.
        train: Array `(N_train, ...)`, likewise, with rows of the same shape.

    Returns:
        int64 array `(n, 2)`: (row of `test`, the first equal row of `train`), by row of `test`.

    Raises:
        ValueError: If an array has no rows or another dtype, is not finite, or if the shapes of
            the rows differ.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), dtype="uint8")
    >>> datasets.find_duplicates(images[[12, 3]], images[5:])
    array([[0, 7]])
    """
    test, train = array_checks.images("test", test), array_checks.images("train", train)
    if test.shape[1:] != train.shape[1:] or test.dtype != train.dtype:
        raise ValueError(
            "`test` and `train` must have rows of the same shape and dtype. Received: "
            f"{test.dtype} {test.shape} and {train.dtype} {train.shape}"
        )
    rows: dict[bytes, list[int]] = {}
    for row, image in enumerate(test):
        rows.setdefault(_hash(image), []).append(row)
    found = {}
    for row, image in enumerate(train):
        for same in rows.pop(_hash(image), ()):
            found[same] = row
    return np.array(sorted(found.items()), np.int64).reshape(-1, 2)


def _hash(image: np.ndarray) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()
