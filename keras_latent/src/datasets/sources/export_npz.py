"""Export of datasets to `.npz` files, for machines without TensorFlow Datasets."""

import os
from pathlib import Path

import numpy as np

from keras_latent.src.datasets.sources.load_arrays import load_arrays
from keras_latent.src.datasets.sources.load_faces import load_faces
from keras_latent.src.datasets.sources.names import ARRAYS, FACES
from keras_latent.src.datasets.sources.npz import write_faces_npz
from keras_latent.src.utils import checks
from keras_latent.src.utils.files import replaced_when_complete


def export_npz(
    name: str, path: str | os.PathLike, data_dir: str | os.PathLike | None = None
) -> Path:
    """Write a dataset to a file that `load_arrays` or `load_faces` reads without TFDS.

    The file has the format of `keras.datasets.mnist`: uint8 `x_train` and `x_test` of shape
    `(N, height, width)`, and integers `y_train` and `y_test`. For sounds, `x_train` and `x_test`
    are float32 waveforms `(N, samples)`. For faces, the file contains `attribute_names` and, for
    each of the splits train, validation and test, uint8 `x_SPLIT` of shape `(N, 64, 64, 3)`
    (cropped and resized; 2.5 GB for all of CelebA) and int8 `attributes_SPLIT` of shape `(N, 40)`.
    An existing file is replaced only once the new one is complete.

    Args:
        name: A name that `load_arrays` or `load_faces` accepts.
        path: The file to write, ending in `.npz`. Given `name` and `data_dir`, both functions
            look for `<data_dir>/<name>.npz`.
        data_dir: Where to read the data from; see `load_arrays`.

    Returns:
        The path of the file.

    Raises:
        ValueError: If `name` is unknown or `path` does not end in `.npz`. Errors of
            `load_arrays` and `load_faces` are passed on.

    Example:

    >>> import os, tempfile
    >>> from keras_latent import datasets
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = datasets.export_npz("digits", os.path.join(folder, "digits.npz"))
    ...     path.name
    'digits.npz'
    """
    path = checks.path("path", path)
    if path.suffix != ".npz":
        raise ValueError(f"`path` must end in '.npz'. Received: path={str(path)!r}")
    checks.choice("name", name, sorted((*ARRAYS, *FACES)))
    if name in FACES:
        faces = load_faces(name, data_dir)
        write_faces_npz(path, faces.images, faces.attributes)
        return path
    (train, train_labels), (test, test_labels) = load_arrays(name, data_dir)
    with replaced_when_complete(path) as temporary:
        np.savez_compressed(
            temporary,
            x_train=train[..., 0],
            y_train=train_labels,
            x_test=test[..., 0],
            y_test=test_labels,
        )
    return path
