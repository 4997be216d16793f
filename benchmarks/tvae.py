"""Table 1 of the TVAE paper: triplet accuracy on MNIST's test images, with margins 0 and 1.

    python -m benchmarks.tvae choose [--configurations paper ours]
    python -m benchmarks.tvae table1 [--configurations paper ours ...] [--seeds 0 1 2]

`table1` trains on the 60,000 training images and evaluates mean latents of the 10,000 test images
with 100,000 triplets, sampled with a seed, and by 1-nearest-neighbor accuracy against the training
images. `VAE` is `paper` without the triplet term. `ours` shifts training images by up to 2 pixels.

The paper does not state the weight of the triplet term, the variance, width, margin, batch size,
number of epochs or number of triplets. `choose` measures weights and variances on the last 10,000
training images, after training on the others, and prints those that `CHOSEN` must have:

- of `paper`, the variance with which the plain VAE is nearest to its printed accuracy, and the
  smallest weight that reaches the printed one of the TVAE with it;
- of `ours`, those with the smallest reconstruction error of all with an accuracy of 99.5 % or more.

Finished runs in `--runs` are reused.
"""

import argparse
import functools
import itertools
from pathlib import Path

import keras
import numpy as np

from benchmarks import results
from benchmarks.training import train
from keras_latent import datasets, metrics, models
from keras_latent.src.metrics.classifiers.augmentation import shifted

#: What `choose` finds.
CHOSEN = {
    "paper": {"observation_variance": 0.25, "triplet_weight": 20.0},
    "ours": {"observation_variance": 0.1, "triplet_weight": 100.0},
}
#: Variances and weights to choose from.
GRIDS = {
    "paper": tuple(itertools.product((1.0, 0.5, 0.25), (0.0, 1.0, 5.0, 10.0, 20.0, 40.0))),
    "ours": ((1.0, 10.0), (0.1, 100.0), (0.02, 100.0)),
}
WITHOUT_TRIPLETS = {"triplet_weight": 0.0}
#: Preset, changes to it, and the maximum shift of training images in pixels.
CONFIGURATIONS = {
    "VAE": ("tvae_mnist", CHOSEN["paper"] | WITHOUT_TRIPLETS, 0),
    "paper": ("tvae_mnist", CHOSEN["paper"], 0),
    "VAE of ours": ("tvae_mnist_conv", CHOSEN["ours"] | WITHOUT_TRIPLETS, 2),
    "ours": ("tvae_mnist_conv", CHOSEN["ours"], 2),
}
HELD_OUT = 10_000
#: Accuracy of `ours` from which the reconstruction error decides.
ENOUGH = 0.995
MARGINS = (0.0, 1.0)


class Batches(keras.utils.PyDataset):
    """Batches of images and labels, shuffled and shifted in each epoch."""

    def __init__(self, images, labels, batch_size, max_shift, seed, epoch):
        super().__init__()
        self.images, self.labels = images, labels
        self.batch_size, self.max_shift, self.seed, self.epoch = batch_size, max_shift, seed, epoch
        self.order = self._order()

    def _order(self):
        return np.random.default_rng([self.seed, self.epoch]).permutation(len(self.images))

    def on_epoch_end(self):
        self.epoch += 1
        self.order = self._order()

    def __len__(self):
        return len(self.images) // self.batch_size

    def __getitem__(self, step):
        rows = self.order[step * self.batch_size :][: self.batch_size]
        rng = np.random.default_rng([self.seed, self.epoch, step])
        return shifted(self.images[rows], self.max_shift, rng), self.labels[rows]


def build(configuration: str, seed: int, **changes) -> models.TVAE:
    """Return the untrained model of a configuration, with changes."""
    preset, settings, _ = CONFIGURATIONS[configuration]
    settings = settings | changes
    return models.TVAE.from_preset(preset, load_weights=False, seed=seed, **settings)


