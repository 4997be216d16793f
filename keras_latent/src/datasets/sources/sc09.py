"""SC09, the spoken digits of Speech Commands, as a TensorFlow Datasets (TFDS) builder.

Importing this module imports TFDS and registers the builder, so that `tfds.load("sc09")` works.
The package imports it only to read SC09.
"""

import gzip
import io
import os
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.checksums import UrlInfo

from keras_latent.src.datasets.sources.audio import decode_wav
from keras_latent.src.datasets.sources.prepare import download

SITE = "http://download.tensorflow.org/data/"
ARCHIVE = UrlInfo(
    size=2_428_923_189,
    checksum="af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
    filename="speech_commands_v0.02.tar.gz",
)
SAMPLE_RATE = 16_000
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
#: Limits of the archive: bytes of a recording, list or header, and files. The real archive has
#: lists of 300 kB, recordings of 32 kB, and 105,835 files.
MOST_BYTES, MOST_FILES = 1 << 22, 200_000


class Sc09(tfds.core.GeneratorBasedBuilder):
    """38,908 recordings of the words "zero" to "nine", in the order of the archive.

    The archive, Speech Commands 0.02 (2.4 GB), is taken from TFDS's manual folder
    (`<data_dir>/downloads/manual`) or downloaded. In both cases its checksum is verified.
    Its other words and its background noise are skipped.

    The splits are the official ones: the archive's testing_list.txt and validation_list.txt list
    `test` and `validation`, and `train` is everything else. No speaker is in two splits. The
    examples are dicts of `"audio"`, int16 samples at 16,000 Hz (most recordings last a second,
    some less); `"audio/filename"`, such as "zero/0ab3b47d_nohash_0.wav"; and `"label"`, 0 to 9.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The ten digits of Speech Commands 0.02."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"Optional: {SITE}{ARCHIVE.filename}, unchanged."
    url_infos = {SITE + ARCHIVE.filename: ARCHIVE}

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            description="Digits spoken by many speakers: the subset SC09 of Speech Commands.",
            features=tfds.features.FeaturesDict(
                {
                    # Not `Audio`, which stores each sample as an integer of up to ten bytes.
                    "audio": tfds.features.Tensor(
                        shape=(None,),
                        dtype=np.int16,
                        encoding="bytes",
                        doc="16-bit samples at 16,000 Hz.",
                    ),
                    "audio/filename": tfds.features.Text(),
                    "label": tfds.features.ClassLabel(names=list(DIGITS)),
                }
            ),
            supervised_keys=("audio", "label"),
            homepage="https://arxiv.org/abs/1804.03209",
            citation="Warden, Speech Commands: A Dataset for Limited-Vocabulary Speech "
            "Recognition, arXiv:1804.03209, 2018. SC09: Donahue, McAuley and Puckette, "
            "Adversarial Audio Synthesis, ICLR 2019.",
            license="CC BY 4.0",
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        path = download(dl_manager, {"all": SITE + ARCHIVE.filename}, "SC09")["all"]
        splits = read_splits(path)
        return {
            split: self._generate_examples(path, splits, split)
            for split in ("train", "validation", "test")
        }

    def _generate_examples(
        self, path: Any, splits: dict[str, str], split: str
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        recordings = read_members(path, lambda name: splits.get(name) == split)
        for row, (name, content) in enumerate(recordings):
            audio = decode_wav(io.BytesIO(content), SAMPLE_RATE, f"{name} in {os.fspath(path)}")
            yield row, {"audio": audio, "audio/filename": name, "label": name.partition("/")[0]}


class _GzipFile(gzip.GzipFile):
    """Refuses large reads: `tarfile` reads headers of any declared size into memory."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= MOST_BYTES:
            raise tarfile.ReadError(f"a header has {size} bytes; at most {MOST_BYTES} may be")
        return super().read(size)


def read_members(
    path: str | os.PathLike, wanted: Callable[[str], bool]
) -> Iterator[tuple[str, bytes]]:
    """Read names and contents of the wanted files of a `.tar.gz` archive, in its order.

    Names have no leading "./".
    """
    try:
        with _GzipFile(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
            for number, member in enumerate(archive, start=1):
                if number > MOST_FILES:
                    raise tarfile.ReadError(f"it has more than {MOST_FILES:,} files")
                name = posixpath.normpath(member.name)
                if not (wanted(name) and member.isreg()):
                    continue
                if member.size > MOST_BYTES:
                    raise tarfile.ReadError(
                        f"{name} has {member.size} bytes; at most {MOST_BYTES} may be"
                    )
                content = archive.extractfile(member)
                yield name, content.read() if content else b""
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{os.fspath(path)} cannot be read as an archive of Speech Commands; it may be "
            f"damaged or cut short ({error})."
        ) from error


def read_splits(path: str | os.PathLike) -> dict[str, str]:
    """Read which split each recording of a digit belongs to.

    Returns:
        A dict from names such as "zero/0ab3b47d_nohash_0.wav" to "train", "validation" or
        "test".
    """
    names: list[str] = []
    lists: dict[str, list[str]] = {}

    def collect(name: str) -> bool:
        folder, _, file = name.rpartition("/")
        if folder in DIGITS and file.endswith(".wav"):
            names.append(name)
        return name in LISTS.values()

    for name, content in read_members(path, collect):
        lines = content.decode(errors="replace").split()
        lists[name] = [line for line in lines if line.partition("/")[0] in DIGITS]
    splits = dict.fromkeys(names, "train")
    for split, file in LISTS.items():
        if file not in lists:
            raise ValueError(f"{os.fspath(path)} must have the file {file}. Received: none")
        for name in lists[file]:
            if splits.get(name) != "train":
                problem = "is listed twice" if name in splits else "is not in the archive"
                raise ValueError(
                    f"{file} in {os.fspath(path)} must list recordings of the archive, each once "
                    f"and in one list. Received: {name}, which {problem}"
                )
            splits[name] = split
    if empty := {"train", *LISTS} - set(splits.values()):
        raise ValueError(
            f"{os.fspath(path)} must have recordings of digits in every split. Received: none "
            f"for {sorted(empty)}"
        )
    return splits
