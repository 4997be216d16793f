"""Log-mel spectrograms and the way back, against SciPy and on tones."""

import numpy as np
import pytest
import scipy.signal

from keras_latent.src.datasets import spectrograms

RATE = 8000


@pytest.fixture(scope="module")
def tones():
    time = np.arange(4096) / RATE
    return np.sin(2 * np.pi * np.array([[300.0], [900.0], [2000.0]]) * time)[..., None]


def test_transform_is_scipys(rng):
    x = rng.standard_normal(2048)
    window = scipy.signal.get_window("hann", 256)
    expected = scipy.signal.ShortTimeFFT(window, 128, fs=1).stft(x, p0=1, p1=16).T
    # SciPy's slices have their phase at the center of the window.
    signs = np.where(np.arange(129) % 2, -1, 1)
    found = spectrograms._transform(x[None])[0]
    np.testing.assert_allclose(found, expected * signs, atol=1e-3)


def test_signals_survive_their_transform(rng):
    x = rng.standard_normal((2, 2048)).astype("float32")
    again = spectrograms._overlap_add(spectrograms._transform(x))
    np.testing.assert_allclose(again[:, 128:-128], x[:, 128:-128], atol=1e-5)


def test_spectrograms_of_tones(tones):
    images = spectrograms.log_mel(tones, RATE)
    assert images.shape == (3, 32, 64, 1) and images.dtype == "float32"
    assert images.min() >= 0 and 0.7 < images.max() <= 1
    bands = images[:, 5:-5, :, 0].mean(1).argmax(1)
    assert bands[0] < bands[1] < bands[2]
    assert not spectrograms.log_mel(np.zeros((1, 256, 1)), RATE).any()


def test_sounds_have_the_spectrograms_they_were_made_of(tones):
    images = spectrograms.log_mel(tones, RATE)
    sounds = spectrograms.griffin_lim(images, RATE)
    assert sounds.shape == tones.shape and sounds.dtype == "float32"
    np.testing.assert_allclose(np.abs(sounds).max((1, 2)), 1, atol=1e-6)
    again = spectrograms.log_mel(sounds, RATE)
    assert np.abs(again - images).mean() < 0.05
    assert not spectrograms.griffin_lim(np.zeros((1, 4, 64, 1)), RATE).any()


def test_variations_are_faster_or_slower_and_higher_or_lower(tones, rng):
    image = spectrograms.log_mel(tones[1:2, :2048], RATE)
    image[:, 8:] = 0
    varied = spectrograms.varied(np.repeat(image, 50, axis=0), rng)
    assert varied.shape == (50, 16, 64, 1) and varied.dtype == "float32"
    ends = (varied.max((2, 3)) > 0.1).sum(1)
    bands = varied[:, 2, :, 0].argmax(1)
    at = image[0, 2, :, 0].argmax()
    assert ends.min() < 8 < ends.max() < 11
    assert at - 3 <= bands.min() < at < bands.max() <= at + 3
    assert 0.85 * image.max() < varied.max((1, 2, 3)).min() and varied.max() <= image.max()
