"""Table 2 of the LSTNet paper, and the first steps at the paper's size.

    keras-latent run mnist-usps --preset small --epochs 25 --out runs/small
    python -m benchmarks.lstnet table2 runs/small runs/paper ...
    python -m benchmarks.lstnet first-steps --mixed-precision mixed_bfloat16

`table2` reads the `metrics.json` of finished runs and writes `results/lstnet_table2.json`.
`first-steps` trains `lstnet_mnist_usps` for 50 steps and writes `results/lstnet_first_steps.json`,
to try the full size without a GPU.
"""

import argparse
import json
import time
from pathlib import Path

import keras

from benchmarks import results
from keras_latent import datasets, models
from keras_latent.src.applications.settings import USPS_PRESETS, training_of

#: Directions of translation, and the data set of the test images and that of the labels by which
#: the classifier was trained.
DIRECTIONS = {"target_to_source": ("USPS", "MNIST"), "source_to_target": ("MNIST", "USPS")}


def rows_of(metrics: dict) -> list[dict]:
    """Return the table's rows from a run's `metrics.json`."""
    configuration, figures = metrics["configuration"], metrics["figures"]
    preset = configuration["preset"]
    return [
        {
            "configuration": "paper" if preset == "paper" else "ours",
            "setting": {
                "direction": direction,
                "test_images": test_images,
                "labels": labels,
                "preset": preset,
                "epochs": configuration["epochs"],
                "learning_rate": configuration["learning_rate"],
                "ema_momentum": training_of(preset, USPS_PRESETS).ema_momentum,
                "precision": configuration["mixed_precision"],
                "backend": configuration["backend"],
            },
            "metric": "accuracy",
            "value": figures["transfer_accuracy"][direction],
            "seeds": 1,
            "date": metrics["date"],
            "wall_seconds": None if metrics.get("resumed") else metrics["wall_seconds"],
            "environment": metrics["environment"],
            "classifier_accuracy": figures["classifier_accuracy"][to],
            "chosen_epoch": figures["chosen_epoch"][direction],
            # Between selection criterion and test accuracy, over epochs.
            "rank_correlation": figures["rank_correlation"].get(f"{to}_information"),
        }
        for direction, (test_images, labels) in DIRECTIONS.items()
        for to in [direction.split("_")[-1]]
    ]


def table2(arguments: argparse.Namespace) -> Path:
    """Write the rows that the paper prints and those of the given runs."""
    rows = results.printed("lstnet_table2")
    for run in arguments.runs:
        rows += rows_of(json.loads((run / "metrics.json").read_text()))
    return results.write("lstnet_table2", "benchmarks.lstnet", rows, measured_here=False)


def first_steps(arguments: argparse.Namespace) -> Path:
    """Train the paper's configuration for `--steps`; record losses and seconds."""
    keras.config.set_dtype_policy(arguments.mixed_precision)
    keras.utils.set_random_seed(0)
    pair = datasets.load_pair(
        "mnist_usps", batch_size=64, augment=True, data_dir=arguments.data_dir
    )
    model = models.LSTNet.from_preset("lstnet_mnist_usps", load_weights=False, seed=0)
    model.compile()
    rows, start = [], time.perf_counter()
    batches = iter(pair.train)
    for step in range(1, arguments.steps + 1):
        model.reset_metrics()
        logs = model.train_on_batch(next(batches), return_dict=True)
        if step == 1 or step % 10 == 0:
            setting = {"step": step, "backend": keras.backend.backend()}
            setting["precision"] = arguments.mixed_precision
            logs = {name: round(float(value), 4) for name, value in logs.items()}
            seconds = round(time.perf_counter() - start, 1)
            rows.append({"configuration": "paper", "setting": setting, **logs, "seconds": seconds})
            print(rows[-1], flush=True)
    return results.write("lstnet_first_steps", "benchmarks.lstnet", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    table = commands.add_parser("table2")
    table.add_argument("runs", nargs="+", type=Path, help="folders of finished runs")
    first = commands.add_parser("first-steps")
    first.add_argument("--steps", type=int, default=50)
    first.add_argument("--mixed-precision", default="float32")
    first.add_argument("--data-dir")
    arguments = parser.parse_args()
    print({"table2": table2, "first-steps": first_steps}[arguments.command](arguments))


if __name__ == "__main__":
    main()
