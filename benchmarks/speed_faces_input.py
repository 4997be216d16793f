"""Can the input pipeline keep up with training on faces? Images per second of both.

    KERAS_BACKEND=tensorflow python -m benchmarks.speed_faces_input

Measures two kinds of input. Decoding, cropping and resizing happen once per run, as in
`load_faces("celeb_a")`, here on synthetic JPEG files of 178x218 pixels (smooth, about as large as
CelebA's). Training batches of `load_pair("celeba_64_men_women")` are needed in every epoch, in both
formats and mirrored as in `celeba-men-women`. They are compared with the training steps of its
preset `vbta_celeba_small` on batches in memory. Images of both domains count: a batch of 50 has
100. A ratio above 1 means that the step never waits. All measurements alternate in one run.

Writes `results/speed_faces_input.json`; `--quick` only prints.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from benchmarks import results
from keras_latent import datasets, models
from keras_latent.src.datasets.sources.tfds_faces import ALIGNED, decoded_faces

FORMATS = ("numpy", "tf")


def made_up_files(count: int) -> list[bytes]:
    """Return JPEG files of smooth random images with some noise, 13 kB each."""
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
    """Return a function that decodes `images` files and returns their number."""
    files = made_up_files(min(images, 200))
    attributes = dict.fromkeys(datasets.CELEBA_ATTRIBUTES, [True] * len(files))
    examples = tf.data.Dataset.from_tensor_slices({"image": files, "attributes": attributes})
    faces = decoded_faces(examples.repeat().take(images), ALIGNED)
    return lambda: sum(len(batch.numpy()) for batch, _ in faces)


def batches(pair: datasets.DomainPair, images: int) -> Callable[[], int]:
    """Return a function that reads training batches of `images` images, at most an epoch."""

    def run() -> int:
        done = 0
        for batch in _of(pair):
            done += sum(len(np.asarray(batch[domain])) for domain in ("source", "target"))
            if done >= images:
                break
        return done

    return run


def _of(pair: datasets.DomainPair) -> Iterator[dict]:
    # The iterator of a PyDataset starts threads, which a `break` would leave running.
    if pair.format == "tf":
        return iter(pair.train)
    return (pair.train[step] for step in range(len(pair.train)))


def steps(batch_size: int, images: int) -> Callable[[], int]:
    """Return a function that trains on at most `images` images."""
    model = models.VBTA.from_preset("vbta_celeba_small", load_weights=False, seed=0)
    model.compile()
    rows = images // (2 * batch_size) * batch_size
    x = np.random.default_rng(0).random((2, rows, 64, 64, 3), "float32")
    data = {"source": x[0], "target": x[1], "paired": np.ones(rows, bool)}

    def run() -> int:
        model.fit(data, batch_size=batch_size, shuffle=False, verbose=0)
        return 2 * rows

    return run


def images_per_second(
    runs: dict[tuple, Callable[[], int]], rounds: int
) -> dict[tuple, tuple[float, list[int]]]:
    """Return median, minimum and maximum; the first round is a warm-up."""
    found = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            found[name].append(run() / (time.perf_counter() - start))
    return {
        name: (statistics.median(rates[1:]), [round(min(rates[1:])), round(max(rates[1:]))])
        for name, rates in found.items()
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=4000, help="images per round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--mixed-precision", default="float32", help="Keras's dtype policy")
    parser.add_argument("--data-dir")
    parser.add_argument("--quick", action="store_true", help="one round of 500 images, no file")
    arguments = parser.parse_args()
    images, rounds = (500, 1) if arguments.quick else (arguments.images, arguments.rounds)
    keras.config.set_dtype_policy(arguments.mixed_precision)

    step = "training step", keras.backend.backend()
    runs = {step: steps(arguments.batch_size, images)}
    runs["decode, crop, resize", "tf"] = decoding(images)
    for format in FORMATS:
        pair = datasets.load_pair(
            "celeba_64_men_women",
            batch_size=arguments.batch_size,
            augment=datasets.RandomFlip(),
            data_dir=arguments.data_dir,
            format=format,
        )
        runs["training batches", format] = batches(pair, images)
    found = images_per_second(runs, rounds)
    peer, peer_spread = found.pop(step)
    rows = []
    for (what, format), (ours, spread) in found.items():
        setting = {
            "input": what,
            "format": format,
            "backend": step[1],
            "precision": arguments.mixed_precision,
            "batch_size": arguments.batch_size,
        }
        row = {"configuration": "peer:training step", "setting": setting, "ours": round(ours)}
        row |= {"peer": round(peer), "ratio": round(ours / peer, 2), "target": 2.0}
        row |= {"unit": "images/s", "spread": spread, "peer_spread": peer_spread, "rounds": rounds}
        rows.append(row)
        print(row)
    if not arguments.quick:
        print(results.write("speed_faces_input", "benchmarks.speed_faces_input", rows))


if __name__ == "__main__":
    main()
