"""How far translations are moved along the offset between the latents of men and of women.

The latents of both still differ in what goes with gender, as the length of the hair does, and a
decoder draws what they say. Moved by the difference of the domains' mean latents they say what the
other domain's usually do; the farther, the less is left of the face. How far is chosen on
validation faces, by direction.
"""

import keras
import numpy as np

from keras_latent import models
from keras_latent.src.applications.face_measures import ROWS, look
from keras_latent.src.applications.judging import floats
from keras_latent.src.models.base.two_domain_verbs import OTHER

#: Multiples of the offset that are tried.
STRENGTHS = tuple(0.25 * i for i in range(13))
#: What is wanted of translations: the share seen as the other gender, and that of the other
#: attributes that stay as they were in the reconstruction.
WANTED = {"gender": 0.9, "agreement": 0.85}


def mean_latent(model: models.VBTA, images: np.ndarray, domain: str) -> np.ndarray:
    """The mean of a domain's mean latents, `(latent_dim,)`, of uint8 images or floats in [0, 1]."""
    parts = (images[first : first + ROWS] for first in range(0, len(images), ROWS))
    total = sum(model.encode(floats(part), domain).sum(0, dtype="float64") for part in parts)
    return (total / len(images)).astype("float32")


def offset_between(model: models.VBTA, men: np.ndarray, women: np.ndarray) -> np.ndarray:
    """From the mean latent of the source, men, to that of the target, women."""
    return mean_latent(model, women, "target") - mean_latent(model, men, "source")


def best_strength(
    model: models.VBTA,
    judge: keras.Model,
    images: np.ndarray,
    domain: str,
    offset: np.ndarray,
    male: int,
) -> float:
    """The one of `STRENGTHS` that most surely meets both of `WANTED`, or misses them least.

    Validation faces are few, and a share that is barely enough of them is not enough of others.
    What counts is by how many standard errors a share is past what is wanted; of both, the smaller.

    Args:
        model: The model that translates.
        judge: Images in [0, 1] to probabilities `(batch, attributes)`.
        images: Validation faces, uint8 or floats in [0, 1].
        domain: The domain they are of.
        offset: As `offset_between` returns.
        male: Column of the attribute "Male".
    """

    before = look(model, None, judge, images, domain).has["reconstruction"]

    def moved_by(strength):
        for first in range(0, len(images), ROWS):
            real = floats(images[first : first + ROWS])
            made = model.translate(real, to=OTHER[domain], offset=strength * offset).clip(0, 1)
            yield judge.predict(made, batch_size=256, verbose=0) >= 0.5

    def surely(strength):
        moved = np.concatenate(list(moved_by(strength)))
        of_faces = {
            "gender": moved[:, male] == (domain == "target"),
            "agreement": np.delete(moved == before, male, axis=1).mean(axis=1),
        }
        return min(standard_errors_past(WANTED[name], of_faces[name]) for name in WANTED)

    return max(STRENGTHS, key=surely)  # the smallest of equals


def standard_errors_past(wanted: float, of_faces: np.ndarray) -> float:
    """By how many standard errors the mean over faces is more than what is wanted."""
    # Where all faces are alike, one of another kind may still be the next.
    error = max(of_faces.std() / np.sqrt(len(of_faces)), 1 / len(of_faces))
    return float((of_faces.mean() - wanted) / error)
