"""Result files: `benchmarks/results/NAME.json`, all of the same shape."""

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


def write(
    name: str,
    module: str,
    rows: list[dict],
    measured_here: bool = True,
    replaces: Callable[[dict], bool] = lambda row: True,
) -> Path:
    """Writes the rows of a benchmark, with what they were measured on.

    Args:
        name: Name of the file, without suffix.
        module: The module that was run, e.g. `"benchmarks.input_pipeline"`.
        rows: What was measured; speed rows have `"ours"`, `"peer"` and `"ratio"`.
        measured_here: Whether the rows were measured by this process. If they were collected
            from earlier runs, today's commit is not theirs and is left out.
        replaces: Which rows of an earlier file the new ones stand for; the others stay, before
            them. So one file holds several backends, or a table that was not run at once.

    Returns:
        The path of the file.
    """
    path = RESULTS / f"{name}.json"
    earlier = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = [row for row in earlier if not replaces(row)] + rows
    # Where a run lies on this machine says nothing to a reader.
    arguments = [Path(a).name if Path(a).is_absolute() else a for a in sys.argv[1:]]
    result = {
        "command": " ".join(["python -m", module, *arguments]),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit() if measured_here else None,
        "environment": describe_environment() | {"threads": len(os.sched_getaffinity(0))},
        "rows": rows,
    }
    with replaced_when_complete(path) as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n")
    return path


def of_this_backend(**setting) -> Callable[[dict], bool]:
    """Whether a row was measured on the current backend, in this setting; for `replaces`."""
    setting["backend"] = keras.backend.backend()
    return lambda row: setting.items() <= row["setting"].items()


def _commit():
    git = ["git", "-C", str(RESULTS.parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or None
