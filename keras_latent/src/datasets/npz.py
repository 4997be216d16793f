"""Reading datasets from one `.npz` file, without TensorFlow Datasets."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from keras_latent.src.datasets.audio import check_waveforms

_KEYS = ("x_train", "y_train", "x_test", "y_test")
# What NumPy raises of a file that is damaged, cut short or something else.
UNREADABLE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)


def read_npz(
    path: Path, samples: int | None = None
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Read a file in the format of `keras.datasets.mnist`, of images or of waveforms.

    Args:
        path: An existing file.
        samples: Length of the waveforms that it must hold, or `None` for images.

    Returns:
        `((train, train_labels), (test, test_labels))`: uint8 images `(N, height, width, 1)`
        or float32 waveforms `(N, samples, 1)`, and int64 labels `(N,)`.

    Raises:
        ValueError: If the file is damaged, lacks an array, or has arrays of another format.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in _KEYS}
    except KeyError as error:
        raise ValueError(
            f"{path} must hold the arrays {', '.join(_KEYS)}, as `keras.datasets.mnist` does. "
            f"Received a file without one of them: {error}."
        ) from error
    except UNREADABLE as error:
        raise ValueError(
            f"{path} cannot be read as an .npz file; it may be damaged or cut short ({error}). "
            "Delete it, and write it again with `keras_latent.datasets.export_npz`."
        ) from error
    return tuple(
        _check_split(path, part, arrays[f"x_{part}"], arrays[f"y_{part}"], samples)
        for part in ("train", "test")
    )


def _check_split(
    path: Path, part: str, rows: np.ndarray, labels: np.ndarray, samples: int | None
) -> tuple[np.ndarray, np.ndarray]:
    received = f"x_{part} {rows.dtype} {rows.shape}, y_{part} {labels.dtype} {labels.shape}"
    if samples is None:
        wanted = f"uint8 images x_{part} of shape (N, height, width)"
        rows = rows[..., None] if rows.ndim == 3 else rows
        as_wanted = rows.ndim == 4 and rows.dtype == np.uint8
    else:
        wanted = f"float waveforms x_{part} of shape (N, {samples})"
        rows = rows[..., None] if rows.ndim == 2 else rows
        as_wanted = rows.shape[1:] == (samples, 1) and np.issubdtype(rows.dtype, np.floating)
    as_wanted = as_wanted and np.issubdtype(labels.dtype, np.integer)
    if not as_wanted or labels.shape != rows.shape[:1]:
        raise ValueError(
            f"{path} must hold {wanted} and integer labels y_{part} of shape (N,). "
            f"Received: {received}."
        )
    if samples is not None:
        try:
            rows = check_waveforms(f"x_{part}", rows)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    return rows, labels.astype(np.int64)
