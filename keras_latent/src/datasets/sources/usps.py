"""USPS, handwritten digits from envelopes, as a TensorFlow Datasets (TFDS) builder.

Importing this module imports TFDS and registers the builder, so that `tfds.load("usps")` works.
The package imports it only to read USPS.
"""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.checksums import UrlInfo

from keras_latent.src.datasets.sources.prepare import download

SITE = "https://hastie.su.domains/ElemStatLearn/datasets/"
FILES = {
    "train": UrlInfo(
        size=1_829_071,
        checksum="66ebf231ab51f2cf6ac1a892d0f98ccffee1079d7a5db638c1f11f366046ca16",
        filename="zip.train.gz",
    ),
    "test": UrlInfo(
        size=439_208,
        checksum="8dacc3c6e136af6c3488de9e5113a7daf140c8c2f1f0b61c54ee02f03f1a962f",
        filename="zip.test.gz",
    ),
}
ROWS = {"train": 7_291, "test": 2_007}
#: The longest number, with the blank after it, that is accepted. In the files, it has 8 bytes.
NUMBER_BYTES = 16


class Usps(tfds.core.GeneratorBasedBuilder):
    """7,291 training and 2,007 test images of 16x16, in the order of the files.

    The files are taken from TFDS's manual folder (`<data_dir>/downloads/manual`) or downloaded
    from the site of "The Elements of Statistical Learning". In both cases their checksums are
    verified. The examples are dicts of `"image"`, uint8 `(16, 16, 1)`, which maps -1 to 1 in the
    files to 0 to 255, and `"label"`, 0 to 9.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The files of the Elements of Statistical Learning."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"Optional: {SITE}zip.train.gz and {SITE}zip.test.gz, unchanged."
    # Set here and not in a file next to the module, because file names make TFDS look into the
    # manual folder and verify the checksums of what it finds there.
    url_infos = {SITE + info.filename: info for info in FILES.values()}

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            description="Handwritten digits from US postal codes, scanned, deslanted and scaled.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(16, 16, 1), dtype=np.uint8),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://hastie.su.domains/ElemStatLearn/data.html",
            citation="Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, "
            "2nd edition, Springer, 2009. Digits: Le Cun et al., NIPS 1989.",
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        urls = {split: SITE + info.filename for split, info in FILES.items()}
        paths = download(dl_manager, urls, "USPS")
        return {split: self._generate_examples(path, split) for split, path in paths.items()}

    def _generate_examples(self, path: Any, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        images, labels = read_digits(path, ROWS[split])
        for row, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield row, {"image": image, "label": label}


def read_digits(path: str | os.PathLike, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Read a file from "The Elements of Statistical Learning".

    Args:
        path: A gzip file with one line per image: the digit, then 256 gray values from -1
            (background) to 1, row by row.
        rows: The expected number of lines.

    Returns:
        uint8 images `(rows, 16, 16, 1)` and int64 labels `(rows,)`.
    """
    most = rows * 257 * NUMBER_BYTES
    try:
        with gzip.open(path) as file:
            text = file.read(most + 1)
        if len(text) > most:
            raise ValueError(f"it expands to more than {most:,} bytes")
        table = np.loadtxt(io.StringIO(text.decode("ascii")), dtype=np.float32, ndmin=2)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise ValueError(f"{os.fspath(path)} cannot be read as a USPS file ({error}).") from error
    if table.shape != (rows, 257):
        raise ValueError(
            f"{os.fspath(path)} must have {rows} lines of 257 numbers. "
            f"Received: {table.shape[0]} lines of {table.shape[1]}"
        )
    labels, gray = table[:, 0], table[:, 1:]
    if not np.isin(labels, np.arange(10)).all() or not (np.abs(gray) <= 1).all():
        raise ValueError(
            f"{os.fspath(path)} must have a digit and then gray values from -1 to 1 in each line. "
            f"Received: first numbers from {labels.min()} to {labels.max()} and others from "
            f"{gray.min()} to {gray.max()}"
        )
    images = np.round((gray + 1) * 127.5).astype(np.uint8)
    return images.reshape(rows, 16, 16, 1), labels.astype(np.int64)
