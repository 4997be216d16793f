"""The images of `keras-latent train`: loaded, described, and as batches."""

import argparse
import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_latent import datasets
from keras_latent.src.applications.faces.single_domain_vae import ImageBatches
from keras_latent.src.applications.running.evaluation import floats
from keras_latent.src.applications.settings import OWN_METHODS
from keras_latent.src.datasets.folders.pair_from_folders import open_domains
from keras_latent.src.metrics.classifiers.attribute_batches import Batches
from keras_latent.src.utils.domains import DOMAINS

#: Names of broken files that are printed.
SHOWN = 10


class Passes(keras.utils.PyDataset):
    """Several passes over batches as one epoch: states and pictures of tiny epochs cost more.

    Args:
        batches: Batches with `on_epoch_end`, taken in order.
        passes: Number of passes.
    """

    def __init__(self, batches: Any, passes: int):
        super().__init__()
        self.batches, self.passes = batches, passes

    def __len__(self) -> int:
        return self.passes * len(self.batches)

    def __getitem__(self, step: int) -> Any:
        if step and step % len(self.batches) == 0:
            self.batches.on_epoch_end()
        return self.batches[step % len(self.batches)]

    def on_epoch_end(self) -> None:
        self.batches.on_epoch_end()


@dataclasses.dataclass
class OwnData:
    """The data of a training.

    Attributes:
        batches: What `fit` takes.
        steps: Batches per epoch.
        skip_epochs: Advances the batches by a number of epochs.
        folders: Images, names and broken files by domain.
        train: Training images by domain, uint8.
        validation: Validation images by domain, uint8.
        labels: Labels of the validation images of the source, or `None`.
        paired: Number of known pairs.
    """

    batches: keras.utils.PyDataset
    steps: int
    skip_epochs: Callable[[int], None]
    folders: dict[str, datasets.FolderImages]
    train: dict[str, np.ndarray]
    validation: dict[str, np.ndarray]
    labels: np.ndarray | None = None
    paired: int = 0

    def repeated(self, steps: int) -> "OwnData":
        """The same data, with epochs of at least this many steps."""
        passes = -(-steps // self.steps)
        if passes == 1:
            return self
        return dataclasses.replace(
            self,
            batches=Passes(self.batches, passes),
            steps=passes * self.steps,
            skip_epochs=lambda epochs: self.skip_epochs(passes * epochs),
        )

    def shown(self, domain: str, rows: int = 8) -> np.ndarray:
        """The first validation images, as floats."""
        return floats(self.validation[domain][:rows])


def load(arguments: argparse.Namespace) -> OwnData:
    """Loads the images of one or two domains."""
    if arguments.target is None:
        return one_domain(arguments)
    data = two_domains(arguments)
    if arguments.paired_by and not data.paired:
        raise ValueError(
            "`--paired-by` must leave pairs to train on. Received: all known pairs are among the "
            "validation images. Lower `--validation`, or choose another `--seed`."
        )
    pairs, rows = data.paired, max(map(len, data.train.values()))
    if 0 < pairs < rows / 5:  # else a known pair is rare
        data = two_domains(arguments, min(pairs, max(1, arguments.batch_size // 5)))
    return data


def two_domains(arguments: argparse.Namespace, paired_per_batch: int | None = None) -> OwnData:
    """Two folders as a pair."""
    settings: dict[str, Any] = {
        "source": arguments.source,
        "target": arguments.target,
        "size": arguments.size,
        "paired_by": arguments.paired_by,
        "validation": arguments.validation,
        "seed": arguments.seed,
    }
    pair = datasets.pair_from_folders(
        **settings, paired_per_batch=paired_per_batch, batch_size=arguments.batch_size
    )
    unset: dict[str, Any] = dict.fromkeys(("channels", "labels", "workers", "cache_dir"))
    folders = dict(zip(DOMAINS, open_domains(**settings, **unset).folders, strict=True))
    return OwnData(
        pair.train,
        pair.steps_per_epoch,
        pair.skip_epochs,
        folders,
        {d: getattr(pair, f"{d}_train") for d in DOMAINS},
        {d: getattr(pair, f"{d}_test") for d in DOMAINS},
        paired=pair.num_paired,
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
