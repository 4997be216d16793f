"""Datasets through TensorFlow Datasets (TFDS)."""

import contextlib
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from keras_latent.src.datasets.sources.network import require_downloads
from keras_latent.src.utils.optional import import_extra
from keras_latent.training import native_pipeline

# File name, integer samples `(samples,)` and label of a recording.
Recording = tuple[str, np.ndarray, int]
Split = tuple[np.ndarray, np.ndarray]


def read_tfds(name: str, data_dir: str | os.PathLike | None) -> tuple[Split, Split]:
    """Read the images and labels of the splits `train` and `test`, in TFDS's order."""
    train, test = read_through_tfds(
        name,
        data_dir,
        lambda tfds, arguments: tfds.load(
            name, split=["train", "test"], batch_size=-1, as_supervised=True, **arguments
        ),
    )
    return (train[0].numpy(), train[1].numpy()), (test[0].numpy(), test[1].numpy())


def read_tfds_recordings(
    name: str, split: str, data_dir: str | os.PathLike | None
) -> list[Recording]:
    """Read the recordings of a split, sorted by file name.

    TFDS's own order depends on how its files are sharded.
    """

    def read(tfds: ModuleType, arguments: dict[str, Any]) -> list[Recording]:
        return [
            # As int16, because all of SC09 would take 5 GB in TFDS's int64.
            (
                recording["audio/filename"].decode(),
                _as_int16(recording["audio"]),
                recording["label"],
            )
            for recording in tfds.as_numpy(tfds.load(name, split=split, **arguments))
        ]

    return sorted(read_through_tfds(name, data_dir, read), key=lambda recording: recording[0])


def _as_int16(audio: np.ndarray) -> np.ndarray:
    narrow = audio.astype(np.int16)
    # `to_float` rejects samples that do not fit.
    return narrow if (narrow == audio).all() else audio


def read_through_tfds(
    name: str,
    data_dir: str | os.PathLike | None,
    read: Callable[[ModuleType, dict[str, Any]], Any],
) -> Any:
    """Call `read(tfds, arguments)`, and explain what to do if it fails.

    Data that is already prepared needs no network; other data is downloaded.

    Args:
        name: TFDS's name of the dataset.
        data_dir: TFDS's data directory, or `None` for TFDS's default.
        read: Function of the module `tensorflow_datasets` and of the keyword arguments that all
            calls of `tfds.load` have in common.

    Raises:
        ImportError: If TFDS is not installed.
        RuntimeError: If the data can neither be read nor downloaded.
    """
    tfds = import_extra(
        "tensorflow_datasets",
        "data",
        f"The dataset {name!r} (unless there is a file <data_dir>/{name}.npz; "
        "`keras_latent.datasets.export_npz` writes one on another machine)",
    )
    _leave_gpu_to_backend()
    if name in ("sc09", "usps"):
        # Builders of this package. Importing them registers them with TFDS, and needs TFDS.
        from keras_latent.src.datasets.sources import prepare, sc09, usps

        builder = sc09.Sc09 if name == "sc09" else usps.Usps
        data_dir = prepare.prepare_builder(builder, name.upper(), data_dir)
    try:
        folder = None if data_dir is None else os.fspath(data_dir)
        builder = tfds.builder(name, data_dir=folder)
        # TFDS warns if the folder does not exist.
        if not (os.path.isdir(builder.data_dir) and builder.is_prepared()):
            downloads = os.path.join(builder.data_dir_root, "downloads")
            require_downloads(builder, downloads, os.path.join(downloads, "manual"))
        return read(tfds, {"data_dir": folder, "shuffle_files": False})
    except Exception as error:  # TFDS passes on errors of its readers, parsers and the network.
        raise RuntimeError(
            f"TensorFlow Datasets could not load {name!r} from data_dir={data_dir!r}: "
            f"{type(error).__name__}: {error}\n"
            "If the data is not there yet, this machine needs a network to download it. Otherwise, "
            "point `data_dir` (or the environment variable TFDS_DATA_DIR) to a directory that has "
            f"it, or that has a file {name}.npz from `keras_latent.datasets.export_npz`. If the "
            f"data is there, it may be damaged: delete its folder {name!r} and load it again. "
            f"{_place(data_dir)}"
        ) from error


def _place(data_dir: str | os.PathLike | None) -> str:
    """Where TFDS looked, for errors."""
    if data_dir is not None:
        exists = "exists" if os.path.isdir(data_dir) else "does not exist"
        return f"The folder {os.fspath(data_dir)!r} {exists}."
    folder = os.environ.get("TFDS_DATA_DIR")
    if folder is None:
        return "TFDS_DATA_DIR is not set, so that TFDS looks in ~/tensorflow_datasets."
    exists = "exists" if os.path.isdir(folder) else "does not exist"
    return f"TFDS_DATA_DIR is {folder!r}, which {exists}."


def _leave_gpu_to_backend() -> None:
    """Keep TensorFlow from taking the GPU's memory if it only reads files."""
    if native_pipeline() != "tf":
        tf = import_extra("tensorflow", "data", "TensorFlow Datasets")
        # TensorFlow refuses once it is initialized: then it has the memory already.
        with contextlib.suppress(RuntimeError):
            tf.config.set_visible_devices([], "GPU")
