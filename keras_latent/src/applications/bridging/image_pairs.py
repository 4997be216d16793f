"""BridgingVAE between two VAEs of images: `mnist-mnist` (tables 1 to 4 of its paper) and
`mnist-fashion` (tables 1, 2 and 5)."""

import argparse
import dataclasses
import functools
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization
from keras_latent.src.applications.bridging import bridge, figures
from keras_latent.src.applications.bridging.base_models import base_vae
from keras_latent.src.applications.bridging.bridge import INTERPOLATIONS, Side
from keras_latent.src.applications.bridging.figures import LATENTS
from keras_latent.src.applications.running.evaluation import (
    accuracy,
    dtype_policy,
    floats,
    labelled,
)
from keras_latent.src.applications.running.run_directory import RunDirectory
from keras_latent.src.applications.settings import BRIDGE_PRESETS
from keras_latent.src.utils.domains import DOMAINS, OTHER

#: The datasets of each application, and the seeds of their base models. These do not change with
#: `--seed`: the bridge is always between the same two frozen models.
PAIRS = {
    "mnist-mnist": (("mnist", "mnist"), (0, 1)),
    "mnist-fashion": (("mnist", "fashion_mnist"), (0, 0)),
}
#: Epochs of each dataset's classifier, and the pixels by which its images are shifted.
CLASSIFIERS = {"mnist": (16, 2), "fashion_mnist": (8, 1)}
#: Epochs of the classifiers that label latents, on every second training image.
LABELLER_EPOCHS = 8
#: Training rows on which `class_kept` is measured too, as in the paper's reference code.
TRAINED = 1000

Parts = list[np.ndarray]


class BaseOptions(NamedTuple):
    """The options of classifiers and base models."""

    classifier_epochs: int | None
    base_epochs: int
    base_precision: str
    verbose: int


def base_options(arguments: argparse.Namespace) -> BaseOptions:
    """Those of a run."""
    return BaseOptions(*(getattr(arguments, name) for name in BaseOptions._fields))


extend = bridge.extend
report = figures.report


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict[str, Any]:
    """Trains (or loads) base models, classifiers and the bridge, evaluates and draws."""
    images, labels, sides, real_accuracy = prepared(
        arguments.run_name, arguments.data_dir, arguments.limit, base_options(arguments)
    )
    base = figures.tested(sides, arguments.verbose)
    preset = BRIDGE_PRESETS[arguments.preset]
    transfer, facts = bridge.train_bridge(sides, arguments, preset, directory)

    found = figures.measure(transfer, sides, arguments.seed) | facts | base
    found["judge_accuracy"] = real_accuracy
    trained = {
        d: dataclasses.replace(
            side,
            test=side.train[:TRAINED],
            real=images[d][0][:TRAINED],
            real_labels=labels[d][0][:TRAINED],
        )
        for d, side in sides.items()
    }
    of_trained = figures.measure(transfer, trained, arguments.seed)
    found["class_kept_in_training"] = of_trained["class_kept"]
    if arguments.run_name == "mnist-fashion":
        found |= frechet(transfer, sides, arguments.seed)
    for d in DOMAINS:
        draw(transfer, d, floats(images[d][1]), labels[d][1], directory)
    return found


@functools.lru_cache(maxsize=1)  # for the tables, which make many runs in one process
def prepared(
    name: str, data_dir: str | None, limit: int | None, options: BaseOptions
) -> tuple[dict[str, Parts], dict[str, Parts], dict[str, Side], dict[str, float]]:
    """Images, labels and sides of both domains, and the accuracy of their classifiers.

    Images and labels are those of training and test.
    """
    pair = datasets.load_pair(name.replace("-", "_"), data_dir=data_dir)
    images: dict[str, Parts] = {d: [] for d in DOMAINS}
    labels: dict[str, Parts] = {d: [] for d in DOMAINS}
    sides, real_accuracy = {}, {}
    for d, dataset, seed in zip(DOMAINS, *PAIRS[name], strict=True):
        for part in ("train", "test"):
            x, y = labelled(pair, d, part)
            images[d].append(x[:limit])
            labels[d].append(y[:limit])
        if options.verbose:
            print(f"Evaluation classifier and base model of the {d}:", flush=True)
        sides[d] = image_side(images[d], labels[d], dataset, seed, options)
        real_accuracy[d] = accuracy(sides[d].classifier, labels[d][1], floats(images[d][1]))
    return images, labels, sides, real_accuracy


