"""A bridge between two VAEs of images: what `mnist-mnist` and `mnist-fashion` have in common."""

import argparse
import functools
from pathlib import Path

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization
from keras_latent.src.applications import bridging
from keras_latent.src.applications.base_models import base_vae
from keras_latent.src.applications.bridging import LATENTS, Side
from keras_latent.src.applications.judging import accuracy, float32, floats
from keras_latent.src.applications.run_directory import RunDirectory
from keras_latent.src.cli.options.bridging import PRESETS
from keras_latent.src.models.base.two_domain_verbs import OTHER
from keras_latent.src.models.base.validation import DOMAINS

PARTS = ("train", "test")
#: By dataset: epochs of its judge, and pixels by which its images move.
JUDGES = {"mnist": (16, 2), "fashion_mnist": (8, 1)}


def run(arguments: argparse.Namespace, directory: RunDirectory, pair_name: str, names, seeds):
    """Trains or loads the base models and judges, trains the bridge, measures and draws.

    Args:
        arguments: Options of the run.
        directory: Its folder.
        pair_name: Name of the pair for `datasets.load_pair`.
        names: Dataset of the source and of the target.
        seeds: Of their base models.

    Returns:
        The figures of `metrics.json`.
    """
    images, labels, sides, judged = prepared(
        pair_name,
        names,
        seeds,
        arguments.data_dir,
        arguments.limit,
        arguments.classifier_epochs,
        arguments.base_epochs,
        arguments.base_precision,
        arguments.verbose,
    )
    settings = PRESETS[arguments.preset]
    bridge, facts = bridging.train_bridge(sides, arguments, settings, directory)
    transfer = models.LatentDomainTransfer(sides["source"].model, bridge, sides["target"].model)

    figures = bridging.measure(transfer, sides, arguments.seed) | facts
    figures["judge_accuracy"] = judged
    figures["label_agreement"] = {
        f"{d}_to_{OTHER[d]}": accuracy(
            sides[OTHER[d]].judge,
            labels[d][1],
            transfer.transfer(floats(images[d][1]), to=OTHER[d]),
        )
        for d in DOMAINS
    }
    if pair_name == "mnist_fashion":  # table 5
        figures["fid"] = frechet(transfer, sides, floats(images["target"][1]), arguments.seed)
    bridging.save(transfer, directory)
    visualization.training_curves(directory.history("history.csv"), directory / "training.png")
    for d in DOMAINS:
        draw(transfer, d, floats(images[d][1]), labels[d][1], directory)
    return figures


@functools.lru_cache(maxsize=1)  # for the tables, which make many runs in one process
def prepared(pair_name, names, seeds, data_dir, limit, judge_epochs, epochs, precision, verbose):
    """Images, labels and sides of both domains, and their judges' accuracy on real test images."""
    pair = datasets.load_pair(pair_name, data_dir=data_dir)
    some = slice(limit)
    images = {d: [getattr(pair, f"{d}_{part}")[some] for part in PARTS] for d in DOMAINS}
    labels = {d: [getattr(pair, f"{d}_{part}_labels")[some] for part in PARTS] for d in DOMAINS}
    sides, judged = {}, {}
    for d, name, seed in zip(DOMAINS, names, seeds, strict=True):
        if verbose:
            print(f"Evaluation classifier and base model of the {d}:", flush=True)
        sides[d] = image_side(
            images[d], labels[d][0], name, seed, judge_epochs, epochs, precision, verbose
        )
        judged[d] = accuracy(sides[d].judge, labels[d][1], floats(images[d][1]))
    return images, labels, sides, judged


def image_side(images, labels, name, seed, judge_epochs, epochs, precision, verbose) -> Side:
    """The side of images: judge and VAE of the training images, and the latents of both parts."""
    usual, max_shift = JUDGES[name]
    with float32():
        judge = metrics.reference_classifier(
            images[0],
            labels,
            epochs=judge_epochs or usual,
            max_shift=max_shift,
            softness=0.5,
            verbose=verbose,
        )
        vae = base_vae(images[0], epochs=epochs, precision=precision, seed=seed, verbose=verbose)
    q = [
        np.stack(vae.run("posterior", vae.event_shape, vae.posterior, floats(x), "x", 512), 1)
        for x in images
    ]
    return Side(vae, judge, q[0], labels, q[1], np.arange(10))


def frechet(transfer, sides, real: np.ndarray, seed: int) -> dict[str, float]:
    """Table 5: between real images of the target and transfers of the source's test images.

    On the target's judge's class probabilities: the paper says "the activation of the
    classifier", and no more.
    """
    judge = sides["target"].judge
    probabilities = keras.Sequential([judge, keras.layers.Softmax()])
    found = {}
    for kind in LATENTS:
        sample = kind == "sampled"
        z = bridging.points(sides["source"].test, sample, seed)
        z = transfer.transfer_latents(z, "source", "target", sample=sample, seed=seed + 1)
        distance = metrics.FrechetDistance(probabilities)
        for first in range(0, max(len(real), len(z)), 500):
            rows = slice(first, first + 500)
            distance.update_state(
                real[rows] if len(real[rows]) else None,
                transfer.decode(z[rows], "target") if len(z[rows]) else None,
            )
        found[kind] = round(float(distance.result()), 6)
    return found


def draw(transfer, domain: str, images, labels, directory: RunDirectory) -> None:
    """Figures 3 to 6: reconstructions and transfers, and the three kinds of interpolation."""
    to = OTHER[domain]
    rows = [np.flatnonzero(labels == k) for k in range(10)]
    some = images[np.concatenate([r[:1] for r in rows])]
    visualization.translation_grid(
        {
            domain: some,
            "its VAE": transfer.decode(transfer.encode(some, domain), domain),
            "reconstruction": transfer.reconstruct(some, domain),
            f"transferred to {to}": transfer.transfer(some, to),
        },
        directory / f"{domain}_to_{to}.png",
    )
    inside = images[rows[3][0]], images[rows[3][1]]
    between = images[rows[3][0]], images[rows[8][0]]
    for name, (a, b) in (("within", inside), ("between", between)):
        strips = {
            title: transfer.interpolate(a[None], b[None], 10, transferred=kind, to=to)[0]
            for title, kind in (
                (domain, "none"),
                ("ends transferred", "ends"),
                ("all transferred", "all"),
            )
        }
        visualization.translation_grid(
            strips, Path(directory / f"{domain}_to_{to}_interpolation_{name}.png")
        )
