"""Datasets in `.npz` files, which need no TensorFlow Datasets."""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_latent.src.datasets import array_checks
from keras_latent.src.datasets.sources.names import CELEBA_ATTRIBUTES
from keras_latent.src.utils.files import replaced_when_complete

Split = tuple[np.ndarray, np.ndarray]
BySplit = dict[str, np.ndarray]


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
    arrays = {
        f"{kind}_{part}": _array(path, f"{kind}_{part}", needed)
        for kind in "xy"
        for part in ("train", "test")
    }
    train, test = (
        _check_split(path, part, arrays[f"x_{part}"], arrays[f"y_{part}"], samples)
        for part in ("train", "test")
    )
    return train, test


def read_faces_npz(path: Path, splits: Sequence[str], limit: int | None) -> tuple[BySplit, BySplit]:
    """Read faces from a file of `write_faces_npz`, at most `limit` of each split.

    Returns:
        `(images, attributes)` by split: uint8 `(N, 64, 64, 3)` and int32 `(N, 40)`.
    """
    needed = "attribute_names and, for each requested split, x_SPLIT and attributes_SPLIT"
    names = _array(path, "attribute_names", needed).ravel().tolist()
    if tuple(names) != CELEBA_ATTRIBUTES:
        raise ValueError(
            f"{path} must contain the {len(CELEBA_ATTRIBUTES)} names of "
            "`keras_latent.datasets.CELEBA_ATTRIBUTES`, in this order, as `attribute_names`. "
            f"Received: {len(names)} names: {_shortened(names)}"
        )
    images, attributes = {}, {}
    for split in splits:
        faces = _array(path, f"x_{split}", needed)
        values = _array(path, f"attributes_{split}", needed)
        _check_faces(path, split, faces, values)
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


def _array(path: Path, key: str, needed: str) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as file:
            return file[key]
    except KeyError as error:
        raise ValueError(
            f"{path} must hold the arrays {needed}. Received: a file without {key}. Write it "
            "again with `keras_latent.datasets.export_npz`."
        ) from error
    # NumPy raises all of these for files that are damaged, cut short or of another kind.
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{path} cannot be read as an .npz file; it may be damaged or cut short ({error}). "
            "Delete it, and write it again with `keras_latent.datasets.export_npz`."
        ) from error


def _check_split(
    path: Path, part: str, rows: np.ndarray, labels: np.ndarray, samples: int | None
) -> Split:
    received = f"x_{part} {rows.dtype} {rows.shape}, y_{part} {labels.dtype} {labels.shape}"
    if samples is None:
        wanted = f"uint8 images x_{part} of shape (N, height, width)"
        rows = rows[..., None] if rows.ndim == 3 else rows
        valid = rows.ndim == 4 and rows.dtype == np.uint8
    else:
        wanted = f"float waveforms x_{part} of shape (N, {samples})"
        rows = rows[..., None] if rows.ndim == 2 else rows
        valid = rows.shape[1:] == (samples, 1) and np.issubdtype(rows.dtype, np.floating)
    valid = valid and np.issubdtype(labels.dtype, np.integer)
    if not valid or labels.shape != rows.shape[:1]:
        raise ValueError(
            f"{path} must hold {wanted} and integer labels y_{part} of shape (N,). "
            f"Received: {received}"
        )
    if samples is not None:
        try:
            rows = array_checks.waveforms(f"x_{part}", rows)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    return rows, labels.astype(np.int64)


def _check_faces(path: Path, split: str, images: np.ndarray, attributes: np.ndarray) -> None:
    valid = (
        images.dtype == np.uint8
        and images.shape[1:] == (64, 64, 3)
        and attributes.shape == (len(images), len(CELEBA_ATTRIBUTES))
        and (attributes.dtype == bool or np.issubdtype(attributes.dtype, np.integer))
        and ((attributes == 0) | (attributes == 1)).all()
    )
    if not valid:
        values = np.unique(attributes).tolist()
        raise ValueError(
            f"{path} must hold uint8 images x_{split} of shape (N, 64, 64, 3) and integers "
            f"attributes_{split} of 0 and 1 of shape (N, {len(CELEBA_ATTRIBUTES)}). Received: "
            f"x_{split} {images.dtype} {images.shape}, attributes_{split} {attributes.dtype} "
            f"{attributes.shape} with the values {_shortened(values)}"
        )


def _shortened(values: list[Any]) -> str:
    return ", ".join(map(str, values[:4])) + (", ..." if len(values) > 4 else "")
