"""Evaluating translated faces: gender, the other attributes, errors, spread, and offsets.

The latents of men and of women still differ in what goes with gender, such as the length of the
hair, and a decoder draws it. Moved along the offset between the mean latents of the two domains,
translations get what is typical of the other domain; the farther, the less is left of the face.
The strength of that move is chosen on validation faces, for each direction.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_latent import models
from keras_latent.src.applications.running.evaluation import floats
from keras_latent.src.utils.domains import OTHER

#: Faces translated at once: as floats, a split of the full dataset takes gigabytes.
ROWS = 2048
KINDS = ("real", "reconstruction", "translation")
#: Multiples of the offset that are tried.
STRENGTHS = tuple(0.25 * i for i in range(13))
#: The wanted share of translations with the other gender, and of their other attributes that stay
#: as in the reconstruction.
WANTED = {"gender": 0.9, "agreement": 0.85}


def blocks(images: np.ndarray) -> Iterator[np.ndarray]:
    """Images as floats in [0, 1], `ROWS` at a time."""
    return (floats(images[first : first + ROWS]) for first in range(0, len(images), ROWS))


def attributes_in(classifier: keras.Model, images: np.ndarray) -> np.ndarray:
    """The attributes that the classifier predicts, bool `(rows, attributes)`."""
    # Linear decoders leave [0, 1] a little, pictures cannot.
    return classifier.predict(np.clip(images, 0, 1), batch_size=256, verbose=0) >= 0.5


@dataclass(frozen=True)
class Seen:
    """What is measured on one domain's faces, their reconstructions and translations.

    Attributes:
        has: Predicted attributes by kind of image, bool `(rows, attributes)`.
        errors: Mean squared error of reconstructions by model, per pixel value.
        spread: Standard deviation over the rows, averaged over pixels, by kind of image. It is 0
            if all images are the same.
    """

    has: dict[str, np.ndarray]
    errors: dict[str, float]
    spread: dict[str, float]


def look(
    model: models.VBTA,
    vae: models.VAE | None,
    classifier: keras.Model,
    images: np.ndarray,
    domain: str,
    offset: np.ndarray | None = None,
) -> Seen:
    """Reconstructs, translates and classifies the faces of a domain.

    Args:
        model: The model that translates.
        vae: A model of one domain to compare reconstructions with, or `None`.
        classifier: Model from images in [0, 1] to probabilities `(batch, attributes)`.
        images: Faces of the domain, uint8 or floats in [0, 1].
        domain: "source" or "target".
        offset: Added to the latents of translations; see `models.VBTA.translate`.
    """
    has: dict[str, list[np.ndarray]] = {kind: [] for kind in KINDS}
    squares = dict.fromkeys(("vbta", "vae") if vae else ("vbta",), 0.0)
    sums: dict[str, Any] = {kind: np.zeros((2, *images.shape[1:])) for kind in KINDS}
    for real in blocks(images):
        made = {
            "real": real,
            "reconstruction": model.reconstruct(real, domain),
            "translation": model.translate(real, to=OTHER[domain], offset=offset),
        }
        for kind, rows in made.items():
            has[kind].append(attributes_in(classifier, rows))
            rows = rows.astype("float64")
            sums[kind] += rows.sum(0), np.square(rows).sum(0)
        squares["vbta"] += np.square(made["reconstruction"] - real).sum(dtype="float64")
        if vae:
            squares["vae"] += np.square(vae.reconstruct(real) - real).sum(dtype="float64")
    return Seen(
        {kind: np.concatenate(parts) for kind, parts in has.items()},
        {name: float(total / images.size) for name, total in squares.items()},
        {kind: _spread(parts, len(images)) for kind, parts in sums.items()},
    )


def _spread(sums: np.ndarray, rows: int) -> float:
    mean, mean_square = sums / rows
    variance = np.maximum(mean_square - np.square(mean), 0)
    return float(np.sqrt(variance).mean())


def figures_of(seen: dict[str, Seen], male: int) -> dict[str, dict[str, Any]]:
    """The figures of one split.

    Args:
        seen: What was measured on each domain; men are the source.
        male: Column of the attribute "Male".

    Returns:
        By domain or direction, shares of rows: `gender_accuracy` of real faces and
        reconstructions, with their own gender; `target_gender_accuracy` of translations, with the
        other gender; `attribute_agreement`, the share of the other attributes that are classified
        in the translation as in the reconstruction or the real face. Its `chance` is the agreement
        with the reconstruction of another row: most faces lack most attributes, so any two agree in
        many. Also `reconstruction_error` and `spread`.
    """
    figures: dict[str, dict[str, Any]] = defaultdict(dict)
    for domain, to in OTHER.items():
        has, direction = seen[domain].has, f"{domain}_to_{to}"
        men = {kind: columns[:, male] for kind, columns in has.items()}
        rest = {kind: np.delete(columns, male, axis=1) for kind, columns in has.items()}
        before = rest | {"chance": np.roll(rest["reconstruction"], 1, axis=0)}
        figures["gender_accuracy"][domain] = {
            kind: _share(men[kind] == (domain == "source")) for kind in KINDS[:2]
        }
        figures["target_gender_accuracy"][direction] = _share(
            men["translation"] == (to == "source")
        )
        figures["attribute_agreement"][direction] = {
            kind: _share(before[kind] == rest["translation"]) for kind in (*KINDS[:2], "chance")
        }
        figures["reconstruction_error"][domain] = _rounded(seen[domain].errors)
        figures["spread"][domain] = _rounded(seen[domain].spread)
        figures["rows"][domain] = len(has["real"])
    return dict(figures)


def _share(which: np.ndarray) -> float:
    return round(float(which.mean()), 6)


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.6g}") for name, value in values.items()}


# Offsets ---------------------------------------------------------------------------------


def mean_latent(model: models.VBTA, images: np.ndarray, domain: str) -> np.ndarray:
    """The mean `(latent_dim,)` of the mean latents of a domain's images."""
    total = sum(model.encode(part, domain).sum(0, dtype="float64") for part in blocks(images))
    return (total / len(images)).astype("float32")


