"""Datasets in `.npz` files, which need no TensorFlow Datasets.

A file of a few megabytes may hold arrays that expand to more than the memory. So what its headers
declare is checked before any array is read.
"""

import math
import os
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_latent.src.datasets import array_checks
from keras_latent.src.datasets.sources.names import CELEBA_ATTRIBUTES
from keras_latent.src.utils.files import replaced_when_complete, require_file

Split = tuple[np.ndarray, np.ndarray]
BySplit = dict[str, np.ndarray]

#: An array of more than 256 MiB may take at most 100 times the space that it takes in the file.
#: Keras has the same limit. MNIST takes 5 times as much.
LARGE, MOST_EXPANSION = 1 << 28, 100


class Header(NamedTuple):
    """What a file declares of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype


def find_npz(name: str, data_dir: str | os.PathLike | None) -> Path | None:
    """`<data_dir>/<name>.npz`, or `None` if there is nothing of this name.

    Args:
        name: Name of the dataset.
        data_dir: `None` for the environment variable `TFDS_DATA_DIR`.

    Raises:
        ValueError: If it is not a file, or `data_dir` is one.
    """
    folder = data_dir if data_dir is not None else os.environ.get("TFDS_DATA_DIR")
    if folder and os.path.isfile(folder):
        raise ValueError(
            f"`data_dir` must be a folder, such as that of {name}.npz. "
            f"Received: data_dir={os.fspath(folder)!r}, which is a file"
        )
    if not folder or not os.path.lexists(path := Path(folder) / f"{name}.npz"):
        return None
    require_file(path)
    return path


def read_npz(path: Path, samples: int | None = None) -> tuple[Split, Split]:
    """Read images or waveforms from a file in the format of `keras.datasets.mnist`.

    Args:
        path: An existing file.
        samples: Length of the waveforms in the file; `None` for images.

    Returns:
        `((train, train_labels), (test, test_labels))`: uint8 images `(N, height, width, 1)`
        or float32 waveforms `(N, samples, 1)`, and int64 labels `(N,)`.
    """
    needed = "x_train, y_train, x_test, y_test, as `keras.datasets.mnist` does"
    headers = _headers(path, ("x_train", "y_train", "x_test", "y_test"), needed)
    for part in ("train", "test"):
        _check_part(path, part, headers[f"x_{part}"], headers[f"y_{part}"], samples)
    shapes = [headers[key].shape[1:] for key in ("x_train", "x_test")]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"{path} must hold rows of one shape. Received: {shapes[0]} in x_train and "
            f"{shapes[1]} in x_test"
        )
    train, test = (_read_part(path, part, samples is not None) for part in ("train", "test"))
    return train, test


def read_faces_npz(path: Path, splits: Sequence[str], limit: int | None) -> tuple[BySplit, BySplit]:
    """Read faces from a file of `write_faces_npz`, at most `limit` of each split.

    Returns:
        `(images, attributes)` by split: uint8 `(N, 64, 64, 3)` and int32 `(N, 40)`.
    """
    needed = "attribute_names and, for each requested split, x_SPLIT and attributes_SPLIT"
    rows = [f"{kind}_{split}" for split in splits for kind in ("x", "attributes")]
    headers = _headers(path, ["attribute_names", *rows], needed)
    for split in splits:
        _check_faces(path, split, headers[f"x_{split}"], headers[f"attributes_{split}"])
    count = math.prod(headers["attribute_names"].shape)
    right = count == len(CELEBA_ATTRIBUTES)
    names = _array(path, "attribute_names").ravel().tolist() if right else []
    if tuple(names) != CELEBA_ATTRIBUTES:
        raise ValueError(
            f"{path} must contain the {len(CELEBA_ATTRIBUTES)} names of "
            "`keras_latent.datasets.CELEBA_ATTRIBUTES`, in this order, as `attribute_names`. "
            f"Received: {count} names: {_shortened(names)}"
        )
    images, attributes = {}, {}
    for split in splits:
        faces, values = _array(path, f"x_{split}"), _array(path, f"attributes_{split}")
        if not ((values == 0) | (values == 1)).all():
            raise ValueError(
                f"{path} must hold attributes_{split} of 0 and 1. Received: the values "
                f"{_shortened(np.unique(values).tolist())}"
            )
        # A view would keep the whole array in memory.
        images[split] = faces if limit is None else faces[:limit].copy()
        attributes[split] = values[:limit].astype(np.int32)
    return images, attributes


def write_faces_npz(
    path: Path, images: Mapping[str, np.ndarray], attributes: Mapping[str, np.ndarray]
) -> None:
    """Write faces by split: `x_SPLIT`, `attributes_SPLIT` and `attribute_names`.

    The file is not compressed: that would take minutes and save little with photographs.
    """
    arrays = {f"x_{split}": rows for split, rows in images.items()}
    arrays |= {f"attributes_{split}": rows.astype(np.int8) for split, rows in attributes.items()}
    arrays["attribute_names"] = np.array(CELEBA_ATTRIBUTES)
    with replaced_when_complete(path) as temporary:
        np.savez(temporary, **arrays)  # type: ignore[arg-type]


def npz_images(
    path: Path,
) -> tuple[tuple[int, ...], Callable[[], np.ndarray], np.ndarray | None, tuple[str, ...]]:
    """The one array of images in a file, under any name, and the labels beside it.

    Of several splits, as `export_npz` writes them, only `_train` counts.

    Returns:
        `(shape, load, labels, label_names)`: the images' shape `(N, height, width, 1 or 3)`, a
        function that reads them as uint8, the array `(N,)` or `(N, attributes)` or `None`, and
        the attributes' names if there is an array of them.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            keys = [name.removesuffix(".npy") for name in archive.namelist()]
    except Exception as error:
        raise _unreadable(path, error) from error
    headers = _headers(path, keys, "")
    splits = {key: header for key, header in headers.items() if key.endswith("_train")} or headers
    images = {key: h for key, h in splits.items() if len(h.shape) in (3, 4) and h.shape[0]}
    labels = [key for key, h in splits.items() if len(h.shape) in (1, 2) and h.dtype.kind in "biu"]
    (key, header), *others = images.items() or [("", Header((), np.dtype("O")))]
    rows = header.shape if len(header.shape) == 4 else (*header.shape, 1)
    if others or len(labels) > 1 or rows[-1] not in (1, 3) or header.dtype.kind not in "uf":
        found = ", ".join(f"{key} {h.dtype} {h.shape}" for key, h in splits.items())
        raise ValueError(
            f"{path} must hold one array of images (N, height, width) or (N, height, width, 1 or "
            f"3), uint8 or float, and at most one array of integer labels. Received: {found}"
        )

    def load() -> np.ndarray:
        array = _array(path, key).reshape(rows)
        if array.dtype == np.uint8:
            return array
        if not (array.min() >= 0 and array.max() <= 1):  # Also true for NaN.
            raise ValueError(f"{path} must hold floats from 0 to 1, or uint8, in {key}")
        return np.round(array * 255).astype(np.uint8)

    names = _array(path, "attribute_names").tolist() if "attribute_names" in headers else ()
    return rows, load, _array(path, labels[0]) if labels else None, tuple(map(str, names))


