"""Methods of two domains by their names on the command line, with their settings for any images."""

import math
from typing import Any

import numpy as np

from keras_latent import models
from keras_latent.src.applications.settings import OWN_METHODS

#: The weight of VBTA's sliced Wasserstein distance for 64x64 color images; the other terms are
#: sums over pixels.
SWD, SWD_PIXELS = 500.0, 64 * 64 * 3


def two_domain_settings(model: str, shapes: list[Any], paired: int) -> dict[str, Any]:
    """Arguments of a class beside its networks, which depend on the data.

    Args:
        model: Name of the class.
        shapes: Shapes of the images of both domains.
        paired: Number of known pairs.
    """
    if model != "VBTA":
        return {}
    if paired:
        return {"observation_variance": 0.05, "gamma": 10.0, "cross_reconstruction": 1.0}
    weight = SWD * float(np.mean([math.prod(shape) for shape in shapes])) / SWD_PIXELS
    return {"observation_variance": 0.5, "swd": weight}


def two_domain_model(
    name: str, shapes: list[Any], paired: int, *, width: int, latent_dim: int, seed: int
) -> Any:
    """A model of two domains, compiled with the learning rate of `keras-latent train`.

    Args:
        name: Its name on the command line.
        shapes: Shapes of the images of both domains.
        paired: Number of known pairs.
        width: Filters of the first convolution.
        latent_dim: Size of the latents, where these are vectors.
        seed: Seed of the model.
    """
    method = OWN_METHODS[name]
    networks = models.networks_for(method.model, *shapes, width=width, latent_dim=latent_dim)
    settings = method.settings | two_domain_settings(method.model, shapes, paired)
    model = getattr(models, method.model)(**networks, **settings, seed=seed)
    optimizers = model.default_optimizer()
    several = isinstance(optimizers, dict)
    for optimizer in optimizers.values() if several else [optimizers]:
        optimizer.learning_rate = method.learning_rate
    model.compile(optimizers)
    return model
