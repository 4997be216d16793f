"""Reading datasets from one `.npz` file, without TensorFlow Datasets."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

_KEYS = ("x_train", "y_train", "x_test", "y_test")


def read_npz(path: Path) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Read a file in the format of `keras.datasets.mnist`.

    Args:
        path: An existing file.

    Returns:
        `((train_images, train_labels), (test_images, test_labels))`: uint8 images
        `(N, height, width, 1)` and int64 labels `(N,)`.

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
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{path} cannot be read as an .npz file; it may be damaged or cut short ({error}). "
            "Delete it, and write it again with `keras_latent.datasets.export_npz`."
        ) from error
    return tuple(
        _check_split(path, part, arrays[f"x_{part}"], arrays[f"y_{part}"])
        for part in ("train", "test")
    )


def _check_split(path: Path, part: str, images: np.ndarray, labels: np.ndarray):
    if images.ndim == 3:
        images = images[..., None]
    as_wanted = images.ndim == 4 and images.dtype == np.uint8
    as_wanted = as_wanted and np.issubdtype(labels.dtype, np.integer)
    if not as_wanted or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{path} must hold uint8 images x_{part} of shape (N, height, width) and integer "
            f"labels y_{part} of shape (N,). Received: x_{part} {images.dtype} {images.shape}, "
            f"y_{part} {labels.dtype} {labels.shape}."
        )
    return images, labels.astype(np.int64)
