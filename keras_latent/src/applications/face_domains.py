"""Faces of men and of women as two domains, without a second copy of them in memory."""

from typing import Any

import numpy as np

from keras_latent import datasets
from keras_latent.src.datasets.men_women import attribute_pairs, reorder_in_place
from keras_latent.src.models.base.validation import DOMAINS

MALE = "Male"


def sort_men_first(faces: datasets.Faces) -> None:
    """Sorts every split in place, each gender in its order, so that domains are views of it.

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
                f"The {split} faces must be of men and of women. Received: {men} men and "
                f"{len(order) - men} women. Where `--limit` is small, a larger one takes more."
            )


def domain_of(faces: datasets.Faces, split: str, domain: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and attributes of a split's men (source) or women (target), men being first."""
    attributes = faces.attributes[split]
    men = int(attributes[:, faces.attribute_names.index(MALE)].sum())
    rows = slice(men) if domain == "source" else slice(men, None)
    return faces.images[split][rows], attributes[rows]


def pair_of(faces: datasets.Faces, *, seed: int, **options: Any) -> datasets.DomainPair:
    """The pair that `datasets.load_pair` makes, of faces that are loaded already, men first.

    Args:
        faces: Its training and test splits.
        seed: Seed of the pairs among equals, and of the order.
        **options: `batch_size`, `paired_per_batch` and `name` of `pair_from_arrays`.
    """
    parts = {}
    for prefix, split in (("", "train"), ("test_", "test")):
        for domain in DOMAINS:
            name = prefix + domain
            parts[name], parts[f"{name}_labels"] = domain_of(faces, split, domain)
    pairs = attribute_pairs(parts["source_labels"], parts["target_labels"], "all", seed)
    return datasets.pair_from_arrays(**parts, paired=pairs, seed=seed, **options)
