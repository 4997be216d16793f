"""Pairs of domains from a user's own images."""

import bisect
import os
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np

from keras_latent.src.datasets.folders.images_from_folder import (
    FolderImages,
    draws,
    open_images,
    stem,
)
from keras_latent.src.datasets.folders.listing import Listing, list_images, read_table
from keras_latent.src.datasets.pairs.domain_pair import DomainPair
from keras_latent.src.datasets.pairs.from_arrays import pair_from_arrays
from keras_latent.src.utils import checks
from keras_latent.src.utils.domains import DOMAINS
from keras_latent.src.utils.files import require_file

Channels = Literal[1, 3] | None


def pair_from_folders(
    source: str | os.PathLike,
    target: str | os.PathLike,
    *,
    size: int | tuple[int, int],
    channels: Channels | tuple[Channels, Channels] = None,
    labels: Literal["folders"] | None = None,
    paired_by: Literal["name"] | str | os.PathLike | None = None,
    validation: float = 0.1,
    seed: int = 0,
    batch_size: int = 50,
    augment: Any = None,
    paired_per_batch: int | None = None,
    format: Literal["auto", "tf", "numpy"] = "auto",
    name: str = "custom",
    workers: int | None = None,
    cache_dir: str | os.PathLike | None = None,
) -> DomainPair:
    """Make a `DomainPair` from two folders of images.

    The images are read by `images_from_folder`. They stay on the disk, and each batch reads its
    own rows, so memory does not grow with their number. `find_duplicates(pair.source_test,
    pair.source_train)` tells whether an image is in both parts under two names.

    Args:
        source: A folder of images, or a `.csv` or `.npz` file; see `images_from_folder`.
        target: Likewise.
        size: Height and width in pixels; one number for both.
        channels: 1 for grey, 3 for RGB, or a pair of them for source and target. `None`: 1 for a
            domain whose images are all grey, else 3.
        labels: `"folders"`: the first-level sub-folders are classes, in alphabetical order; the
            same name is the same class in both domains. Files always have their own labels.
        paired_by: Which images are known to belong together. `None`: none. `"name"`: those with
            the same path in both folders, apart from the extension. A path: a `.csv` file with a
            header and two columns, whose rows are the names of a source and of a target image,
            relative to the folders. A file may be in one pair.
        validation: Share of the images of each domain, at random, that become the pair's test
            rows, at least 0 and less than 1. If images are paired, both images of a pair are on
            the same side, which makes the share of one domain a little larger.
        seed: Seed of the split, the order and the augmentation, 0 or more.
        batch_size: Rows per training batch.
        augment: Augmentation of training batches; see `pair_from_arrays`.
        paired_per_batch: Known pairs per training batch; see `pair_from_arrays`.
        format: `"auto"` and `"numpy"`: a `keras.utils.PyDataset`, on every backend. `"tf"`: a
            `tf.data.Dataset`, which copies all images into memory.
        name: Name of the pair, for its `repr`.
        workers: Threads that decode; see `images_from_folder`.
        cache_dir: Folder of the memory-mapped files; see `images_from_folder`.

    Returns:
        A `DomainPair`, whose arrays are memory-mapped uint8 `(N, height, width, channels)`. Its
        test rows are known pairs, row by row, if all of them have a partner.

    Raises:
        ValueError: If an argument is invalid; for the reasons of `images_from_folder` and
            `pair_from_arrays`; if `paired_by` names files that are not there or a file twice, or
            finds no pair; or if `validation` leaves no image for training.
        ImportError: If Pillow is not installed, or TensorFlow for `format="tf"`.

    Example:

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from PIL import Image
    >>> from keras_latent import datasets
    >>> rng = np.random.default_rng(0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for domain in ("photos", "sketches"):
    ...         pathlib.Path(folder, domain).mkdir()
    ...         for i in range(20):
    ...             image = Image.fromarray(rng.integers(0, 256, (40, 30), "uint8"))
    ...             image.save(pathlib.Path(folder, domain, f"{i}.png"))
    ...     pair = datasets.pair_from_folders(
    ...         folder + "/photos", folder + "/sketches", size=16, paired_by="name",
    ...         batch_size=6, cache_dir=folder + "/cache", name="sketched",
    ...     )
    >>> pair
    <DomainPair 'sketched': source (16, 16, 1), target (16, 16, 1); train 18 + 18 rows, 18 known \
pairs, 3 batches of 6; test 2 + 2 rows; format='numpy'>
    """
    raise NotImplementedError
