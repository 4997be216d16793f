"""Datasets of spoken digits as NumPy arrays."""

import os
import re
from dataclasses import dataclass

import numpy as np

from keras_latent.src.datasets import audio
from keras_latent.src.datasets.tfds_source import read_tfds_recordings

Recording = tuple[str, np.ndarray, int]
Split = tuple[np.ndarray, np.ndarray]

# The Free Spoken Digit Dataset's own split: of the 50 takes of each digit and speaker.
TEST_TAKES = range(5)


@dataclass(frozen=True)
class Sound:
    """What the waveforms of a dataset have in common.

    Attributes:
        sample_rate: Samples per second, in Hz.
        samples: Length to which recordings are cropped or padded.
    """

    sample_rate: int
    samples: int


SOUNDS = {"sc09": Sound(16_000, 16_384), "spoken_digit": Sound(8_000, 8_192)}
# For those who draw, write or play the waveforms.
SAMPLE_RATES = {name: sound.sample_rate for name, sound in SOUNDS.items()}


def read_sounds(name: str, data_dir: str | os.PathLike | None) -> tuple[Split, Split]:
    """Read a dataset of recordings through TensorFlow Datasets.

    Args:
        name: A name in `SOUNDS`.
        data_dir: TFDS's data directory, or `None` for TFDS's default.

    Returns:
        `((train, labels), (test, labels))`, in the order of the file names; see
        `to_waveforms`.

    Raises:
        ImportError: If TFDS is not installed.
        RuntimeError: If the data can neither be read nor downloaded.
        ValueError: If it is not what its name promises.
    """
    if name == "spoken_digit":
        parts = split_by_take(read_tfds_recordings(name, "train", data_dir))
    else:
        parts = [read_tfds_recordings(name, split, data_dir) for split in ("train", "test")]
    return tuple(to_waveforms(part, SOUNDS[name].samples) for part in parts)


def split_by_take(recordings: list[Recording]) -> tuple[list[Recording], list[Recording]]:
    """Split recordings of the Free Spoken Digit Dataset as its authors do.

    Takes 0 to 4 of each digit and speaker are the test recordings, 5 to 49 the training
    recordings. Every speaker is in both.

    Args:
        recordings: File name ("7_jackson_32.wav": digit, speaker, take), samples and label of
            each.

    Returns:
        The training recordings and the test recordings, each in the order given.

    Raises:
        ValueError: If a file name is of another form, does not begin with the label, or occurs
            twice, or if one of the parts is empty.
    """
    train, test, seen = [], [], set()
    for recording in recordings:
        name, _, label = recording
        parts = re.fullmatch(r"(\d)_(.+)_(\d+)\.wav", name)
        if parts is None or int(parts[1]) != label or name in seen:
            raise ValueError(
                "Recordings of the Free Spoken Digit Dataset must be called "
                "digit_speaker_take.wav, each by a name of its own that begins with its label. "
                f"Received: {name!r} with label {label}{' twice' if name in seen else ''}."
            )
        seen.add(name)
        (test if int(parts[3]) in TEST_TAKES else train).append(recording)
    if not train or not test:
        raise ValueError(
            "The Free Spoken Digit Dataset must have takes 0 to 4 for testing, and others for "
            f"training. Received: {len(test)} and {len(train)} recordings."
        )
    return train, test


def to_waveforms(recordings: list[Recording], samples: int) -> Split:
    """Arrays of recordings: cropped or padded at the end, each with a peak of 1.

    Args:
        recordings: File name, samples of 16 bits and label of each.
        samples: Length of the waveforms.

    Returns:
        float32 waveforms `(N, samples, 1)` from -1 to 1, and int64 labels `(N,)`.

    Raises:
        ValueError: If samples are not of 16 bits, or there are none; naming the file.
    """
    waveforms = np.zeros((len(recordings), samples, 1), dtype=np.float32)
    for row, (name, recording, _) in enumerate(recordings):
        if not len(recording):
            raise ValueError(f"{name} must have one sample or more. Received: none.")
        try:
            waveform = audio.to_float(audio.fit_length(recording, samples))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        # After cropping: what has been cut off must not decide how loud the rest is.
        waveforms[row, :, 0] = audio.peak_normalize(waveform)
    labels = np.array([label for _, _, label in recordings], dtype=np.int64)
    return waveforms, labels
