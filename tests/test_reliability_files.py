"""The measurement of hostile and damaged files notices what it looks for."""

import pickle
import time

import numpy as np
import pytest

from benchmarks.reliability import damage, files

pytestmark = pytest.mark.once


def row(path, read):
    found = files._row("a file", path, read, count=20)
    return found["measured"], found["passed"]


def test_what_damage_does_is_told_apart(tmp_path):
    path = tmp_path / "numbers"
    content = np.arange(100, dtype="uint8").tobytes()
    path.write_bytes(content)

    def checked():
        if path.read_bytes() != content:
            raise ValueError("damaged")
        return 1

    assert row(path, checked) == ("22 errors, 0 equal, 0 wrong, 0 ran", True)
    assert row(path, lambda: 1) == ("0 errors, 22 equal, 0 wrong, 0 ran", True)
    assert row(path, path.read_bytes) == ("0 errors, 0 equal, 22 wrong, 0 ran", False)
    code = pickle.dumps(np.float32)
    assert row(path, lambda: pickle.loads(code)) == ("0 errors, 22 equal, 0 wrong, 22 ran", False)
    assert path.read_bytes() == content


def test_damage_is_that_of_one_bit_or_an_end():
    content = bytes(50)
    for _, damaged in damage.flips(content, 20, seed=0, last=10):
        assert damaged[:40] == content[:40] and sum(map(int.bit_count, damaged)) == 1
    lengths = [len(damaged) for _, damaged in damage.truncations(content, 5, seed=0)]
    assert lengths[0] == 0 and lengths[-1] == 49 and len(lengths) == 5


def test_a_child_process_tells_time_and_memory(monkeypatch):
    def takes(megabytes):
        held = np.ones(megabytes << 20, "uint8")
        time.sleep(0.1)
        raise ValueError(f"{held.nbytes} bytes")

    said, seconds, megabytes = files._in_child(lambda: takes(100))
    assert said == "error" and seconds > 0.1 and 95 < megabytes < 150
    assert files._in_child(lambda: None)[0] == "no error"
    monkeypatch.setattr(files, "LIMIT", 50 << 20)
    assert files._in_child(lambda: takes(100))[0] == "MemoryError"
    monkeypatch.setattr(files, "SECONDS", 0.05)
    assert files._in_child(lambda: time.sleep(60))[0] == "no end"
