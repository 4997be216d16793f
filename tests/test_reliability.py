"""The measuring program of reliability: what it prints, stores and returns."""

import json
import sys
from types import SimpleNamespace

import pytest

from benchmarks import results
from benchmarks.reliability import __main__ as reliability

pytestmark = pytest.mark.once


@pytest.fixture
def parts(monkeypatch, tmp_path):
    """Stand-ins for two parts: of `kills`, whose rows are in the returned list, and of `disk`."""
    rows: list[dict] = []

    def broken(quick):
        raise OSError("no disk")

    for part, measure in (("kills", lambda quick: rows), ("disk", broken)):
        module = SimpleNamespace(measure=measure)
        monkeypatch.setitem(sys.modules, f"benchmarks.reliability.{part}", module)
    monkeypatch.setattr(reliability, "known_parts", lambda: ["kills", "disk"])
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    return rows


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["reliability", *arguments])
    return reliability.main()


def stored():
    rows = json.loads((results.RESULTS / "reliability.json").read_text())["rows"]
    return [(row["setting"]["part"], row["case"], row["passed"]) for row in rows]


def test_parts_are_stored_one_by_one(parts, monkeypatch, capsys):
    time = "seconds of this part"
    parts.append({"case": "a", "measured": 3, "wanted": "3", "passed": True})
    assert run(monkeypatch) == 1  # `disk` raises an error
    said = capsys.readouterr().out
    assert "ok      kills: a: 3 (wanted: 3)" in said and "1 cases failed." in said
    assert "FAILED  disk: the measurement itself: OSError: no disk" in said
    broken = [("disk", "the measurement itself", False), ("disk", time, None)]
    assert stored() == [("kills", "a", True), ("kills", time, None), *broken]
    # A part replaces only its own rows.
    parts[0] |= {"case": "b"}
    assert run(monkeypatch, "--only", "kills") == 0
    assert stored() == [*broken, ("kills", "b", True), ("kills", time, None)]
    parts[0] |= {"passed": False}
    assert run(monkeypatch, "--only", "kills") == 1


def test_the_quick_measurement_stores_nothing(parts, monkeypatch):
    parts.append({"case": "a", "measured": "x"})  # nothing is wanted
    assert run(monkeypatch, "--quick", "--only", "kills") == 0
    assert not list(results.RESULTS.iterdir())


def test_parts_without_a_module_are_not_listed():
    assert set(reliability.known_parts()) <= set(reliability.PARTS)
