"""Datasets through TensorFlow Datasets (TFDS)."""

import contextlib
import os

import numpy as np

from keras_latent.utils.optional import import_extra


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
    tfds = import_extra(
        "tensorflow_datasets",
        "data",
        f"The dataset {name!r} (where there is no file <data_dir>/{name}.npz; "
        "`keras_latent.datasets.export_npz` writes one on another machine)",
    )
    _leave_gpu_to_backend()
    if name == "usps":
        from keras_latent.datasets import usps  # Registers it with TFDS.

        data_dir = usps.prepare(data_dir)
    try:
        splits = tfds.load(
            name,
            split=["train", "test"],
            data_dir=None if data_dir is None else os.fspath(data_dir),
            batch_size=-1,
            as_supervised=True,
            shuffle_files=False,
        )
    except Exception as error:  # TFDS raises whatever its reader, parser or network raised.
        raise RuntimeError(
            f"TensorFlow Datasets could not load {name!r} from data_dir={data_dir!r}: "
            f"{type(error).__name__}: {error}\n"
            "If the data is not there yet, this machine needs a network to download it; or point "
            "`data_dir` (or the environment variable TFDS_DATA_DIR) to a directory that has it, "
            f"or to one with a file {name}.npz from `keras_latent.datasets.export_npz`. If it is "
            f"there, it may be damaged: delete its folder {name!r} and load it again."
        ) from error
    return tuple((images.numpy(), labels.numpy()) for images, labels in splits)


def _leave_gpu_to_backend() -> None:
    """Keep TensorFlow, when it only reads files, from taking the GPU's memory."""
    from keras_latent.training import native_pipeline

    if native_pipeline() != "tf":
        tf = import_extra("tensorflow", "data", "TensorFlow Datasets")
        # Refused once TensorFlow has started: then it has the memory already.
        with contextlib.suppress(RuntimeError):
            tf.config.set_visible_devices([], "GPU")
