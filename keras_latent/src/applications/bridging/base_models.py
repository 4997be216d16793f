"""The frozen models that a bridge connects, trained once and cached."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_latent import models
from keras_latent.src.applications.running import training
from keras_latent.src.applications.running.evaluation import dtype_policy, floats
from keras_latent.src.metrics.classifiers.cached_model import cache_key, cached_model

PRESET, BATCH_SIZE, LEARNING_RATE = "vae_mnist_bridging", 512, 1e-3


def base_vae(
    images: np.ndarray,
    *,
    epochs: int = 40,
    precision: str = "float32",
    seed: int = 0,
    verbose: int = 0,
) -> models.VAE:
    """Trains the paper's base VAE on images, or loads the cached one.

    The paper's reference trains for 200,000 steps of 512 rows while the learning rate falls from
    3e-4 to 1e-6. Here it falls along a cosine over `epochs` epochs.

    Args:
        images: Images `(rows, height, width, channels)`, uint8 or floats in [0, 1].
        epochs: Passes over the images.
        precision: Dtype policy of the training. The returned model computes in float32.
        seed: Seed of weights, order and noise. Two seeds give two models of one domain.
        verbose: As for `fit`.

    Returns:
        The trained model, not compiled.
    """

    def train(folder: Path) -> models.VAE:
        x = floats(images)
        with dtype_policy(precision):
            keras.utils.set_random_seed(seed)
            trained = models.VAE.from_preset(PRESET, load_weights=False, seed=seed)
        steps = epochs * -(-len(x) // BATCH_SIZE)
        rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps, alpha=1e-3)
        # XLA does not use the bfloat16 arithmetic of CPUs, which is twice as fast as float32.
        jit = "auto" if precision == "float32" else False
        trained.compile(keras.optimizers.Adam(rate), jit_compile=jit)
        train_and_resume(trained, x, epochs, folder, batch_size=BATCH_SIZE, verbose=verbose)
        vae = models.VAE.from_preset(PRESET, load_weights=False, seed=seed)
        vae.set_weights(trained.get_weights())
        return vae

    settings = [PRESET, epochs, BATCH_SIZE, LEARNING_RATE, precision, seed]
    return cached("base-vae", settings, images, train, "base VAE", verbose)


def train_and_resume(
    model: keras.Model, x: np.ndarray, epochs: int, folder: Path, **options: Any
) -> keras.Model:
    """Calls `fit` for the epochs that are not done yet."""
    folder.mkdir(parents=True, exist_ok=True)
    started = training.start(model, folder)
    training.fit(model, x, folder, started, epochs=epochs, shuffle=True, **options)
    return model


def cached(
    name: str,
    settings: list[Any],
    data: np.ndarray,
    train: Callable[[Path], keras.Model],
    title: str,
    verbose: int,
) -> Any:
    """The cached model with these settings and this data, or a newly trained one.

    `train` takes a folder for the training's state. `settings` are JSON-like, and must contain
    everything else that the result depends on. Messages call the model `title`.
    """
    name = f"{name}-{cache_key(json.dumps([1, *settings, data.shape]), data)}"
    return cached_model(None, name, train, title, verbose)
