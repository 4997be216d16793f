"""A user's own images as one memory-mapped array."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import keras
import numpy as np

from keras_latent.src.datasets.folders.listing import Listing, list_images
from keras_latent.src.utils import checks
from keras_latent.src.utils.files import cache_folder, replaced_when_complete

# Images decoded and not yet written: what bounds the memory.
_CHUNK = 512
# Part of the cache's key. Raise it when the same files give other pixels.
_VERSION = 1


@dataclass(frozen=True, eq=False, repr=False)
class FolderImages:
    """Images of a folder, returned by `images_from_folder`.

    Attributes:
        images: uint8 array `(N, height, width, channels)`, memory-mapped: rows are read from the
            disk when they are used.
        names: The images' paths relative to the folder or the CSV file, with `/`; row numbers
            for an `.npz` file.
        labels: int32 array `(N,)` or `(N, attributes)`, -1 where a label is missing; or `None`.
        label_names: The classes' folders for `labels="folders"`; otherwise the names of the
            columns of `labels`.
        broken: The files that cannot be read, by name, with the reason. They have no row.
    """

    images: np.ndarray
    names: tuple[str, ...]
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        labels = "no labels" if self.labels is None else f"labels {self.labels.shape}"
        return f"<FolderImages: {self.images.shape}; {labels}; {len(self.broken)} broken files>"


def images_from_folder(
    folder: str | os.PathLike,
    *,
    size: int | tuple[int, int],
    channels: Literal[1, 3] | None = None,
    labels: Literal["folders"] | None = None,
    seed: int = 0,
    workers: int | None = None,
    cache_dir: str | os.PathLike | None = None,
) -> FolderImages:
    """Read a folder of images, of any sizes and formats, as one array.

    The images are decoded once, into one memory-mapped file in the cache. Later calls only open
    it, and the memory in use does not grow with the number of images. If a file is added, removed
    or changed, all are decoded again.

    Each image is turned as its EXIF orientation says, put on white where it is transparent,
    cropped to the ratio of `size` around its center, and resized (Lanczos).

    The order is random and depends only on `seed` and on the names without extension. So the
    first rows are a random sample, to which a new file adds at most itself, and files with the
    same name in two folders come in the same order.

    Args:
        folder: One of

            - a folder with PNG, JPEG, WebP, BMP or TIFF files, also in sub-folders;
            - a `.csv` file with a header. The first column has paths relative to the file; any
              others have labels, which are integers of 0 or more (an empty cell: missing);
            - an `.npz` file with one array of images `(N, height, width)` or `(N, height, width,
              channels)`, uint8 or floats in [0, 1], and at most one array of integer labels `(N,)`
              or `(N, attributes)`. Of a file of `export_npz`, the training rows are taken.
        size: Height and width in pixels; one number for both.
        channels: 1 for grey, 3 for RGB. `None`: 1 if all files say that they are grey, which WebP
            files cannot, else 3.
        labels: `"folders"`: the first-level sub-folders of a folder are classes, in alphabetical
            order; images outside of them have the label -1. It has no effect on files, whose
            labels are always read.
        seed: Seed of the order, 0 or more.
        workers: Threads that decode. `None`: a few more than there are CPU cores.
        cache_dir: Folder of the memory-mapped files. Defaults to `keras_latent/images` in Keras's
            own folder (`~/.keras` or `KERAS_HOME`). Files in it can be deleted at any time.

    Returns:
        `FolderImages`. Slices of its `images` can be passed to `pair_from_arrays`.

    Raises:
        ValueError: If an argument is invalid; if there are no images, or none can be read; if
            there are no sub-folders for `labels="folders"`; or if the CSV or `.npz` file does not
            have the form above. A file that cannot be read is no error if there are others: it is
            listed in `broken`.
        ImportError: If Pillow is not installed.

    Example:

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from PIL import Image
    >>> from keras_latent import datasets
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, grey in {"cats/1": 10, "cats/2": 20, "dogs/1": 200}.items():
    ...         path = pathlib.Path(folder, name).with_suffix(".png")
    ...         path.parent.mkdir(exist_ok=True)
    ...         Image.fromarray(np.full((40, 30), grey, "uint8")).save(path)
    ...     pets = datasets.images_from_folder(
    ...         folder, size=16, labels="folders", cache_dir=folder + "/cache"
    ...     )
    >>> pets
    <FolderImages: (3, 16, 16, 1); labels (3,); 0 broken files>
    >>> pets.label_names, sorted(pets.names)
    (('cats', 'dogs'), ['cats/1.png', 'cats/2.png', 'dogs/1.png'])
    """
    seed = checks.integer("seed", seed, at_least=0)
    listing = list_images("folder", folder, labels)
    return open_images(listing, draws(listing.names, seed), size, channels, workers, cache_dir)


def stem(name: str) -> str:
    """A name without its extension: what files of a pair have in common."""
    return os.path.splitext(name)[0]


def draws(
    names: Sequence[str], seed: int, stems: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What decides on the order of images: by name, a number drawn from its stem, or `stems`."""
    stems = stems or {}
    texts = {name: f"{seed}/{stems.get(name) or stem(name)}" for name in names}
    return {n: hashlib.sha256(os.fsencode(text)).hexdigest() for n, text in texts.items()}


