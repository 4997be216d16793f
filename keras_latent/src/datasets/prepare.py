"""Preparing data with the builders of this package for TensorFlow Datasets (TFDS).

Importing this module imports TFDS: only the modules of the builders do.
"""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from keras_latent.src.datasets.network import require_downloads
from keras_latent.src.utils.files import cache_folder

Builder = tfds.core.GeneratorBasedBuilder


def download(dl_manager: Any, urls: dict[str, str], title: str) -> dict[str, Any]:
    """Paths of the files of `urls`: downloaded, or from the manual folder if they lie there.

    Args:
        dl_manager: TFDS's download manager.
        urls: URLs, by any key. The builder's `url_infos` has the checksum and the file name of
            each.
        title: What errors call the dataset.

    Raises:
        ValueError: If a file has another checksum than it should.
    """
    try:
        return dl_manager.download(urls)
    except NonMatchingChecksumError as error:
        # TFDS names the file, the checksums and the sizes, and then its own manual.
        received = str(error).partition("To debug")[0].rstrip()
        site = next(iter(urls.values())).rpartition("/")[0]
        raise ValueError(
            f"A file of {title} is damaged, cut short or another file. {received}\n"
            f"Delete it and try again, or put the file of that name from {site}/ into the "
            "folder downloads/manual of the data directory."
        ) from error


def prepare_builder(builder: type[Builder], title: str, data_dir: str | os.PathLike | None) -> str:
    """Prepare a dataset for reading, unless that has been done before.

    TFDS writes to a folder of another name and renames it at the end, so that whoever is
    interrupted leaves no half of it, and of two processes at once one comes second and takes
    what the other wrote.

    Args:
        builder: The class of the builder. Its `url_infos` names the files.
        title: What errors call the dataset.
        data_dir: TFDS's data directory, or `None` for TFDS's default. Where it cannot be
            written to, the files are taken from it, and the prepared data goes into the folder
            `keras_latent/tfds` of `~/.keras` (or of `KERAS_HOME`).

    Returns:
        The data directory that has the prepared data.

    Raises:
        RuntimeError: If a file is damaged or another one, or there is none and it cannot be
            downloaded. Nothing of the attempt is left.
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


def _prepare(builder: Builder, title: str, manual: Path) -> None:
    try:
        require_downloads(builder, manual, manual)
        os.makedirs(builder.data_dir_root, exist_ok=True)
        # Downloads are not kept: a bad one would stay there. Where the data goes, since the
        # system's folder for temporary files may be smaller than an archive.
        with tempfile.TemporaryDirectory(
            prefix=".downloads-", dir=builder.data_dir_root
        ) as downloads:
            builder.download_and_prepare(
                download_dir=downloads,
                download_config=tfds.download.DownloadConfig(
                    manual_dir=manual, try_download_gcs=False
                ),
            )
    except Exception as error:  # Whatever TFDS, the network or the file system raises.
        if _is_prepared(builder):  # By another process, in the meantime.
            return
        with contextlib.suppress(OSError):  # The folder of all versions, if it is empty.
            os.rmdir(os.path.dirname(builder.data_dir))
        urls = list(builder.url_infos)
        raise RuntimeError(
            f"{title} could not be prepared in {builder.data_dir_root}: "
            f"{type(error).__name__}: {error}\n"
            f"It is made of {' and '.join(urls)}. Without a network, put "
            f"{'both' if len(urls) == 2 else 'it'} into {manual}, or a file {builder.name}.npz "
            f"from `keras_latent.datasets.export_npz` into {manual.parents[1]}."
        ) from error


def _is_prepared(builder: Builder) -> bool:
    # TFDS warns of a folder that is not there.
    return os.path.isdir(builder.data_dir) and builder.is_prepared()


def _writable(folder: Path) -> bool:
    while not folder.exists():
        folder = folder.parent
    # An administrator may write everywhere, also where the folder's permissions ask not to.
    return os.access(folder, os.W_OK) and bool(folder.stat().st_mode & 0o222)
