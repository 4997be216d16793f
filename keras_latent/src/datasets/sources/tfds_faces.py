"""Faces through TensorFlow Datasets (TFDS): decoded, cropped and resized in parallel."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_latent.src.datasets.sources.names import CELEBA_ATTRIBUTES
from keras_latent.src.datasets.sources.tfds_source import read_through_tfds
from keras_latent.src.utils.optional import import_extra
from keras_latent.src.utils.types import Tensor

if TYPE_CHECKING:
    import tensorflow as tf

SIDE = 64
# Height, width and channels: of the faces that we return, and of CelebA's aligned faces.
READY = (SIDE, SIDE, 3)
ALIGNED = (218, 178, 3)
# Top, left, height and width of the crop of aligned faces.
CROP = (39, 19, 140, 140)
_BATCH = 256

BySplit = dict[str, np.ndarray]


def read_tfds_faces(
    name: str,
    splits: Sequence[str],
    data_dir: str | os.PathLike | None,
    limit: int | None,
    verbose: int,
) -> tuple[BySplit, BySplit]:
    """Read `celeb_a`, or a dataset with the same features and images of shape `READY`.

    Returns:
        `(images, attributes)` by split: uint8 `(N, 64, 64, 3)` and int32 `(N, 40)`.
    """

    def load(tfds: ModuleType, arguments: dict[str, Any]) -> Any:
        return tfds.load(
            name,
            split=list(splits),
            # A cache would hold the images a second time.
            read_config=tfds.ReadConfig(try_autocache=False),
            decoders={"image": tfds.decode.SkipDecoding()},
            with_info=True,
            **arguments,
        )

    datasets, info = read_through_tfds(name, data_dir, load)
    shape = _image_shape(name, info.features)
    images, attributes = {}, {}
    for split, examples in zip(splits, datasets, strict=True):
        if limit is not None:
            examples = examples.take(limit)
        if verbose:
            print(f"Decoding {name!r}, split {split!r}:")
        images[split], attributes[split] = read_through_tfds(
            name,
            data_dir,
            # The lambda is called right away, so it sees this iteration's variables.
            lambda *_: _decode_all(examples, shape, verbose),  # noqa: B023
        )
    return images, attributes


def decoded_faces(examples: tf.data.Dataset, shape: tuple[int, ...]) -> tf.data.Dataset:
    """Decode, crop and resize faces in parallel, keeping their order.

    Args:
        examples: Dataset of dicts with `image`, the bytes of an image file, and `attributes`,
            a dict of bools by name.
        shape: Shape of the images: `READY` or `ALIGNED`.

    Returns:
        Batches of `(images, attributes)`: uint8 `(n, 64, 64, 3)` and int32 `(n, 40)`.
    """
    tf = import_extra("tensorflow", "data", "`load_faces`")

    def face(encoded: Tensor) -> Tensor:
        if shape == READY:
            image = tf.image.decode_image(encoded, channels=3, expand_animations=False)
            return tf.ensure_shape(image, READY)
        # Yields the same pixels as cropping the decoded image, but faster.
        square = tf.image.decode_and_crop_jpeg(encoded, CROP, channels=3)
        small = tf.image.resize(square, (SIDE, SIDE), "bilinear", antialias=True)
        return tf.saturate_cast(tf.round(small), tf.uint8)

    def example(example: dict[str, Any]) -> tuple[Tensor, Tensor]:
        values = tf.stack([example["attributes"][name] for name in CELEBA_ATTRIBUTES])
        return face(example["image"]), tf.cast(values, tf.int32)

    return (
        examples.map(
            tf.autograph.experimental.do_not_convert(example),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        .batch(_BATCH)
        .prefetch(2)
    )


def _image_shape(name: str, features: Any) -> tuple[int, ...]:
    """The shape of the images, after checking it and the attributes."""
    features = dict(features.items())
    shape = tuple(features["image"].shape) if "image" in features else None
    if shape is None or shape not in (READY, ALIGNED):
        raise ValueError(
            f"The dataset {name!r} in TFDS's data directory must have images `image` of shape "
            f"{READY}, or {ALIGNED} as TFDS's 'celeb_a'. Received: {shape}"
        )
    present = features.get("attributes", {})
    if missing := [attribute for attribute in CELEBA_ATTRIBUTES if attribute not in present]:
        raise ValueError(
            f"The dataset {name!r} in TFDS's data directory must have the "
            f"{len(CELEBA_ATTRIBUTES)} attributes of CelebA in `attributes`. Missing: {missing}"
        )
    return shape


def _decode_all(
    examples: tf.data.Dataset, shape: tuple[int, ...], verbose: int
) -> tuple[np.ndarray, np.ndarray]:
    """All images and attributes of a dataset, in two arrays that are filled in place."""
    count = int(examples.cardinality())
    images = np.empty((count, *READY), dtype=np.uint8)
    attributes = np.empty((count, len(CELEBA_ATTRIBUTES)), dtype=np.int32)
    progress = keras.utils.Progbar(count, verbose=verbose, unit_name="image")
    done = 0
    for faces, values in decoded_faces(examples, shape):
        rows = slice(done, done + len(faces))
        images[rows], attributes[rows] = faces.numpy(), values.numpy()
        done = rows.stop
        progress.update(done)
    if done != count:
        raise OSError(f"The files have {done} images, but their description says {count}")
    return images, attributes
