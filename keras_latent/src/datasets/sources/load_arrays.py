"""Datasets of images and of sounds as NumPy arrays."""

import os

import numpy as np

from keras_latent.src.datasets.sources.names import check_name
from keras_latent.src.datasets.sources.npz import find_npz, read_npz
from keras_latent.src.datasets.sources.sounds import SOUNDS, read_sounds
from keras_latent.src.datasets.sources.tfds_source import read_tfds
from keras_latent.src.utils import checks
from keras_latent.src.utils.optional import import_extra

Split = tuple[np.ndarray, np.ndarray]


def load_arrays(name: str, data_dir: str | os.PathLike | None = None) -> tuple[Split, Split]:
    """Load the images or sounds of a dataset and their labels, in a fixed order.

    Images:

    - `"mnist"`, `"fashion_mnist"`: 60,000 training and 10,000 test images of 28x28, through
      TensorFlow Datasets (TFDS), which downloads them if necessary. If
      `<data_dir>/<name>.npz` exists, it is read instead, and TFDS need not be installed;
      `export_npz` writes such files.
    - `"usps"`: 7,291 training and 2,007 test images of 16x16, loaded likewise. TFDS builds the
      dataset from zip.train.gz and zip.test.gz from the site of "The Elements of Statistical
      Learning". It takes them from the folder `downloads/manual` of `data_dir` if they are there
      and downloads them otherwise. If `data_dir` is read-only, the dataset is built in
      `keras_latent/tfds` in Keras's own folder (`~/.keras` or `KERAS_HOME`).
    - `"digits"`: scikit-learn's 1,797 images of 8x8, in a fixed, stratified split of 1,437
      and 360, with their 17 gray levels scaled to 0 to 255. Nothing is downloaded.

    Spoken digits, also through TFDS or from an `.npz` file:

    - `"spoken_digit"`: the Free Spoken Digit Dataset, 8,192 samples at 8,000 Hz (1.02 s), in its
      authors' split: for each digit and speaker, takes 0 to 4 are for testing and 5 to 49 for
      training, which makes 300 and 2,700 recordings. All six speakers are in both parts.
    - `"sc09"`: the digits of Speech Commands 0.02, 16,384 samples at 16,000 Hz (1.02 s). TFDS
      builds the dataset from speech_commands_v0.02.tar.gz (2.4 GB), which is found or downloaded
      in the same way as the files of USPS. The test recordings (about 4,100) are those in the
      archive's testing_list.txt. The training recordings (about 31,000, 2 GB of floats) are
      those in neither of its lists. Those in validation_list.txt are in neither array; to get
      them, import `keras_latent.datasets.sc09` and call
      `tfds.load("sc09", split="validation")`.

    Recordings are cropped or zero-padded at the end. Each one is then divided by its largest
    absolute value, because the loudness of these recordings depends on the speaker and the
    microphone, not on the word. `SAMPLE_RATES` gives the sample rates by name.

    Args:
        name: One of the names above.
        data_dir: TFDS's data directory, or the folder of the `.npz` files. Defaults to the
            environment variable `TFDS_DATA_DIR`, then to TFDS's own default.

    Returns:
        `((train, train_labels), (test, test_labels))`: uint8 images `(N, height, width, 1)` in
        their original order, or float32 waveforms `(N, samples, 1)` from -1 to 1 ordered by
        file name; and int64 labels `(N,)` from 0 to 9.

    Raises:
        ValueError: If `name` is unknown; if the `.npz` file is not a file, is damaged, has
            another format or other labels, or holds an array of more than 256 MiB that takes less
            than a hundredth of that in the file; or if recordings of `"spoken_digit"` are not
            named digit_speaker_take.wav.
        ImportError: If TFDS (for `"digits"`: scikit-learn) is not installed.
        RuntimeError: If TFDS can neither read nor download the data, or if a file of USPS or
            Speech Commands has the wrong checksum or content.

    Example:

    >>> from keras_latent import datasets
    >>> (train, labels), (test, _) = datasets.load_arrays("digits")
    >>> train.shape, train.dtype.name, labels.shape, test.shape
    ((1437, 8, 8, 1), 'uint8', (1437,), (360, 8, 8, 1))
    """
    check_name("load_arrays", name)
    if data_dir is not None:
        checks.path("data_dir", data_dir)
    if name == "digits":
        return _digits()
    if path := find_npz(name, data_dir):
        return read_npz(path, SOUNDS[name].samples if name in SOUNDS else None)
    return read_sounds(name, data_dir) if name in SOUNDS else read_tfds(name, data_dir)


def _digits() -> tuple[Split, Split]:
    bunch = import_extra("sklearn.datasets", "data", "The dataset 'digits'").load_digits()
    selection = import_extra("sklearn.model_selection", "data", "The dataset 'digits'")
    images = np.round(bunch.images[..., None] * (255 / 16)).astype(np.uint8)
    labels = bunch.target.astype(np.int64)
    train, test, train_labels, test_labels = selection.train_test_split(
        images, labels, test_size=360, random_state=0, stratify=labels
    )
    return (train, train_labels), (test, test_labels)
