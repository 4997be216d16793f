"""The frozen models that a bridge is built between, trained once and kept."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from keras_latent import models
from keras_latent.src.applications import fitting
from keras_latent.src.metrics.kept_model import kept_model


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
    """Trains the paper's base VAE on images, or loads the one trained before.

    The paper's reference trains for 200,000 iterations of 512 rows while the learning rate falls
    from 3e-4 to 1e-6; here it falls along a cosine over `epochs` epochs.

    Args:
        images: uint8 images `(rows, height, width, channels)`, or floats in [0, 1].
        preset: Preset of `VAE`.
        epochs: Passes over the images.
        batch_size: Rows in a step.
        learning_rate: Adam's, at the start; at the end it is a thousandth of that.
        precision: Dtype policy of the training. The model returned computes in float32.
        seed: Seed of weights, order and noise: two seeds make two models of one domain.
        cache_dir: Where trained models are kept. Default: `keras_latent` in Keras's folder.
        verbose: As in `fit`.

    Returns:
        The trained model, not compiled.
    """
    settings = [preset, epochs, batch_size, learning_rate, precision, seed]

    def train(folder: Path) -> models.VAE:
        x = images / np.float32(255) if images.dtype == np.uint8 else images
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(precision)
        try:
            keras.utils.set_random_seed(seed)
            trained = models.VAE.from_preset(preset, load_weights=False, seed=seed)
        finally:
            keras.config.set_dtype_policy(policy)
        steps = epochs * -(-len(x) // batch_size)
        rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps, alpha=1e-3)
        # XLA knows no bfloat16 arithmetic of CPUs, which is twice as fast as float32.
        jit = "auto" if precision == "float32" else False
        trained.compile(keras.optimizers.Adam(rate), jit_compile=jit)
        train_and_resume(trained, x, epochs, folder, batch_size=batch_size, verbose=verbose)
        vae = models.VAE.from_preset(preset, load_weights=False, seed=seed)
        vae.set_weights(trained.get_weights())
        return vae

    return kept("base-vae", settings, images, train, cache_dir, "base VAE", verbose)


def train_and_resume(
    model: keras.Model, x: np.ndarray, epochs: int, folder: Path, **fit
) -> keras.Model:
    """`fit`, which goes on where it was killed."""
    folder.mkdir(parents=True, exist_ok=True)
    started = fitting.start(model, folder)
    fitting.fit(model, x, folder, started, epochs=epochs, shuffle=True, **fit)
    return model


def kept(
    name: str,
    settings: list,
    data: np.ndarray,
    train: Callable[[Path], keras.Model],
    cache_dir: str | Path | None,
    title: str,
    verbose: int = 0,
) -> keras.Model:
    """The model trained with these settings on this data, if there is none yet by `train`.

    Args:
        name: What the file is called.
        settings: All that the result depends on, beside the data; JSON-like.
        data: The training data.
        train: Function of a folder, for the state while it runs, that returns the model.
        cache_dir: Where models are kept.
        title: What messages call it.
        verbose: 0: no messages.
    """
    key = hashlib.sha256(json.dumps([1, *settings, data.shape]).encode())
    key.update(np.ascontiguousarray(data))
    name = f"{name}-{key.hexdigest()[:16]}"
    return kept_model(cache_dir, name, train, title, verbose)
