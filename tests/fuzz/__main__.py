"""Calls every entry point with one wrong argument at a time, and sorts what happens.

    python tests/fuzz                                   # every case
    python tests/fuzz --only VBTA ops. --sample 300 --seed 1

Wanted: an error that names the argument. Everything else is a defect:

- `raw`: an error of a framework, or one that does not say which argument is wrong;
- `accepted`: no error at all;
- `hang`: no answer in 60 seconds;
- `broken`: a valid call fails.
"""

import argparse
import collections
import random
import sys
import time

from cases import Case, cases, entries, run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="entry points whose names have this")
    parser.add_argument("--area", nargs="+", default=["*"], help="of `entries_AREA.py`")
    parser.add_argument("--sample", type=int, help="a random choice of so many cases")
    parser.add_argument("--seed", type=int, default=0, help="of the choice")
    parser.add_argument("--width", type=int, default=150, help="characters of an error to print")
    args = parser.parse_args()
    found = entries(args.area)
    if args.only:
        found = [e for e in found if any(part in e.name for part in args.only)]
    chosen = cases(found)
    if args.sample is not None:
        chosen = random.Random(args.seed).sample(chosen, min(args.sample, len(chosen)))
    count: collections.Counter[str] = collections.Counter()
    used = {case.entry.name: case.entry for case in chosen}
    for case in [Case(e) for e in used.values()] + chosen:
        start = time.perf_counter()
        outcome = run(case)
        count[outcome.kind] += bool(case.argument) or outcome.kind == "broken"
        if outcome.kind != "clear":
            details = outcome.details if outcome.kind == "broken" else outcome.details[: args.width]
            print(f"{outcome.kind:8s} {case} {details}", flush=True)
        elif (seconds := time.perf_counter() - start) > 2.0:
            print(f"slow     {case}: {seconds:.1f} s", flush=True)
    print(f"{len(found)} entry points, {len(chosen)} cases: {dict(count)}")
    return int(any(count[kind] for kind in ("raw", "accepted", "hang", "broken")))


if __name__ == "__main__":
    sys.exit(main())
