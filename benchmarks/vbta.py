"""Tables 1 and 2 of the VBTA paper, and an ablation of our configuration.

    python -m benchmarks.vbta table1 [--configurations paper ours ...] [--paired 0 10 ...]
    python -m benchmarks.vbta linear
    python -m benchmarks.vbta ablation
    python -m benchmarks.vbta table2

Runs are stored in `--runs`. If interrupted, run the command again to resume. Result files include
every finished run in that folder that belongs to the table.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks import results
from benchmarks.vbta_likelihood import SPLITS, table2
from keras_latent import datasets, models
from keras_latent.src.applications.digits.mnist_transpose import evaluation_classifier
from keras_latent.src.applications.running.evaluation import accuracy, floats
from keras_latent.src.cli import cli

PAIRED = ("0", "10", "100", "1000", "all")
# Ten of the 50 rows of a batch are known pairs. With random batches, one of 10 pairs would occur
# once in 5,000 rows, too rarely for the gain from 0 to 10 pairs in table 1.
PAIRED_PER_BATCH = 10
CONFIGURATIONS = {
    "paper": ["--preset", "paper"],
    "ours": ["--preset", "sharp"],
    # Additional pairs are found by geometry, without labels.
    "ours, matched": ["--preset", "sharp", "--match"],
    # The same, but no image occurs in both domains, so there are no unknown pairs to find.
    "ours, matched, disjoint": ["--preset", "sharp", "--match", "--disjoint"],
}
#: A linear map instead of VBTA, fitted to the same pairs, by whether the domains are disjoint.
LINEAR = {"matching + linear map": False, "matching + linear map, disjoint": True}
#: Steps between `paper` and `ours`, as arguments of `VBTA`. `ours` is the second one with
#: cross-reconstruction. Table 1 has both ends.
STEPS = {
    "paper + variance 0.05": {"observation_variance": 0.05},
    "paper + variance 0.05 + gamma 10": {"observation_variance": 0.05, "gamma": 10.0},
}


def run(configuration: str, options: list[str], paired: str, seed: int, arguments) -> None:
    """Run `keras-latent run mnist-transpose` once, unless the run is finished."""
    name = f"{arguments.table}-{arguments.dataset}-{configuration}-{paired}-{seed}"
    out = arguments.runs / name.replace(" ", "_")
    per_batch = []
    if paired not in ("0", "all") and "--match" not in options:
        per_batch = ["--paired-per-batch", str(min(PAIRED_PER_BATCH, int(paired)))]
    command = ["run", "mnist-transpose", *options, "--paired", paired, *per_batch]
    command += ["--dataset", arguments.dataset, "--seed", str(seed), "--verbose", "2"]
    command += ["--epochs", str(epochs_of(arguments.epochs, bool(per_batch)))]
    print(f"{configuration}, {paired} pairs, seed {seed}:", flush=True)
    if cli.main([*command, "--out", str(out)]):
        raise SystemExit(f"{out} failed")
    (out / "row.json").write_text(json.dumps({"configuration": configuration, "paired": paired}))


def epochs_of(epochs: int, oversampled: bool) -> int:
    """Adapt the number of epochs: with 10 known pairs per batch, an epoch is a quarter longer."""
    return max(1, round(epochs * (50 - PAIRED_PER_BATCH) / 50)) if oversampled else epochs


def collect(arguments) -> list[dict]:
    """Return the rows of all finished runs of this table, averaged over seeds."""
    runs = {}
    for path in sorted(arguments.runs.glob(f"{arguments.table}-{arguments.dataset}-*/row.json")):
        metrics = json.loads((path.parent / "metrics.json").read_text())
        setting = metrics["configuration"]
        row = json.loads(path.read_text())
        key = (row["configuration"], row["paired"], setting["epochs"], setting["backend"])
        runs.setdefault(key, []).append(metrics)
    rows = []
    for (configuration, paired, epochs, backend), found in runs.items():
        for direction in ("target_to_source", "source_to_target"):
            values = [m["figures"]["transfer_accuracy"][direction] for m in found]
            whole = [m["wall_seconds"] for m in found if not m["resumed"]]
            rows.append(
                {
                    "configuration": configuration,
                    "setting": {
                        "paired": paired if paired == "all" else int(paired),
                        "direction": direction,
                        "epochs": epochs,
                        "backend": backend,
                        "paired_per_batch": found[0]["configuration"]["paired_per_batch"],
                    },
                    "metric": "accuracy",
                    "value": float(np.mean(values)),
                    "std": float(np.std(values, ddof=1)) if len(values) > 1 else None,
                    "seeds": len(values),
                    "wall_seconds": float(np.mean(whole)) if whole else None,
                    "classifier_accuracy": found[0]["figures"]["classifier_accuracy"],
                    "date": found[0]["date"],
                    "environment": found[0]["environment"],
                }
            )
    order = [*CONFIGURATIONS, *STEPS]
    return sorted(
        rows,
        key=lambda row: (
            order.index(row["configuration"]),
            PAIRED.index(str(row["setting"]["paired"])),
        ),
    )


def table1(arguments) -> None:
    """Measure transfer accuracy against the number of known pairs."""
    for seed in arguments.seeds:
        for configuration in arguments.configurations:
            for paired in arguments.paired:
                if paired != "all" or "matched" not in configuration:  # no rows left to match
                    run(configuration, CONFIGURATIONS[configuration], paired, seed, arguments)
    write("vbta_table1", arguments, collect(arguments), arguments.configurations)


def linear(arguments) -> None:
    """Measure what the matched pairs alone are worth: ridge regression from target to source."""
    from sklearn.linear_model import RidgeCV

    rows = []
    for configuration, disjoint in LINEAR.items():
        pair = datasets.load_pair(
            f"{arguments.dataset}_transpose",
            paired=0,
            matched=True,
            disjoint=disjoint,
            split=SPLITS[arguments.dataset],
            format="numpy",
        )
        source, target = pair.known_pairs.T
        x, y, test = (
            floats(images).reshape(len(images), -1)
            for images in (pair.source_train[source], pair.target_train[target], pair.target_test)
        )
        fitted = RidgeCV(np.logspace(-1, 3, 5)).fit(y, x)  # alpha by leaving one pair out
        translated = fitted.predict(test).reshape(pair.source_test.shape).astype("float32")
        classifier = evaluation_classifier(arguments.dataset)
        value = accuracy(classifier, pair.source_test_labels, translated)
        row = {"direction": "target_to_source", "paired": 0}
        rows.append({"configuration": configuration, "setting": row, "metric": "accuracy"})
        rows[-1] |= {"value": value, "std": None, "seeds": 1, "pairs": len(pair.known_pairs)}
        print(rows[-1], flush=True)
    write("vbta_table1", arguments, rows, LINEAR)


def ablation(arguments) -> None:
    """Measure the steps from `paper` to `ours`, with 100 known pairs."""
    for name, changes in STEPS.items():
        preset = arguments.runs / "presets" / f"{arguments.dataset} {name}".replace(" ", "_")
        if not preset.exists():
            model = models.VBTA.from_preset(arguments.preset[1], load_weights=False, **changes)
            model.save_to_preset(preset)
        for seed in arguments.seeds:
            run(name, ["--preset", str(preset)], "100", seed, arguments)
    write("vbta_ablation", arguments, collect(arguments), STEPS)


def write(name: str, arguments, rows: list[dict], configurations: Iterable[str]) -> None:
    """Write the rows of configurations; other data sets have separate files."""
    name += "" if arguments.dataset == "mnist" else f"_{arguments.dataset}"
    measured = [row for row in rows if row["configuration"] in configurations]
    path = results.write(
        name,
        "benchmarks.vbta",
        measured,
        measured_here=False,
        replaces=lambda row: row["configuration"] in configurations,
    )
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=("table1", "linear", "ablation", "table2"))
    parser.add_argument(
        "--configurations", nargs="+", choices=CONFIGURATIONS, default=CONFIGURATIONS
    )
    parser.add_argument("--paired", nargs="+", choices=PAIRED, default=PAIRED)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--epochs", type=int, default=100, help="of 50,000 rows (paper: 100)")
    parser.add_argument("--dataset", choices=("mnist", "digits"), default="mnist")
    parser.add_argument("--runs", type=Path, default=Path("runs/vbta"))
    likelihood = parser.add_argument_group("table2")
    likelihood.add_argument("--binarise", choices=("threshold", "draw"), default="threshold")
    likelihood.add_argument("--samples", type=int, default=5000, help="importance samples per row")
    likelihood.add_argument("--rows", type=int, help="test rows (default: all)")
    arguments = parser.parse_args()
    family = arguments.dataset
    arguments.preset = (f"vae_{family}", f"vbta_{family}_transpose")
    commands = {"table1": table1, "linear": linear, "ablation": ablation, "table2": table2}
    commands[arguments.table](arguments)


if __name__ == "__main__":
    main()