def offset_between(model: models.VBTA, men: np.ndarray, women: np.ndarray) -> np.ndarray:
    """From the mean latent of the source, men, to that of the target, women."""
    return mean_latent(model, women, "target") - mean_latent(model, men, "source")


def best_strength(
    model: models.VBTA,
    classifier: keras.Model,
    images: np.ndarray,
    domain: str,
    offset: np.ndarray,
    male: int,
) -> float:
    """The one of `STRENGTHS` that most clearly meets both of `WANTED`, or misses them least.

    With few validation faces, a share that just meets the target would miss it on other faces. So
    shares are compared by how many standard errors they exceed the target, and the smaller of the
    two counts.

    Args:
        model: The model that translates.
        classifier: Model from images in [0, 1] to probabilities `(batch, attributes)`.
        images: Validation faces of the domain, uint8 or floats in [0, 1].
        domain: "source" or "target".
        offset: The result of `offset_between`.
        male: Column of the attribute "Male".
    """
    before = look(model, None, classifier, images, domain).has["reconstruction"]

    def margin(strength: float) -> float:
        moved = np.concatenate(
            [
                attributes_in(
                    classifier, model.translate(real, to=OTHER[domain], offset=strength * offset)
                )
                for real in blocks(images)
            ]
        )
        per_face = {
            "gender": moved[:, male] == (domain == "target"),
            "agreement": np.delete(moved == before, male, axis=1).mean(axis=1),
        }
        return min(standard_errors_past(WANTED[name], per_face[name]) for name in WANTED)

    return max(STRENGTHS, key=margin)  # the smallest of equals


def standard_errors_past(wanted: float, per_face: np.ndarray) -> float:
    """By how many standard errors the mean over faces exceeds the target."""
    # If all faces are alike, the next one may still differ.
    error = max(per_face.std() / np.sqrt(len(per_face)), 1 / len(per_face))
    return float((per_face.mean() - wanted) / error)
