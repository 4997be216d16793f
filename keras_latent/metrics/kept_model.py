"""What classifiers that are trained once and kept share: checks, training, the file."""

import os
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from keras_latent.utils.files import cache_folder
from keras_latent.utils.step_limit import trainings_are_cut


def check_labelled(name: str, shape: tuple[str, ...], data: np.ndarray, labels: np.ndarray):
    """Checks data against its labels.

    Args:
        name: What the data is called in messages.
        shape: Names of its axes.
        data: The data.
        labels: Its labels.

    Raises:
        ValueError: If the data has other axes or no row, or labels are not one integer of 0
            or more a row.
    """
    fit_together = data.ndim == len(shape) and labels.shape == data.shape[:1]
    hint = ". Of one-hot labels, pass `labels.argmax(-1)`." if labels.ndim == 2 else ""
    if data.ndim == len(shape) - 1:
        hint = f". Is the axis of {shape[-1]} missing (`x[..., None]`)?"
    if not fit_together or labels.dtype.kind not in "iu":
        raise ValueError(
            f"`{name}` must have shape ({', '.join(shape)}) and `labels` hold one "
            f"integer a row. Received shapes: {data.shape} and {labels.shape} "
            f"({labels.dtype}){hint}"
        )
    if not len(labels):
        raise ValueError(f"`{name}` must hold one row or more. Received: 0 rows")
    if labels.min() < 0:
        raise ValueError("`labels` must be 0 or more: leave rows without a label out.")


def train_in_epochs(
    model: keras.Model,
    loss: keras.losses.Loss,
    data: np.ndarray,
    targets: np.ndarray,
    augment: Callable[[np.ndarray, np.random.Generator], np.ndarray],
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    verbose: int,
) -> None:
    """Trains with Adam, on rows shuffled and augmented anew every epoch.

    The learning rate decays from 2e-3 to 0 by a cosine.
    """
    steps = epochs * -(-len(data) // batch_size)
    adam = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps))
    model.compile(adam, loss, metrics=["accuracy"])
    # Shuffled here, by a stream of its own: whether the file was there must not change what
    # the caller's random numbers are.
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = rng.permutation(len(data))
        model.fit(
            augment(data[order], rng),
            targets[order],
            batch_size=batch_size,
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            verbose=verbose,
        )


def kept_model(
    cache_dir: str | Path | None, name: str, train: Callable[[], keras.Model]
) -> keras.Model:
    """Loads a model from its file, or trains it and writes the file, whole or not at all.

    Args:
        cache_dir: Folder of the file; `None`: the library's own.
        name: Name of the file without suffix; it must tell data and settings apart.
        train: Makes the model where there is no file, or a damaged one, of which it warns.
            What `KERAS_MAX_EPOCHS` or `KERAS_MAX_STEPS_PER_EPOCH` cut short is not kept.
    """
    folder = Path(cache_dir) if cache_dir is not None else cache_folder()
    path = folder / f"{name}.keras"
    if path.exists():
        try:
            return keras.saving.load_model(path)
        except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
            warnings.warn(f"{path} is damaged and is trained again ({error}).", stacklevel=3)
    model = train()
    if trainings_are_cut():  # not what will be asked for next time
        return model
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as partial:
        model.save(Path(partial) / path.name)
        os.replace(Path(partial) / path.name, path)
    return model
