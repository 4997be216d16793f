"""Measures what happens when things go wrong.

    python -m benchmarks.reliability [--quick] [--only PART ...]

Prints a line per case. Without `--quick`, each part is stored in `results/reliability.json` as
soon as it has finished, in place of its earlier rows. The exit status is 1 if a case has failed.
"""

import argparse
import importlib
import importlib.util
import sys
import time
import traceback

from benchmarks import results

#: A module each, with a function `measure(quick: bool) -> list[dict]`. A row has a `case`, what was
#: `measured` and `wanted`, and whether it `passed`; `None` if nothing is wanted.
PARTS = (
    "kills",
    "disk",
    "fuzz",
    "files",
    "devices",
    "processes",
    "long_runs",
    "threads",
    "determinism",
    "half_precision",
)
MARKS = {True: "ok", False: "FAILED", None: ""}


def known_parts() -> list[str]:
    """Return the parts that have a module."""
    return [part for part in PARTS if importlib.util.find_spec(f"benchmarks.reliability.{part}")]


def measured(part: str, quick: bool) -> list[dict]:
    """Run a part and return its rows, and one with its time. An exception is a failed row."""
    start = time.perf_counter()
    try:
        module = importlib.import_module(f"benchmarks.reliability.{part}")
        rows = module.measure(quick)
    except Exception as error:
        traceback.print_exc()
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        rows = [{"case": "the measurement itself", "measured": said, "passed": False}]
    seconds = round(time.perf_counter() - start, 1)
    rows = [*rows, {"case": "seconds of this part", "measured": seconds}]
    empty = {"case": "", "measured": "", "wanted": "", "passed": None}
    return [{"setting": {"part": part}} | empty | row for row in rows]


def show(row: dict) -> None:
    wanted = f" (wanted: {row['wanted']})" if row["wanted"] else ""
    mark, part = MARKS[row["passed"]], row["setting"]["part"]
    print(f"{mark:7} {part}: {row['case']}: {row['measured']}{wanted}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability")
    parser.add_argument("--quick", action="store_true", help="a few cases; nothing is stored")
    parser.add_argument("--only", nargs="+", choices=known_parts(), default=known_parts())
    arguments = parser.parse_args()
    sys.argv[1:] = []  # the stored command is the one that measures all parts
    failed = 0
    for part in arguments.only:
        rows = measured(part, arguments.quick)
        for row in rows:
            show(row)
        failed += sum(row["passed"] is not None and not row["passed"] for row in rows)
        if not arguments.quick:
            results.write(
                "reliability",
                "benchmarks.reliability",
                rows,
                replaces=lambda row, part=part: row["setting"]["part"] == part,
            )
    print(f"{failed} cases failed." if failed else "No case failed.")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
