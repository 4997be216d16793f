"""What classifiers that are trained once and kept share: checks, training, the file."""

import contextlib
import os
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_latent.src.callbacks.resume import Resume
from keras_latent.src.utils.epoch_lines import reporting
from keras_latent.src.utils.files import cache_folder
from keras_latent.src.utils.locks import locked
from keras_latent.src.utils.step_limit import training_is_limited

_DAMAGED = (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile)


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


class Epochs(keras.utils.PyDataset):
    """Batches of rows that are shuffled and changed anew every epoch.

    By a stream of random numbers of its own: whether a classifier was cached must not change what
    the caller's random numbers are.
    """

    def __init__(self, data, targets, augment, batch_size, seed):
        super().__init__()
        self.data, self.targets, self.augment = data, targets, augment
        self.batch_size = batch_size
        self.rng = np.random.default_rng(seed)
        # Keras looks at a batch before the first epoch.
        self._epoch, self._rows = -1, (data, targets)

    def begin(self, epoch: int, logs: dict | None = None) -> None:
        """Draws the rows of an epoch, and of those before it that were not drawn."""
        while self._epoch < epoch:
            order = self.rng.permutation(len(self.data))
            self._rows = self.augment(self.data[order], self.rng), self.targets[order]
            self._epoch += 1

    def __len__(self):
        return -(-len(self.data) // self.batch_size)

    def __getitem__(self, index):
        data, targets = (x[index * self.batch_size :][: self.batch_size] for x in self._rows)
        return data.astype("float32", copy=False), targets


def train_in_epochs(
    model: keras.Model,
    loss: keras.losses.Loss,
    data: np.ndarray,
    targets: np.ndarray,
    augment: Callable[[np.ndarray, np.random.Generator], np.ndarray],
    folder: Path,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    verbose: int,
) -> None:
    """Trains with Adam, on rows shuffled and augmented anew every epoch, or goes on with it.

    The learning rate decays from 2e-3 to 0 by a cosine. The state lies in `folder`.
    """
    batches = Epochs(data, targets, augment, batch_size, seed)
    adam = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(2e-3, epochs * len(batches))
    )
    model.compile(adam, loss, metrics=["accuracy"])
    fit_or_resume(
        model,
        batches,
        folder,
        epochs=epochs,
        verbose=verbose,
        # Keras tells a data set of the end of an epoch before the first one too.
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=batches.begin)],
    )


def fit_or_resume(
    model: keras.Model,
    batches: keras.utils.PyDataset,
    folder: Path,
    *,
    epochs: int,
    verbose: int,
    skip_epochs: Callable[[int], Any] = lambda epochs: None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **options: Any,
) -> None:
    """`fit` for the epochs that are left.

    Args:
        model: The model, compiled.
        batches: What `fit` takes.
        folder: Where the state lies.
        epochs: Of the whole training.
        verbose: As in `fit`; 2: short lines.
        skip_epochs: Moves the batches on by a number of finished epochs.
        callbacks: As in `fit`.
        **options: Others of `fit`.
    """
    resume = Resume(folder / "state")
    done = resume.restore(model)
    if done and verbose:
        print(f"Going on after epoch {done}.", flush=True)
    skip_epochs(done)
    model.fit(
        batches,
        epochs=epochs,
        initial_epoch=done,
        shuffle=False,
        **reporting(verbose, [*callbacks, resume]),
        **options,
    )


def kept_model(
    cache_dir: str | Path | None,
    name: str,
    train: Callable[[Path], keras.Model],
    title: str,
    verbose: int = 0,
) -> keras.Model:
    """Loads a model from its file, or trains it and writes the file, whole or not at all.

    Of two processes that want the same model at once, one trains it, and the other waits.

    Args:
        cache_dir: Folder of the file; `None`: the library's own.
        name: Name of the file without suffix; it must tell data and settings apart.
        train: Makes the model where there is no file, or a damaged one, of which it warns. It
            takes a folder for the state of its training, from which it goes on when it was
            killed; that is deleted once the model is saved.
            What `KERAS_MAX_EPOCHS` or `KERAS_MAX_STEPS_PER_EPOCH` cut short is not kept.
        title: What messages call the model.
        verbose: 0: no messages, but of waiting.
    """
    folder = Path(cache_dir) if cache_dir is not None else cache_folder()
    path = folder / f"{name}.keras"
    if path.exists():
        with contextlib.suppress(*_DAMAGED):
            return _loaded(path, title, verbose)
    if training_is_limited():  # not what will be asked for next time, neither is its state
        with tempfile.TemporaryDirectory() as state:
            return train(Path(state))

    def waiting(holder):
        print(f"Another process ({holder}) is training the {title}; waiting for it.", flush=True)

    with locked(folder / f".{name}.lock", waiting):
        if path.exists():  # by now
            try:
                return _loaded(path, title, verbose)
            except _DAMAGED as error:
                warnings.warn(f"{path} is damaged and is trained again ({error}).", stacklevel=3)
        if verbose:
            print(f"Training the {title}, once: it will be cached.", flush=True)
        model = train(folder / name)
        with tempfile.TemporaryDirectory(dir=folder) as partial:
            model.save(Path(partial) / path.name)
            os.replace(Path(partial) / path.name, path)
        shutil.rmtree(folder / name, ignore_errors=True)
    if verbose:
        history = getattr(model, "history", None)  # of this start, if any epoch was left
        logs = history.history if history else {}
        accuracy = (
            f"accuracy on its data {logs['accuracy'][-1]:.4f}, " if "accuracy" in logs else ""
        )
        print(f"Trained the {title}: {accuracy}cached as {path}", flush=True)
    return model


def _loaded(path: Path, title: str, verbose: int) -> keras.Model:
    model = keras.saving.load_model(path)
    if verbose:
        print(f"Loaded the {title}: {path}", flush=True)
    return model
