"""Small data sets in the place of downloads of TensorFlow Datasets."""

import os

import numpy as np
import pytest

from keras_latent import datasets

# Version of each data set in TFDS, and size of its images.
IMAGES = {"mnist": ("3.0.1", 28), "fashion_mnist": ("3.0.1", 28), "usps": ("1.0.0", 16)}
SPEAKERS = ("george", "theo")
TAKES = (0, 4, *range(5, 25))  # two for testing, twenty for training


def enlarged(images, size):
    """Enlarge 8x8 digits as far as fits `size`, centered on black."""
    images = np.kron(images, np.ones((1, size // 8, size // 8, 1), np.uint8))
    before = (size - images.shape[1]) // 2
    margin = (before, size - images.shape[1] - before)
    return np.pad(images, ((0, 0), margin, margin, (0, 0)))


def tone(digit, take):
    """Return a tenth of a second of a tone with rising pitch that depends on the digit."""
    time = np.arange(800) / 8000
    return (20_000 * np.sin(2 * np.pi * (150 + 60 * digit + take + 900 * time) * time)).astype(
        "int64"
    )


def store(tfds, folder, name, version, features, splits):
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=version,
        features=tfds.features.FeaturesDict(
            features | {"label": tfds.features.ClassLabel(num_classes=10)}
        ),
        split_datasets={split: list(enumerate(rows)) for split, rows in splits.items()},
        data_dir=folder,
        disable_shuffling=True,
    )


@pytest.fixture(scope="session")
def tfds_data_dir(tmp_path_factory):
    """The folder in `TFDS_DATA_DIR`; otherwise scikit-learn's digits, and tones."""
    given = os.environ.get("TFDS_DATA_DIR")
    if given:
        return given
    tfds = pytest.importorskip("tensorflow_datasets")
    folder = str(tmp_path_factory.mktemp("tfds"))
    digits = dict(zip(("train", "test"), datasets.load_arrays("digits"), strict=True))
    for name, (version, size) in IMAGES.items():
        splits = {
            split: [
                {"image": image, "label": label}
                for image, label in zip(enlarged(images, size), labels, strict=True)
            ]
            for split, (images, labels) in digits.items()
        }
        image = tfds.features.Image(shape=(size, size, 1), dtype=np.uint8)
        store(tfds, folder, name, version, {"image": image}, splits)
    recordings = [
        {
            "audio": tone(digit, take),
            "audio/filename": f"{digit}_{speaker}_{take}.wav",
            "label": digit,
        }
        for digit in range(10)
        for speaker in SPEAKERS
        for take in TAKES
    ]
    features = {
        "audio": tfds.features.Audio(file_format="wav", sample_rate=8000),
        "audio/filename": tfds.features.Text(),
    }
    store(tfds, folder, "spoken_digit", "1.0.9", features, {"train": recordings})
    return folder
