"""Table 1 and figure 6 of the DualVAE paper: CIS, also with missing labels.

    python -m benchmarks.dualvae run --runs runs/dualvae
    python -m benchmarks.dualvae tables --runs runs/dualvae

`run` runs the application `celeba-attributes` for every row, in its own folder in `--runs`. It
skips finished runs and resumes interrupted ones. `tables` averages the `metrics.json` of all
finished runs over seeds and writes `results/dualvae_table1.json` (methods, 20 and 40 attributes)
and `results/dualvae_sparsity.json` (0, 50, 90 and 99 % of the labels missing). Other options are
passed to the application: `--preset full`, `--dataset celeb_a`.
"""

import argparse
import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import results
from keras_latent.src.cli import cli

METHODS = ("dualvae", "cvae", "fader")
MISSING = (0.0, 0.5, 0.9, 0.99)


def jobs(seeds: Sequence[int], dataset: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and options of every run, the most important first."""
    for seed in seeds:
        wanted = [("dualvae", 40, 0.0), ("cvae", 40, 0.0), ("fader", 40, 0.0)]
        wanted += [(method, 20, 0.0) for method in METHODS]
        wanted += [("dualvae", 40, missing) for missing in MISSING[:0:-1]]
        wanted += [("paper", 40, 0.0), ("paper", 20, 0.0)]
        for method, domains, missing in wanted:
            name = f"{dataset}-{method}-{domains}-{missing:g}-{seed}"
            options = ["--dataset", dataset, "--domains", str(domains)]
            options += ["--missing", str(missing), "--seed", str(seed)]
            if method == "paper":  # without our extensions of the objective
                yield (
                    name,
                    [*options, "--method", "dualvae", "--consistency", "0", "--input-noise", "0"],
                )
            else:
                yield name, [*options, "--method", method]


def run(arguments: argparse.Namespace, rest: list[str]) -> None:
    """Run what is not finished yet."""
    for name, options in jobs(arguments.seeds, arguments.dataset):
        if arguments.only in name:
            print(f"=== {name}", flush=True)
            out = ["--out", str(arguments.runs / name)]
            status = cli.main(["run", "celeba-attributes", *options, *out, *rest])
            if status:
                raise SystemExit(status)


def rows_of(metrics: dict) -> Iterator[tuple[bool, dict]]:
    """Yield the rows of a run, and whether each belongs to table 1 (not just to the figure)."""
    configuration, figures = metrics["configuration"], metrics["figures"]
    method = configuration["method"]
    common = {
        "method": method,
        "domains": configuration["domains"],
        "missing": configuration["missing"],
        "dataset": configuration["dataset"],
        "classifier": configuration["classifier"],
        "preset": configuration["preset"],
        "epochs": configuration["epochs"],
        "consistency": configuration["consistency"],
        "backend": configuration["backend"],
    }
    # The time of a resumed run does not cover its whole training.
    seconds = None if metrics.get("resumed") else metrics["wall_seconds"]
    for kind, found in figures["transfers"].items():
        # Eq. 1 to 3 are from the paper; other terms and directions are ours.
        paper = kind == "dual" and not configuration["consistency"]
        whose = f"peer:{method}" if method != "dualvae" else "paper" if paper else "ours"
        setting = common | {"transfer": kind, "strength": found["best_on_validation"]["strength"]}
        counts = figures["images"]
        for images, scores in ((counts["draw"], "test_draws"), (counts["test"], "test")):
            for metric in ("cis", "ts", "rs"):
                value = found[scores][metric]
                drawn = isinstance(value, dict)
                yield (
                    not configuration["missing"],
                    {
                        "configuration": whose,
                        "setting": setting | {"images": images, "of_draws": drawn},
                        "metric": metric,
                        "value": value["mean"] if drawn else value,
                        # Over the sets of one model, or over models if there are several.
                        "std": value["std"] if drawn else None,
                        "wall_seconds": seconds,
                    },
                )


def tables(arguments: argparse.Namespace) -> None:
    """Write both files from all finished runs."""
    found: dict[str, dict[str, list]] = {"dualvae_table1": {}, "dualvae_sparsity": {}}
    for path in sorted(arguments.runs.glob("*/metrics.json")):
        for in_table, row in rows_of(json.loads(path.read_text())):
            # The strength is selected per seed, on validation faces.
            setting = {k: v for k, v in row["setting"].items() if k != "strength"}
            key = json.dumps([row["configuration"], setting, row["metric"]])
            if in_table:
                found["dualvae_table1"].setdefault(key, []).append(row)
            if row["setting"]["method"] == "dualvae" and row["setting"]["domains"] == _most(
                arguments
            ):
                found["dualvae_sparsity"].setdefault(key, []).append(row)
    for name, groups in found.items():
        rows = [_averaged(group) for group in groups.values()]
        if name == "dualvae_table1":
            rows += results.printed(name)
        print(results.write(name, "benchmarks.dualvae", rows, measured_here=False))


def _most(arguments) -> int:
    """Return the largest number of attributes in the runs of DualVAE."""
    runs = [json.loads(p.read_text()) for p in arguments.runs.glob("*/metrics.json")]
    return max(r["configuration"]["domains"] for r in runs)


def _averaged(group: list[dict]) -> dict:
    values = [row["value"] for row in group]
    seconds = [row["wall_seconds"] for row in group if row["wall_seconds"] is not None]
    std = statistics.stdev(values) if len(values) > 1 else group[0]["std"]
    return group[0] | {
        "value": round(statistics.fmean(values), 5),
        "std": None if std is None else round(std, 5),
        "seeds": len(values),
        "wall_seconds": round(statistics.fmean(seconds), 1) if seconds else None,
    }


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("run", "tables"))
    parser.add_argument("--runs", type=Path, required=True, help="folder that contains the runs")
    parser.add_argument("--dataset", default="celeb_a_64")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", default="", help="part of the names of the runs to start")
    arguments, rest = parser.parse_known_args(argv)
    if arguments.action == "run":
        run(arguments, rest)
    elif rest:
        parser.error(f"`tables` takes no {' '.join(rest)}")
    else:
        tables(arguments)


if __name__ == "__main__":
    main()
