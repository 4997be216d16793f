"""Preparation of datasets with this package's builders for TensorFlow Datasets (TFDS).

Importing this module imports TFDS, so only the modules of the builders import it.
"""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from keras_latent.src.datasets.sources.network import require_downloads
from keras_latent.src.utils.files import cache_folder, require_file


def download(dl_manager: Any, urls: dict[str, str], title: str) -> dict[str, Any]:
    """Download files, or find them in the manual folder, and return their paths by key.

    Args:
        dl_manager: TFDS's download manager.
        urls: URLs by any key. The builder's `url_infos` has their checksums and file names.
        title: Name of the dataset in errors.
    """
    try:
        return dl_manager.download(urls)
    except NonMatchingChecksumError as error:
        # TFDS's message gives the file, the checksums and the sizes, then refers to its manual.
        received = str(error).partition("To debug")[0].rstrip()
        site = next(iter(urls.values())).rpartition("/")[0]
        raise ValueError(
            f"A file of {title} is damaged, cut short or the wrong file. {received}\n"
            f"Delete it and try again, or put the file of that name from {site}/ into the "
            "folder downloads/manual of the data directory."
        ) from error


def prepare_builder(builder: type[Any], title: str, data_dir: str | os.PathLike | None) -> str:
    """Prepare a dataset for reading, unless this has been done before.

    TFDS writes to a temporary folder and renames it at the end. So an interruption leaves no
    partial dataset, and if two processes prepare the same dataset, the second one to finish uses
    the result of the first.

    Args:
        builder: The class of the builder. Its `url_infos` lists the files.
        title: Name of the dataset in errors.
        data_dir: TFDS's data directory, or `None` for TFDS's default. If it is read-only, the
            files are taken from it, and the prepared data goes to the folder
            `keras_latent/tfds` in `~/.keras` (or `KERAS_HOME`).

    Returns:
        The data directory with the prepared data.

    Raises:
        RuntimeError: If a file is damaged, or is missing and cannot be downloaded. Nothing is
            left behind.
    """
    given = builder(data_dir=None if data_dir is None else os.fspath(data_dir))
    root = Path(given.data_dir_root).expanduser()
    if _is_prepared(given):
        return os.fspath(root)
    if not _writable(root):
        given = builder(data_dir=os.fspath(cache_folder() / "tfds"))
    if not _is_prepared(given):
        _prepare(given, title, root / "downloads" / "manual")
    return os.fspath(given.data_dir_root)


def _prepare(builder: Any, title: str, manual: Path) -> None:
    try:
        for info in builder.url_infos.values():
            if os.path.lexists(path := manual / info.filename):
                require_file(path)
        require_downloads(builder, manual, manual)
        os.makedirs(builder.data_dir_root, exist_ok=True)
        # Do not keep downloads, because a bad one would be used again. Put them next to the data,
        # because the system's temporary folder may be smaller than an archive.
        with tempfile.TemporaryDirectory(
            prefix=".downloads-", dir=builder.data_dir_root
        ) as downloads:
            builder.download_and_prepare(
                download_dir=downloads,
                download_config=tfds.download.DownloadConfig(
                    manual_dir=manual, try_download_gcs=False
                ),
            )
    except Exception as error:  # Any error of TFDS, the network or the file system.
        if _is_prepared(builder):  # By another process in the meantime.
            return
        with contextlib.suppress(OSError):  # Remove the folder of all versions if it is empty.
            os.rmdir(os.path.dirname(builder.data_dir))
        urls = list(builder.url_infos)
        raise RuntimeError(
            f"{title} could not be prepared in {builder.data_dir_root}: "
            f"{type(error).__name__}: {error}\n"
            f"It is built from {' and '.join(urls)}. Without a network, put "
            f"{'both' if len(urls) == 2 else 'it'} into {manual}, or a file {builder.name}.npz "
            f"from `keras_latent.datasets.export_npz` into {manual.parents[1]}."
        ) from error


def _is_prepared(builder: Any) -> bool:
    # TFDS warns if the folder does not exist.
    return os.path.isdir(builder.data_dir) and builder.is_prepared()


def _writable(folder: Path) -> bool:
    while not folder.exists():
        folder = folder.parent
    # Root can write everywhere, even where the folder's permissions say otherwise.
    return os.access(folder, os.W_OK) and bool(folder.stat().st_mode & 0o222)
