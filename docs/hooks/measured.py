"""Figures and tables of the site: all of them come from `benchmarks/results/*.json`."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import paper_tables, results, tables  # noqa: E402

NOT_YET = "*not run yet*"
# Metrics that are shares of rows, and read best in percent.
SHARES = (
    "accuracy",
    "nearest_neighbor_accuracy",
    "recognised",
    "target_gender_accuracy",
    "triplet_accuracy",
)


def read(name: str) -> dict | None:
    """A result file; `None` if its benchmark has not been run yet."""
    path = results.RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def matches(row: dict, wanted: dict[str, str]) -> bool:
    found = {**row, **row.get("setting", {})}
    return all(str(found.get(key)) == value for key, value in wanted.items())


def figure(argument: str) -> str:
    """One value: `NAME key=value ...` of the row in which all of these hold.

    Where several do that differ in the length of training, the longest counts; with `pick=best`,
    of these the largest value.
    """
    name, *pairs = argument.split(";")
    wanted = dict(pair.strip().split("=", 1) for pair in pairs)
    pick = wanted.pop("pick", None)
    result = read(name.strip())
    if result is None:
        return NOT_YET
    rows = [row for row in result["rows"] if matches(row, wanted)]
    if not rows:
        raise ValueError(f"No row of {name}.json has {wanted}.")
    length = max(_length(row) for row in rows)
    rows = [row for row in rows if _length(row) == length]
    if pick == "best":
        rows = [max(rows, key=lambda row: row["value"])]
    if len(rows) > 1:
        raise ValueError(f"{len(rows)} rows of {name}.json have {wanted}.")
    (row,) = rows
    if row["metric"] in SHARES:
        return f"{100 * row['value']:.2f}\u00a0%"
    return tables.number(row["value"])


def _length(row: dict) -> int:
    setting = row["setting"]
    return setting.get("steps") or setting.get("epochs") or 0


def command(name: str) -> str:
    """What made a result file, when, on what; nothing before it is there."""
    result = read(name)
    if result is None:
        return ""
    backends = sorted({row["setting"]["backend"] for row in result["rows"] if _backend(row)})
    of = f", {', '.join(backends)}" if backends else ""
    return (
        f"`benchmarks/results/{name}.json`: `{result['command']}`, {result['date']}, "
        f"{result['environment']['hardware']}{of}."
    )


def _backend(row: dict) -> str | None:
    return row.get("setting", {}).get("backend")


def table(name: str) -> str:
    """A table of `benchmarks/paper_tables.py` by its name, or all rows of a result file."""
    if name in paper_tables.PAPER_TABLES:
        names, rendered = paper_tables.PAPER_TABLES[name]
        missing = [n for n in names if read(n) is None]
        if missing:
            return not_yet(*missing)
        return rendered()
    result = read(name)
    return not_yet(name) if result is None else tables.table(result["rows"])


def not_yet(*names: str) -> str:
    """What stands in the place of a table whose result files are not there."""
    return "\n\n".join(f"`benchmarks/results/{name}.json`: {NOT_YET}." for name in names)


def all_tables() -> str:
    """The page `benchmarks/TABLES.md` without its title."""
    return tables.render().removeprefix("# Results\n").strip()
