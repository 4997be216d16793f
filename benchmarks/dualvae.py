"""Table 1 and figure 6 of the DualVAE paper: CIS, also with missing labels.

    python -m benchmarks.dualvae tune --runs runs/dualvae
    python -m benchmarks.dualvae run --runs runs/dualvae --seeds 0 1 2
    python -m benchmarks.dualvae tables --runs runs/dualvae

`tune` trains each method with two learning rates, with 40 attributes and seed 0. `run` trains
all other rows with the rate whose CIS on validation faces is best. Each run of the application
`celeba-attributes` has its own folder in `--runs`. Finished runs are skipped, interrupted ones
resumed. All methods have the same number of epochs. `tables` averages the `metrics.json` of all
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

#: Options of `celeba-attributes`. The paper's objective has none of our extensions.
METHODS = {
    "paper": ["--method", "dualvae", "--consistency", "0", "--input-noise", "0", "--no-bias"],
    "ours": ["--method", "dualvae"],
    "cvae": ["--method", "cvae"],
    "fader": ["--method", "fader"],
}
RATES = (1e-3, 2e-3)
MISSING = (0.9, 0.5, 0.99)
EPOCHS = 10


def job(
    dataset: str, method: str, rate: float, domains: int = 40, missing: float = 0.0, seed: int = 0
) -> tuple[str, list[str]]:
    """Return the name and options of a run. `METHOD-filled`: with `--fill-missing`."""
    name = f"{dataset}-{method}-{domains}-{missing:g}-{seed}-{rate:g}"
    options = [*METHODS[method.removesuffix("-filled")], "--dataset", dataset]
    options += ["--domains", str(domains), "--missing", f"{missing:g}", "--seed", str(seed)]
    options += ["--learning-rate", f"{rate:g}", "--epochs", str(EPOCHS)]
    return name, options + ["--fill-missing"] * method.endswith("-filled")


def jobs(
    seeds: Sequence[int], dataset: str, rates: dict[str, float]
) -> Iterator[tuple[str, list[str]]]:
    """Yield the runs of the tables, the most important first."""
    for seed in seeds:
        for domains in (40, 20):
            for method in METHODS:
                yield job(dataset, method, rates[method], domains, seed=seed)
        for missing in MISSING:
            for method in ("ours", "ours-filled", "paper"):
                rate = rates[method.removesuffix("-filled")]
                yield job(dataset, method, rate, missing=missing, seed=seed)


def method_of(configuration: dict) -> str:
    """Return which of `METHODS` a run is of."""
    if configuration["method"] != "dualvae":
        return configuration["method"]
    extended = configuration["consistency"] or configuration["input_noise"]
    return "ours" if extended or not configuration["no_bias"] else "paper"


def on_validation(metrics: dict) -> float:
    """Return the CIS of the best kind of transfer, at its best strength, on validation faces."""
    found = metrics["figures"]["transfers"].values()
    return max(kind["best_on_validation"]["cis"] for kind in found)


def best_rates(finished: Sequence[dict]) -> dict[str, float]:
    """Return the learning rate of each method that is best on validation faces."""
    best: dict[str, tuple[float, float]] = {}
    for metrics in finished:
        configuration = metrics["configuration"]
        if [configuration[k] for k in ("domains", "missing", "seed")] == [40, 0, 0]:
            tried = on_validation(metrics), configuration["learning_rate"]
            method = method_of(configuration)
            best[method] = max(best.get(method, tried), tried)
    return {method: rate for method, (_, rate) in best.items()}


def finished_in(folder: Path, pattern: str = "*") -> list[dict]:
    """Return the metrics of the finished runs."""
    return [json.loads(p.read_text()) for p in sorted(folder.glob(f"{pattern}/metrics.json"))]


def run(arguments: argparse.Namespace, rest: list[str]) -> None:
    """Run what is not finished yet."""
    tuning = [job(arguments.dataset, m, rate) for rate in RATES for m in METHODS]
    wanted = tuning
    if arguments.action == "run":
        missing = [n for n, _ in tuning if not (arguments.runs / n / "metrics.json").exists()]
        if missing:
            raise SystemExit(f"Run `tune` first. Not finished: {', '.join(missing)}")
        rates = best_rates([m for n, _ in tuning for m in finished_in(arguments.runs, n)])
        wanted = list(jobs(arguments.seeds, arguments.dataset, rates))
    for name, options in wanted:
        if arguments.only in name:
            print(f"=== {name}", flush=True)
            out = ["--out", str(arguments.runs / name)]
            status = cli.main(["run", "celeba-attributes", *options, *out, *rest])
            if status:
                raise SystemExit(status)


SHOWN = ("domains", "missing", "dataset", "classifier", "preset", "epochs", "learning_rate")


def rows_of(metrics: dict) -> Iterator[dict]:
    """Yield the rows of a run."""
    configuration, figures = metrics["configuration"], metrics["figures"]
    method = method_of(configuration)
    common = {"method": configuration["method"]} | {k: configuration[k] for k in SHOWN}
    common |= {"filled": configuration["fill_missing"], "backend": configuration["backend"]}
    # The time of a resumed run does not cover its whole training.
    seconds = None if metrics.get("resumed") else metrics["wall_seconds"]
    for kind, found in figures["transfers"].items():
        whose = method if method in ("paper", "ours") else f"peer:{method}"
        if method == "paper" and kind != "dual":  # eq. 3 has no other direction
            whose = "paper's objective, our directions"
        best, counts = found["best_on_validation"], figures["images"]
        setting = common | {"transfer": kind, "strength": best["strength"]}
        for images, scores in ((counts["draw"], "test_draws"), (counts["test"], "test")):
            for metric in ("cis", "ts", "rs"):
                value = found[scores][metric]
                drawn = isinstance(value, dict)
                yield {
                    "configuration": whose,
                    "setting": setting | {"images": images, "of_draws": drawn},
                    "metric": metric,
                    "value": value["mean"] if drawn else value,
                    # Over the sets of one model, or over models if there are several.
                    "std": value["std"] if drawn else None,
                    "validation_cis": best["cis"],
                    "best_is_last": found["best_is_last"],
                    "wall_seconds": seconds,
                }


def tables(arguments: argparse.Namespace) -> None:
    """Write both files from all finished runs with the best learning rates."""
    finished = finished_in(arguments.runs)
    rates = best_rates(finished)
    groups: dict[str, list[dict]] = {}
    for metrics in finished:
        configuration = metrics["configuration"]
        rate = configuration["learning_rate"]
        if rates.get(method_of(configuration), rate) != rate:
            continue
        for row in rows_of(metrics):
            # The strength is selected per seed, on validation faces.
            setting = {k: v for k, v in row["setting"].items() if k != "strength"}
            key = json.dumps([row["configuration"], setting, row["metric"]])
            groups.setdefault(key, []).append(row)
    rows = [_averaged(group) for group in groups.values()]
    _mark_chosen(rows)
    table1 = [row for row in rows if not row["setting"]["missing"]]
    most = max((row["setting"]["domains"] for row in rows), default=0)
    sparsity = [row for row in rows if row["setting"]["domains"] == most]
    sparsity = [row for row in sparsity if row["setting"]["method"] == "dualvae"]
    table1 += results.printed("dualvae_table1")
    for name, found in (("dualvae_table1", table1), ("dualvae_sparsity", sparsity)):
        print(results.write(name, "benchmarks.dualvae", found, measured_here=False))


def _mark_chosen(rows: list[dict]) -> None:
    """Say of each row whether its kind of transfer is the best of its model on validation faces."""
    best: dict[tuple, float] = {}

    def model(row: dict) -> tuple:
        setting = row["setting"]
        whose = row["configuration"].removesuffix("'s objective, our directions")
        return whose, setting["domains"], setting["missing"], setting["filled"]

    for row in rows:
        best[model(row)] = max(best.get(model(row), -2.0), row["validation_cis"])
    for row in rows:
        row["setting"]["chosen"] = row["validation_cis"] == best[model(row)]


def _averaged(group: list[dict]) -> dict:
    def mean(values: list[float], digits: int) -> float | None:
        return round(statistics.fmean(values), digits) if values else None

    values = [row["value"] for row in group]
    std = statistics.stdev(values) if len(values) > 1 else group[0]["std"]
    return group[0] | {
        "value": mean(values, 5),
        "std": None if std is None else round(std, 5),
        "seeds": len(values),
        "validation_cis": mean([row["validation_cis"] for row in group], 5),
        "best_is_last": any(row["best_is_last"] for row in group),
        "wall_seconds": mean([s for row in group if (s := row["wall_seconds"])], 1),
    }


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("tune", "run", "tables"))
    parser.add_argument("--runs", type=Path, required=True, help="folder that contains the runs")
    parser.add_argument("--dataset", default="celeb_a_64")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", default="", help="part of the names of the runs to start")
    arguments, rest = parser.parse_known_args(argv)
    if arguments.action != "tables":
        run(arguments, rest)
    elif rest:
        parser.error(f"`tables` takes no {' '.join(rest)}")
    else:
        tables(arguments)


if __name__ == "__main__":
    main()
