"""Pairs of domains from a user's own images."""

import bisect
import dataclasses
import os
from typing import Any, Literal, NamedTuple

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
    domains = open_domains(
        source, target, size, channels, labels, paired_by, validation, seed, workers, cache_dir
    )
    return pair_of(
        domains,
        batch_size=batch_size,
        paired_per_batch=paired_per_batch,
        augment=augment,
        seed=seed,
        format=format,
        name=name,
    )


class Domains(NamedTuple):
    """Two folders of images, in the order of the pair's rows.

    Attributes:
        folders: The images of source and target.
        cuts: int array `(2,)`: how many of their first rows are for testing.
        pairs: int array `(n, 2)`: known pairs as (source row, target row), by source row. Both
            rows are for testing, or both are for training.
    """

    folders: tuple[FolderImages, ...]
    cuts: np.ndarray
    pairs: np.ndarray


def pair_of(domains: Domains, **settings: Any) -> DomainPair:
    """The pair of two opened folders. The settings are those of `pair_from_arrays`."""
    arrays: dict[str, Any] = {}
    for domain, folder, cut in zip(DOMAINS, domains.folders, domains.cuts, strict=True):
        for prefix, part in (("test_", slice(None, cut)), ("", slice(cut, None))):
            if cut or not prefix:
                arrays[prefix + domain] = folder.images[part]
                if folder.labels is not None:
                    arrays[f"{prefix}{domain}_labels"] = folder.labels[part]
    tested = (domains.pairs < domains.cuts).all(axis=1)
    rows = np.arange(domains.cuts.max())
    return pair_from_arrays(
        **arrays,
        paired=(domains.pairs - domains.cuts)[~tested] if not tested.all() else 0,
        test_paired=np.array_equal(domains.pairs[tested], np.stack([rows, rows], axis=1)),
        **settings,
    )


def open_domains(
    source: Any,
    target: Any,
    size: Any,
    channels: Any,
    labels: Any,
    paired_by: Any,
    validation: Any,
    seed: Any,
    workers: Any = None,
    cache_dir: Any = None,
    labelled: bool = True,
) -> Domains:
    """Open both folders; see `pair_from_folders`. If not `labelled`, labels are left out."""
    validation = checks.fraction("validation", validation)
    seed = checks.integer("seed", seed, at_least=0)
    if not isinstance(channels, (tuple, list)):
        channels = channels, channels
    if len(channels) != 2:
        raise ValueError(
            "`channels` must be 1, 3 or None, or two of them: for source and target. "
            f"{checks.received('channels', channels)}"
        )
    listings = [
        list_images(domain, folder, labels)
        for domain, folder in zip(DOMAINS, (source, target), strict=True)
    ]
    pairs = _pairs_of_names(paired_by, *listings)
    # Both images of a pair draw the same number, so no limit to the numbers parts them.
    partners = {target_name: stem(source_name) for source_name, target_name in pairs}
    drawn = [draws(listings[0].names, seed), draws(listings[1].names, seed, partners)]
    folders = [
        open_images(listing, numbers, size, wanted, workers, cache_dir)
        for listing, numbers, wanted in zip(listings, drawn, channels, strict=True)
    ]
    rows = [{name: row for row, name in enumerate(folder.names)} for folder in folders]
    known = [(rows[0][s], rows[1][t]) for s, t in pairs if s in rows[0] and t in rows[1]]
    numbers = [
        [numbers[name] for name in folder.names]
        for folder, numbers in zip(folders, drawn, strict=True)
    ]
    if labelled:
        folders = _with_same_classes(listings, folders)
    else:
        folders = [dataclasses.replace(f, labels=None, label_names=()) for f in folders]
    return Domains(
        tuple(folders),
        _cuts(numbers, validation, bool(known)),
        np.array(sorted(known), np.int64).reshape(-1, 2),
    )