def open_images(
    listing: Listing,
    drawn: Mapping[str, str],
    size: Any,
    channels: Any,
    workers: Any = None,
    cache_dir: Any = None,
) -> FolderImages:
    """Open the images in the order of `drawn`, and decode them if they are not in the cache."""
    size = _checked_size(size)
    checks.choice("channels", channels, (None, 1, 3))
    if workers is not None:
        workers = checks.integer("workers", workers)
    folder = cache_folder() / "images" if cache_dir is None else checks.path("cache_dir", cache_dir)
    stamps = dict(zip(listing.names, listing.stamps, strict=True))
    files = [(name, stamps[name]) for name in sorted(stamps, key=lambda n: (drawn[n], n))]
    content = json.dumps([_VERSION, os.fspath(listing.place), files, size, channels])
    path = folder / f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.npy"
    try:
        images, record = _opened(path)
    except (OSError, ValueError):  # not there, or damaged
        names = [name for name, _ in files]
        _decode(listing, names, size, channels or listing.channels(), workers, path)
        images, record = _opened(path)
    labels = listing.labels
    if labels is not None:
        row_of = {name: row for row, name in enumerate(listing.names)}
        labels = labels[[row_of[name] for name in record["names"]]]
    return FolderImages(
        images, tuple(record["names"]), labels, listing.label_names, record["broken"]
    )


def _checked_size(size: Any) -> tuple[int, int]:
    try:
        height, width = checks.items("size", size) if np.ndim(size) else (size, size)
        return checks.integer("size", height), checks.integer("size", width)
    except (TypeError, ValueError):
        raise ValueError(
            "`size` must be a positive integer, or two of them: height and width, in pixels. "
            f"{checks.received('size', size)}"
        ) from None


def _opened(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    images = np.lib.format.open_memmap(path, mode="r")
    record = json.loads(path.with_suffix(".json").read_text())
    if len(images) != len(record["names"]):
        raise ValueError(f"{path} is not the array of its record")
    return images, record


def _decode(
    listing: Listing,
    names: Sequence[str],
    size: tuple[int, int],
    channels: int,
    workers: int | None,
    path: Path,
) -> None:
    """Write the array, and beside it the names of its rows and the broken files."""

    def read(name: str) -> np.ndarray | str:
        try:
            return listing.read(name, size, channels)
        except ValueError as error:
            return str(error)

    kept, broken = [], {}
    progress = keras.utils.Progbar(len(names), unit_name="image") if sys.stdout.isatty() else None
    with replaced_when_complete(path) as temporary:
        with open(temporary, "wb") as file, ThreadPoolExecutor(workers) as pool:
            _write_header(file, (len(names), *size, channels))
            for start in range(0, len(names), _CHUNK):
                chunk = names[start : start + _CHUNK]
                for name, image in zip(chunk, pool.map(read, chunk), strict=True):
                    if isinstance(image, str):
                        broken[name] = image
                    else:
                        file.write(image.tobytes())
                        kept.append(name)
                if progress:
                    progress.add(len(chunk))
            if not kept:
                raise ValueError(
                    f"None of the {len(names)} images of {listing.place} can be read. The first: "
                    f"{broken[names[0]]}"
                )
            file.seek(0)
            _write_header(file, (len(kept), *size, channels))
        # The array comes last: where it is, its record is too.
        with replaced_when_complete(path.with_suffix(".json")) as record:
            record.write_text(json.dumps({"names": kept, "broken": broken}))


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    """NumPy pads the header, so that it can be written again with another number of rows."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
