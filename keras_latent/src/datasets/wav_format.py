"""The WAV format, as far as recordings of words need it."""

import struct
from collections.abc import Iterator

import numpy as np

_PCM, _EXTENSIBLE = 1, 0xFFFE


def decode_wav(content: bytes, sample_rate: int, name: str) -> np.ndarray:
    """Samples of a WAV file of one channel and 16 bits, of its content.

    Args:
        content: All bytes of the file.
        sample_rate: Samples per second that the file must have, in Hz.
        name: What errors call the file.

    Returns:
        int16 samples `(samples,)`.

    Raises:
        ValueError: As `datasets.read_wav`.
    """
    # Not the standard library's `wave`: it takes half a sample, or fewer samples than the
    # header promises, without a word.
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError(
            f"{name} cannot be read as a WAV file: it must begin with 'RIFF....WAVE'. "
            f"Received: {content[:12]!r}."
        )
    chunks = {}
    for kind, size, data in _chunks(content):
        chunks.setdefault(kind, (size, data))
    if b"fmt " not in chunks or b"data" not in chunks or len(chunks[b"fmt "][1]) < 16:
        raise ValueError(
            f"{name} cannot be read as a WAV file: it must have a complete chunk 'fmt ' and a "
            f"chunk 'data'. Received chunks: {sorted(map(bytes.decode, chunks))}. It may be cut "
            "short."
        )
    _check_format(chunks[b"fmt "][1], sample_rate, name)
    size, data = chunks[b"data"]
    if len(data) < size:
        raise ValueError(
            f"{name} is cut short: it must have {size} bytes of samples, as it says. "
            f"Received: {len(data)}."
        )
    if size % 2:
        raise ValueError(
            f"{name} must have two bytes for each sample. Received: {size} bytes, of which the "
            "last is half a sample."
        )
    if not size:
        raise ValueError(f"{name} must have one sample or more. Received: none.")
    return np.frombuffer(data, dtype="<i2").astype(np.int16)


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    offset = 12
    while offset + 8 <= len(content):
        kind, size = struct.unpack_from("<4sI", content, offset)
        yield bytes(c if 32 <= c < 127 else 63 for c in kind), size, content[offset + 8 :][:size]
        offset += 8 + size + size % 2  # Chunks begin at even places.


def _check_format(header: bytes, sample_rate: int, name: str) -> None:
    coding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", header)
    if coding == _EXTENSIBLE and len(header) >= 26:
        (coding,) = struct.unpack_from("<H", header, 24)
    if coding != _PCM or bits != 16:
        raise ValueError(
            f"{name} must be PCM of 16 bits (format 1). Received: format {coding} of {bits} bits. "
            "Convert it, e.g. with `ffmpeg -i in.wav -c:a pcm_s16le out.wav`."
        )
    if channels != 1:
        raise ValueError(f"{name} must have one channel. Received: {channels} channels.")
    if rate != sample_rate:
        raise ValueError(f"{name} must have {sample_rate} samples per second. Received: {rate}.")
