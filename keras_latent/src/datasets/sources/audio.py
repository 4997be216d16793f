"""Waveforms: reading WAV files, scaling, and setting the length of recordings."""

import io
import os
import struct
import wave
from pathlib import Path

import numpy as np

from keras_latent.src.utils import checks


def read_wav(path: str | os.PathLike, sample_rate: int) -> np.ndarray:
    """Read a mono, 16-bit WAV file.

    Nothing is converted: with a file in stereo or at another rate, the mistake would go unnoticed
    until you listened to a trained model.

    Args:
        path: The file.
        sample_rate: The sample rate that the file must have, in Hz.

    Returns:
        int16 samples `(samples,)`.

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


def decode_wav(content: bytes, sample_rate: int, name: str) -> np.ndarray:
    """Do what `read_wav` does, given the content of the file and its name for errors."""
    # `wave` fails if the header has the wrong file size. In Python 3.11 it does not know the
    # extensible format, whose header has the format code twice.
    plain = content[:4] + struct.pack("<I", max(len(content) - 8, 0)) + content[8:]
    if (header := plain.find(b"fmt \x28\0\0\0\xfe\xff")) >= 0:
        plain = plain[: header + 8] + plain[header + 32 : header + 34] + plain[header + 10 :]
    file = io.BytesIO(plain)
    try:
        with wave.open(file) as reader:
            start = file.tell()
            channels, width, rate = reader.getparams()[:3]
    # `wave` raises RuntimeError for chunks that are longer than the file.
    except (wave.Error, EOFError, RuntimeError) as error:
        raise ValueError(
            f"{name} cannot be read as a WAV file: {str(error) or 'it ends too early'}. It must be "
            f"16-bit PCM, and may be cut short. Received: {len(content)} bytes, beginning with "
            f"{content[:12]!r}. Convert other formats with `ffmpeg -i in.wav -c:a pcm_s16le "
            "out.wav`."
        ) from error
    if width != 2:
        raise ValueError(
            f"{name} must be 16-bit PCM. Received: {8 * width} bits. Convert it with "
            "`ffmpeg -i in.wav -c:a pcm_s16le out.wav`."
        )
    if channels != 1:
        raise ValueError(f"{name} must have one channel. Received: {channels} channels")
    if rate != sample_rate:
        raise ValueError(f"{name} must have {sample_rate} samples per second. Received: {rate}")
    # `wave` silently accepts fewer samples than the header promises, and half a sample.
    (size,) = struct.unpack("<I", content[start - 4 : start])
    samples = content[start : start + size]
    if len(samples) < size:
        raise ValueError(
            f"{name} is cut short: its header promises {size} bytes of samples. "
            f"Received: {len(samples)}"
        )
    if size % 2:
        raise ValueError(
            f"{name} must have two bytes per sample. Received: {size} bytes, the last of which is "
            "half a sample"
        )
    if not size:
        raise ValueError(f"{name} must have at least one sample. Received: none")
    return np.frombuffer(samples, dtype="<i2").astype(np.int16)


def to_float(waveform: np.ndarray) -> np.ndarray:
    """Convert 16-bit samples of any integer dtype to float32 in [-1, 1), dividing by 32,768.

    Raises:
        ValueError: If a sample is not an integer from -32,768 to 32,767.
    """
    waveform = np.asarray(waveform)
    if not np.issubdtype(waveform.dtype, np.integer):
        raise ValueError(f"`waveform` must be integers. Received: dtype={waveform.dtype}")
    if waveform.size and (waveform.min() < -32_768 or waveform.max() > 32_767):
        raise ValueError(
            "`waveform` must be 16-bit samples, -32768 to 32767. Received: values from "
            f"{waveform.min()} to {waveform.max()}"
        )
    return waveform.astype(np.float32) / np.float32(32_768)


def peak_normalize(waveform: np.ndarray) -> np.ndarray:
    """Scale a waveform so that its largest absolute value is 1. Silence stays silence.

    The loudness of a recording depends on the speaker and the microphone, not on the word: in
    the Free Spoken Digit Dataset, the mean peak is 0.06 for one speaker and 0.51 for another. A
    model with a single observation variance would largely ignore the former.

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
    """Crop a waveform at the end, or pad it with zeros, to a given length.

    The start stays in place, so that words cut from recordings (such as those of `load_arrays`)
    stay aligned at their beginning.

    Args:
        waveform: Array `(length,)`.
        samples: Length of the result, 1 or more.

    Returns:
        A new array `(samples,)` of the same dtype.

    Raises:
        ValueError: If `waveform` has another rank, or `samples` is not a positive integer.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> datasets.fit_length(np.arange(1, 4), 5).tolist(), datasets.fit_length(np.ones(9), 2)
    ([1, 2, 3, 0, 0], array([1., 1.]))
    """
    samples = checks.integer("samples", samples)
    waveform = np.asarray(waveform)
    if waveform.ndim != 1:
        raise ValueError(
            f"`waveform` must have shape (length,). Received: waveform.shape={waveform.shape}"
        )
    fitted = np.zeros(samples, dtype=waveform.dtype)
    kept = waveform[:samples]
    fitted[: len(kept)] = kept
    return fitted
