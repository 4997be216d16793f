"""Where files are kept, and files that are either the whole new version or the whole old one."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path


def keras_folder() -> Path:
    """Keras's folder: `~/.keras`, or `KERAS_HOME`."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")).expanduser()


def cache_folder() -> Path:
    """Where the library keeps what it made: `keras_latent` in Keras's folder."""
    return keras_folder() / "keras_latent"


@contextlib.contextmanager
def replaced_when_complete(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, and move it there at the end.

    A reader never sees half a file, and an interrupted writer leaves the old one as it was.
    Missing folders are made.

    Args:
        path: Where the file shall be.

    Yields:
        Where to write it, in the same folder (a move across file systems is not atomic)
        and with the same suffix (writers choose their format by it).
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
    """`replaced_when_complete` for a folder.

    An old folder is moved aside for the moment in which the new one takes its place.
    """
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
