"""Wrong arguments: how many get a clear error, on each installed backend.

`--quick` tries none: the tests (`tests/fuzz/test_fuzz.py`) try a random choice in each run.
"""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BACKENDS = ("torch", "jax", "tensorflow")
#: What is wanted of each outcome: nothing but clear errors.
OUTCOMES = ("raw", "accepted", "hang", "broken")


def areas() -> list[str]:
    """Return the names of the files `tests/fuzz/entries_*.py`, without the prefix."""
    files = sorted((ROOT / "tests" / "fuzz").glob("entries_*.py"))
    return [file.stem.removeprefix("entries_") for file in files]


def tried(backend: str, area: str) -> dict[str, int]:
    """Run all cases of an area in a process and return the number of each outcome."""
    process = subprocess.run(
        [sys.executable, "tests/fuzz", "--area", area],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=3_600,
    )
    summary = re.search(r"(\d+) cases: \{(.*)\}$", process.stdout.strip())
    if summary is None:
        raise RuntimeError(f"The fuzzer of {area} on {backend} ended early:\n{process.stderr}")
    counts = {kind: int(number) for kind, number in re.findall(r"'(\w+)': (\d+)", summary[2])}
    return {"cases": int(summary[1]), **counts}


def measure(quick: bool) -> list[dict]:
    """A row per backend and area."""
    rows = []
    for backend in () if quick else BACKENDS:
        if importlib.util.find_spec(backend) is None:
            continue
        for area in areas():
            counts = tried(backend, area)
            said = [f"{counts['cases']} cases"]
            said += [f"{kind}: {counts[kind]}" for kind in ("clear", *OUTCOMES) if counts.get(kind)]
            rows.append(
                {
                    "case": f"wrong arguments of {area} on {backend}",
                    "measured": ", ".join(said),
                    "wanted": "all clear",
                    "passed": not any(counts.get(kind) for kind in OUTCOMES),
                }
            )
    return rows
