"""Memory over 5,000 steps of `fit`, and over 1,000,000 rows through `translate` and `encode`.

python -m benchmarks.reliability.long_runs STEPS ROWS
"""

import resource
import sys
from pathlib import Path

import numpy as np

from benchmarks.reliability import workers

#: MB that may be added after the first fifth: a leak of 20 KB per step would add 80.
ALLOWED = 80


def measure(quick: bool) -> list[dict]:
    sizes = (300, 30_000) if quick else (5_000, 1_000_000)
    return [row for b in workers.backends(quick) for row in workers.ask(__name__, b, *sizes)]


def resident() -> float:
    """Return the memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def row(case: str, seen: list[float]) -> dict:
    grown = seen[-1] - seen[len(seen) // 5]
    return {
        "case": case,
        "measured": f"{seen[0]:.0f} MB before, {seen[len(seen) // 5]:.0f} MB after a fifth, "
        f"{seen[-1]:.0f} MB at the end",
        "wanted": f"less than {ALLOWED} MB more after the first fifth",
        "passed": grown < ALLOWED,
    }


def worker(steps: int, rows: int) -> list[dict]:
    import keras

    case = workers.cases()["VBTA"]
    (x,) = case.data
    model = case.make()
    model.compile()
    seen = [resident()]

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch % 50 == 49:
                seen.append(resident())

    # Two steps per epoch, as in a long training with many epochs.
    model.fit(x, epochs=steps // 2, callbacks=[Watch()], **case.fit)
    found = [row(f"{steps:,} steps of `fit`", seen)]
    block = np.tile(x["source"], (rows // 10 // 40, 1, 1, 1))
    for verb in ("translate", "encode"):
        seen = [resident()]
        for _ in range(10):
            getattr(model, verb)(block)
            seen.append(resident())
        found.append(row(f"{10 * len(block):,} rows through `{verb}`, in ten calls", seen))
    return found


if __name__ == "__main__":
    workers.report(worker(int(sys.argv[1]), int(sys.argv[2])))
