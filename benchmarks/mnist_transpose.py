"""The application's figures on MNIST, from the `metrics.json` of finished runs.

    keras-latent run mnist-transpose --preset sharp --out runs/sharp
    python -m benchmarks.mnist_transpose runs/sharp runs/paper ...

Writes `results/mnist_transpose.json` and the table of README.md that is rendered from it.
"""

import argparse
import json
import re
from pathlib import Path

from benchmarks import results

README = Path(__file__).parents[1] / "README.md"
MARKS = ("<!-- mnist_transpose: rendered by benchmarks/mnist_transpose.py -->", "<!-- end -->")
CONFIGURATIONS = {"paper": "paper", "sharp": "ours"}


def rows_of(metrics: dict) -> list[dict]:
    """Rows of the result file from one run's `metrics.json`."""
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


def render(rows: list[dict]) -> str:
    """The rows as a Markdown table, a line for each run."""
    lines = [
        "| configuration | backend | epochs | y to x | x to y | reconstructions | real images "
        "| wall time |",
        "|---|---|---|---|---|---|---|---|",
    ]
    runs = {}
    for row in rows:
        key = (row["configuration"], row["setting"]["backend"], row["setting"]["epochs"])
        runs.setdefault(key, {})[row["setting"]["direction"]] = row
    for (configuration, backend, epochs), run in runs.items():
        row = run["target_to_source"]
        figures = [
            run["target_to_source"]["value"],
            run["source_to_target"]["value"],
            row["reconstruction_accuracy"],
            row["classifier_accuracy"],
        ]
        seconds = row["wall_seconds"]
        lines.append(
            f"| {configuration} | {backend} | {epochs} | "
            + " | ".join(f"{100 * figure:.2f} %" for figure in figures)
            + (" | |" if seconds is None else f" | {seconds / 60:.1f} min |")
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of finished runs")
    runs = parser.parse_args().runs
    rows = [row for run in runs for row in rows_of(json.loads((run / "metrics.json").read_text()))]
    path = results.write("mnist_transpose", "benchmarks.mnist_transpose", rows, measured_here=False)
    text = README.read_text()
    block = f"{MARKS[0]}\n{render(rows)}\n{MARKS[1]}"
    README.write_text(
        re.sub(rf"{MARKS[0]}.*?{MARKS[1]}", lambda _: block, text, count=1, flags=re.S)
    )
    print(path)


if __name__ == "__main__":
    main()
