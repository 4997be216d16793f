"""Datasets through TensorFlow Datasets (TFDS)."""

import contextlib
import importlib
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from keras_latent.src.datasets.network import require_downloads
from keras_latent.src.utils.optional import import_extra

# Datasets that TFDS does not have, and the modules of this package that make them.
OWN_BUILDERS = ("sc09", "usps")


def read_tfds(
    name: str, data_dir: str | os.PathLike | None
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Read the splits `train` and `test` of an image dataset, whole and in their own order.

    Data that is already prepared is only read, without a network; other data is downloaded.

    Args:
        name: Name in TFDS of a dataset of `(image, label)`.
        data_dir: TFDS's data directory, or `None` for TFDS's default.

    Returns:
        `((train_images, train_labels), (test_images, test_labels))`.

    Raises:
        ImportError: If TFDS is not installed.
        RuntimeError: If the data can neither be read nor downloaded.
    """
    splits = read_through_tfds(
        name,
        data_dir,
        lambda tfds, arguments: tfds.load(
            name, split=["train", "test"], batch_size=-1, as_supervised=True, **arguments
        ),
    )
    return tuple((images.numpy(), labels.numpy()) for images, labels in splits)


def read_tfds_recordings(
    name: str, split: str, data_dir: str | os.PathLike | None
) -> list[tuple[str, np.ndarray, int]]:
    """Read one split of a dataset of recordings of any length.

    Args:
        name: Name in TFDS of a dataset with `audio`, `audio/filename` and `label`.
        split: Name of the split.
        data_dir: TFDS's data directory, or `None` for TFDS's default.

    Returns:
        File name, integer samples `(samples,)` and label of each recording, sorted by file
        name: TFDS's own order depends on how its files are cut.

    Raises:
        ImportError: If TFDS is not installed.
        RuntimeError: If the data can neither be read nor downloaded.
    """

    def read(tfds: ModuleType, arguments: dict[str, Any]) -> list[tuple[str, np.ndarray, int]]:
        return [
            # 16 bits are all there are, and the full SC09 would be 5 GB as TFDS's int64.
            (recording["audio/filename"].decode(), _narrow(recording["audio"]), recording["label"])
            for recording in tfds.as_numpy(tfds.load(name, split=split, **arguments))
        ]

    return sorted(read_through_tfds(name, data_dir, read), key=lambda recording: recording[0])


def _narrow(audio: np.ndarray) -> np.ndarray:
    narrow = audio.astype(np.int16)
    # Left as it is, for `to_float` to refuse.
    return narrow if (narrow == audio).all() else audio


def read_through_tfds(
    name: str,
    data_dir: str | os.PathLike | None,
    read: Callable[[ModuleType, dict[str, Any]], Any],
) -> Any:
    """What `read` makes of TFDS and of the arguments of `tfds.load` that are always alike.

    Args:
        name: Name in TFDS of the dataset that it reads, for errors.
        data_dir: TFDS's data directory, or `None` for TFDS's default.
        read: Function of the module `tensorflow_datasets` and of keyword arguments.

    Raises:
        ImportError: If TFDS is not installed.
        RuntimeError: If `read` raises anything.
    """
    tfds = import_extra(
        "tensorflow_datasets",
        "data",
        f"The dataset {name!r} (where there is no file <data_dir>/{name}.npz; "
        "`keras_latent.datasets.export_npz` writes one on another machine)",
    )
    _leave_gpu_to_backend()
    if name in OWN_BUILDERS:
        # Registers it with TFDS.
        builder = importlib.import_module(f"keras_latent.src.datasets.{name}")
        data_dir = builder.prepare(data_dir)
    try:
        folder = None if data_dir is None else os.fspath(data_dir)
        _require_network(tfds, name, folder)
        return read(tfds, {"data_dir": folder, "shuffle_files": False})
    except Exception as error:  # TFDS raises whatever its reader, parser or network raised.
        raise RuntimeError(
            f"TensorFlow Datasets could not load {name!r} from data_dir={data_dir!r}: "
            f"{type(error).__name__}: {error}\n"
            "If the data is not there yet, this machine needs a network to download it; or point "
            "`data_dir` (or the environment variable TFDS_DATA_DIR) to a directory that has it, "
            f"or to one with a file {name}.npz from `keras_latent.datasets.export_npz`. If it is "
            f"there, it may be damaged: delete its folder {name!r} and load it again. "
            f"{_place(data_dir)}"
        ) from error


def _require_network(tfds: ModuleType, name: str, folder: str | None) -> None:
    """Raises `ConnectionError` where data must be downloaded and cannot be."""
    builder = tfds.builder(name, data_dir=folder)
    # TFDS warns of a folder that is not there.
    if not (os.path.isdir(builder.data_dir) and builder.is_prepared()):
        downloads = os.path.join(builder.data_dir_root, "downloads")
        require_downloads(builder, downloads, os.path.join(downloads, "manual"))


def _place(data_dir: str | os.PathLike | None) -> str:
    """Where was looked, for errors."""
    if data_dir is not None:
        there = "exists" if os.path.isdir(data_dir) else "does not exist"
        return f"The folder {os.fspath(data_dir)!r} {there}."
    folder = os.environ.get("TFDS_DATA_DIR")
    if folder is None:
        return "TFDS_DATA_DIR is not set, so that TFDS looks in ~/tensorflow_datasets."
    there = "exists" if os.path.isdir(folder) else "does not exist"
    return f"TFDS_DATA_DIR is {folder!r}, which {there}."


def _leave_gpu_to_backend() -> None:
    """Keep TensorFlow, when it only reads files, from taking the GPU's memory."""
    from keras_latent.training import native_pipeline

    if native_pipeline() != "tf":
        tf = import_extra("tensorflow", "data", "TensorFlow Datasets")
        # Refused once TensorFlow has started: then it has the memory already.
        with contextlib.suppress(RuntimeError):
            tf.config.set_visible_devices([], "GPU")
