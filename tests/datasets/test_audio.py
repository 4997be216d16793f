import io
import os
import struct
import wave

import numpy as np
import pytest

from keras_latent import datasets, visualization
from keras_latent.src.datasets import array_checks
from keras_latent.src.datasets.sources import audio


def wav(samples, rate=8000, channels=1, width=2):
    """The content of a file written by the standard library."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        writer.writeframes(samples)
    return file.getvalue()


SAMPLES = np.array([0, 1, -1, 32767, -32768, 256], dtype="<i2")
GOOD = wav(SAMPLES.tobytes())


def with_size(content, size):
    """The same content with another size in the header of the samples."""
    place = content.index(b"data") + 4
    return content[:place] + struct.pack("<I", size) + content[place + 4 :]


def with_format(content, code):
    return content[:20] + struct.pack("<H", code) + content[22:]


def test_read_wav_written_by_the_standard_library(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(GOOD)
    samples = datasets.read_wav(path, sample_rate=8000)
    assert samples.dtype == np.int16 and (samples == SAMPLES).all()
    assert samples.flags.writeable
    with pytest.raises(FileNotFoundError, match=r"b\.wav"):
        datasets.read_wav(tmp_path / "b.wav", sample_rate=8000)


def test_further_chunks_and_the_extensible_format():
    # A chunk of odd size, with its padding byte, before the samples, and a chunk after them.
    content = GOOD[:36] + b"LIST\x03\x00\x00\x00abc\x00" + GOOD[36:] + b"id3 \x02\x00\x00\x00xy"
    assert (audio.decode_wav(io.BytesIO(content), 8000, "a.wav") == SAMPLES).all()
    body = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8000, 16000, 2, 16, 22, 16, 4) + struct.pack(
        "<H14s", 1, b"\x00" * 14
    )
    content = GOOD[:12] + b"fmt " + struct.pack("<I", len(body)) + body + GOOD[36:]
    assert (audio.decode_wav(io.BytesIO(content), 8000, "a.wav") == SAMPLES).all()


@pytest.mark.parametrize(
    "content,message",
    [
        (b"", r"cannot be read as a WAV file: it ends too early.*Received: 0 bytes.*b''"),
        (b"<html>Not found</html>", r"does not start with RIFF.*<html>Not fo"),
        (GOOD[:30], r"cannot be read as a WAV file: .*cut short\. Received: 30 bytes"),
        (GOOD[:40], r"cannot be read as a WAV file: .*Received: 40 bytes"),
        (
            GOOD[:12] + b"\xff\x00\xfe~\x00\x00\x00\x00",
            r"it ends too early.*Received: 20 bytes",
        ),
        (
            GOOD[:36] + b"LIST\xff\x00\x00\x00abc",
            r"cannot be read as.*Received: 47 bytes",
        ),
        (GOOD[:12] + GOOD[36:], r"it has no chunk `fmt ` before its samples"),
        (GOOD[:12] + bytes(8) * 2000 + GOOD[12:], r"it has more than 1000 chunks before"),
        (GOOD[:-2], r"is cut short: its header promises 12 bytes.*Received: 10"),
        (GOOD[:-1], r"is cut short: its header promises 12 bytes.*Received: 11"),
        (with_size(GOOD, 11), r"two bytes per sample\. Received: 11 bytes.*half a sample"),
        (wav(b""), r"must have at least one sample"),
        (wav(bytes(8), channels=2), r"must have one channel\. Received: 2 channels"),
        (wav(bytes(8), width=1), r"must be 16-bit PCM\. Received: 8 bits.*ffmpeg"),
        (wav(bytes(9), width=3), r"Received: 24 bits"),
        (with_format(GOOD, 3), r"unknown format: 3\. It must be 16-bit PCM.*ffmpeg"),
        (wav(bytes(8), rate=16000), r"must have 8000 samples per second\. Received: 16000"),
    ],
)
def test_invalid_files(tmp_path, content, message):
    path = tmp_path / "7_jackson_32.wav"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"(?s)^{path} .*{message}"):
        datasets.read_wav(path, sample_rate=8000)


def test_what_is_no_file_is_not_opened(tmp_path):
    """Reading them would not end."""
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "link.wav").symlink_to(tmp_path / "gone.wav")
    for path, message in [
        ("/dev/zero", r"/dev/zero must be a file\. Received: a pipe, a device or a socket"),
        (tmp_path / "pipe.wav", r"pipe\.wav must be a file\. Received: a pipe"),
        (tmp_path, r"must be a file\. Received: a folder"),
        (tmp_path / "link.wav", r"Received: a link to '.*gone\.wav', which does not exist"),
    ]:
        with pytest.raises(ValueError, match=message):
            datasets.read_wav(path, 8000)
    (tmp_path / "a.wav").write_bytes(GOOD)
    (tmp_path / "good.wav").symlink_to("a.wav")
    assert len(datasets.read_wav(tmp_path / "good.wav", 8000)) == len(SAMPLES)


def test_samples_have_a_limit(tmp_path):
    """A sparse file of 3 GB takes no time to write, and none to refuse."""
    path = tmp_path / "long.wav"
    path.write_bytes(with_size(GOOD, 3_000_000_000))
    os.truncate(path, 44 + 3_000_000_000)
    with pytest.raises(ValueError, match=r"at most 1,073,741,824 bytes.*Received: 3,000,000,000"):
        datasets.read_wav(path, 8000)


def test_to_float_is_exact_and_comes_back(tmp_path):
    every = np.arange(-32768, 32768)
    floats = audio.to_float(every)
    assert floats.dtype == np.float32 and floats[0] == -1 and floats[-1] == 32767 / 32768
    (path,) = visualization.write_wavs(tmp_path / "all.wav", floats[None], 8000)
    assert (datasets.read_wav(path, 8000) == every).all()
    with pytest.raises(ValueError, match=r"16-bit.*from -32769 to 0"):
        audio.to_float(np.array([0, -32769]))
    with pytest.raises(ValueError, match=r"must be integers.*float64"):
        audio.to_float(np.zeros(3))


def test_peak_normalize(rng):
    quiet = 1e-3 * rng.normal(size=100)
    loud = datasets.peak_normalize(quiet)
    assert loud.dtype == np.float32 and np.abs(loud).max() == 1
    np.testing.assert_allclose(loud, quiet / np.abs(quiet).max(), rtol=1e-6)
    silence = np.zeros(4)
    assert (datasets.peak_normalize(silence) == 0).all()
    assert datasets.peak_normalize(np.zeros(0)).shape == (0,)


def test_fit_length():
    waveform = np.array([3, 4, 5], dtype=np.int16)
    longer = datasets.fit_length(waveform, 5)
    assert longer.dtype == np.int16 and list(longer) == [3, 4, 5, 0, 0]
    assert list(datasets.fit_length(waveform, 2)) == [3, 4]
    same = datasets.fit_length(waveform, 3)
    same[0] = 9
    assert waveform[0] == 3
    with pytest.raises(ValueError, match=r"`waveform` must have shape \(length,\).*\(3, 1\)"):
        datasets.fit_length(waveform[:, None], 3)
    with pytest.raises(ValueError, match="`samples` must be a positive integer.*samples=0"):
        datasets.fit_length(waveform, 0)


def test_only_finite_numbers_are_waveforms():
    for value, message in (
        (np.array([0.5, np.nan]), "NaN or infinity"),
        (np.array([np.inf, 0.0]), "NaN or infinity"),
        (np.array([1j]), "dtype=complex128"),
        (np.array(["a"]), "dtype=<U1"),
        ([[0.5], [0.5, 0.25]], "nested lists of equal lengths. Received: list"),
        (None, "Received: None"),
    ):
        for function in (datasets.peak_normalize, lambda x: datasets.fit_length(x, 3)):
            with pytest.raises(ValueError, match=f"`waveform` must be .*{message}"):
                function(value)


def test_arguments_of_read_wav(tmp_path):
    for path in (None, 3, "", "a\0b"):
        with pytest.raises(ValueError, match="`path` must be a path.*Received"):
            datasets.read_wav(path, 8000)
    with pytest.raises(ValueError, match="`sample_rate` must be a positive integer"):
        datasets.read_wav(tmp_path / "a.wav", None)


@pytest.mark.parametrize(
    "value,message",
    [
        (np.zeros(8), r"waveforms \(N, samples, 1\) or \(N, samples\).*\(8,\)"),
        (np.zeros((2, 8, 2)), r"Received: x\.shape=\(2, 8, 2\)"),
        (np.zeros((0, 8)), r"Received: x\.shape=\(0, 8\)"),
        (np.zeros((2, 8), int), r"`x` must be floats.*dtype=int64.*32768"),
        (np.array([[0, 0], [0, np.nan]]), r"Received: NaN or infinity in row 1, the first of 1 "),
        (np.array([[0, np.inf], [0, 0]]), r"Received: NaN or infinity in row 0"),
        (
            np.array([[0, 0], [-0.5, 1.5]]),
            r"values from -0\.5 to 1\.5 in row 1.*np\.clip",
        ),
    ],
)
def test_check_waveforms(value, message):
    with pytest.raises(ValueError, match=f"(?s)`x` must be.*{message}|{message}"):
        array_checks.waveforms("x", value)


def test_good_waveforms_pass():
    assert array_checks.waveforms("x", np.eye(3)).shape == (3, 3, 1)
    checked = array_checks.waveforms("x", np.ones((2, 5, 1), np.float16))
    assert checked.shape == (2, 5, 1) and checked.dtype == np.float32
