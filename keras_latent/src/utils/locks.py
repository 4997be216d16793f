"""A lock on a file that two processes must not hold at once."""

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

# Windows keeps others from reading what is locked: a byte far behind the text.
_FAR = 1 << 30
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class LockHeld(Exception):
    """Another process, whose number the message is, holds the lock."""


@contextlib.contextmanager
def locked(path: str | os.PathLike, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the lock of a file; the system frees it when the process ends, however it ends.

    The file is made, and deleted again. One that a killed process has left is taken over. Where
    the file system has no locks, nothing is locked.

    Args:
        path: The file. Its folder is made when needed.
        waiting: Called once, with the number of the process that holds the lock, before waiting
            for it. `None`: do not wait.

    Raises:
        LockHeld: If another process, or another part of this one, holds the lock.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        mine = _try_lock(file)
        if mine and _still_there(file, path):
            break
        holder = os.read(file, 40)
        os.close(file)
        if mine:  # of a file that its last holder has deleted
            continue
        holder = holder.decode(errors="replace").strip() or "unknown"
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
        # While it is still held: nobody else can lock the file that is deleted here, since
        # whoever waits for it looks whether it is still there.
        if fcntl:
            path.unlink(missing_ok=True)
        os.close(file)
        if not fcntl:  # Windows deletes no open file; what another has opened stays.
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
    """Whether `path` is the file that was locked, not one made after that was deleted."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False
