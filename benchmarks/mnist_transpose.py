"""Results of the application on MNIST, from the `metrics.json` of finished runs.

    keras-latent run mnist-transpose --preset sharp --out runs/sharp
    python -m benchmarks.mnist_transpose runs/sharp runs/paper ...

Writes `results/mnist_transpose.json`, which compares the same training on several backends.
"""

import argparse
import json
from pathlib import Path

from benchmarks import results

CONFIGURATIONS = {"paper": "paper", "sharp": "ours"}


def rows_of(metrics: dict) -> list[dict]:
    """Return the rows of a run from its `metrics.json`."""
    configuration, figures = metrics["configuration"], metrics["figures"]
    common = {
        "configuration": CONFIGURATIONS[configuration["preset"]],
        "metric": "accuracy",
        "seeds": 1,
        "date": metrics["date"],
        "wall_seconds": None if metrics.get("resumed") else metrics["wall_seconds"],
        "environment": metrics["environment"],
        "classifier_accuracy": figures["classifier_accuracy"],
        "reconstruction_accuracy": figures["reconstruction_accuracy"],
    }
    return [
        {
            **common,
            "setting": {
                "backend": configuration["backend"],
                "paired": configuration["paired"],
                "epochs": configuration["epochs"],
                "direction": direction,
            },
            "value": value,
        }
        for direction, value in figures["transfer_accuracy"].items()
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of finished runs")
    runs = parser.parse_args().runs
    rows = [row for run in runs for row in rows_of(json.loads((run / "metrics.json").read_text()))]
    print(results.write("mnist_transpose", "benchmarks.mnist_transpose", rows, measured_here=False))


if __name__ == "__main__":
    main()
