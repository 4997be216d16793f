"""The faces of CelebA and their attributes as NumPy arrays."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from keras_latent.src.datasets import checks
from keras_latent.src.datasets.celeba_attributes import CELEBA_ATTRIBUTES
from keras_latent.src.datasets.faces_npz import read_faces_npz
from keras_latent.src.datasets.tfds_faces import read_tfds_faces

FACES = ("celeb_a", "celeb_a_64")
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False, repr=False)
class Faces:
    """Faces with their attributes, by split. Made by `load_faces`.

    Attributes:
        images: uint8 array `(N, 64, 64, 3)` of each split.
        attributes: int32 array `(N, 40)` of each split: 1 where a face has the attribute, else 0.
        attribute_names: Names of the columns: `CELEBA_ATTRIBUTES`.
    """

    images: dict[str, np.ndarray]
    attributes: dict[str, np.ndarray]
    attribute_names: tuple[str, ...] = CELEBA_ATTRIBUTES

    def __repr__(self) -> str:
        sizes = ", ".join(f"{split} {len(images)}" for split, images in self.images.items())
        return f"<Faces: {sizes}; {len(self.attribute_names)} attributes>"


def load_faces(
    name: str = "celeb_a_64",
    data_dir: str | os.PathLike | None = None,
    *,
    splits: Sequence[str] = SPLITS,
    limit: int | None = None,
    verbose: Literal["auto", 0, 1, 2] = "auto",
) -> Faces:
    """Load faces of 64x64 and their 40 attributes, in a fixed order.

    - `"celeb_a"`: the aligned faces of CelebA, 202,599 in the official splits (train 162,770,
      validation 19,867, test 19,962), through TensorFlow Datasets, which downloads them where
      they are not there yet. Of each image of 178x218 the centre 140x140 is taken (from column
      19 and row 39) and resized to 64x64: bilinear with antialiasing, as Pillow's `BILINEAR`
      does, rounded to the nearest grey value. The arrays take 2.5 GB, and little more while
      they are filled; decoding takes a minute or a few.
    - `"celeb_a_64"`: faces that are 64x64 already, prepared under this name in TFDS's data
      directory. TFDS has no such dataset of its own: `image` must be `(64, 64, 3)`, and
      `attributes` as in `"celeb_a"`.

    Where `<data_dir>/<name>.npz` exists, that file is read instead, and TFDS need not be
    installed; `export_npz` writes one, with the faces as they are here.

    The images are for research, and not to be passed on; see CelebA's own terms.

    Args:
        name: One of the above.
        data_dir: TFDS's data directory, or the folder of the `.npz` file. Defaults to the
            environment variable `TFDS_DATA_DIR`, then to TFDS's own default.
        splits: Which splits to load: one or more of `"train"`, `"validation"`, `"test"`.
        limit: At most this many faces of each split, the first ones; `None` for all.
        verbose: 0: silent; 1 or 2: progress while TFDS's images are decoded, as in
            `keras.Model.fit`. `"auto"` is 1 for `"celeb_a"` and 0 for `"celeb_a_64"`.

    Returns:
        `Faces`: uint8 images `(N, 64, 64, 3)` and int32 attributes `(N, 40)` of 0 and 1 for each
        split. The order of the rows is TFDS's, always the same.

    Raises:
        ValueError: If an argument is none of the above, if the images have another size, if
            attributes are missing, or if the `.npz` file is damaged or of another format.
        ImportError: If TFDS is not installed, and there is no `.npz` file.
        RuntimeError: If TFDS can neither read nor download the data.

    Source: Liu et al., "Deep Learning Face Attributes in the Wild", ICCV 2015. "Variational
    Bi-domain Triplet Autoencoder", section 5.1, says of its faces that they are cropped and
    resized to 64x64; the square of 140 is the usual one, and our reading.

    Example:

    >>> import os, tempfile
    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> images = np.zeros((5, 64, 64, 3), "uint8")
    >>> attributes = np.zeros((5, 40), "int32")
    >>> with tempfile.TemporaryDirectory() as folder:  # Where there is CelebA, nothing of this.
    ...     arrays = {"x_test": images, "attributes_test": attributes}
    ...     arrays["attribute_names"] = datasets.CELEBA_ATTRIBUTES
    ...     np.savez(os.path.join(folder, "celeb_a_64.npz"), **arrays)
    ...     faces = datasets.load_faces("celeb_a_64", folder, splits=["test"], limit=3)
    >>> faces
    <Faces: test 3; 40 attributes>
    >>> faces.images["test"].shape, faces.attribute_names.index("Male")
    ((3, 64, 64, 3), 20)
    """
    checks.check_name(name, FACES, "load_faces")
    if isinstance(splits, str) or len(splits) == 0 or not set(splits) <= set(SPLITS):
        raise ValueError(
            f"`splits` must be a sequence of one or more of {list(SPLITS)}. "
            f"Received: splits={splits!r}."
        )
    splits = tuple(dict.fromkeys(splits))
    if limit is not None:
        limit = checks.check_integer("limit", limit, at_least=1)
    if isinstance(verbose, bool) or verbose not in ("auto", 0, 1, 2):
        raise ValueError(f"`verbose` must be 'auto', 0, 1 or 2. Received: verbose={verbose!r}.")
    if verbose == "auto":
        verbose = int(name == "celeb_a")
    folder = data_dir if data_dir is not None else os.environ.get("TFDS_DATA_DIR")
    if folder and (path := Path(folder) / f"{name}.npz").is_file():
        return Faces(*read_faces_npz(path, splits, limit))
    return Faces(*read_tfds_faces(name, splits, data_dir, limit, verbose))
