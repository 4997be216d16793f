"""Weight files that end with a checksum."""

import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from keras_latent.src.utils.files import replaced_when_complete

_MARK = b"sha256:"


class _Memory(io.BytesIO):
    """A file in memory, under a name that Keras accepts."""

    def __str__(self) -> str:
        return "memory.weights.h5"


def save_weights(
    model: Any, path: str | os.PathLike, others: Mapping[str, np.ndarray] | None = None
) -> None:
    """Write the weights of a Keras model, and other arrays, atomically and with a checksum.

    Keras reads the file as any other (`.weights.h5`), because HDF5 ignores what follows its data.
    It is made in memory: writing to a full disk, HDF5 crashes the process when it ends.
    """
    memory = _Memory()
    model.save_weights(memory)
    if others:
        with h5py.File(memory, "a") as file:
            file.update(others)
    content = memory.getbuffer()
    with replaced_when_complete(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.write(_MARK + hashlib.sha256(content).digest())


def load_weights(model: Any, path: str | os.PathLike) -> None:
    """Load a file of `save_weights`, or of Keras, which has no checksum.

    Raises:
        ValueError: If the file does not match its checksum, or does not fit the model.
    """
    content = memoryview(Path(path).read_bytes())
    content, mark, digest = content[:-39], content[-39:-32], content[-32:]
    if mark == _MARK and hashlib.sha256(content).digest() != digest:
        raise ValueError(
            f"{path} is damaged: it does not match its checksum. Restore it from a copy, or delete "
            "it and train again."
        )
    model.load_weights(path)
