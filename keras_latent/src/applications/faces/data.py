"""Faces for the applications, and men and women as two domains, without copies in memory."""

import argparse
from typing import Any

import keras
import numpy as np

from keras_latent import datasets, metrics
from keras_latent.src.applications.running.evaluation import dtype_policy, floats
from keras_latent.src.datasets.pairs.men_women import attribute_pairs, reorder_in_place
from keras_latent.src.utils.domains import DOMAINS

MALE = "Male"


def load(arguments: argparse.Namespace) -> tuple[datasets.Faces, keras.Model]:
    """The faces of `--dataset`, and the evaluation classifier of their attributes."""
    faces = datasets.load_faces(
        arguments.dataset,
        arguments.data_dir,
        limit=arguments.limit,
        verbose=0 if arguments.verbose == 0 else "auto",
    )
    epochs = {"epochs": arguments.classifier_epochs} if arguments.classifier_epochs else {}
    with dtype_policy():
        classifier = metrics.attribute_classifier(
            faces.images["train"],
            faces.attributes["train"],
            kind=arguments.classifier,
            verbose=arguments.verbose,
            **epochs,
        )
    return faces, classifier


def filled(images: np.ndarray, labels: np.ndarray, arguments: argparse.Namespace) -> np.ndarray:
    """Labels whose missing ones are predicted, by a classifier trained on the others.

    It is another classifier than the one that scores: it sees fewer labels, and has another seed.
    """
    epochs = {"epochs": arguments.classifier_epochs} if arguments.classifier_epochs else {}
    with dtype_policy():
        classifier = metrics.attribute_classifier(
            images,
            labels,
            kind=arguments.classifier,
            seed=arguments.seed + 1,
            verbose=arguments.verbose,
            **epochs,
        )
    blocks = np.array_split(images, max(1, len(images) // 2048))  # floats take 4 times the memory
    present = [classifier.predict(floats(x), batch_size=256, verbose=0) > 0.5 for x in blocks]
    return np.where(labels < 0, np.concatenate(present), labels).astype("int32")


def sort_men_first(faces: datasets.Faces) -> None:
    """Sorts every split in place, men first, so that the two domains are views of it.

    The order within each domain stays the same.

    Raises:
        ValueError: If a split has no men or no women.
    """
    for split, attributes in faces.attributes.items():
        order = np.argsort(attributes[:, faces.attribute_names.index(MALE)] == 0, kind="stable")
        attributes[:] = attributes[order]
        reorder_in_place(faces.images[split], order)
        men = len(domain_of(faces, split, "source")[0])
        if men in (0, len(order)):
            raise ValueError(
                f"The {split} faces must include men and women. Received: {men} men and "
                f"{len(order) - men} women. If `--limit` is small, increase it."
            )


def domain_of(faces: datasets.Faces, split: str, domain: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and attributes of a split's men (source) or women (target), sorted men first."""
    attributes = faces.attributes[split]
    men = int(attributes[:, faces.attribute_names.index(MALE)].sum())
    rows = slice(men) if domain == "source" else slice(men, None)
    return faces.images[split][rows], attributes[rows]


def pair_of(faces: datasets.Faces, *, seed: int, **options: Any) -> datasets.DomainPair:
    """The pair that `datasets.load_pair` makes, from faces in memory, sorted men first.

    Args:
        faces: The faces. Their training and test splits are used.
        seed: Seed of the choice between equal pairs, and of the order.
        **options: `batch_size`, `paired_per_batch`, `name` and `augment` of `pair_from_arrays`.
    """
    parts: dict[str, Any] = {}
    for prefix, split in (("", "train"), ("test_", "test")):
        for domain in DOMAINS:
            name = prefix + domain
            parts[name], parts[f"{name}_labels"] = domain_of(faces, split, domain)
    pairs = attribute_pairs(parts["source_labels"], parts["target_labels"], "all", seed)
    return datasets.pair_from_arrays(**parts, paired=pairs, seed=seed, **options)
