"""Sounds as images: log-mel spectrograms, and back to sounds by the method of Griffin and Lim."""

import keras
import numpy as np

WINDOW, HOP, BANDS = 256, 128, 64
LOWEST = 30.0  # Hz, where the bands start
#: Magnitudes near `QUIET` are compressed least; `LOUD` is about the largest of a sound of peak 1.
QUIET, LOUD = 0.05, 60.0
RANGE = np.log1p(LOUD / QUIET)
MOMENTUM = 0.99
_HANN = np.hanning(WINDOW + 1)[:-1].astype("float32")


def log_mel(waveforms: np.ndarray, sample_rate: int) -> np.ndarray:
    """Spectrograms of sounds in [-1, 1].

    Args:
        waveforms: Sounds `(rows, samples, 1)`; `samples` is a multiple of 128.
        sample_rate: Sample rate in Hz.

    Returns:
        Images `(rows, samples / 128, 64, 1)`, time by frequency, in [0, 1], float32.
    """
    half = WINDOW - HOP
    padded = np.pad(waveforms[..., 0], ((0, 0), (half // 2, half - half // 2)))
    magnitude = np.abs(_transform(padded)) @ _bands(sample_rate)
    return np.clip(np.log1p(magnitude / QUIET) / RANGE, 0, 1).astype("float32")[..., None]


def griffin_lim(spectrograms: np.ndarray, sample_rate: int, iterations: int = 16) -> np.ndarray:
    """Sounds whose spectrograms resemble the given ones.

    Phases start at random, the same in each call, and are made consistent by iteration, with
    momentum (Perraudin et al., 2013).

    Args:
        spectrograms: Images `(rows, times, 64, 1)` as from `log_mel`.
        sample_rate: Sample rate in Hz.
        iterations: Number of iterations.

    Returns:
        Sounds `(rows, 128 * times, 1)`, float32, scaled to a peak of 1.
    """
    mel = QUIET * np.expm1(np.clip(spectrograms[..., 0], 0, 1) * RANGE)
    inverse = np.linalg.pinv(_bands(sample_rate))
    magnitude = np.maximum(mel @ inverse, 0).astype("float32")
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, magnitude.shape[1:])
    phase = np.exp(1j * angles).astype("complex64")
    before = np.zeros_like(magnitude, "complex64")
    for _ in range(iterations):
        now = _transform(_overlap_add(magnitude * phase))
        moved = now + MOMENTUM * (now - before)
        phase, before = moved / np.maximum(np.abs(moved), 1e-8), now
    half = WINDOW - HOP
    waveforms = _overlap_add(magnitude * phase)[:, half // 2 : -(half - half // 2)]
    peak = np.abs(waveforms).max(1, keepdims=True)
    return (waveforms / np.maximum(peak, 1e-6))[..., None]


def varied(spectrograms: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Copies of spectrograms `(rows, times, bands, 1)` that are faster or slower, higher or lower.

    Durations change by up to 16 %, places of the bands by up to 6 %, and brightness falls by up to
    7 %.
    """
    speed, pitch = (np.exp(rng.uniform(-s, s, (len(spectrograms), 1))) for s in (0.15, 0.06))
    loudness = rng.uniform(0.93, 1, (len(spectrograms), 1, 1)).astype("float32")
    bands_first = _resampled(spectrograms[..., 0], speed).swapaxes(1, 2)
    return (_resampled(bands_first, pitch).swapaxes(1, 2) * loudness)[..., None]


def _resampled(x: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Reads each row of `x` along its first axis at positions that are `factor` times as far."""
    last = x.shape[1] - 1
    places = np.minimum(np.arange(last + 1) * factor, last)
    below = np.minimum(places.astype(int), last - 1)
    weight = (places - below).astype("float32")[..., None]
    row = np.arange(len(x))[:, None]
    return x[row, below] * (1 - weight) + x[row, below + 1] * weight


def _transform(padded: np.ndarray) -> np.ndarray:
    """The short-time Fourier transform, `(rows, times, 129)`."""
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=1)[:, ::HOP]
    return np.fft.rfft(frames * _HANN).astype("complex64")


def _overlap_add(transform: np.ndarray) -> np.ndarray:
    """The signal of least squared distance to a transform; windows overlap by half."""
    frames = np.fft.irfft(transform, WINDOW).astype("float32") * _HANN
    rows, times = frames.shape[:2]
    signal = np.zeros((rows, times + 1, HOP), "float32")
    signal[:, :-1] += frames[..., :HOP]
    signal[:, 1:] += frames[..., HOP:]
    weight = np.zeros((times + 1, HOP), "float32")
    weight[:-1] += _HANN[:HOP] ** 2
    weight[1:] += _HANN[HOP:] ** 2
    return (signal / np.maximum(weight, 1e-2)).reshape(rows, -1)


def _bands(sample_rate: int) -> np.ndarray:
    """Triangular filters, equally wide in mel, `(129, 64)`."""
    matrix = keras.layers.MelSpectrogram().linear_to_mel_weight_matrix(
        BANDS, WINDOW // 2 + 1, sample_rate, LOWEST, sample_rate / 2
    )
    return keras.ops.convert_to_numpy(matrix)
