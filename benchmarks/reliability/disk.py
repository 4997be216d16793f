"""Fills the disk at every third moment at which a run changes its files; read-only folders.

The disk is a small one in memory, which only root can mount (Linux). The run is stopped while the
disk is filled, so that its next write fails.
"""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.reliability.job import Job, Jobs, files, jobs, weights

FULL = "Free some space, then run the same command again to resume."
READ_ONLY = "Make it writable, then run the same command again to resume, or choose another folder."


def measure(quick: bool) -> list[dict]:
    with tempfile.TemporaryDirectory() as name, jobs(Path(name)) as started:
        scratch = Path(name)
        started.finish(scratch / "whole")
        try:
            with _disk(scratch / "disk", "16m") as disk:
                moments = [25] if quick else itertools.count(step=3)
                rows = _full(started, disk, scratch / "whole", moments)
                return rows if quick else rows + _read_only(started, disk)
        except subprocess.CalledProcessError:
            return [{"case": "full disk", "measured": "not measured: only root can mount one"}]


@contextlib.contextmanager
def _disk(path: Path, size: str) -> Iterator[Path]:
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def _full(started: Jobs, disk: Path, whole: Path, moments: Iterable[int]) -> list[dict]:
    """Fill the disk when the files have changed so many times."""
    named: set[str] = set()
    wrong, resumed, cases = [], 0, 0
    wanted = weights(whole)
    for change in moments:
        folder = disk / f"run_{change}"
        job = started.start(folder, tidy=True)
        if not _wait_for_changes(job, folder, change):
            job.wait()
            break
        job.signal(signal.SIGSTOP)
        _fill(disk / "filler")
        job.signal(signal.SIGCONT)
        status = job.wait()
        cases += 1
        last = max((folder / "run" / "state").glob("epoch-*"), default=None)
        if file := _explained(job, status, FULL):
            named.add(file)
        elif status:  # otherwise it had written everything
            wrong.append(f"change {change}: status {status}: {job.said()[-200:]}")
        (disk / "filler").unlink()
        again = started.start(folder)
        if not again.wait() and (last is None or _resumes(again, last, status)):
            resumed += weights(folder) == wanted and files(folder).keys() == files(whole).keys()
        shutil.rmtree(folder)
    return [
        {
            "case": "full disk: runs that do not end with one line that names the file",
            "measured": f"{len(wrong)} of {cases}" + "".join(f"; {said}" for said in wrong[:3]),
            "wanted": "0",
            "passed": not wrong,
        },
        {"case": "full disk: files that were named", "measured": ", ".join(sorted(named))},
        {
            "case": "full disk: runs that resume from their last state when there is space again, "
            "and end like an undisturbed run, bit by bit",
            "measured": f"{resumed} of {cases}",
            "wanted": "all",
            "passed": resumed == cases,
        },
    ]


def _resumes(again: Job, last: Path, status: int) -> bool:
    return not status or f"Resuming after epoch {int(last.name[6:11])}." in again.said()


def _wait_for_changes(job: Job, folder: Path, changes: int) -> bool:
    """Wait until the files have changed so many times; return whether the job still runs."""
    seen, last = files(folder), time.perf_counter()
    while changes and not (folder / "run" / "metrics.json").exists():
        if time.perf_counter() - last > 20.0:
            raise RuntimeError(f"The job does nothing: {job.said()[-500:]}")
        now = files(folder)
        if now != seen:
            changes, seen, last = changes - 1, now, time.perf_counter()
        time.sleep(0.0005)
    return not changes


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))


def _explained(job: Job, status: int, advice: str) -> str | None:
    """Return the name of the file that the run blames, if it says nothing but that and ends."""
    *_, line = job.said().splitlines() or [""]
    noise = any(word in job.said() for word in ("Traceback", "Exception ignored"))
    if status != 2 or noise or not (line.startswith("keras-latent: ") and line.endswith(advice)):
        return None
    name = os.path.basename(line.split("'")[1])
    return name.replace(name[11:27], "KEY") if name.startswith("classifier-") else name


def _read_only(started: Jobs, disk: Path) -> list[dict]:
    """Start a new run, an unfinished one and a finished one in read-only folders."""
    started.finish(disk / "finished")
    started.finish(disk / "unfinished")
    (disk / "unfinished" / "run" / "metrics.json").unlink()
    (disk / "new" / "run").mkdir(parents=True)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    rows = []
    for case in ("new", "unfinished", "finished"):
        job = started.start(disk / case, tidy=True)
        status = job.wait()
        if case == "finished":
            passed, wanted = status == 0, "reported"
        else:
            # The line at its start and nothing of a training.
            file = _explained(job, status, READ_ONLY)
            passed, wanted = bool(file) and len(job.said().splitlines()) == 1, "refused at once"
        rows.append(
            {
                "case": f"read-only folder of a run: {case}",
                "measured": wanted if passed else f"status {status}: {job.said()[-200:]}",
                "wanted": wanted,
                "passed": passed,
            }
        )
    return rows