def _headers(path: Path, keys: Iterable[str], needed: str) -> dict[str, Header]:
    """What the file declares of each array, after checking that the file can hold it."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            missing = [key for key in keys if f"{key}.npy" not in names]
            headers = {} if missing else {key: _header(archive, key) for key in keys}
    except Exception as error:
        raise _unreadable(path, error) from error
    if missing:
        raise ValueError(
            f"{path} must hold the arrays {needed}. Received: a file without {missing[0]}. Write "
            "it again with `keras_latent.datasets.export_npz`."
        )
    return headers


def _header(archive: zipfile.ZipFile, key: str) -> Header:
    info = archive.getinfo(f"{key}.npy")
    with archive.open(info) as file:
        # Other versions have headers of up to 4 GiB, and are for dtypes that no dataset has.
        if (version := np.lib.format.read_magic(file)) != (1, 0):
            raise ValueError(f"{key} is in version {version} of NumPy's format, not in (1, 0)")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        declared = file.tell() + math.prod(shape) * dtype.itemsize
    if declared != info.file_size:
        raise ValueError(
            f"{key} is declared to have the shape {shape} and so {declared:,} bytes, but has "
            f"{info.file_size:,}"
        )
    stored = min(info.compress_size, os.path.getsize(str(archive.filename)))
    if declared > LARGE and declared > MOST_EXPANSION * stored:
        raise _ExpansionError(
            f"{key} would expand from {stored:,} to {declared:,} bytes, more than "
            f"{MOST_EXPANSION} times. If you trust it, write it without compression (`np.savez`)."
        )
    return Header(shape, dtype)


def _array(path: Path, key: str) -> np.ndarray:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except MemoryError:
        raise
    except Exception as error:
        raise _unreadable(path, error) from error


class _ExpansionError(ValueError):
    """An array is so small in the file that it may be made to fill the memory."""


def _unreadable(path: Path, error: Exception) -> ValueError:
    """NumPy and `zipfile` raise many kinds of errors for files that are not what they expect."""
    if isinstance(error, PermissionError):
        return ValueError(f"{path} cannot be read: {error.strerror}. Make it readable.")
    if isinstance(error, _ExpansionError):
        return ValueError(f"{path} is not read: {error}")
    return ValueError(
        f"{path} cannot be read as an .npz file; it may be damaged or cut short ({error}). "
        "Delete it, and write it again with `keras_latent.datasets.export_npz`."
    )


def _check_part(path: Path, part: str, rows: Header, labels: Header, samples: int | None) -> None:
    if samples is None:
        wanted = f"uint8 images x_{part} of shape (N, height, width)"
        valid = len(rows.shape) in (3, 4) and rows.dtype == np.uint8
    else:
        wanted = f"float waveforms x_{part} of shape (N, {samples})"
        valid = rows.shape[1:] in ((samples,), (samples, 1)) and rows.dtype.kind == "f"
    valid = valid and 0 not in rows.shape and labels.dtype.kind in "iu"
    if not valid or labels.shape != rows.shape[:1]:
        raise ValueError(
            f"{path} must hold {wanted} and integer labels y_{part} of shape (N,), with N of 1 "
            f"or more. Received: x_{part} {rows.dtype} {rows.shape}, y_{part} {labels.dtype} "
            f"{labels.shape}"
        )


def _read_part(path: Path, part: str, sounds: bool) -> Split:
    labels = _array(path, f"y_{part}")
    if labels.min() < 0 or labels.max() > 9:
        raise ValueError(
            f"{path} must hold labels y_{part} from 0 to 9. Received: values from {labels.min()} "
            f"to {labels.max()}"
        )
    rows = _array(path, f"x_{part}")
    if sounds:
        try:
            rows = array_checks.waveforms(f"x_{part}", rows)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    elif rows.ndim == 3:
        rows = rows[..., None]
    return rows, labels.astype(np.int64)


def _check_faces(path: Path, split: str, images: Header, attributes: Header) -> None:
    valid = (
        images.dtype == np.uint8
        and images.shape[1:] == (64, 64, 3)
        and images.shape[0] > 0
        and attributes.shape == (images.shape[0], len(CELEBA_ATTRIBUTES))
        and attributes.dtype.kind in "biu"
    )
    if not valid:
        raise ValueError(
            f"{path} must hold uint8 images x_{split} of shape (N, 64, 64, 3) and integers "
            f"attributes_{split} of shape (N, {len(CELEBA_ATTRIBUTES)}), with N of 1 or more. "
            f"Received: x_{split} {images.dtype} {images.shape}, attributes_{split} "
            f"{attributes.dtype} {attributes.shape}"
        )


def _shortened(values: list[Any]) -> str:
    return ", ".join(map(str, values[:4])) + (", ..." if len(values) > 4 else "")
