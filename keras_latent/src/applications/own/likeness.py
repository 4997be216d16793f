"""How much translations look like the images of the other domain, measured without labels."""

import keras
import numpy as np

from keras_latent import ops

PROJECTIONS, PATCH, PATCHES = 128, 8, 4


def likeness(made: np.ndarray, real: np.ndarray, seed: int = 0) -> float:
    """Minus the sliced Wasserstein distance between images, and between patches of them, in pixels.

    Both distances are taken as root mean squares over pixel values, and added. Patches see texture,
    whole images see color and layout, and both see a collapse. What they do not see is whether a
    translation keeps the content of its image: that is the cycle's error.

    Args:
        made: Translations `(rows, height, width, channels)`, floats in [0, 1].
        real: Images of the domain, `(other rows, height, width, channels)`.
        seed: Seed of the projections and of the positions of the patches.

    Source: as a measure of generated images, Karras et al., "Progressive Growing of GANs", ICLR
    (2018).
    """
    total = 0.0
    for x, y in ((made, real), (_patches(made, seed), _patches(real, seed))):
        x, y = (part.reshape(len(part), -1).astype("float32") for part in (x, y))
        directions = ops.random_projections(PROJECTIONS, x.shape[1], seed=seed)
        # The mean over unit vectors is the squared distance divided by the number of dimensions.
        squared = float(keras.ops.convert_to_numpy(ops.sliced_wasserstein(x, y, directions)))
        total += squared**0.5
    return -total


def _patches(images: np.ndarray, seed: int) -> np.ndarray:
    """The same few random patches of all images, `(rows * patches, ...)`."""
    side = min(PATCH, *images.shape[1:3])
    limits = np.array(images.shape[1:3]) - side + 1
    places = np.random.default_rng(seed).integers(limits, size=(PATCHES, 2))
    return np.concatenate([images[:, i : i + side, j : j + side] for i, j in places])