def run(configuration: str, seed: int, data, arguments, **changes) -> dict:
    """Train and evaluate one model; return its figures."""
    (x, labels), (x_test, test_labels) = data
    keras.utils.set_random_seed(seed)
    model = build(configuration, seed, **changes)
    steps = arguments.epochs * (len(x) // arguments.batch_size)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)),
        # On CPUs, convolutions are slower with XLA.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    max_shift = CONFIGURATIONS[configuration][2]
    name = f"{arguments.action}-{configuration}-{arguments.batch_size}-{arguments.epochs}-{seed}"
    name += f"-{model.observation_variance:g}-{model.triplet_weight:g}"
    seconds = train(
        model,
        lambda epoch: Batches(x, labels, arguments.batch_size, max_shift, seed, epoch),
        arguments.epochs,
        arguments.runs / name.replace(" ", "_"),
        shuffle=False,
    )
    z, z_test = model.encode(x), model.encode(x_test)
    nearest = metrics.NearestNeighborAccuracy()
    nearest.adapt(labels, z)
    found = {"1-nn": nearest(test_labels, z_test)}
    for margin in MARGINS:
        found[margin] = metrics.TripletAccuracy(margin, seed=seed)(test_labels, z_test)
    found["mse"] = float(np.mean((model.reconstruct(x_test) - x_test) ** 2))
    found["seconds"] = seconds
    print(configuration, seed, changes, found, flush=True)
    return found


def rows_of(configuration: str, found: list[dict], arguments, **changes) -> list[dict]:
    """Return the rows of the result file: mean and standard deviation over seeds."""
    settings = CONFIGURATIONS[configuration][1] | changes
    setting = settings | {"epochs": arguments.epochs, "batch": arguments.batch_size}
    setting["backend"] = keras.backend.backend()
    setting["precision"] = arguments.mixed_precision
    seconds = [f["seconds"] for f in found if f["seconds"] is not None]
    named = [(m, "triplet_accuracy", {"margin": m}) for m in MARGINS]
    named += [("1-nn", "nearest_neighbor_accuracy", {}), ("mse", "reconstruction_mse", {})]
    return [
        {
            "configuration": configuration,
            "setting": more | setting,
            "metric": metric,
            "value": float(np.mean([f[key] for f in found])),
            "std": float(np.std([f[key] for f in found], ddof=1)) if len(found) > 1 else None,
            "seeds": len(found),
            "wall_seconds": float(np.mean(seconds)) if seconds else None,
        }
        for key, metric, more in named
    ]


def table1(data, arguments) -> None:
    """Measure configurations on test images."""
    rows = []
    for configuration in arguments.configurations:
        found = [run(configuration, seed, data, arguments) for seed in arguments.seeds]
        rows += rows_of(configuration, found, arguments)
        write("tvae_table1", rows, arguments)


def choose(data, arguments) -> None:
    """Measure variances and weights on training images that are held out."""
    x, labels = data[0]
    held_out = ((x[:-HELD_OUT], labels[:-HELD_OUT]), (x[-HELD_OUT:], labels[-HELD_OUT:]))
    seed = arguments.seeds[0]
    rows = []
    for configuration in arguments.configurations:
        for variance, weight in GRIDS[configuration]:
            changes = {"observation_variance": variance, "triplet_weight": weight}
            found = run(configuration, seed, held_out, arguments, **changes)
            rows += rows_of(configuration, [found], arguments, **changes)
        write("tvae_choice", rows, arguments)
        print(configuration, chosen(configuration))


def chosen(configuration: str) -> dict[str, float]:
    """Return the variance and the weight that the result file of `choose` speaks for."""
    measured = functools.partial(results.rows, "tvae_choice", configuration=configuration)
    accuracy = functools.partial(measured, metric="triplet_accuracy", margin=0.0)
    if configuration == "paper":
        vae, tvae = (row["value"] for row in results.printed("tvae_table1"))
        plain = min(accuracy(**WITHOUT_TRIPLETS), key=lambda row: abs(row["value"] - vae))
        variance = plain["setting"]["observation_variance"]
        enough = [row for row in accuracy(observation_variance=variance) if row["value"] >= tvae]
        best = min(enough, key=lambda row: row["setting"]["triplet_weight"])
    else:
        enough = [settings_of(row) for row in accuracy() if row["value"] >= ENOUGH]
        errors = measured(metric="reconstruction_mse")
        best = min(
            (row for row in errors if settings_of(row) in enough), key=lambda row: row["value"]
        )
    return settings_of(best)


def settings_of(row: dict) -> dict[str, float]:
    """Return the variance and the weight of a row."""
    return {key: row["setting"][key] for key in CHOSEN["paper"]}


def write(name: str, rows: list[dict], arguments) -> None:
    """Write the rows of the configurations that were measured."""
    path = results.write(
        name,
        "benchmarks.tvae",
        rows,
        replaces=lambda row: row["configuration"] in arguments.configurations,
    )
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("choose", "table1"))
    parser.add_argument("--configurations", nargs="+", choices=CONFIGURATIONS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--mixed-precision", default="float32")
    parser.add_argument("--runs", type=Path, default=Path("runs/tvae"))
    arguments = parser.parse_args()
    choosing = arguments.action == "choose"
    arguments.configurations = arguments.configurations or list(
        CHOSEN if choosing else CONFIGURATIONS
    )
    keras.config.set_dtype_policy(arguments.mixed_precision)
    data = [(x / np.float32(255), labels) for x, labels in datasets.load_arrays("mnist")]
    (choose if choosing else table1)(data, arguments)


if __name__ == "__main__":
    main()
