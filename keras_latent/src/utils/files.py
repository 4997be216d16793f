"""Cache folders, and atomic replacement of files and folders."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path


def keras_folder() -> Path:
    """Keras's folder: `KERAS_HOME`, or `~/.keras`."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")).expanduser()


def cache_folder() -> Path:
    """The library's cache: `keras_latent` in Keras's folder."""
    return keras_folder() / "keras_latent"


@contextlib.contextmanager
def replaced_when_complete(path: str | os.PathLike) -> Iterator[Path]:
    """Write to a temporary file and move it to `path` at the end.

    Readers never see a partial file, and an interrupted writer leaves the old file unchanged.
    Missing folders are created.

    Yields:
        A temporary path in the same folder (moves across file systems are not atomic) with the
        same suffix (some writers choose their format by it).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_replaced_when_complete(path: str | os.PathLike) -> Iterator[Path]:
    """`replaced_when_complete` for a folder. An old folder is moved aside during the swap."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    mark = uuid.uuid4().hex[:8]
    temporary, old = (path.with_name(f".{path.name}.{mark}{kind}") for kind in ("", ".old"))
    try:
        yield temporary
        if path.exists():
            os.replace(path, old)
        try:
            os.replace(temporary, path)
        except OSError:
            if old.exists():
                os.replace(old, path)
            raise
    finally:
        for left in (temporary, old):
            shutil.rmtree(left, ignore_errors=True)
