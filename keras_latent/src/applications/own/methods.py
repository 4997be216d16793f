"""Methods of two domains by their names on the command line, with their settings for any images."""

import math
from typing import Any

import keras
import numpy as np

from keras_latent import models
from keras_latent.src.applications.settings import OWN_METHODS, SEEDLESS, OwnMethod

#: The weight of VBTA's sliced Wasserstein distance for 64x64 color images; the other terms are
#: sums over pixels.
SWD, SWD_PIXELS = 500.0, 64 * 64 * 3


def two_domain_settings(
    method: OwnMethod, shapes: list[Any], paired: int, steps: int | None
) -> dict[str, Any]:
    """Arguments of a class beside its networks, which depend on the data and the training.

    Args:
        method: The method.
        shapes: Shapes of the images of both domains.
        paired: Number of known pairs.
        steps: Steps of the training, if known.
    """
    if method.adversarial:  # averages over a tenth of the training, or over 100 steps
        momentum = 0.99 if steps is None else max(0.0, 1 - 10 / steps)
        return {"ema_momentum": min(method.settings["ema_momentum"], momentum)}
    if method.model != "VBTA":
        return {}
    if paired:
        return {"observation_variance": 0.05, "gamma": 10.0, "cross_reconstruction": 1.0}
    weight = SWD * float(np.mean([math.prod(shape) for shape in shapes])) / SWD_PIXELS
    return {"observation_variance": 0.5, "swd": weight}


def two_domain_model(
    name: str,
    shapes: list[Any],
    paired: int,
    steps: int | None,
    *,
    width: int,
    latent_dim: int,
    seed: int,
) -> Any:
    """A model of two domains, compiled with the learning rate of `keras-latent train`.

    Args:
        name: Its name on the command line.
        shapes: Shapes of the images of both domains.
        paired: Number of known pairs.
        steps: Steps of the training, if known.
        width: Filters of the first convolution.
        latent_dim: Size of the latents, where these are vectors.
        seed: Seed of the model.
    """
    method = OWN_METHODS[name]
    networks = models.networks_for(method.model, *shapes, width=width, latent_dim=latent_dim)
    settings = method.settings | two_domain_settings(method, shapes, paired, steps)
    settings |= {} if method.model in SEEDLESS else {"seed": seed}
    model = getattr(models, method.model)(**networks, **settings)
    compile(model, method.learning_rate)
    return model


def compile(model: Any, learning_rate: float | None, steps: int | None = None) -> None:
    """Compiles a model with its default optimizers.

    Args:
        model: The model.
        learning_rate: That of all optimizers; `None`: their own.
        steps: Steps over which it falls to zero along a cosine; `None`: it is constant.
    """
    optimizers = model.default_optimizer()
    for optimizer in optimizers.values() if isinstance(optimizers, dict) else [optimizers]:
        rate: Any = learning_rate or float(optimizer.learning_rate)
        if steps is not None:
            rate = keras.optimizers.schedules.CosineDecay(rate, steps)
        optimizer.learning_rate = rate
    model.compile(optimizers)