def _pairs_of_names(paired_by: Any, source: Listing, target: Listing) -> list[tuple[str, str]]:
    """The known pairs, as (name in the source, name in the target)."""
    if paired_by is None:
        return []
    if isinstance(paired_by, str) and paired_by == "name":
        by_stem: list[dict[str, str]] = []
        for domain, listing in zip(DOMAINS, (source, target), strict=True):
            by_stem.append({stem(name): name for name in listing.names})
            if len(by_stem[-1]) < len(listing.names):
                twice = next(n for n in listing.names if by_stem[-1][stem(n)] != n)
                raise ValueError(
                    "`paired_by='name'` needs names that differ in more than their extensions. "
                    f"Received: {stem(twice)!r} twice in the {domain}"
                )
        pairs = [(by_stem[0][key], by_stem[1][key]) for key in by_stem[0] if key in by_stem[1]]
        if not pairs:
            raise ValueError(
                "`paired_by='name'` needs images with the same path in both folders, apart from "
                f"the extension. Received: none, but {source.names[0]!r} in the source and "
                f"{target.names[0]!r} in the target. A .csv file can pair other names."
            )
        return pairs
    path = checks.path("paired_by", paired_by).expanduser()
    if not path.exists():
        raise ValueError(
            "`paired_by` must be None, 'name' or a .csv file. "
            f"{checks.received('paired_by', str(paired_by))}: nothing there"
        )
    require_file(path)
    header, table = read_table("paired_by", path)
    if len(header) != 2:
        raise ValueError(
            f"`paired_by`: {path} must have two columns, the names of source and target images. "
            f"Received: {len(header)} columns"
        )
    known = [set(source.names), set(target.names)]
    if header[0] in known[0] and header[1] in known[1]:
        raise ValueError(
            f"`paired_by`: {path} must begin with a header, such as 'source,target'. Received: "
            f"{','.join(header)!r}, which names images"
        )
    for line, row in table:
        for domain, names, name in zip(DOMAINS, known, row, strict=True):
            if name not in names:
                raise ValueError(
                    f"`paired_by`: {path} must name images of both domains, each once. Received: "
                    f"{name!r} in line {line}, which is not in the {domain} or was named before"
                )
            names.remove(name)
    return [(source_name, target_name) for _, (source_name, target_name) in table]


def _cuts(numbers: list[list[str]], validation: float, paired: bool) -> np.ndarray:
    """How many rows of each domain are for testing, given the numbers that the rows drew."""
    cuts = [max(1, round(validation * len(drawn))) if validation else 0 for drawn in numbers]
    if paired and validation:
        limit = max(drawn[cut - 1] for drawn, cut in zip(numbers, cuts, strict=True))
        cuts = [bisect.bisect_right(drawn, limit) for drawn in numbers]
    for domain, drawn, cut in zip(DOMAINS, numbers, cuts, strict=True):
        if cut == len(drawn):
            raise ValueError(
                f"`validation` must leave images of the {domain} for training. Received: "
                f"validation={validation} with {len(drawn)} images"
            )
    return np.array(cuts)


def _with_same_classes(listings: list[Listing], folders: list[FolderImages]) -> list[FolderImages]:
    """Give a class the same number in both domains. Refuse columns that differ."""
    names = [folder.label_names for folder in folders]
    are_folders = [listing.place.is_dir() for listing in listings]
    if not all(names) or names[0] == names[1] or are_folders[0] != are_folders[1]:
        return folders
    if not are_folders[0]:
        raise ValueError(
            "`source` and `target` must have the same columns of labels. Received: "
            f"{list(names[0])} and {list(names[1])}"
        )
    classes = tuple(sorted({*names[0], *names[1]}))
    same = []
    for folder in folders:
        numbers = np.array([classes.index(name) for name in folder.label_names], np.int32)
        given = np.asarray(folder.labels)
        labels = np.where(given < 0, -1, numbers[given])
        same.append(dataclasses.replace(folder, labels=labels, label_names=classes))
    return same
