"""Damage to files, as disks and transfers do it."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import numpy as np


def flip_bit(content: bytes, place: int) -> bytes:
    """Return the content with the bit `place` inverted."""
    damaged = bytearray(content)
    damaged[place // 8] ^= 1 << place % 8
    return bytes(damaged)


def flips(
    content: bytes, count: int, seed: int, last: int | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield copies of the content with a random bit inverted, each with a description.

    Args:
        content: The content of a file.
        count: How many copies.
        seed: Of the random places.
        last: Only invert bits of this many bytes at the end.
    """
    first = 0 if last is None else 8 * (len(content) - last)
    places = np.random.default_rng(seed).integers(first, 8 * len(content), size=count)
    for place in places.tolist():
        yield f"bit {place}", flip_bit(content, place)


def truncations(content: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield beginnings of the content of random lengths, each with a description.

    The first is empty, and the last lacks one byte.
    """
    lengths = np.random.default_rng(seed).integers(len(content), size=count).tolist()
    for length in (0, *lengths[1:-1], len(content) - 1)[:count]:
        yield f"{length} bytes", content[:length]


@contextmanager
def zip_as_in_python_3_12() -> Iterator[None]:
    """In Python 3.11, let `zipfile` not compare the checksum of a file in which one has sought."""
    seek = zipfile.ZipExtFile.seek

    def without_checksum(self, *arguments):
        self._expected_crc = None
        return seek(self, *arguments)

    with mock.patch.object(zipfile.ZipExtFile, "seek", without_checksum):
        yield
