"""Tables 1 to 5 of the latent domain transfer paper.

    KERAS_BACKEND=tensorflow python -m benchmarks.bridging base
    KERAS_BACKEND=jax python -m benchmarks.bridging run --runs runs/bridging
    python -m benchmarks.bridging tables --runs runs/bridging

`base` trains the classifiers and base models of the images, which are cached, so that `run` only
trains bridges. On a CPU, TensorFlow trains base models fastest, and JAX bridges.

`run` runs the applications, each in its own folder in `--runs`. It skips finished runs and resumes
interrupted ones. `tables` averages the `metrics.json` of all finished runs over seeds and writes
`results/bridging_table1.json` to `bridging_table5.json`. `--only` selects runs by a part of their
name, such as `fashion-ours`, or base models, such as `mnist-1`. Other options are passed to the
applications, such as `--gan FILE.keras`.
"""

import argparse
import itertools
import json
import statistics
from collections.abc import Iterator
from pathlib import Path

from benchmarks import results
from keras_latent import datasets
from keras_latent.src.applications.bridging import image_pairs
from keras_latent.src.applications.bridging.figures import LATENTS, class_kept
from keras_latent.src.applications.running.evaluation import labelled
from keras_latent.src.applications.settings import BRIDGE_PRESETS
from keras_latent.src.cli import cli
from keras_latent.src.utils.domains import DOMAINS

LABELS = ("0", "10", "100", "1000", "10000")
VARIANTS = ("vae", "conditional")
PAIRS = ("mnist-fashion", "mnist-mnist", "mnist-spoken-digit")
TABLES = (1, 2, 3, 4, 5)
PARTS = ("train", "test")
SPEECH = "spoken digits"
#: Names of the domains of each pair in the tables.
DOMAIN_NAMES = {
    "mnist-mnist": {"source": "MNIST", "target": "MNIST (2)"},
    "mnist-fashion": {"source": "MNIST", "target": "Fashion-MNIST"},
    "mnist-spoken-digit": {"source": "MNIST", "target": SPEECH},
}


