"""The faces of CelebA and their attributes as NumPy arrays."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from keras_latent.src.datasets.sources.names import CELEBA_ATTRIBUTES, check_name
from keras_latent.src.datasets.sources.npz import find_npz, read_faces_npz
from keras_latent.src.datasets.sources.tfds_faces import read_tfds_faces
from keras_latent.src.utils import checks

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False, repr=False)
class Faces:
    """Faces and their attributes by split, returned by `load_faces`.

    Attributes:
        images: uint8 array `(N, 64, 64, 3)` per split.
        attributes: int32 array `(N, 40)` per split: 1 where a face has the attribute, else 0.
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
      validation 19,867, test 19,962), through TensorFlow Datasets (TFDS), which downloads them
      if necessary. Images of 178x218 are cropped to the central 140x140 (from column 19 and row
      39), resized to 64x64 (bilinear with antialiasing, as Pillow's `BILINEAR`) and rounded.
      The arrays take 2.5 GB, with little overhead during loading; decoding takes a few minutes.
    - `"celeb_a_64"`: faces that are already 64x64, prepared under this name in TFDS's data
      directory. TFDS does not provide this dataset: `image` must be `(64, 64, 3)`, and
      `attributes` as in `"celeb_a"`.

    If `<data_dir>/<name>.npz` exists, it is read instead, and TFDS need not be installed;
    `export_npz` writes such files, with the faces in the form that this function returns.

    The images are for research only and must not be redistributed; see CelebA's terms of use.

    Args:
        name: One of the names above.
        data_dir: TFDS's data directory, or the folder of the `.npz` file. Defaults to the
            environment variable `TFDS_DATA_DIR`, then to TFDS's own default.
        splits: The splits to load: one or more of `"train"`, `"validation"`, `"test"`.
        limit: Load at most this many faces of each split, from its start; `None` for all.
        verbose: 0: silent; 1 or 2: show progress while TFDS's images are decoded, as in
            `keras.Model.fit`. `"auto"` is 1 for `"celeb_a"` and 0 for `"celeb_a_64"`.

    Returns:
        `Faces`: uint8 images `(N, 64, 64, 3)` and int32 attributes `(N, 40)` of 0 and 1 per
        split. The rows are in TFDS's order, which is always the same.

    Raises:
        ValueError: If an argument is invalid, if the images have another size, if
            attributes are missing, or if the `.npz` file is not a file, is damaged, has another
            format, or expands too much (see `load_arrays`).
        ImportError: If TFDS is not installed and there is no `.npz` file.
        RuntimeError: If TFDS can neither read nor download the data.

    Source: Liu et al., "Deep Learning Face Attributes in the Wild", ICCV 2015. "Variational
    Bi-domain Triplet Autoencoder", section 5.1, says only that its faces are cropped and
    resized to 64x64; we use the common crop of 140x140.

    Example:

    >>> import os, tempfile
    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> images = np.zeros((5, 64, 64, 3), "uint8")
    >>> attributes = np.zeros((5, 40), "int32")
    >>> with tempfile.TemporaryDirectory() as folder:  # Not needed if you have CelebA.
    ...     arrays = {"x_test": images, "attributes_test": attributes}
    ...     arrays["attribute_names"] = datasets.CELEBA_ATTRIBUTES
    ...     np.savez(os.path.join(folder, "celeb_a_64.npz"), **arrays)
    ...     faces = datasets.load_faces("celeb_a_64", folder, splits=["test"], limit=3)
    >>> faces
    <Faces: test 3; 40 attributes>
    >>> faces.images["test"].shape, faces.attribute_names.index("Male")
    ((3, 64, 64, 3), 20)
    """
    check_name("load_faces", name)
    if data_dir is not None:
        checks.path("data_dir", data_dir)
    splits = checks.items("splits", splits)
    splits = tuple(dict.fromkeys(checks.choice("splits", split, SPLITS) for split in splits))
    if not splits:
        raise ValueError(
            f"`splits` must be a sequence of one or more of {list(SPLITS)}. "
            f"Received: splits={splits!r}"
        )
    if limit is not None:
        limit = checks.integer("limit", limit)
    checks.choice("verbose", verbose, ("auto", 0, 1, 2))
    if verbose == "auto":
        verbose = 1 if name == "celeb_a" else 0
    if path := find_npz(name, data_dir):
        return Faces(*read_faces_npz(path, splits, limit))
    return Faces(*read_tfds_faces(name, splits, data_dir, limit, verbose))
