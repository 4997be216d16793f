"""Time and peak memory of matching all men and women of CelebA by their attributes.

    python -m benchmarks.match_by_attributes --table FILE.npz

FILE.npz contains `attr`, the attributes of all faces `(N, 40)` with values 0 and 1 or -1 and 1, in
the order of `datasets.CELEBA_ATTRIBUTES`. Without it, the table is random and of CelebA's size; its
rows are all different, which is the worst case.

Writes `results/speed_match_by_attributes.json` and keeps the rows of the other kind of table.
"""

import argparse
import resource
import time

import numpy as np

from benchmarks import results
from keras_latent import datasets

MALE = datasets.CELEBA_ATTRIBUTES.index("Male")
SIZES = {"men": 84_434, "women": 118_165}  # CelebA's


def read_table(path) -> dict[str, np.ndarray]:
    """Return the attributes of men and of women."""
    if path is None:
        rng = np.random.default_rng(0)
        columns = len(datasets.CELEBA_ATTRIBUTES)
        return {who: rng.integers(0, 2, (n, columns), dtype=np.int8) for who, n in SIZES.items()}
    with np.load(path) as file:
        attributes = (file["attr"] > 0).astype(np.int8)
    male = attributes[:, MALE] == 1
    return {"men": attributes[male], "women": attributes[~male]}


def peak_mib() -> float:
    """Return the peak memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10  # in KiB on Linux


def measure(tables: dict[str, np.ndarray], of: str, among: str, rounds: int) -> dict:
    """Measure one direction: find the best match in `among` for each row of `of`."""
    before, seconds = peak_mib(), []
    for seed in range(rounds):
        start = time.perf_counter()
        best = datasets.match_by_attributes(tables[of], tables[among], exclude=("Male",), seed=seed)
        seconds.append(time.perf_counter() - start)
    equal = np.delete(tables[of] == tables[among][best], MALE, axis=1).sum(axis=1)
    return {
        "ours": round(float(np.median(seconds)), 2),
        "unit": "s",
        "peak_mib": round(peak_mib()),
        "before_mib": round(before),
        "equal_attributes": round(float(equal.mean()), 3),
        "different_partners": len(np.unique(best)),
        "rounds": rounds,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    tables = read_table(arguments.table)
    kind = "random" if arguments.table is None else "CelebA"
    sizes = {who: len(rows) for who, rows in tables.items()}
    rows = []
    for of, among in (("men", "women"), ("women", "men")):
        setting = {"table": kind, "of": of, "among": among, **sizes}
        rows.append(
            {"configuration": "peer:none", "setting": setting}
            | measure(tables, of, among, arguments.rounds)
        )
        print(rows[-1])
    path = results.write(
        "speed_match_by_attributes",
        "benchmarks.match_by_attributes",
        rows,
        replaces=lambda row: row["setting"]["table"] == kind,
    )
    print(path)


if __name__ == "__main__":
    main()
