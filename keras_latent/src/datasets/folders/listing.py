"""What a folder, a CSV file or an `.npz` file of images holds, before any image is read."""

import csv
import functools
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_latent.src.datasets import array_checks
from keras_latent.src.datasets.folders.image_files import (
    channels_of,
    image_files,
    read_image,
    resized,
)
from keras_latent.src.datasets.sources.npz import npz_images
from keras_latent.src.utils import checks
from keras_latent.src.utils.files import require_file


class Listing(NamedTuple):
    """The images at one place, in the order of their names or of the file.

    Attributes:
        place: The folder or file.
        names: Paths relative to the folder or to the CSV file; row numbers for an `.npz` file.
        stamps: Size and time of each file; `None` for a file that is missing.
        labels: int32 array `(N,)` or `(N, attributes)`, or `None`.
        label_names: The classes' folders, or the names of the columns.
        channels: Returns 1 if all images are grey, else 3.
        read: Returns the image of this name, size and number of channels; raises `ValueError`.
    """

    place: Path
    names: list[str]
    stamps: list[tuple[int, int] | None]
    labels: np.ndarray | None
    label_names: tuple[str, ...]
    channels: Callable[[], int]
    read: Callable[[str, tuple[int, int], int], np.ndarray]


def list_images(argument: str, value: Any, labels: Any) -> Listing:
    """List what the argument called `argument` names; see `images_from_folder`."""
    place = checks.path(argument, value).expanduser().absolute()
    checks.choice("labels", labels, (None, "folders"))
    suffix = place.suffix.lower()
    if place.is_dir():
        return _folder(argument, place, labels)
    if suffix not in (".csv", ".npz") or not os.path.lexists(place):
        what = "another file" if os.path.lexists(place) else "nothing there"
        raise ValueError(
            f"`{argument}` must be a folder of images, a .csv file or an .npz file. "
            f"{checks.received(argument, os.fspath(value))}: {what}"
        )
    require_file(place)
    return _csv(argument, place) if suffix == ".csv" else _npz(argument, place)


def read_table(argument: str, path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header of a CSV file, and its rows with their line numbers."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True)
            table = [(reader.line_num, row) for row in reader if any(row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"`{argument}`: {path} is not a CSV file in UTF-8 ({error})") from error
    if len(table) < 2:
        raise ValueError(
            f"`{argument}`: {path} must have a header and a row or more. Received: "
            f"{len(table)} lines"
        )
    (_, header), *rows = table
    for line, row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"`{argument}`: {path} must have as many cells in each row as in its header, "
                f"{len(header)}. Received: {len(row)} in line {line}"
            )
    return header, rows


def _folder(argument: str, place: Path, labels: str | None) -> Listing:
    paths = {path.relative_to(place).as_posix(): path for path in image_files(place)}
    paths = {name: paths[name] for name in sorted(paths)}
    if not paths:
        raise ValueError(
            f"`{argument}` must be a folder with image files (PNG, JPEG, WebP, BMP or TIFF). "
            f"Received: none in {place}"
        )
    if labels is None:
        return _files(place, paths, None, ())
    folders = [name.rpartition("/")[0].partition("/")[0] for name in paths]  # "": none
    classes = sorted(set(folders) - {""})
    if not classes:
        raise ValueError(
            f"`labels='folders'` needs a sub-folder per class. Received: no image in a sub-folder "
            f"of {place}"
        )
    number = {"": -1} | {folder: i for i, folder in enumerate(classes)}
    return _files(place, paths, np.array([number[f] for f in folders], np.int32), tuple(classes))


def _csv(argument: str, place: Path) -> Listing:
    header, rows = read_table(argument, place)
    if (place.parent / header[0]).is_file():
        raise ValueError(
            f"`{argument}`: {place} must begin with a header, such as 'file,label'. Received: "
            f"{','.join(header)!r}, which names an image"
        )
    paths: dict[str, Path] = {}
    values = []
    for line, (text, *cells) in rows:
        name = Path(text).as_posix()
        if name in paths:
            raise ValueError(
                f"`{argument}`: {place} must name each image once. Received: {name!r} again in "
                f"line {line}"
            )
        paths[name] = place.parent / name
        try:
            values.append([int(cell) if cell.strip() else -1 for cell in cells])
        except ValueError:
            raise ValueError(
                f"`{argument}`: {place} must have integers in the columns after the first, or "
                f"empty cells. Received: {','.join(cells)!r} in line {line}"
            ) from None
    labels = None
    if len(header) > 1:
        labels = np.array(values)
        labels = array_checks.labels(
            f"{argument}: {place.name}", labels[:, 0] if len(header) == 2 else labels, len(values)
        )
    return _files(place, paths, labels, tuple(header[1:]))


def _files(
    place: Path, paths: dict[str, Path], labels: np.ndarray | None, label_names: tuple[str, ...]
) -> Listing:
    def is_colour(path: Path) -> bool:
        try:
            return channels_of(path) == 3
        except ValueError:  # It is reported when it is read.
            return False

    return Listing(
        place,
        list(paths),
        [_stamp(path) for path in paths.values()],
        labels,
        label_names,
        channels=lambda: 3 if any(map(is_colour, paths.values())) else 1,
        read=lambda name, size, channels: read_image(paths[name], size, channels),
    )


def _npz(argument: str, place: Path) -> Listing:
    shape, load, labels, label_names = npz_images(place)
    loaded, lock = functools.cache(load), threading.Lock()

    def read(name: str, size: tuple[int, int], channels: int) -> np.ndarray:
        with lock:  # or each thread would load it
            images = loaded()
        return resized(images[int(name)], size, channels)

    if labels is not None:
        labels = array_checks.labels(f"{argument}: {place.name}", labels, shape[0])
    return Listing(
        place,
        [str(row) for row in range(shape[0])],
        [_stamp(place)] * shape[0],
        labels,
        label_names,
        channels=lambda: shape[3],
        read=read,
    )


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:  # It is reported when it is read.
        return None
    return found.st_size, found.st_mtime_ns
