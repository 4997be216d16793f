"""Can the input keep up with a training step on faces? Images a second, of both.

    python -m benchmarks.speed_faces_input --step-images-per-second 900

Decoding, cropping and resizing, once in a run, as `load_faces("celeb_a")` does, of made-up JPEG
files of 178x218 (smooth, about as large as CelebA's); and the training batches of
`load_pair("celeba_64_men_women")`, in every epoch, in both formats. An image is one of either
domain: a batch of 50 counts 100. With the images that a training step consumes in a second, as
measured elsewhere on the same machine, ratios above 1 mean that the step need not wait.

Writes `results/speed_faces_input.json`; `--quick` only prints.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from benchmarks import results
from keras_latent import datasets
from keras_latent.datasets.tfds_faces import ALIGNED, decoded_faces

FORMATS = ("numpy", "tf")


def made_up_files(count: int) -> list[bytes]:
    """JPEG files of smooth random images with a little noise: 13 kB each."""
    rng = np.random.default_rng(0)
    height, width, channels = ALIGNED
    files = []
    for _ in range(count):
        coarse = rng.integers(0, 256, (12, 10, channels)).astype("float32")
        image = tf.image.resize(coarse, (height, width), "bicubic")
        image += rng.normal(0, 6, ALIGNED).astype("float32")
        files.append(tf.io.encode_jpeg(tf.saturate_cast(image, tf.uint8), quality=90).numpy())
    return files


def decoding(images: int) -> Callable[[], int]:
    """A run through `images` files, which returns how many came out."""
    files = made_up_files(min(images, 200))
    attributes = dict.fromkeys(datasets.CELEBA_ATTRIBUTES, [True] * len(files))
    examples = tf.data.Dataset.from_tensor_slices({"image": files, "attributes": attributes})
    faces = decoded_faces(examples.repeat().take(images), ALIGNED)
    return lambda: sum(len(batch.numpy()) for batch, _ in faces)


def batches(pair: datasets.DomainPair, images: int) -> Callable[[], int]:
    """A run through training batches of `images` images, at most an epoch."""

    def run() -> int:
        done = 0
        for batch in _of(pair):
            done += sum(len(np.asarray(batch[domain])) for domain in ("source", "target"))
            if done >= images:
                break
        return done

    return run


def _of(pair: datasets.DomainPair) -> Iterator[dict]:
    # A PyDataset's iterator starts threads that a `break` leaves behind.
    if pair.format == "tf":
        return iter(pair.train)
    return (pair.train[step] for step in range(len(pair.train)))


def images_per_second(run: Callable[[], int], rounds: int) -> tuple[float, list[float]]:
    """Median, least and most; the first round, which starts everything, does not count."""
    found = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        found.append(run() / (time.perf_counter() - start))
    return statistics.median(found[1:]), [round(min(found[1:])), round(max(found[1:]))]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step-images-per-second", type=float)
    parser.add_argument("--images", type=int, default=10_000, help="in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--data-dir")
    parser.add_argument("--quick", action="store_true", help="one round of 500 images, no file")
    arguments = parser.parse_args()
    images, rounds = (500, 1) if arguments.quick else (arguments.images, arguments.rounds)

    runs = {("decode, crop, resize", "tf"): decoding(images)}
    for format in FORMATS:
        pair = datasets.load_pair(
            "celeba_64_men_women",
            batch_size=arguments.batch_size,
            data_dir=arguments.data_dir,
            format=format,
        )
        runs["training batches", format] = batches(pair, images)
    rows = []
    for (what, format), run in runs.items():
        ours, spread = images_per_second(run, rounds)
        setting = {"input": what, "format": format}
        if what == "training batches":
            setting["batch_size"] = arguments.batch_size
        row = {"configuration": "peer:none", "setting": setting, "ours": round(ours)}
        if step := arguments.step_images_per_second:
            row |= {
                "configuration": "peer:training step",
                "peer": step,
                "ratio": round(ours / step, 2),
            }
        rows.append(row | {"unit": "images/s", "spread": spread, "rounds": rounds})
        print(rows[-1])
    if not arguments.quick:
        print(results.write("speed_faces_input", "benchmarks.speed_faces_input", rows))


if __name__ == "__main__":
    main()
