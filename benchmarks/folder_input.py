"""Time and memory of a pair from image folders: decoding once, then batches from the disk.

    python -m benchmarks.folder_input

Makes PNG files of random 64x64 pixels, half of them per domain, in a temporary folder (13 kB each,
and as much again for the decoded arrays). Two fresh processes then call `pair_from_folders` and go
through one epoch: the first one decodes, the second one opens the arrays. Memory is what a process
had before the call, and its peak after the epoch. The peak contains pages of the memory-mapped
arrays, which the system drops when memory is short; the anonymous part is what it cannot drop.

A third process trains the small LSTNet on the first images and measures for which share of the time
`fit` waits for batches. Keras makes a batch when the step before it is done.

Writes `results/speed_folder_input.json`.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from benchmarks import results
from keras_latent import datasets, models

SIZE = 64
CALLS = ("decodes", "opens", "trains")


def write_images(folder: Path, count: int) -> None:
    """Write PNG files of random pixels."""
    folder.mkdir()

    def write(number: int) -> None:
        pixels = np.random.default_rng(number).integers(0, 256, (SIZE, SIZE, 3), dtype="uint8")
        Image.fromarray(pixels).save(folder / f"{number:06}.png", compress_level=1)

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, range(count)))


def memory(field: str) -> float:
    """Return a field of this process's status, such as its peak `VmHWM`, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) / 2**10


def opened_pair(folder: Path, batch_size: int) -> datasets.DomainPair:
    """The pair of both folders."""
    return datasets.pair_from_folders(
        folder / "a",
        folder / "b",
        size=SIZE,
        batch_size=batch_size,
        cache_dir=folder / "cache",
        format="numpy",
    )


def measure(folder: Path, batch_size: int) -> dict:
    """Make the pair and read one epoch, in this process."""
    before, start = memory("VmHWM"), time.perf_counter()
    pair = opened_pair(folder, batch_size)
    opened, anonymous = time.perf_counter(), 0.0
    for step in range(len(pair.train)):
        pair.train[step]
        anonymous = max(anonymous, memory("RssAnon"))
    done = time.perf_counter()
    images = sum(pair.train_sizes) + sum(pair.test_sizes)
    return {
        "ours": round(images / (opened - start)),
        "unit": "images/s",
        "epoch_images_per_second": round(2 * len(pair.train) * batch_size / (done - opened)),
        "before_mib": round(before),
        "peak_mib": round(memory("VmHWM")),
        "anonymous_mib": round(anonymous),
        "arrays_mib": round(images * SIZE * SIZE * 3 / 2**20),
    }


class Timed(keras.utils.PyDataset):
    """The first batches of a dataset, and the seconds that they take.

    Args:
        batches: The dataset.
        steps: Number of batches.
    """

    def __init__(self, batches: keras.utils.PyDataset, steps: int):
        super().__init__()
        self.batches, self.steps, self.seconds = batches, steps, 0.0

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> dict:
        start = time.perf_counter()
        batch = self.batches[step]
        self.seconds += time.perf_counter() - start
        return batch


def wait(folder: Path, batch_size: int, steps: int) -> dict:
    """Train the small LSTNet: the share of the time in which `fit` waits for batches."""
    pair = opened_pair(folder, batch_size)
    model = models.LSTNet(**models.networks_for("LSTNet", (SIZE, SIZE, 3), width=16))
    model.compile()
    model.fit(Timed(pair.train, 2), verbose=0)  # compiles
    batches = Timed(pair.train, steps)
    start = time.perf_counter()
    model.fit(batches, verbose=0)
    seconds = time.perf_counter() - start
    return {
        "ours": round(1e3 * batches.seconds / steps, 2),
        "unit": "ms per batch",
        "step_ms": round(1e3 * seconds / steps, 1),
        "waiting": round(batches.seconds / seconds, 5),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=100_000, help="of both domains")
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--steps", type=int, default=20, help="of the training")
    parser.add_argument("--calls", nargs="+", choices=CALLS, default=CALLS, help="what to measure")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--wait", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure or arguments.wait:
        if arguments.measure:
            found = measure(arguments.measure, arguments.batch_size)
        else:
            found = wait(arguments.wait, arguments.batch_size, arguments.steps)
        print(json.dumps(found))
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for domain in ("a", "b"):
            write_images(Path(folder, domain), arguments.images // 2)
        command = [sys.executable, "-m", "benchmarks.folder_input"]
        options = ["--batch-size", str(arguments.batch_size), "--steps", str(arguments.steps)]
        for call in arguments.calls:
            action = ["--wait" if call == "trains" else "--measure", folder]
            done = subprocess.run(
                [*command, *action, *options], check=True, capture_output=True, text=True
            )
            setting = {"call": call, "images": arguments.images, "size": SIZE}
            setting["batch_size"] = arguments.batch_size
            row = {"configuration": "peer:none", "setting": setting}
            rows.append(row | json.loads(done.stdout.splitlines()[-1]))
            print(rows[-1])
    print(
        results.write(
            "speed_folder_input",
            "benchmarks.folder_input",
            rows,
            replaces=lambda row: row["setting"]["call"] in arguments.calls,
        )
    )


if __name__ == "__main__":
    main()
