"""Small data for the applications: enlarged digits of scikit-learn, tones, and made-up faces."""

from pathlib import Path

import keras
import numpy as np

from keras_latent import datasets
from keras_latent.datasets import CELEBA_ATTRIBUTES

MALE, SMILING = CELEBA_ATTRIBUTES.index("Male"), CELEBA_ATTRIBUTES.index("Smiling")


def write_digits(folder: Path, name: str, train: slice, test: slice, side: int = 28) -> None:
    """Real 8x8 digits as a dataset of larger images."""

    def enlarged(images):
        factor = side // 8
        margin = (side - 8 * factor) // 2
        images = np.kron(images[..., 0], np.ones((1, factor, factor), "uint8"))
        return np.pad(images, ((0, 0), (margin, margin), (margin, margin)))

    (x, y), (x_test, y_test) = datasets.load_arrays("digits")
    np.savez(
        folder / f"{name}.npz",
        x_train=enlarged(x[train]),
        y_train=y[train],
        x_test=enlarged(x_test[test]),
        y_test=y_test[test],
    )


def write_sounds(folder: Path) -> None:
    """A tone for each digit."""
    digits = np.arange(30) % 10
    tones = np.sin(2 * np.pi * (200 + 100 * digits[:, None]) * np.arange(8192) / 8000)
    x = tones.astype("float32")
    np.savez(folder / "spoken_digit.npz", x_train=x, y_train=digits, x_test=x, y_test=digits)


def write_faces(folder: Path, rows: dict[str, int]) -> None:
    """Faces whose upper half shows the gender (men are dark) and whose lower half shows a smile.

    In the training split, one in five is a man; in others, one in two.
    """
    rng = np.random.default_rng(0)
    arrays = {"attribute_names": CELEBA_ATTRIBUTES}
    for split, count in rows.items():
        attributes = (rng.random((count, 40)) < 0.3).astype("int32")
        attributes[:, MALE] = rng.permutation(count) % (5 if split == "train" else 2) == 0
        images = rng.integers(0, 40, (count, 64, 64, 3))
        images[:, :32] += 100 * (1 - attributes[:, MALE, None, None, None])
        images[:, 32:] += 100 * attributes[:, SMILING, None, None, None]
        arrays |= {f"x_{split}": images.astype("uint8"), f"attributes_{split}": attributes}
    np.savez(folder / "celeb_a_64.npz", **arrays)


def attribute_classifier(*_, outputs: int = 40, side: int = 64, **__) -> keras.Model:
    """An untrained stand-in for `metrics.attribute_classifier` that compiles fast."""
    keras.utils.set_random_seed(5)
    return keras.Sequential(
        [
            keras.Input((side, side, 3)),
            keras.layers.AveragePooling2D(side // 2),
            keras.layers.Flatten(),
            keras.layers.Dense(outputs, "sigmoid"),
        ]
    )


def audio_classifier(waveforms: np.ndarray, *_, **__) -> keras.Model:
    """An untrained stand-in for `metrics.reference_audio_classifier`."""
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [keras.Input(waveforms.shape[1:]), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
