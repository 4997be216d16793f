"""What is measured on translated faces: gender, the other attributes, errors, spread."""

from dataclasses import dataclass

import keras
import numpy as np

from keras_latent import models
from keras_latent.src.applications.judging import floats
from keras_latent.src.models.base.two_domain_verbs import OTHER
from keras_latent.src.models.base.validation import DOMAINS

#: Faces that are translated at once; of the full set, a split takes gigabytes as floats.
ROWS = 2048
KINDS = ("real", "reconstruction", "translation")


@dataclass(frozen=True)
class Seen:
    """What the judge sees in one domain's faces and in what was made of them.

    Attributes:
        has: Kind of image to bool `(rows, attributes)`: a probability of one half or more.
        errors: Model to the mean squared error of its reconstructions, per value of a pixel.
        spread: Kind of image to the standard deviation over the rows, averaged over pixels. That
            of translations falls to 0 where all faces become the same.
    """

    has: dict[str, np.ndarray]
    errors: dict[str, float]
    spread: dict[str, float]


def look(
    model: models.VBTA,
    vae: models.VAE | None,
    judge: keras.Model,
    images: np.ndarray,
    domain: str,
    offset: np.ndarray | None = None,
) -> Seen:
    """Reconstructs and translates a domain's faces, and shows them to the judge.

    Args:
        model: The model that translates.
        vae: The model of one domain whose errors stand beside; `None`: there is none.
        judge: Images in [0, 1] to probabilities `(batch, attributes)`.
        images: uint8 faces, or floats in [0, 1].
        domain: The domain they are of.
        offset: By what the latents of translations are moved; see `models.VBTA.translate`.
    """
    has = {kind: [] for kind in KINDS}
    squares = dict.fromkeys(("vbta", "vae") if vae else ("vbta",), 0.0)
    sums = {kind: [0.0, 0.0] for kind in KINDS}
    for first in range(0, len(images), ROWS):
        real = floats(images[first : first + ROWS])
        made = {
            "real": real,
            "reconstruction": model.reconstruct(real, domain),
            "translation": model.translate(real, to=OTHER[domain], offset=offset),
        }
        for kind, rows in made.items():
            # What a picture can show: linear decoders leave [0, 1] a little.
            shown = np.clip(rows, 0, 1)
            has[kind].append(judge.predict(shown, batch_size=256, verbose=0) >= 0.5)
            rows = rows.astype("float64")
            sums[kind][0] += rows.sum(0)
            sums[kind][1] += np.square(rows).sum(0)
        squares["vbta"] += np.square(made["reconstruction"] - real).sum(dtype="float64")
        if vae:
            squares["vae"] += np.square(vae.reconstruct(real) - real).sum(dtype="float64")
    return Seen(
        {kind: np.concatenate(parts) for kind, parts in has.items()},
        {name: float(total / images.size) for name, total in squares.items()},
        {kind: _spread(*parts, len(images)) for kind, parts in sums.items()},
    )


def _spread(total, squares, rows):
    variance = np.maximum(squares / rows - np.square(total / rows), 0)
    return float(np.sqrt(variance).mean())


def figures_of(seen: dict[str, Seen], male: int) -> dict:
    """The figures of one split.

    Args:
        seen: Domain to what was seen in its faces; men are the source.
        male: Column of the attribute "Male".

    Returns:
        By domain or direction, shares of rows: `gender_accuracy` of real faces and of
        reconstructions, whose gender is their own; `target_gender_accuracy` of translations,
        whose gender is the other; `attribute_agreement`, how many of the other attributes are
        judged as they were, in the reconstruction or in the real face, before the translation.
        `chance` is that agreement with the reconstruction of another row: most faces lack most
        attributes, so that any two agree in many. Then `reconstruction_error` and `spread`.
    """
    figures = {
        name: {}
        for name in (
            "gender_accuracy",
            "target_gender_accuracy",
            "attribute_agreement",
            "reconstruction_error",
            "spread",
            "rows",
        )
    }
    for domain in DOMAINS:
        has, to = seen[domain].has, OTHER[domain]
        men = {kind: columns[:, male] for kind, columns in has.items()}
        rest = {kind: np.delete(columns, male, axis=1) for kind, columns in has.items()}
        before = rest | {"chance": np.roll(rest["reconstruction"], 1, axis=0)}
        figures["gender_accuracy"][domain] = {
            kind: share(men[kind] == (domain == "source")) for kind in KINDS[:2]
        }
        figures["target_gender_accuracy"][f"{domain}_to_{to}"] = share(
            men["translation"] == (to == "source")
        )
        figures["attribute_agreement"][f"{domain}_to_{to}"] = {
            kind: share(before[kind] == rest["translation"]) for kind in (*KINDS[:2], "chance")
        }
        figures["reconstruction_error"][domain] = _rounded(seen[domain].errors)
        figures["spread"][domain] = _rounded(seen[domain].spread)
        figures["rows"][domain] = len(has["real"])
    return figures


def share(which: np.ndarray) -> float:
    """Share of what is True."""
    return round(float(which.mean()), 6)


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.6g}") for name, value in values.items()}
