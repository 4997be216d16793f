"""The frozen models that a bridge connects, trained once and cached."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_latent import models
from keras_latent.src.applications.running import training
from keras_latent.src.applications.running.evaluation import floats
from keras_latent.src.metrics.classifiers.cached_model import cache_key, cached_model


def base_vae(
    images: np.ndarray,
    *,
    preset: str = "vae_mnist_bridging",
    epochs: int = 40,
    batch_size: int = 512,
    learning_rate: float = 1e-3,
    precision: str = "float32",
    seed: int = 0,
    cache_dir: str | Path | None = None,
    verbose: int = 0,
) -> models.VAE:
    """Trains the paper's base VAE on images, or loads the cached one.

    The paper's reference trains for 200,000 steps of 512 rows while the learning rate falls from
    3e-4 to 1e-6. Here it falls along a cosine over `epochs` epochs.

    Args:
        images: Images `(rows, height, width, channels)`, uint8 or floats in [0, 1].
        preset: Preset of `VAE`.
        epochs: Passes over the images.
        batch_size: Rows per step.
        learning_rate: Initial learning rate of Adam. The final one is a thousandth of it.
        precision: Dtype policy of the training. The returned model computes in float32.
        seed: Seed of weights, order and noise. Two seeds give two models of one domain.
        cache_dir: Folder of cached models. Default: `keras_latent` in Keras's folder.
        verbose: As for `fit`.

    Returns:
        The trained model, not compiled.
    """
    settings = [preset, epochs, batch_size, learning_rate, precision, seed]

    def train(folder: Path) -> models.VAE:
        x = floats(images)
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(precision)
        try:
            keras.utils.set_random_seed(seed)
            trained = models.VAE.from_preset(preset, load_weights=False, seed=seed)
        finally:
            keras.config.set_dtype_policy(policy)
        steps = epochs * -(-len(x) // batch_size)
        rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps, alpha=1e-3)
        # XLA does not use the bfloat16 arithmetic of CPUs, which is twice as fast as float32.
        jit = "auto" if precision == "float32" else False
        trained.compile(keras.optimizers.Adam(rate), jit_compile=jit)
        train_and_resume(trained, x, epochs, folder, batch_size=batch_size, verbose=verbose)
        vae = models.VAE.from_preset(preset, load_weights=False, seed=seed)
        vae.set_weights(trained.get_weights())
        return vae

    return cached("base-vae", settings, images, train, cache_dir, "base VAE", verbose)


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
    cache_dir: str | Path | None,
    title: str,
    verbose: int = 0,
) -> Any:
    """The cached model with these settings and this data, or a newly trained one.

    Args:
        name: Start of the file's name.
        settings: Everything that the result depends on, other than the data; JSON-like.
        data: The training data.
        train: Function that takes a folder for the training's state and returns the model.
        cache_dir: Folder of cached models.
        title: The model's name in messages.
        verbose: 0 for no messages.
    """
    name = f"{name}-{cache_key(json.dumps([1, *settings, data.shape]), data)}"
    return cached_model(cache_dir, name, train, title, verbose)
