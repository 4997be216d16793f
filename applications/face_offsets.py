"""How far translations are moved along the offset between the latents of men and of women.

The latents of both still differ in what goes with gender, as the length of the hair does, and a
decoder draws what they say. Moved by the difference of the domains' mean latents they say what the
other domain's usually do. How far is chosen on validation faces, by direction.
"""

import keras
import numpy as np

from keras_latent import models
from keras_latent.applications.judging import floats
from keras_latent.models.two_domain_verbs import OTHER

#: Multiples of the offset that are tried, the smallest first.
STRENGTHS = tuple(0.25 * i for i in range(13))
#: Share of the faces that is to be seen as the other gender.
WANTED = 0.9
#: Faces that are encoded at once; those of the full set take gigabytes as floats.
ROWS = 2048


def mean_latent(model: models.VBTA, images: np.ndarray, domain: str) -> np.ndarray:
    """The mean of a domain's mean latents, `(latent_dim,)`, of uint8 images or floats in [0, 1]."""
    parts = (images[first : first + ROWS] for first in range(0, len(images), ROWS))
    total = sum(model.encode(floats(part), domain).sum(0, dtype="float64") for part in parts)
    return (total / len(images)).astype("float32")


def offset_between(model: models.VBTA, men: np.ndarray, women: np.ndarray) -> np.ndarray:
    """From the mean latent of the source, men, to that of the target, women."""
    return mean_latent(model, women, "target") - mean_latent(model, men, "source")


def smallest_strength(
    model: models.VBTA,
    judge: keras.Model,
    images: np.ndarray,
    domain: str,
    offset: np.ndarray,
    male: int,
) -> float:
    """The first of `STRENGTHS` with which as many as `WANTED` are seen as the other gender.

    Args:
        model: The model that translates.
        judge: Images in [0, 1] to probabilities `(batch, attributes)`.
        images: Validation faces, uint8 or floats in [0, 1].
        domain: The domain they are of.
        offset: As `offset_between` returns.
        male: Column of the attribute "Male".

    Returns:
        The strength; the largest where none is enough.
    """
    to = OTHER[domain]
    for strength in STRENGTHS:
        seen = 0
        for first in range(0, len(images), ROWS):
            real = floats(images[first : first + ROWS])
            moved = model.translate(real, to=to, offset=strength * offset).clip(0, 1)
            men = judge.predict(moved, batch_size=256, verbose=0)[:, male] >= 0.5
            seen += np.count_nonzero(men == (to == "source"))
        if seen >= WANTED * len(images):
            break
    return strength
