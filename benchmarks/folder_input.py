"""Time and memory of a pair from image folders: decoding once, then batches from the disk.

    python -m benchmarks.folder_input

Makes PNG files of random 64x64 pixels, half of them per domain, in a temporary folder (13 kB each,
and as much again for the decoded arrays). Two fresh processes then call `pair_from_folders` and go
through one epoch: the first one decodes, the second one opens the arrays. Memory is what a process
had before the call, and its peak after the epoch. The peak contains pages of the memory-mapped
arrays, which the system drops when memory is short; the anonymous part is what it cannot drop.

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

import numpy as np
from PIL import Image

from benchmarks import results
from keras_latent import datasets

SIZE = 64


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


def measure(folder: Path, batch_size: int) -> dict:
    """Make the pair and read one epoch, in this process."""
    before, start = memory("VmHWM"), time.perf_counter()
    pair = datasets.pair_from_folders(
        folder / "a",
        folder / "b",
        size=SIZE,
        batch_size=batch_size,
        cache_dir=folder / "cache",
        format="numpy",
    )
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


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=100_000, help="of both domains")
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.batch_size)))
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for domain in ("a", "b"):
            write_images(Path(folder, domain), arguments.images // 2)
        command = [sys.executable, "-m", "benchmarks.folder_input", "--measure", folder]
        command += ["--batch-size", str(arguments.batch_size)]
        for call in ("decodes", "opens"):
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            setting = {"call": call, "images": arguments.images, "size": SIZE}
            setting["batch_size"] = arguments.batch_size
            row = {"configuration": "peer:none", "setting": setting}
            rows.append(row | json.loads(done.stdout.splitlines()[-1]))
            print(rows[-1])
    print(results.write("speed_folder_input", "benchmarks.folder_input", rows))


if __name__ == "__main__":
    main()
