"""File locks between processes."""

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

fcntl: Any
msvcrt: Any
try:
    import fcntl
except ImportError:
    fcntl = None
    import msvcrt  # Windows

# Windows prevents others from reading locked bytes, so a byte far behind the text is locked.
_FAR = 1 << 30
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class LockHeld(Exception):
    """Another process holds the lock. The message is its process ID."""


@contextlib.contextmanager
def locked(path: str | os.PathLike, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the lock of a file. The operating system releases it whenever the process ends.

    The file is created, and deleted at the end. A file left by a killed process is reused. If the
    file system does not support locks, nothing is locked.

    Args:
        path: The file. Its folder is created if missing.
        waiting: Called once, with the ID of the process that holds the lock, before waiting for
            it. `None`: do not wait.

    Raises:
        LockHeld: If `waiting` is `None` and the lock is held by another process, or elsewhere in
            this one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        mine = _try_lock(file)
        if mine and _still_there(file, path):
            break
        text = os.read(file, 40)
        os.close(file)
        if mine:  # but the last holder has deleted the file
            continue
        holder = text.decode(errors="replace").strip() or "unknown"
        if waiting is None:
            raise LockHeld(holder)
        waiting(holder)
        waiting = _nothing
        time.sleep(0.2)
    try:
        os.ftruncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        yield
    finally:
        # Deleted while still locked. Others that wait for the lock then notice that the file is
        # gone.
        if fcntl:
            path.unlink(missing_ok=True)
        os.close(file)
        if not fcntl:  # Windows cannot delete a file that anyone has open
            with contextlib.suppress(OSError):
                path.unlink()


def _nothing(holder: str) -> None:
    pass


def _try_lock(file: int) -> bool:
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            os.lseek(file, _FAR, os.SEEK_SET)
            try:
                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            finally:
                os.lseek(file, 0, os.SEEK_SET)
    except OSError as error:
        return error.errno not in _HELD
    return True


def _still_there(file: int, path: Path) -> bool:
    """Whether `path` is still the locked file, not a new one created after its deletion."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False
