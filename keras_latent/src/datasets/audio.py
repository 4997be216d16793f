"""Waveforms: reading WAV files, scaling, and bringing recordings to one length."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from keras_latent.src.datasets.checks import check_integer
from keras_latent.src.datasets.wav_format import decode_wav


def read_wav(path: str | os.PathLike, sample_rate: int) -> np.ndarray:
    """Read a WAV file of one channel and 16 bits.

    Nothing is converted: a file of another rate, or in stereo, is a mistake that would
    otherwise be heard only after training.

    Args:
        path: The file.
        sample_rate: Samples per second that the file must have, in Hz.

    Returns:
        int16 samples `(samples,)`; `to_float` makes floats of them.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If it is not a WAV file, is cut short, is not 16-bit PCM, has several
            channels or another rate, has no samples, or ends with half a sample.

    Example:

    >>> import os, tempfile
    >>> import numpy as np
    >>> from keras_latent import datasets, visualization
    >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4000) / 8000)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (path,) = visualization.write_wavs(os.path.join(folder, "a.wav"), tone[None], 8000)
    ...     samples = datasets.read_wav(path, sample_rate=8000)
    >>> samples.dtype.name, samples.shape, int(samples.max())
    ('int16', (4000,), 16384)
    """
    return decode_wav(Path(path).read_bytes(), sample_rate, name=os.fspath(path))


def to_float(waveform: np.ndarray) -> np.ndarray:
    """int16 samples as float32 from -1 to 1: divided by 32,768, exactly.

    Raises:
        ValueError: If a sample is no integer from -32,768 to 32,767. Other integer types are
            taken, since TFDS stores the samples as int64.
    """
    waveform = np.asarray(waveform)
    if not np.issubdtype(waveform.dtype, np.integer):
        raise ValueError(f"`waveform` must be integers. Received: dtype={waveform.dtype}.")
    if waveform.size and (waveform.min() < -32_768 or waveform.max() > 32_767):
        raise ValueError(
            "`waveform` must be samples of 16 bits, -32768 to 32767. Received values from "
            f"{waveform.min()} to {waveform.max()}."
        )
    return waveform.astype(np.float32) / np.float32(32_768)


def peak_normalize(waveform: np.ndarray) -> np.ndarray:
    """Scale a waveform so that its largest sample is 1 or -1; silence stays silence.

    How loud a recording is tells the speaker and the microphone, not the word: in the Free
    Spoken Digit Dataset the mean peak of a speaker's recordings is 0.06 for one and 0.51 for
    another, and a model with one observation variance would hardly notice the former.

    Args:
        waveform: Floats of any shape, without NaN.

    Returns:
        float32 from -1 to 1, of the same shape.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> datasets.peak_normalize(np.array([0.1, -0.2, 0.0])).tolist()
    [0.5, -1.0, 0.0]
    """
    waveform = np.asarray(waveform, dtype=np.float32)
    peak = np.abs(waveform).max(initial=0.0)
    return waveform / peak if peak > 0 else waveform.copy()


def fit_length(waveform: np.ndarray, samples: int) -> np.ndarray:
    """Bring a waveform to a length: crop its end, or pad its end with zeros.

    The start stays where it is, so that words that were cut out of a recording (those of
    `load_arrays` are) begin alike.

    Args:
        waveform: Array `(length,)`.
        samples: Length wanted, 1 or more.

    Returns:
        A new array `(samples,)` of the same dtype.

    Raises:
        ValueError: If `waveform` has another rank, or `samples` is no integer of 1 or more.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> datasets.fit_length(np.arange(1, 4), 5).tolist(), datasets.fit_length(np.ones(9), 2)
    ([1, 2, 3, 0, 0], array([1., 1.]))
    """
    samples = check_integer("samples", samples, at_least=1)
    waveform = np.asarray(waveform)
    if waveform.ndim != 1:
        raise ValueError(
            f"`waveform` must have shape (length,). Received: waveform.shape={waveform.shape}."
        )
    fitted = np.zeros(samples, dtype=waveform.dtype)
    kept = waveform[:samples]
    fitted[: len(kept)] = kept
    return fitted


def check_waveforms(argument: str, value: Any) -> np.ndarray:
    """Return `value` as float32 `(N, samples, 1)`; otherwise raise.

    Args:
        argument: Name of the argument, for errors.
        value: Floats `(N, samples, 1)` or `(N, samples)` from -1 to 1.

    Raises:
        ValueError: If it has another rank or no samples, is not float, holds NaN or infinity,
            or goes beyond -1 or 1.
    """
    array = np.asarray(value)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] != 1 or 0 in array.shape:
        raise ValueError(
            f"`{argument}` must be waveforms (N, samples, 1) or (N, samples). "
            f"Received: {argument}.shape={np.shape(value)}."
        )
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(
            f"`{argument}` must be floats from -1 to 1. Received: {argument}.dtype={array.dtype}. "
            "Divide samples of 16 bits by 32768."
        )
    # NaN and infinity are neither.
    bad = ~((array >= -1) & (array <= 1)).all(axis=(1, 2))
    if bad.any():
        row = np.flatnonzero(bad)[0]
        what = "NaN or infinity" if not np.isfinite(array[row]).all() else "values"
        span = "" if what != "values" else f" from {array[row].min():.4g} to {array[row].max():.4g}"
        raise ValueError(
            f"`{argument}` must be finite and from -1 to 1. Received {what}{span} in row {row}, "
            f"the first of {bad.sum()} such rows of {len(array)}. Clip them with `np.clip`, or "
            "scale them with `datasets.peak_normalize`."
        )
    return array.astype(np.float32, copy=False)
