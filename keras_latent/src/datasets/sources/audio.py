"""Waveforms: reading WAV files, scaling, and setting the length of recordings."""

import io
import os
import struct
from typing import Any

import numpy as np

from keras_latent.src.training.inputs import one_array
from keras_latent.src.utils import checks
from keras_latent.src.utils.files import require_file

#: Limits of a WAV file: bytes of samples, and chunks before them.
MOST_BYTES, MOST_CHUNKS = 1 << 30, 1000


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
        ValueError: If it is not a file or not a WAV file, is cut short, is not 16-bit PCM, has
            several channels or another rate, has no samples or more than 1 GiB of them, has more
            than 1000 chunks before them, or ends with half a sample.

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
    path = checks.path("path", path)
    sample_rate = checks.integer("sample_rate", sample_rate)
    require_file(path)
    with path.open("rb") as file:
        return decode_wav(file, sample_rate, name=os.fspath(path))


def decode_wav(file: io.BufferedIOBase, sample_rate: int, name: str) -> np.ndarray:
    """Do what `read_wav` does, given the open file and its name for errors."""
    length = file.seek(0, io.SEEK_END)
    file.seek(0)
    try:
        (width, channels, rate), size = _header(file)
    except (ValueError, struct.error) as error:
        problem = "it ends too early" if isinstance(error, struct.error) else str(error)
        file.seek(0)
        raise ValueError(
            f"{name} cannot be read as a WAV file: {problem}. It must be "
            f"16-bit PCM, and may be cut short. Received: {length} bytes, beginning with "
            f"{file.read(12)!r}. Convert other formats with `ffmpeg -i in.wav -c:a pcm_s16le "
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
    if (received := length - file.tell()) < size:
        raise ValueError(
            f"{name} is cut short: its header promises {size} bytes of samples. "
            f"Received: {received}"
        )
    if size % 2:
        raise ValueError(
            f"{name} must have two bytes per sample. Received: {size} bytes, the last of which is "
            "half a sample"
        )
    if not 0 < size <= MOST_BYTES:
        wanted = f"at most {MOST_BYTES:,} bytes of samples" if size else "at least one sample"
        raise ValueError(f"{name} must have {wanted}. Received: {f'{size:,}' if size else 'none'}")
    samples = np.empty(size // 2, dtype="<i2")
    file.readinto(samples.data)
    return samples.astype(np.int16, copy=False)


def _header(file: io.BufferedIOBase) -> tuple[tuple[int, int, int], int]:
    """Bytes per sample, channels and rate of a WAV file, and the size of its samples in bytes.

    The file is left at the first sample. The size in the file's own header is not used: some
    programs leave it at 0. (`wave` relies on it, and before Python 3.12 refuses the extensible
    format, whose header has the format code twice.)

    Raises:
        struct.error: If the file ends too early.
        ValueError: If it is no WAV file, or its format is not PCM.
    """
    riff, kind = struct.unpack("<4s4x4s", file.read(12))
    if (riff, kind) != (b"RIFF", b"WAVE"):
        raise ValueError("it does not start with RIFF and WAVE")
    header: tuple[int, int, int] | None = None
    for _ in range(MOST_CHUNKS):
        name, size = struct.unpack("<4sI", file.read(8))
        if name == b"data":
            if header is None:
                raise ValueError("it has no chunk `fmt ` before its samples")
            return header, size
        start = file.tell()
        if name == b"fmt ":
            code, channels, rate, bits = struct.unpack("<HHI6xH", file.read(16))
            if code == 0xFFFE:
                (code,) = struct.unpack("<8xH", file.read(10))
            if code != 1:
                raise ValueError(f"unknown format: {code}")
            header = (bits + 7) // 8, channels, rate
        file.seek(start + size + size % 2)
    raise ValueError(f"it has more than {MOST_CHUNKS} chunks before its samples")


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
        waveform: Numbers of any shape, such as floats or 16-bit samples.

    Returns:
        float32 from -1 to 1, of the same shape.

    Raises:
        ValueError: If `waveform` is not an array of finite numbers.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> datasets.peak_normalize(np.array([0.1, -0.2, 0.0])).tolist()
    [0.5, -1.0, 0.0]
    """
    waveform = _numbers(waveform).astype(np.float32)
    peak = np.abs(waveform).max(initial=0.0)
    return waveform / peak if peak > 0 else waveform


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
        ValueError: If `waveform` has another rank or is not finite numbers, or `samples` is not a
            positive integer.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> datasets.fit_length(np.arange(1, 4), 5).tolist(), datasets.fit_length(np.ones(9), 2)
    ([1, 2, 3, 0, 0], array([1., 1.]))
    """
    samples = checks.integer("samples", samples)
    waveform = _numbers(waveform)
    if waveform.ndim != 1:
        raise ValueError(
            f"`waveform` must have shape (length,). Received: waveform.shape={waveform.shape}"
        )
    fitted = np.zeros(samples, dtype=waveform.dtype)
    kept = waveform[:samples]
    fitted[: len(kept)] = kept
    return fitted


def _numbers(waveform: Any) -> np.ndarray:
    waveform = one_array("waveform", waveform)
    if waveform.dtype.kind not in "iuf" or not np.isfinite(waveform).all():
        what = "NaN or infinity" if waveform.dtype.kind == "f" else f"dtype={waveform.dtype}"
        raise ValueError(f"`waveform` must be finite numbers. Received: {what}")
    return waveform
