"""Writing of WAV files."""

import os
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_latent.src.datasets import array_checks
from keras_latent.src.utils import checks
from keras_latent.src.utils.files import replaced_when_complete
from keras_latent.src.visualization.figures import to_array

# A header has 32 bits for the bytes per second.
MAX_RATE = 2**31 - 1


def write_wavs(
    path: str | os.PathLike,
    waveforms: Any,
    sample_rate: int,
    names: Sequence[str] | None = None,
) -> list[Path]:
    """Write waveforms as mono 16-bit WAV files, each one atomically.

    A sample x becomes round(32768 x), and 1 becomes 32767. Samples that were read from such a
    file and divided by 32768 are written back unchanged.

    Args:
        path: A folder, which is created if missing; or, for one waveform, a file name that ends
            in ".wav".
        waveforms: Floats `(N, samples)` or `(N, samples, 1)` from -1 to 1. They are not clipped,
            because clipping is audible.
        sample_rate: Sample rate in Hz.
        names: `N` file names, with or without ".wav". Defaults to "0.wav", "1.wav" and so on,
            zero-padded so that they sort by number.

    Returns:
        The paths of the files, in the order of the waveforms.

    Raises:
        ValueError: If `waveforms` has a different rank, or values that are NaN or outside
            [-1, 1]; if `sample_rate` is not a positive integer; if `names` are not `N` different
            file names; or if `path` ends in ".wav" for several waveforms or together with `names`.

    Example:

    >>> import tempfile
    >>> import numpy as np
    >>> from keras_latent import visualization
    >>> tones = np.sin(np.array([[440], [880]]) * np.linspace(0, 2 * np.pi, 8000))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in visualization.write_wavs(folder, tones, 8000)]
    ['0.wav', '1.wav']
    """
    waveforms = array_checks.waveforms("waveforms", to_array("waveforms", waveforms))
    sample_rate = checks.integer("sample_rate", sample_rate, at_most=MAX_RATE)
    path = checks.path("path", path)
    if path.suffix == ".wav":
        if len(waveforms) > 1 or names is not None:
            raise ValueError(
                "`path` must be a folder, unless there is one waveform and `names` is None. "
                f"Received: path={str(path)!r}, {len(waveforms)} waveforms, names={names!r}."
            )
        paths = [path]
    else:
        paths = [path / name for name in _file_names(names, len(waveforms))]
    samples = np.clip(np.round(waveforms[..., 0] * 32_768), -32_768, 32_767).astype("<i2")
    for file, row in zip(paths, samples, strict=True):
        with (
            replaced_when_complete(file) as temporary,
            wave.open(os.fspath(temporary), "wb") as writer,
        ):
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(sample_rate)
            writer.writeframes(row.tobytes())
    return paths


def _file_names(names: Sequence[str] | None, count: int) -> list[str]:
    if names is None:
        digits = len(str(count - 1))
        return [f"{row:0{digits}}.wav" for row in range(count)]
    texts = isinstance(names, (Sequence, np.ndarray)) and all(
        isinstance(name, str) for name in names
    )
    files = [f"{name.removesuffix('.wav')}.wav" for name in names] if texts else []
    plain = all(
        file == os.path.basename(file) and file != ".wav" and "\0" not in file for file in files
    )
    if isinstance(names, str) or len(set(files)) != count or len(files) != count or not plain:
        raise ValueError(
            f"`names` must be {count} different file names, one per waveform, without folders. "
            f"{checks.received('names', names)}"
        )
    return files
