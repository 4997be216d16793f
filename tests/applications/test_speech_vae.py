"""The VAE of spectrograms: its linear layers, and the mixture of its latents."""

import keras
import numpy as np
import pytest

from keras_latent import models
from keras_latent.src.applications.bridging import speech_vae
from keras_latent.src.models.bridging.networks import components_vae_mlp


@pytest.fixture(scope="module")
def vae():
    keras.utils.set_random_seed(0)
    networks = components_vae_mlp((3, 4, 1), components=5, hidden=4, depth=1, latent_dim=2)
    return models.VAE(**networks, observation_variance=0.3, seed=0)


def test_the_inner_vae_sees_principal_components(vae, rng):
    scores = rng.standard_normal((40, 5)) * [5, 4, 3, 2, 1]
    x = (scores @ np.linalg.qr(rng.standard_normal((12, 5)))[0].T + 0.5).astype("float32")
    x = x.reshape(-1, 3, 4, 1)
    inner, numbers = speech_vae.between_components(vae, x)
    assert np.allclose(numbers.mean(0), 0, atol=1e-5) and np.isclose(numbers.std(), 1 / 3)
    assert np.all(np.diff(numbers.std(0)) < 0)
    # Squared errors in components are those in pixels, but for the scale of the variance.
    np.testing.assert_allclose(vae.encode(x), inner.encode(numbers), atol=1e-5)
    pixels = np.square(vae.reconstruct(x) - x).sum((1, 2, 3)) / 0.3
    inside = np.square(inner.reconstruct(numbers) - numbers).sum(1) / inner.observation_variance
    np.testing.assert_allclose(pixels, inside, rtol=1e-3)


def test_fewer_rows_than_components(vae, rng):
    x = rng.random((3, 3, 4, 1)).astype("float32")
    _, numbers = speech_vae.between_components(vae, x)
    assert numbers.shape == (3, 5) and not numbers[:, 3:].any()


def test_latents_are_drawn_near_those_of_data(rng):
    centers = np.array([[-4.0, 0], [4, 0], [0, 4]])
    latents = (centers[rng.integers(0, 3, 300)] + 0.1 * rng.standard_normal((300, 2))).astype("f4")
    drawn = speech_vae.draw_latents(latents, 90, seed=1)
    distances = np.linalg.norm(drawn[:, None] - centers, axis=2)
    assert drawn.shape == (90, 2) and distances.min(1).max() < 0.6
    assert np.bincount(distances.argmin(1)).min() > 15
    assert len(np.unique(distances[:20].argmin(1))) > 1  # not sorted
    np.testing.assert_array_equal(drawn, speech_vae.draw_latents(latents, 90, seed=1))
    assert not np.allclose(drawn, speech_vae.draw_latents(latents, 90, seed=2))
