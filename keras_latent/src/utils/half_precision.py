"""Weight files in float16: half the size, read back as float32."""

import os
from pathlib import Path

import numpy as np

from keras_latent.src.utils.files import replaced_when_complete


def halve(path: str | os.PathLike) -> None:
    """Rewrite a Keras weight file (`.weights.h5`) with float32 arrays as compressed float16.

    Keras casts weights to the dtype of the variable when it loads them. Values are rounded to 11
    bits; measure whether that affects accuracy.

    Raises:
        ValueError: If a weight is too large for float16 (65,504) or not finite.
    """
    import h5py

    path = Path(path)
    with (
        replaced_when_complete(path) as temporary,
        h5py.File(path, "r") as old,
        h5py.File(temporary, "w", libver="latest") as new,
    ):
        new.attrs.update(old.attrs)

        def copy(name, node):
            if isinstance(node, h5py.Group):
                made = new.require_group(name)
            else:
                made = _compressed(new, name, node[()])
            made.attrs.update(node.attrs)

        old.visititems(copy)


def _compressed(file, name, values):
    if values.dtype == np.float32:
        with np.errstate(over="ignore"):
            half = values.astype("float16")
        if not np.isfinite(half).all():
            raise ValueError(
                f"Weight {name!r} does not fit into float16. Received: values up to "
                f"{np.abs(values).max()}"
            )
        values = half
    if values.nbytes < 4096:  # the index of chunks would take more space than compression saves
        return file.create_dataset(name, data=values)
    return file.create_dataset(name, data=values, compression="gzip", compression_opts=9)
