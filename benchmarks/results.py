"""Reads and writes result files, `benchmarks/results/NAME.json`, which all have the same form.

`benchmarks/printed.json` has the figures that the papers print, as rows of the same form.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import keras

from keras_latent.src.applications.running.environment import describe_environment
from keras_latent.src.utils.files import replaced_when_complete

RESULTS = Path(__file__).parent / "results"
PRINTED = Path(__file__).parent / "printed.json"


def read(name: str) -> dict | None:
    """Read a result file; return `None` if its benchmark has not been run."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def rows(name: str, **wanted: object) -> list[dict]:
    """Return the rows of a result file that have these values, sorted by training steps."""
    found = matching((read(name) or {"rows": []})["rows"], wanted)
    return sorted(found, key=lambda row: row["setting"].get("steps", 0))


def longest(name: str, **wanted: object) -> list[dict]:
    """Return the rows that have these values and come from the longest training."""
    found = rows(name, **wanted)
    longest = max(map(_length, found), default=0)
    return [row for row in found if _length(row) == longest]


def printed(name: str, **wanted: object) -> list[dict]:
    """Return the rows that the paper prints in this table and that have these values."""
    return matching(json.loads(PRINTED.read_text())[name]["rows"], wanted)


def matching(rows: list[dict], wanted: dict[str, object]) -> list[dict]:
    """Return the rows that have these values, in their setting or beside it."""
    return [
        row
        for row in rows
        if all((row | row.get("setting", {})).get(k) == v for k, v in wanted.items())
    ]


def _length(row: dict) -> int:
    return row["setting"].get("steps") or row["setting"].get("epochs") or 0


def write(
    name: str,
    module: str,
    rows: list[dict],
    measured_here: bool = True,
    replaces: Callable[[dict], bool] = lambda row: True,
) -> Path:
    """Write the rows of a benchmark and the environment in which they were measured.

    Args:
        name: Name of the file, without its suffix.
        module: The module that was run, e.g. `"benchmarks.input_pipeline"`.
        rows: The measurements. Rows about speed have `"ours"`, `"peer"` and `"ratio"`.
        measured_here: Whether this process measured the rows. If not, the current commit is
            not recorded.
        replaces: Tells which rows of the existing file are replaced. The others are kept, before
            the new ones, so that one file can hold several backends or a table measured in parts.

    Returns:
        The path of the file.
    """
    earlier = (read(name) or {"rows": []})["rows"]
    rows = [row for row in earlier if not replaces(row)] + rows
    # Local paths mean nothing to readers.
    arguments = [Path(a).name if Path(a).is_absolute() else a for a in sys.argv[1:]]
    result = {
        "command": " ".join(["python -m", module, *arguments]),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit() if measured_here else None,
        "environment": describe_environment() | {"threads": len(os.sched_getaffinity(0))},
        "rows": rows,
    }
    path = RESULTS / f"{name}.json"
    with replaced_when_complete(path) as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n")
    return path


def of_this_backend(**setting: object) -> Callable[[dict], bool]:
    """Return a `replaces` function for rows of the current backend and this setting."""
    setting["backend"] = keras.backend.backend()
    return lambda row: setting.items() <= row["setting"].items()


def _commit() -> str | None:
    git = ["git", "-C", str(RESULTS.parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or None
