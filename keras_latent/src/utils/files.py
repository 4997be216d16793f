"""Cache folders, what must be a file, and atomic replacement of files and folders."""

import contextlib
import os
import shutil
import stat
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path


def keras_folder() -> Path:
    """Keras's folder: `KERAS_HOME`, or `~/.keras`."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")).expanduser()


def cache_folder() -> Path:
    """The library's cache: `keras_latent` in Keras's folder."""
    return keras_folder() / "keras_latent"


def require_file(path: Path) -> None:
    """Raise unless `path` is a file or a link to one: reading a pipe or device may never end.

    Raises:
        OSError: If there is nothing at `path`.
        ValueError: If it is something else.
    """
    if path.is_symlink() and not path.exists():
        received = f"a link to {os.readlink(path)!r}, which does not exist"
    elif stat.S_ISREG(mode := path.stat().st_mode):
        return
    else:
        received = "a folder" if stat.S_ISDIR(mode) else "a pipe, a device or a socket"
    raise ValueError(f"{path} must be a file. Received: {received}")


def require_intact(archive: zipfile.ZipFile) -> None:
    """Raise a `ValueError` if the checksum of a file in the archive is wrong."""
    if damaged := archive.testzip():
        raise ValueError(
            f"{archive.filename or 'The archive'} is damaged: {damaged!r} in it does not have its "
            "checksum"
        )


@contextlib.contextmanager
def errors_name(path: str | os.PathLike, instead_of: str | os.PathLike = "") -> Iterator[None]:
    """Name `path` in errors of the system that name no file (a full disk), or `instead_of`."""
    other = os.fspath(instead_of)
    try:
        yield
    except OSError as error:
        named = None if error.filename is None else str(error.filename)
        if error.errno is not None and named in (None, other):
            error.filename = os.fspath(path)
        raise


@contextlib.contextmanager
def replaced_when_complete(path: str | os.PathLike) -> Iterator[Path]:
    """Write to a temporary file and move it to `path` at the end.

    Readers never see a partial file, and an interrupted writer leaves the old file unchanged. A
    killed one also leaves the temporary file: see `partial_files`. Missing folders are created.

    Yields:
        A temporary path in the same folder (moves across file systems are not atomic) with the
        same suffixes (some writers choose their format by them).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path, uuid.uuid4().hex[:8])
    try:
        with errors_name(path, instead_of=temporary):
            yield temporary
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):  # moved, or never written
            temporary.unlink()


def partial_files(path: Path) -> list[Path]:
    """Temporary files of `path`, whose name may be a pattern, that killed writers left."""
    return list(path.parent.glob(_temporary(path, 8 * "[0-9a-f]").name))


def _temporary(path: Path, mark: str) -> Path:
    stem, dot, suffixes = path.name.partition(".")
    return path.with_name(f".{stem}.{mark}{dot}{suffixes}")


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
