"""Datasets of spoken digits as NumPy arrays."""

import os
import re
from typing import NamedTuple

import numpy as np

from keras_latent.src.datasets.sources import audio
from keras_latent.src.datasets.sources.tfds_source import Recording, read_tfds_recordings

Split = tuple[np.ndarray, np.ndarray]

# Of the 50 takes per digit and speaker in the Free Spoken Digit Dataset, by its authors' split.
TEST_TAKES = range(5)


class Sound(NamedTuple):
    """Sample rate of a dataset in Hz, and the length to which recordings are cropped or padded."""

    sample_rate: int
    samples: int


SOUNDS = {"sc09": Sound(16_000, 16_384), "spoken_digit": Sound(8_000, 8_192)}
#: Sample rates of the waveforms, in Hz, for plotting, writing and playing them.
SAMPLE_RATES = {name: sound.sample_rate for name, sound in SOUNDS.items()}


def read_sounds(name: str, data_dir: str | os.PathLike | None) -> tuple[Split, Split]:
    """Read training and test recordings through TensorFlow Datasets, ordered by file name."""
    if name == "spoken_digit":
        train, test = split_by_take(read_tfds_recordings(name, "train", data_dir))
    else:
        train, test = (read_tfds_recordings(name, part, data_dir) for part in ("train", "test"))
    samples = SOUNDS[name].samples
    return to_waveforms(train, samples), to_waveforms(test, samples)


def split_by_take(recordings: list[Recording]) -> tuple[list[Recording], list[Recording]]:
    """Split recordings of the Free Spoken Digit Dataset for training and testing.

    File names are of the form "7_jackson_32.wav": digit, speaker, take. The order is kept.
    """
    train: list[Recording] = []
    test: list[Recording] = []
    seen = set()
    for recording in recordings:
        name, _, label = recording
        parts = re.fullmatch(r"(\d)_(.+)_(\d+)\.wav", name)
        if parts is None or int(parts[1]) != label or name in seen:
            raise ValueError(
                "Recordings of the Free Spoken Digit Dataset must have different names of the "
                "form digit_speaker_take.wav, where the digit is the label. "
                f"Received: {name!r} with label {label}{', twice' if name in seen else ''}"
            )
        seen.add(name)
        (test if int(parts[3]) in TEST_TAKES else train).append(recording)
    if not train or not test:
        raise ValueError(
            "The Free Spoken Digit Dataset must have takes 0 to 4 for testing, and others for "
            f"training. Received: {len(test)} and {len(train)} recordings"
        )
    return train, test


def to_waveforms(recordings: list[Recording], samples: int) -> Split:
    """Crop or pad recordings at the end, and scale them to a peak of 1.

    Returns:
        float32 waveforms `(N, samples, 1)` from -1 to 1, and int64 labels `(N,)`.
    """
    waveforms = np.zeros((len(recordings), samples, 1), dtype=np.float32)
    for row, (name, recording, _) in enumerate(recordings):
        if not len(recording):
            raise ValueError(f"{name} must have at least one sample. Received: none")
        try:
            waveform = audio.to_float(audio.fit_length(recording, samples))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        # Normalize after cropping, so that the part cut off does not affect the volume.
        waveforms[row, :, 0] = audio.peak_normalize(waveform)
    labels = np.array([label for _, _, label in recordings], dtype=np.int64)
    return waveforms, labels
