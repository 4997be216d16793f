"""The VAE of spectrograms of spoken digits, and the mixture from which its latents are drawn."""

from pathlib import Path

import keras
import numpy as np

from keras_latent import models
from keras_latent.src.applications.bridging.base_models import cached, train_and_resume
from keras_latent.src.applications.settings import SPEECH_VAE
from keras_latent.src.datasets.spectrograms import varied
from keras_latent.src.utils.optional import import_extra

#: Varied copies of each spectrogram in the training data, and rows per step.
COPIES, BATCH_SIZE = 10, 128
LEARNING_RATE = 1e-3
#: Rows whose principal components are taken.
COMPONENT_ROWS = 7500
#: Gaussians of the mixture.
GAUSSIANS = 250


def speech_vae(images: np.ndarray, *, epochs: int, seed: int = 0, verbose: int = 0) -> models.VAE:
    """Trains a VAE on spectrograms, or loads the cached one.

    It is trained on principal components, which is many times as fast as on pixels, and the same
    but for a constant in the objective and what the components leave out.

    Args:
        images: Spectrograms `(rows, times, bands, 1)`.
        epochs: Passes over the spectrograms.
        seed: Seed of weights, variations, order and noise.
        verbose: As for `fit`.
    """

    def train(folder: Path) -> models.VAE:
        keras.utils.set_random_seed(seed)
        vae = models.VAE.from_preset(SPEECH_VAE, load_weights=False, seed=seed)
        rng = np.random.default_rng(seed)
        data = np.concatenate([images, *(varied(images, rng) for _ in range(COPIES - 1))])
        inner, numbers = between_components(vae, data)
        passes = -(-epochs // COPIES)
        steps = passes * -(-len(numbers) // BATCH_SIZE)
        rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps, alpha=1e-2)
        inner.compile(keras.optimizers.Adam(rate))
        train_and_resume(inner, numbers, passes, folder, batch_size=BATCH_SIZE, verbose=verbose)
        return vae

    settings = [SPEECH_VAE, epochs, COPIES, BATCH_SIZE, LEARNING_RATE, seed]
    return cached("speech-vae", settings, images, train, "VAE of spoken digits", verbose)


def between_components(vae: models.VAE, data: np.ndarray) -> tuple[models.VAE, np.ndarray]:
    """Sets the linear layers of a VAE from `components_vae_mlp` to the data's principal components.

    Returns:
        The VAE between these layers, which shares its networks, and the data to train it on.
    """
    into, out = vae.encoder.get_layer("components"), vae.decoder.get_layer("pixels")
    rows = data.reshape(len(data), -1)
    decomposition = import_extra("sklearn.decomposition", "data", "the VAE of spoken digits")
    some = rows[:COMPONENT_ROWS]
    count = min(into.units, *some.shape)
    found = decomposition.PCA(count, svd_solver="randomized", random_state=0).fit(some)
    axes = np.zeros((into.units, rows.shape[1]), "float32")
    axes[: len(found.components_)] = found.components_
    numbers = (rows - found.mean_) @ axes.T
    scale = 3 * numbers.std()
    into.set_weights([axes.T / scale, -axes @ found.mean_ / scale])
    out.set_weights([axes * scale, found.mean_])
    inner = models.VAE(
        vae.encoder.get_layer("encoder"),
        vae.decoder.get_layer("decoder"),
        observation_variance=float(vae.observation_variance / scale**2),
        seed=vae.seed,
    )
    return inner, numbers / scale


def draw_latents(latents: np.ndarray, num: int, seed: int) -> np.ndarray:
    """Draws from a mixture of Gaussians of equal covariance, fitted to latents `(rows, dim)`.

    Few points of the prior N(0, I) are near those of real data (Ghosh et al., 2020).
    """
    mixture = import_extra("sklearn.mixture", "data", "drawing latents").GaussianMixture
    count = max(1, min(GAUSSIANS, len(latents) // 10))
    fitted = mixture(count, covariance_type="tied", random_state=0).fit(latents)
    fitted.random_state = seed
    return np.random.default_rng(seed).permutation(fitted.sample(num)[0]).astype("float32")
