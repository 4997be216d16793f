"""Is the input pipeline a bottleneck? Compares `fit` on it with `fit` on a repeated batch.

    KERAS_BACKEND=jax python -m benchmarks.input_pipeline --dataset mnist

Writes `results/speed_input_pipeline_BACKEND.json`. Rounds of both alternate, since the load of the
machine varies. The ratio is that of the medians.
"""

import argparse
import statistics
import time

import keras
import numpy as np

from benchmarks import results
from keras_latent import datasets, models


class Repeated(keras.utils.PyDataset):
    """Repeats a batch in memory, without any input work."""

    def __init__(self, batch: dict, steps: int):
        super().__init__()
        self.batch, self.steps = batch, steps

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        return self.batch


def repeated(pair: datasets.DomainPair, steps: int):
    """Return the first batch of a pair, repeated, in the format of the pair's pipeline."""
    if pair.format == "tf":
        import tensorflow as tf

        batch = next(iter(pair.train))
        return tf.data.Dataset.from_tensors(batch).cache().repeat(steps)
    return Repeated(pair.train[0], steps)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", choices=("mnist", "digits"), default="mnist")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()

    pair = datasets.load_pair(f"{arguments.dataset}_transpose", batch_size=50)
    preset = f"vbta_{arguments.dataset}_transpose"
    model = models.VBTA.from_preset(preset, load_weights=False)
    model.compile()
    inputs = {"pipeline": pair.train, "repeated": repeated(pair, pair.steps_per_epoch)}
    seconds = {name: [] for name in inputs}
    steps = min(arguments.steps, pair.steps_per_epoch)
    for round_ in range(arguments.rounds + 1):  # the first one compiles
        for name, data in inputs.items():
            start = time.perf_counter()
            model.fit(data, steps_per_epoch=steps, verbose=0)
            if round_:
                seconds[name].append(time.perf_counter() - start)
    ours, peer = (steps / statistics.median(seconds[name]) for name in inputs)
    row = {
        "case": "VBTA fit, batch 50",
        "setting": {"dataset": arguments.dataset, "format": pair.format},
        "unit": "steps/s",
        "peer": "one repeated in-memory batch",
        "peer_value": round(peer, 2),
        "ours": round(ours, 2),
        "ratio": round(ours / peer, 3),
        "spread": {k: np.round(np.percentile(v, [0, 100]), 3).tolist() for k, v in seconds.items()},
    }
    print(row)
    name = f"speed_input_pipeline_{keras.backend.backend()}"
    print(results.write(name, "benchmarks.input_pipeline", [row]))


if __name__ == "__main__":
    main()
