"""Faces in one `.npz` file, for machines without TensorFlow Datasets."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_latent.src.datasets.celeba_attributes import CELEBA_ATTRIBUTES
from keras_latent.src.datasets.npz import UNREADABLE
from keras_latent.src.utils.files import replaced_when_complete

ByName = dict[str, np.ndarray]


def write_faces_npz(path: Path, images: Mapping, attributes: Mapping) -> None:
    """Write faces by split: `x_SPLIT`, `attributes_SPLIT` and `attribute_names`.

    Without compression, which would take minutes and spare little of photographs.
    """
    arrays = {f"x_{split}": rows for split, rows in images.items()}
    arrays |= {f"attributes_{split}": rows.astype(np.int8) for split, rows in attributes.items()}
    with replaced_when_complete(path) as temporary:
        np.savez(temporary, attribute_names=np.array(CELEBA_ATTRIBUTES), **arrays)


def read_faces_npz(path: Path, splits: Sequence[str], limit: int | None) -> tuple[ByName, ByName]:
    """Read some splits of such a file.

    Args:
        path: An existing file.
        splits: Names of the splits to read.
        limit: At most this many rows of each, or `None`.

    Returns:
        `(images, attributes)` by split: uint8 `(N, 64, 64, 3)` and int32 `(N, 40)`.

    Raises:
        ValueError: If the file is damaged, lacks an array, or has arrays of another format.
    """
    names = _array(path, "attribute_names").ravel().tolist()
    if tuple(names) != CELEBA_ATTRIBUTES:
        raise ValueError(
            f"{path} must hold the {len(CELEBA_ATTRIBUTES)} names of "
            "`keras_latent.datasets.CELEBA_ATTRIBUTES`, in this order, as `attribute_names`. "
            f"Received {len(names)} names: {_shortened(names)}."
        )
    images, attributes = {}, {}
    for split in splits:
        faces, of_faces = _array(path, f"x_{split}"), _array(path, f"attributes_{split}")
        _check_split(path, split, faces, of_faces)
        # A copy, where it is less than all: a view would keep all in memory.
        images[split] = faces if limit is None else faces[:limit].copy()
        attributes[split] = of_faces[:limit].astype(np.int32)
    return images, attributes


def _array(path: Path, key: str) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as file:
            return file[key]
    except KeyError as error:
        raise ValueError(
            f"{path} must hold the arrays attribute_names and, for each split that is asked for, "
            f"x_SPLIT and attributes_SPLIT. Received a file without {key}. Write it again with "
            "`keras_latent.datasets.export_npz`."
        ) from error
    except UNREADABLE as error:
        raise ValueError(
            f"{path} cannot be read as an .npz file; it may be damaged or cut short ({error}). "
            "Delete it, and write it again with `keras_latent.datasets.export_npz`."
        ) from error


def _check_split(path: Path, split: str, images: np.ndarray, attributes: np.ndarray) -> None:
    as_wanted = (
        images.dtype == np.uint8
        and images.shape[1:] == (64, 64, 3)
        and attributes.shape == (len(images), len(CELEBA_ATTRIBUTES))
        and (attributes.dtype == bool or np.issubdtype(attributes.dtype, np.integer))
        and ((attributes == 0) | (attributes == 1)).all()
    )
    if not as_wanted:
        values = np.unique(attributes).tolist()
        raise ValueError(
            f"{path} must hold uint8 images x_{split} of shape (N, 64, 64, 3), and integers 0 "
            f"and 1 attributes_{split} of shape (N, {len(CELEBA_ATTRIBUTES)}). Received: x_{split} "
            f"{images.dtype} {images.shape}, attributes_{split} {attributes.dtype} "
            f"{attributes.shape} with the values {_shortened(values)}."
        )


def _shortened(values: list[Any]) -> str:
    return ", ".join(map(str, values[:4])) + (", ..." if len(values) > 4 else "")
