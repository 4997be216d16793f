"""Runs peers in separate processes that alternate with ours.

A peer has its own process, so that two frameworks do not share a thread pool, and can have its own
interpreter, so that incompatible packages can be compared. It first prints one line of facts, then
answers each number of steps with the seconds that they took. Only one of the two runs at a time.
Rounds alternate, since the load of a machine varies.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
THREADS = min(2, len(os.sched_getaffinity(0)))
MARK = "answer: "  # distinguishes answers from other output of the peer


class Peer:
    """The process of a peer.

    Args:
        module: Its module in `benchmarks.peers`, which ends by calling `serve`.
        *arguments: Its command line.
        python: Path of its interpreter.
    """

    def __init__(self, module: str, *arguments: object, python: str = sys.executable):
        # An unread pipe would block a peer that prints progress bars.
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115, see `close`
        self._process = subprocess.Popen(
            [python, "-m", f"benchmarks.peers.{module}", *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": str(THREADS)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.facts = self._answer()

    def __call__(self, steps: int) -> float:
        """Return seconds per step."""
        print(steps, file=self._process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        self._process.communicate()
        self._errors.close()

    def _answer(self):
        for line in self._process.stdout:
            if line.startswith(MARK):
                return json.loads(line.removeprefix(MARK))
        self._errors.seek(0)
        raise RuntimeError(f"A peer has ended:\n{self._errors.read()[-4000:]}")


def serve(run: Callable[[int], float], **facts) -> None:
    """The peer's side: answer until the input ends. `run(steps)` returns seconds per step."""
    print(MARK + json.dumps(facts), flush=True)
    for line in sys.stdin:
        print(MARK + json.dumps(run(int(line))), flush=True)


def embeddings(rows: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Return embeddings `(rows, dim)` in ten loose clusters, and their labels `(rows,)`."""
    rng = np.random.default_rng(0)
    labels = np.arange(rows) % 10
    centres = rng.normal(size=(10, dim))
    values = centres[labels] + rng.normal(size=(rows, dim))
    return values.astype("float32"), labels


def in_turns(
    runners: dict[str, Callable[[int], float]], steps: dict[str, int], rounds: int
) -> dict[str, list[float]]:
    """Return seconds per step of each runner and round, without the first, which compiles."""
    seconds = {name: [] for name in runners}
    for round_ in range(rounds + 1):
        for name, run in runners.items():
            taken = run(steps[name])
            if round_:
                seconds[name].append(taken)
    return seconds


def row(peer: str, setting: dict, ours: list[float], theirs: list[float], unit: str) -> dict:
    """Return a row of a result file; a ratio above 1 means that ours is faster."""
    medians = statistics.median(ours), statistics.median(theirs)
    scale = {"ms": lambda s: 1e3 * s, "steps/s": lambda s: 1 / s}[unit]
    return {
        "configuration": f"peer:{peer}",
        "setting": setting,
        "ours": round(scale(medians[0]), 3),
        "peer": round(scale(medians[1]), 3),
        "ratio": round(medians[1] / medians[0], 3),
        "unit": unit,
        "spread": {
            "ours": sorted(round(scale(f(ours)), 3) for f in (min, max)),
            "peer": sorted(round(scale(f(theirs)), 3) for f in (min, max)),
        },
        "rounds": len(ours),
        "date": datetime.now(UTC).date().isoformat(),
    }
