"""The images of `keras-latent train`: loaded, described, and as batches."""

import argparse
import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_latent import datasets
from keras_latent.src.applications.faces.single_domain_vae import ImageBatches
from keras_latent.src.applications.running.epochs_of_steps import EpochsOfSteps
from keras_latent.src.applications.running.evaluation import floats
from keras_latent.src.applications.running.run_directory import IMAGES, RunDirectory
from keras_latent.src.applications.settings import OWN_METHODS
from keras_latent.src.datasets.folders.listing import list_images
from keras_latent.src.datasets.folders.pair_from_folders import Domains, open_domains, pair_of
from keras_latent.src.metrics.classifiers.attribute_batches import Batches
from keras_latent.src.utils.domains import DOMAINS

#: Names of broken files that are printed.
SHOWN = 10


@dataclasses.dataclass
class OwnData:
    """The data of a training.

    Attributes:
        batches: What `fit` takes, with `skip_epochs(epochs)`. `None` for a bridge, which is
            trained on latents.
        steps: Batches per epoch.
        skip_epochs: Advances the batches by a number of epochs.
        folders: Images, names and broken files by domain.
        train: Training images by domain, uint8.
        validation: Validation images by domain, uint8.
        labels: Labels of the validation images of the source, or `None`.
        paired: Number of known pairs.
    """

    batches: keras.utils.PyDataset | None
    steps: int
    skip_epochs: Callable[[int], None]
    folders: dict[str, datasets.FolderImages]
    train: dict[str, np.ndarray]
    validation: dict[str, np.ndarray]
    labels: np.ndarray | None = None
    paired: int = 0

    def with_batches(self, batches: Any, steps: int) -> "OwnData":
        """The same data with other batches."""
        return dataclasses.replace(
            self, batches=batches, steps=steps, skip_epochs=batches.skip_epochs
        )

    def in_epochs_of(self, steps: int) -> "OwnData":
        """The same data, with epochs of this many steps."""
        assert self.batches is not None
        return self.with_batches(EpochsOfSteps(self.batches, self.skip_epochs, steps), steps)

    def shown(self, domain: str, rows: int = 8) -> np.ndarray:
        """The first validation images, as floats."""
        return floats(self.validation[domain][:rows])


def load(arguments: argparse.Namespace) -> OwnData:
    """Loads the images of one or two domains."""
    return one_domain(arguments) if arguments.target is None else two_domains(arguments)