def image_side(images: Parts, labels: Parts, dataset: str, seed: int, options: BaseOptions) -> Side:
    """The side of images: classifier and VAE of the training images, and all latents."""
    default_epochs, max_shift = CLASSIFIERS[dataset]
    with dtype_policy():
        classifier = metrics.reference_classifier(
            images[0],
            labels[0],
            epochs=options.classifier_epochs or default_epochs,
            max_shift=max_shift,
            softness=0.5,
            verbose=options.verbose,
        )
        vae = base_vae(
            images[0],
            epochs=options.base_epochs,
            precision=options.base_precision,
            seed=seed,
            verbose=options.verbose,
        )
    train, test = (
        np.stack(vae.encoder.predict(floats(x), batch_size=512, verbose=0), axis=1) for x in images
    )

    def labeller() -> keras.Model:
        half = slice(None, None, 2)
        with dtype_policy():
            return metrics.reference_classifier(
                images[0][half],
                labels[0][half],
                epochs=options.classifier_epochs or LABELLER_EPOCHS,
                max_shift=max_shift,
                softness=0.5,
                seed=1,
                verbose=options.verbose,
            )

    return Side(vae, classifier, train, labels[0], test, images[1], labels[1], labeller)


def frechet(
    transfer: models.LatentDomainTransfer, sides: dict[str, Side], seed: int
) -> dict[str, dict[str, float]]:
    """Table 5: between real images of the target and transfers of the source's test images.

    The paper only says "the activation of the classifier". `fid` uses the class probabilities of
    the target's classifier, `fid_features` its last convolution, averaged over positions as for
    the usual FID. `collapse` is what ten real images score, one of each class, equally often.
    """
    source, target = sides["source"], sides["target"]
    real = floats(target.real)
    ten = real[np.unique(target.real_labels, return_index=True)[1]]
    made = {"collapse": np.repeat(ten, len(real) // len(ten), axis=0)}
    for kind in LATENTS:
        sample = kind == "sampled"
        z = figures.points(source.test, sample, seed)
        z = transfer.transfer_latents(z, "source", "target", sample=sample, seed=seed + 1)
        made[kind] = transfer.decode(z, "target")
    logits = target.classifier
    maps = next(layer for layer in logits.layers if isinstance(layer, keras.layers.Flatten)).input
    extractors = {
        "fid": keras.Sequential([logits, keras.layers.Softmax()]),
        "fid_features": keras.Model(logits.inputs, keras.layers.GlobalAveragePooling2D()(maps)),
    }
    found: dict[str, dict[str, float]] = {name: {} for name in extractors}
    for name, extractor in extractors.items():
        distance = metrics.FrechetDistance(extractor)
        for kind, images in made.items():
            distance.reset_state()
            for first in range(0, max(len(real), len(images)), 500):
                parts = (rows[first : first + 500] for rows in (real, images))
                distance.update_state(*(part if len(part) else None for part in parts))
            found[name][kind] = round(float(distance.result()), 6)
    return found


def draw(
    transfer: models.LatentDomainTransfer,
    domain: str,
    images: np.ndarray,
    labels: np.ndarray,
    directory: RunDirectory,
) -> None:
    """Figures 3 to 6: reconstructions, transfers, and the three kinds of interpolation."""
    to = OTHER[domain]
    name = f"{domain}_to_{to}"
    rows = [np.flatnonzero(labels == k) for k in range(10)]
    some = images[np.concatenate([r[:1] for r in rows])]
    visualization.translation_grid(
        {
            domain: some,
            "its VAE": transfer.decode(transfer.encode(some, domain), domain),
            "reconstruction": transfer.reconstruct(some, domain),
            f"transferred to {to}": transfer.transfer(some, to),
        },
        directory / f"{name}.png",
    )
    for where, a, b in (
        ("within", rows[3][0], rows[3][1]),
        ("between", rows[3][0], rows[8][0]),
    ):
        strips = {
            title: transfer.interpolate(images[[a]], images[[b]], 10, transferred=kind, to=to)[0]
            for title, kind in ((domain, "none"), *INTERPOLATIONS)
        }
        visualization.translation_grid(strips, directory / f"{name}_interpolation_{where}.png")