def jobs(seeds: list[int]) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and options of every run, the most important first.

    Tables 3 and 4 are of the first seed.
    """
    for seed in seeds:
        for pair in PAIRS:
            for preset in BRIDGE_PRESETS:
                yield _job(pair, preset, "all", "full", seed)
        if seed == seeds[0]:
            for part in [(n, "full") for n in LABELS] + [("all", v) for v in VARIANTS]:
                for preset in BRIDGE_PRESETS:
                    yield _job("mnist-mnist", preset, *part, seed)


def _job(pair: str, preset: str, labels: str, variant: str, seed: int) -> tuple[str, list[str]]:
    chosen = {"preset": preset, "labels": labels, "variant": variant, "seed": str(seed)}
    options = [part for name, value in chosen.items() for part in (f"--{name}", value)]
    return "-".join([pair, *chosen.values()]), [pair, *options]


def train_base_models(arguments: argparse.Namespace) -> None:
    """Train and cache the classifiers and base models of the images."""
    options = image_pairs.BaseOptions(
        None, arguments.base_epochs, arguments.base_precision, verbose=2
    )
    done = set()
    for pair, (names, seeds) in image_pairs.PAIRS.items():
        data = datasets.load_pair(pair.replace("-", "_"))
        for domain, name, seed in zip(DOMAINS, names, seeds, strict=True):
            title = f"{name}-{seed}"
            if arguments.only in title and title not in done:
                done.add(title)
                print(f"=== {title}", flush=True)
                images, labels = zip(*(labelled(data, domain, part) for part in PARTS), strict=True)
                side = image_pairs.image_side(list(images), list(labels), name, seed, options)
                side.labeller()


def run(arguments: argparse.Namespace, rest: list[str]) -> None:
    """Run what is not finished yet."""
    for name, options in jobs(arguments.seeds):
        if arguments.only in name:
            print(f"=== {name}", flush=True)
            more = rest if "spoken" in name else without_speech(rest)
            of_all = {
                "--steps": arguments.steps,
                "--base-epochs": arguments.base_epochs,
                "--base-precision": arguments.base_precision,
                "--out": arguments.runs / name,
            }
            fixed = [str(part) for option in of_all.items() for part in option]
            status = cli.main(["run", *options, *fixed, *more])
            if status:
                raise SystemExit(status)


def without_speech(options: list[str]) -> list[str]:
    """Remove the options that only the speech application accepts."""
    kept = list(options)
    for name in ("--gan", "--gan-epochs", "--per-class", "--max-draws"):
        if name in kept:
            at = kept.index(name)
            del kept[at : at + 2]
    return kept


def rows_of(metrics: dict) -> Iterator[tuple[int, dict]]:
    """Yield table number and row for each measurement of a run that belongs to the tables."""
    configuration, figures = metrics["configuration"], metrics["figures"]
    pair, variant = configuration["application"], configuration["variant"]
    labels, names = configuration["labels"], DOMAIN_NAMES[configuration["application"]]
    common = {
        "steps": figures["steps"],
        "batch": configuration["batch_size"],
        "backend": configuration["backend"],
    }

    def row(setting, value, kind, metric="accuracy"):
        return {
            "configuration": configuration["preset"],
            "setting": setting | {"latents": kind} | common,
            "metric": metric,
            "value": value,
            "wall_seconds": None if metrics.get("resumed") else metrics["wall_seconds"],
        }

    full = variant == "full" and labels == "all"
    scores = {"accuracy": class_kept(figures)}  # as the paper calls it
    for metric, name in (
        ("true label", "label_kept"),
        ("accuracy in training", "class_kept_in_training"),
    ):
        if name in figures:
            scores[metric] = figures[name]
    for kind, (metric, found) in itertools.product(LATENTS, scores.items()):
        shares = {key: values[kind] for key, values in found.items() if kind in values}
        if full:
            for key, share in shares.items():
                if "_to_" in key:
                    source, target = key.split("_to_")
                    setting = {"pair": f"{names[source]} to {names[target]}"}
                    yield 2, row(setting, share, kind, metric)
                # MNIST occurs in all three pairs; the table uses the first.
                elif key == "target" or pair == "mnist-mnist":
                    yield 1, row({"domain": names[key]}, share, kind, metric)
        there = shares["source_to_target"]
        if metric == "accuracy in training":  # as in the reference code: tables 1 and 2
            continue
        if pair == "mnist-mnist" and variant == "full":
            right = figures.get("propagated_labels_source", {}).get("accuracy")
            yield 3, row({"labels": labels}, there, kind, metric) | {"propagated_right": right}
        if pair == "mnist-mnist" and labels == "all":
            yield 4, row({"variant": variant}, there, kind, metric)
        if pair == "mnist-fashion" and full:
            yield 5, row({"pair": "MNIST to Fashion-MNIST"}, there, kind, metric)
    for d, base in figures.get("base_model", {}).items():
        if full and "label_kept" in base and (d == "target" or pair == "mnist-mnist"):
            found = row({"domain": names[d]}, base["label_kept"], "mean", "true label")
            yield 1, found | {"configuration": "base model"}
    if pair == "mnist-fashion" and full:
        for metric in ("fid", "fid_features"):
            for kind, distance in figures.get(metric, {}).items():
                yield 5, row({"pair": "MNIST to Fashion-MNIST"}, distance, kind, metric)


def tables(arguments: argparse.Namespace) -> None:
    """Write the five files from all finished runs, and the speech GAN's results.

    Earlier rows of speech are kept if no run has speech.
    """
    gans = []
    found: dict[int, dict[str, list[dict]]] = {number: {} for number in TABLES}
    for path in sorted(arguments.runs.glob("*/metrics.json")):
        metrics = json.loads(path.read_text())
        gans += gan_rows(metrics)
        for number, row in rows_of(metrics):
            key = json.dumps([row["configuration"], row["setting"], row["metric"]])
            found[number].setdefault(key, []).append(row)

    def replaced(row: dict) -> bool:
        return bool(gans) or SPEECH not in json.dumps(row["setting"])

    for number in TABLES:
        rows = results.printed(f"bridging_table{number}")
        rows += sorted((mean(same) for same in found[number].values()), key=order(number))
        name = f"bridging_table{number}"
        print(results.write(name, "benchmarks.bridging", rows, False, replaced))
    if gans:
        print(results.write("bridging_gan", "benchmarks.bridging", gans, False))


def gan_rows(metrics: dict) -> list[dict]:
    """Return how well the classifier recognizes the GAN's sounds, for runs with speech."""
    gan = metrics["figures"].get("gan")
    if gan is None:
        return []
    setting = {
        "sounds": 2000,
        "judge_on_real_sounds": metrics["figures"]["judge_accuracy"]["target"],
    }
    shares = {f"share_of_{k}": share for k, share in enumerate(gan["digits"])}
    named = {"recognised": gan["recognised"], "mean_confidence": gan["mean_confidence"], **shares}
    configuration = metrics["configuration"]["preset"]
    return [
        {"configuration": configuration, "setting": setting, "metric": name, "value": value}
        for name, value in named.items()
    ]


def order(number: int):
    """Return a sort key that orders our rows like the printed ones, `paper` before `ours`."""

    def value_of(row):
        return next(v for k, v in row["setting"].items() if k in KEYS)

    places = [value_of(row) for row in results.printed(f"bridging_table{number}")]

    def key(row):
        setting = value_of(row)
        place = places.index(setting) if setting in places else len(places)
        return row["configuration"] == "ours", row["metric"], place, row["setting"]["latents"]

    return key


KEYS = ("domain", "pair", "labels", "variant")


def mean(rows: list[dict]) -> dict:
    """Average the rows of several seeds."""
    values = [row["value"] for row in rows]
    row = dict(rows[0], value=round(statistics.fmean(values), 6), seeds=len(rows))
    if len(rows) > 1:
        row["std"] = round(statistics.stdev(values), 6)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("base", "run", "tables"))
    parser.add_argument("--runs", type=Path, default=Path("runs/bridging"))
    parser.add_argument("--steps", type=int, default=50_000, help="training steps per bridge")
    parser.add_argument("--base-epochs", type=int, default=100, help="epochs per base model")
    parser.add_argument(
        "--base-precision",
        default="mixed_bfloat16",
        help="of base models; float32 is faster on CPUs without bfloat16 arithmetic",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", default="", help="part of the names of the runs to start")
    arguments, rest = parser.parse_known_args()
    if arguments.action == "base":
        train_base_models(arguments)
    elif arguments.action == "run":
        run(arguments, rest)
    else:
        tables(arguments)


if __name__ == "__main__":
    main()
