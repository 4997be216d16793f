"""Table 1 of the TVAE paper: triplet accuracy on MNIST's test images, with margins 0 and 1.

    python -m benchmarks.tvae table1 [--configurations paper ours ...] [--seeds 0 1 2]

Trains on the 60,000 training images and evaluates mean latents of the 10,000 test images with
100,000 triplets, sampled with a seed, and by 1-nearest-neighbor accuracy against the training
images. `VAE` is `paper` without the triplet term. The paper does not state width, margin, batch
size, number of epochs or number of triplets. `ours` shifts training images by up to 2 pixels.
Finished runs in `--runs` are reused.
"""

import argparse
from pathlib import Path

import keras
import numpy as np

from benchmarks import results
from benchmarks.training import train
from keras_latent import datasets, metrics, models
from keras_latent.src.metrics.classifiers.augmentation import shifted

#: Preset, changes to it, and the maximum shift of training images in pixels.
CONFIGURATIONS = {
    "VAE": ("tvae_mnist", {"triplet_weight": 0.0}, 0),
    "paper": ("tvae_mnist", {}, 0),
    "VAE of ours": ("tvae_mnist_conv", {"triplet_weight": 0.0}, 2),
    "ours": ("tvae_mnist_conv", {}, 2),
}
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


def run(configuration: str, seed: int, data, arguments) -> list[dict]:
    """Train and evaluate one model; return its rows for one seed."""
    preset, changes, max_shift = CONFIGURATIONS[configuration]
    (x, labels), (x_test, test_labels) = data
    keras.utils.set_random_seed(seed)
    model = models.TVAE.from_preset(preset, load_weights=False, seed=seed, **changes)
    steps = arguments.epochs * (len(x) // arguments.batch_size)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)),
        # On CPUs, convolutions are slower with XLA.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    name = f"table1-{configuration}-{arguments.batch_size}-{arguments.epochs}-{seed}"
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
    print(configuration, seed, found, flush=True)
    return found


def rows_of(configuration: str, found: list[dict], arguments) -> list[dict]:
    """Return the rows of the result file: mean and standard deviation over seeds."""
    setting = {"epochs": arguments.epochs, "batch": arguments.batch_size}
    setting["backend"] = keras.backend.backend()
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=("table1",))
    parser.add_argument(
        "--configurations", nargs="+", choices=CONFIGURATIONS, default=list(CONFIGURATIONS)
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--runs", type=Path, default=Path("runs/tvae"))
    arguments = parser.parse_args()
    data = [(x / np.float32(255), labels) for x, labels in datasets.load_arrays("mnist")]
    rows = []
    for configuration in arguments.configurations:
        found = [run(configuration, seed, data, arguments) for seed in arguments.seeds]
        rows += rows_of(configuration, found, arguments)
        print(
            results.write(
                "tvae_table1",
                "benchmarks.tvae",
                rows,
                replaces=lambda row: row["configuration"] in arguments.configurations,
            )
        )


if __name__ == "__main__":
    main()
