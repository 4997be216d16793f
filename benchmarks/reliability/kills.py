"""Kills a run at random moments, starts it again until it ends, and compares what it leaves.

Half of the moments are drawn by time, the others by changes of the run's files, up to half of those
of an undisturbed run. The run is trained on PyTorch with one thread, so that results can be
compared bit by bit.
"""

import collections
import csv
import json
import random
import signal
import tempfile
import time
from pathlib import Path

from benchmarks.reliability.job import EPOCHS, Job, Jobs, files, jobs, weights

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
PARTS = ("in the classifier", "in epochs", "in saving, evaluation and pictures", "after the run")


def measure(quick: bool) -> list[dict]:
    kills, seconds = (10, 24.0) if quick else (150, 3000.0)
    start = time.perf_counter()
    found: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as name, jobs(Path(name)) as started:
        scratch = Path(name)
        began = time.perf_counter()
        changes = _changes(started, scratch / "whole")
        whole = scratch / "whole", changes, time.perf_counter() - began
        rng = random.Random(0)
        while found["kills"] < kills and time.perf_counter() - start < seconds:
            _episode(started, scratch / f"run_{found['runs']}", whole, rng, found)
    runs, killed = found["runs"], found["kills"]
    where = ", ".join(f"{found[part]} {part}" for part in PARTS)
    return [
        {
            "case": "kills by SIGKILL, SIGTERM and SIGINT, in as many runs",
            "measured": f"{killed} in {runs}: {where}",
            "wanted": "" if quick else "at least 100 kills",
            "passed": None if quick else killed >= 100,
        },
        *(
            {"case": case, "measured": f"{found[case]} of {of}", "wanted": "0", "passed": passed}
            for case, of in (
                ("after a kill: lines of history.csv doubled or lost", killed),
                ("after a kill: JSON files that cannot be read", killed),
                ("at the end: weights not equal bit by bit to an undisturbed run's", runs),
                ("at the end: figures or history.csv not equal to an undisturbed run's", runs),
                ("at the end: files left over or missing", runs),
            )
            for passed in [found[case] == 0]
        ),
        {
            "case": "files of killed processes that the next start deleted",
            "measured": found["partial files"],
        },
    ]


def _changes(started: Jobs, folder: Path) -> int:
    """Run a job undisturbed and count the changes of its files."""
    job = started.start(folder)
    changes, seen = 0, files(folder)
    while not (folder / "run" / "metrics.json").exists():
        now = files(folder)
        changes, seen = changes + (now != seen), now
        time.sleep(0.001)
    if job.wait():
        raise RuntimeError(f"The job failed: {job.said()[-500:]}")
    return changes


def _episode(
    started: Jobs,
    folder: Path,
    whole: tuple[Path, int, float],
    rng: random.Random,
    found: collections.Counter[str],
) -> None:
    """Kill a run up to six times, let it end, and count what is wrong."""
    undisturbed, changes, duration = whole
    for _ in range(rng.randint(2, 6)):
        job = started.start(folder)
        if rng.random() < 0.5:
            time.sleep(rng.uniform(0, duration / 2))
        else:
            _wait_for_changes(job, folder, rng.randint(1, changes // 2))
        job.signal(rng.choice(SIGNALS))
        if not job.wait():  # it had ended
            break
        _count_after_kill(folder, found)
    started.finish(folder)
    found["runs"] += 1
    found["at the end: weights not equal bit by bit to an undisturbed run's"] += weights(
        folder
    ) != weights(undisturbed)
    found["at the end: figures or history.csv not equal to an undisturbed run's"] += _figures(
        folder
    ) != _figures(undisturbed)
    found["at the end: files left over or missing"] += (
        files(folder).keys() != files(undisturbed).keys()
    )


def _wait_for_changes(job: Job, folder: Path, changes: int) -> None:
    """Wait until the files of a job have changed so many times, or it has ended."""
    seen, last = files(folder), time.perf_counter()
    while changes and time.perf_counter() - last < 2.0:
        now = files(folder)
        if now != seen:
            changes, seen, last = changes - 1, now, time.perf_counter()
        time.sleep(0.001)


def _count_after_kill(folder: Path, found: collections.Counter[str]) -> None:
    there, run = files(folder), folder / "run"
    found["kills"] += 1
    done = [(run / name).exists() for name in ("metrics.json", "model.keras")]
    trained = any(name.endswith(".keras") and "/." not in name for name in there)
    found[PARTS[3] if done[0] else PARTS[2] if done[1] else PARTS[int(trained)]] += 1
    found["partial files"] += sum("/." in name and not name.endswith("lock") for name in there)
    states = [int(path.name[6:11]) for path in run.glob("state/epoch-*")]
    logged = _logged(run / "history.csv")
    # The line of an epoch is written before its state.
    right = logged in ([*range(n)] for n in (max(states, default=0), max(states, default=0) + 1))
    found["after a kill: lines of history.csv doubled or lost"] += not right
    for path in folder.rglob("[!.]*.json"):
        try:
            json.loads(path.read_text())
        except ValueError:
            found["after a kill: JSON files that cannot be read"] += 1


def _logged(path: Path) -> list[int]:
    """Return the epochs of the complete lines of a log."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")[1:-1]
    return [int(row[0]) for row in csv.reader(lines)]


def _figures(folder: Path) -> tuple[dict, str]:
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    log = (folder / "run" / "history.csv").read_text()
    assert _logged(folder / "run" / "history.csv") == [*range(EPOCHS)], log
    return metrics["figures"], log
