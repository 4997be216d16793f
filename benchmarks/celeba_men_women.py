"""VBTA between faces of men and women (section 6.2 of its paper), in numbers.

    python -m benchmarks.celeba_men_women run --runs runs/celeba --configurations ours paper
    python -m benchmarks.celeba_men_women tables --runs runs/celeba

The paper shows only pictures. `run` runs the application for each configuration and seed, in its
own folder in `--runs`. It skips finished runs and resumes interrupted ones. `tables` averages the
`metrics.json` of all finished runs over seeds and writes `results/celeba_men_women.json`. Other
options are passed to the application: `--epochs 40`, `--classifier inception`.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks import results
from benchmarks.bridging import mean
from keras_latent.src.cli import cli

CONFIGURATIONS = {"paper": "paper", "ours": "small"}
NAME = "celeba_men_women"


def run(arguments: argparse.Namespace, rest: list[str]) -> None:
    """Run what is not finished yet."""
    for seed in arguments.seeds:
        for configuration in arguments.configurations:
            name = f"{arguments.dataset}-{configuration}-{seed}"
            print(f"=== {name}", flush=True)
            options = ["--preset", CONFIGURATIONS[configuration], "--seed", str(seed)]
            options += ["--dataset", arguments.dataset, "--out", str(arguments.runs / name)]
            status = cli.main(["run", "celeba-men-women", *options, *rest])
            if status:
                raise SystemExit(status)


def rows_of(metrics: dict) -> Iterator[dict]:
    """Return the rows of all measurements of a run."""
    configuration, figures = metrics["configuration"], metrics["figures"]
    preset = configuration["preset"]
    names = {preset: name for name, preset in CONFIGURATIONS.items()}
    common = {
        "dataset": configuration["dataset"],
        "epochs": configuration["epochs"],
        "classifier": configuration["classifier"],
        "backend": configuration["backend"],
    }

    def row(metric, value, split, **setting):
        return {
            "configuration": names.get(preset, "ours"),
            # The path of a preset directory is specific to this machine.
            "setting": {"split": split, **setting, "preset": Path(preset).name} | common,
            "metric": metric,
            "value": value,
            "wall_seconds": None if metrics.get("resumed") else metrics["wall_seconds"],
        }

    for split in ("validation", "test"):
        found = figures[split]
        for translated, moved in ((found, False), (found["moved"], True)):
            for direction, value in translated["target_gender_accuracy"].items():
                domain = direction.split("_")[0]
                strength = {"strength": figures["strength"][domain]} if moved else {}
                setting = {"direction": direction} | strength
                yield row("target_gender_accuracy", value, split, **setting)
                for other, agreement in translated["attribute_agreement"][direction].items():
                    if not (moved and other == "chance"):
                        yield row(
                            "attribute_agreement", agreement, split, **setting, with_the=other
                        )
                if moved:
                    spread = translated["spread"][domain]["translation"]
                    yield row("spread", spread, split, **setting)
        for metric, key in (
            ("gender_accuracy", "of"),
            ("reconstruction_error", "model"),
            ("spread", "of"),
        ):
            for domain, values in found[metric].items():
                for name, value in values.items():
                    yield row(metric, value, split, domain=domain, **{key: name})


def tables(arguments: argparse.Namespace) -> Path:
    """Write the file from all finished runs."""
    found: dict[str, list[dict]] = {}
    for path in sorted(arguments.runs.glob("*/metrics.json")):
        for row in rows_of(json.loads(path.read_text())):
            key = json.dumps([row["configuration"], row["setting"], row["metric"]])
            found.setdefault(key, []).append(row)
    rows = [mean(same) for same in found.values()]
    order = list(CONFIGURATIONS)
    rows.sort(key=lambda row: (row["setting"]["split"], order.index(row["configuration"])))
    return results.write(NAME, "benchmarks.celeba_men_women", rows, measured_here=False)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("run", "tables"))
    parser.add_argument("--runs", type=Path, default=Path("runs/celeba"))
    parser.add_argument("--dataset", choices=("celeb_a", "celeb_a_64"), default="celeb_a_64")
    parser.add_argument("--configurations", nargs="+", choices=CONFIGURATIONS, default=["ours"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments, rest = parser.parse_known_args()
    if arguments.action == "run":
        run(arguments, rest)
    else:
        print(tables(arguments))


if __name__ == "__main__":
    main()