def two_domains(arguments: argparse.Namespace) -> OwnData:
    """Two folders as a pair; with labels, and without batches, if they are to be bridged."""
    bridged = arguments.model == "bridging"
    domains = open_domains(
        arguments.source,
        arguments.target,
        arguments.size,
        None,
        arguments.labels,
        arguments.paired_by,
        arguments.validation,
        arguments.seed,
        labelled=bridged,
    )
    parts: dict[str, Any] = {"folders": {}, "train": {}, "validation": {}}
    for domain, folder, cut in zip(DOMAINS, domains.folders, domains.cuts, strict=True):
        parts["folders"][domain] = folder
        parts["train"][domain], parts["validation"][domain] = (
            folder.images[cut:],
            folder.images[:cut],
        )
    if bridged:
        return OwnData(None, 0, lambda epochs: None, **parts)
    check_batch_size(arguments, parts["train"])
    pair = batches_of(arguments, domains)
    if arguments.paired_by and not pair.num_paired:
        raise ValueError(
            "`--paired-by` must leave pairs to train on. Received: all known pairs are among the "
            "validation images. Lower `--validation`, or choose another `--seed`."
        )
    pairs, rows = pair.num_paired, max(map(len, parts["train"].values()))
    if 0 < pairs < rows / 5:  # else a known pair is rare
        pair = batches_of(arguments, domains, min(pairs, max(1, arguments.batch_size // 5)))
    return OwnData(pair.train, pair.steps_per_epoch, pair.skip_epochs, **parts, paired=pairs)


def batches_of(
    arguments: argparse.Namespace, domains: Domains, paired_per_batch: int | None = None
) -> datasets.DomainPair:
    """The pair of two domains, with batches of both."""
    return pair_of(
        domains,
        batch_size=arguments.batch_size,
        paired_per_batch=paired_per_batch,
        seed=arguments.seed,
    )


def check_batch_size(arguments: argparse.Namespace, train: dict[str, np.ndarray]) -> None:
    """Checks that the larger domain, through which an epoch goes, fills a batch."""
    domain = max(train, key=lambda d: len(train[d]))
    if len(train[domain]) < arguments.batch_size:
        raise ValueError(
            f"`--batch-size` must be at most the number of images to train on. Received: "
            f"--batch-size={arguments.batch_size}, with {len(train[domain])} images in the larger "
            f"domain, the {domain} ({getattr(arguments, domain)!r}), without those for "
            f"validation. Add images, or pass `--batch-size {len(train[domain])}` or less."
        )


def one_domain(arguments: argparse.Namespace) -> OwnData:
    """One folder, with labels if the method needs them."""
    folder = datasets.images_from_folder(
        arguments.source, size=arguments.size, labels=arguments.labels, seed=arguments.seed
    )
    if len(folder.images) < 2:
        raise ValueError("`--source` must have 2 images or more. Received: 1 that can be read")
    rows = min(max(1, round(len(folder.images) * arguments.validation)), len(folder.images) - 1)
    train, validation = folder.images[rows:], folder.images[:rows]
    held_out = None
    if OWN_METHODS[arguments.model].model == "VAE":
        batches: Any = ImageBatches(train, arguments.batch_size, arguments.seed)
    else:
        labels = checked_labels(folder, arguments.model)
        held_out = labels[:rows]
        batches = Batches(train, labels[rows:], arguments.batch_size, seed=arguments.seed)
    return OwnData(
        batches,
        len(batches),
        batches.skip_epochs,
        {"source": folder},
        {"source": train},
        {"source": validation},
        held_out,
    )


def require_same_images(arguments: argparse.Namespace, directory: RunDirectory | Path) -> None:
    """Checks that the images are those with which the run was started; notes those of a new run.

    Names, sizes of files, and labels count, but not the times of files: a copy is the same.

    Raises:
        ValueError: If they have changed since.
    """
    now = {}
    for domain in DOMAINS:
        if (place := getattr(arguments, domain)) is not None:
            found = list_images(domain, place, arguments.labels)
            sizes = [stamp and stamp[0] for stamp in found.stamps]
            labels = sizes if found.labels is None else found.labels.tolist()
            content = json.dumps(sorted(zip(found.names, sizes, labels, strict=True)))
            digest = hashlib.sha256(content.encode()).hexdigest()
            now[domain] = {"images": len(found.names), "sha256": digest}
    file = directory / IMAGES
    before = json.loads(file.read_text()) if file.exists() else now
    for domain, found_now in now.items():
        if before[domain] != found_now:
            counts = before[domain]["images"], found_now["images"]
            raise ValueError(
                f"The images of the {domain} changed since the run was started: "
                + (
                    "{:,} images then, {:,} now".format(*counts)
                    if counts[0] != counts[1]
                    else f"still {counts[0]:,}, but other names, sizes of files or labels"
                )
                + f" ({getattr(arguments, domain)!r}). Restore them, choose another `--out`, or "
                "add `--overwrite` to delete the run and start again."
            )
    if isinstance(directory, RunDirectory) and not file.exists():
        directory.write_json(IMAGES, now)


def checked_labels(folder: datasets.FolderImages, method: str) -> np.ndarray:
    """The labels that a method of one domain needs.

    Raises:
        ValueError: If there are none, or not of this kind.
    """
    labels, classes = folder.labels, method == "tvae"
    if labels is None or (classes and labels.ndim > 1):
        wanted = "one label per image" if classes else "attributes, 0 or 1, of each image"
        how = "sub-folders with `--labels folders`, or " if classes else ""
        raise ValueError(
            f"`--model {method}` needs {wanted}: {how}a .csv with a path and then the "
            f"{'label' if classes else 'attributes'} in each row as `--source`. Received: "
            f"{'no labels' if labels is None else f'{labels.shape[1]} columns of labels'}"
        )
    labels = labels if classes or labels.ndim > 1 else labels[:, None]
    if not classes and labels.max() > 1:
        raise ValueError(
            f"`--model {method}` needs attributes that are 0, 1 or missing (an empty cell). "
            f"Received: {labels.max()} among the labels. Make a column of each class."
        )
    return labels


def describe(data: OwnData) -> None:
    """Prints what was found: counts, sizes, pairs, broken files and duplicates."""
    for domain, folder in data.folders.items():
        height, width, channels = folder.images.shape[1:]
        train, held_out = len(data.train[domain]), len(data.validation[domain])
        colour = "color" if channels == 3 else "gray"
        print(
            f"{domain}: {train + held_out:,} images, {height}x{width}, {colour}; {train:,} to "
            f"train on, {held_out:,} for validation"
        )
        if folder.label_names:
            print(f"  labels: {', '.join(folder.label_names)}")
        for reason in list(folder.broken.values())[:SHOWN]:
            print(f"  left out: {reason}")
        if len(folder.broken) > SHOWN:
            print(f"  ... and {len(folder.broken) - SHOWN} more broken files")
        same = datasets.find_duplicates(data.validation[domain], data.train[domain])
        for a, b in same[:SHOWN]:
            print(f"  duplicate: {folder.names[a]} (validation) is {folder.names[held_out + b]}")
        if len(same):
            print(f"  {len(same)} validation images are also in training. Scores on them flatter.")
    if data.paired:
        print(f"{data.paired:,} known pairs to train on")
