"""Locks between real processes. The second one does not import Keras."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from keras_latent.src.utils import locks
from keras_latent.src.utils.locks import LockHeld, locked

HOLDER = f"""
import runpy, sys
locked = runpy.run_path({locks.__file__!r})["locked"]
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock until it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_another_process_holds_it(holder, tmp_path):
    with pytest.raises(LockHeld, match=str(holder.pid)), locked(tmp_path / "lock"):
        raise AssertionError
    holder.communicate("end\n")
    assert not list(tmp_path.iterdir())
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text() == str(os.getpid())
    assert not list(tmp_path.iterdir())


def test_it_is_released_when_its_process_is_killed(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "lock").exists()
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text() == str(os.getpid())
    assert not list(tmp_path.iterdir())


def test_waiting(holder, tmp_path):
    said = []

    def waiting(number):
        said.append(number)
        threading.Timer(0.3, holder.communicate, ("end\n",)).start()

    with locked(tmp_path / "lock", waiting):
        assert holder.wait() == 0
    assert said == [str(holder.pid)]


def test_the_file_is_deleted_between_opening_and_locking(tmp_path, monkeypatch):
    """A lock on a file that is no longer there would lock out nobody."""
    lock, try_lock = tmp_path / "lock", locks._try_lock

    def late(file):
        monkeypatch.setattr(locks, "_try_lock", try_lock)
        lock.unlink()
        return try_lock(file)

    monkeypatch.setattr(locks, "_try_lock", late)
    with locked(lock):
        assert lock.read_text() == str(os.getpid())
        with pytest.raises(LockHeld), locked(lock):
            raise AssertionError


def test_an_error_releases_it(tmp_path):
    lock = Path(tmp_path / "new" / "lock")
    with pytest.raises(KeyError), locked(lock):
        raise KeyError
    with locked(lock):
        pass
