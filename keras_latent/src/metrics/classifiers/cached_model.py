"""Evaluation classifiers are trained once and cached: checks, resumable training, and the file."""

import contextlib
import hashlib
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
from keras_latent.src.training.inputs import one_array
from keras_latent.src.utils import checks
from keras_latent.src.utils.files import (
    cache_folder,
    partial_files,
    replaced_when_complete,
    require_intact,
)
from keras_latent.src.utils.locks import locked
from keras_latent.src.utils.progress import reporting
from keras_latent.src.utils.step_limit import training_is_limited
from keras_latent.src.utils.types import Rows

MOST_CLASSES = 2**16

_DAMAGED = (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile)


def check_training(
    *, epochs: Any, batch_size: Any, seed: Any, cache_dir: Any, verbose: Any
) -> None:
    """Check what the trainings of all classifiers take."""
    checks.integer("epochs", epochs)
    checks.integer("batch_size", batch_size)
    checks.integer("seed", seed, at_least=0, at_most=checks.LARGEST_KERAS_SEED)
    if cache_dir is not None:
        checks.path("cache_dir", cache_dir)
    if not isinstance(verbose, bool):
        checks.choice("verbose", verbose, ("auto", 0, 1, 2))


def labeled(
    name: str, axes: tuple[str, ...], data: Rows, labels: Rows
) -> tuple[np.ndarray, np.ndarray]:
    """Arrays of `data` with these axes, and of one label per row, from 0 to `MOST_CLASSES` - 1."""
    data, labels = one_array(name, data), one_array("labels", labels)
    shapes_fit = data.ndim == len(axes) and labels.shape == data.shape[:1]
    hint = ". For one-hot labels, pass `labels.argmax(-1)`." if labels.ndim == 2 else ""
    if data.ndim == len(axes) - 1:
        hint = f". Is the axis of {axes[-1]} missing (`x[..., None]`)?"
    if not shapes_fit or labels.dtype.kind not in "iu":
        raise ValueError(
            f"`{name}` must have shape ({', '.join(axes)}) and `labels` one integer per row. "
            f"Received shapes: {data.shape} and {labels.shape} ({labels.dtype}){hint}"
        )
    if not len(labels):
        raise ValueError(f"`{name}` must have one row or more. Received: 0 rows")
    if labels.min() < 0 or labels.max() >= MOST_CLASSES:
        raise ValueError(
            "`labels` must be 0 or more: remove rows without a label. The largest is the number of "
            f"classes - 1, at most {MOST_CLASSES - 1}. Received: labels from {labels.min()} to "
            f"{labels.max()}"
        )
    return data, labels


class Epochs(keras.utils.PyDataset):
    """Batches of rows, shuffled and augmented in each epoch.

    It uses its own random stream, so that the caller's random numbers do not depend on whether a
    classifier was cached.
    """

    def __init__(
        self,
        data: np.ndarray,
        targets: np.ndarray,
        augment: Callable[[np.ndarray, np.random.Generator], np.ndarray],
        batch_size: int,
        seed: int,
    ):
        super().__init__()
        self.data, self.targets, self.augment = data, targets, augment
        self.batch_size = batch_size
        self.rng = np.random.default_rng(seed)
        # Keras reads a batch before the first epoch.
        self._epoch, self._rows = -1, (data, targets)

    def begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Draw the rows of an epoch, and of earlier epochs that were not drawn."""
        while self._epoch < epoch:
            order = self.rng.permutation(len(self.data))
            self._rows = self.augment(self.data[order], self.rng), self.targets[order]
            self._epoch += 1

    def __len__(self) -> int:
        return -(-len(self.data) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
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
    """Train with Adam on rows that are shuffled and augmented in each epoch.

    The learning rate decays from 2e-3 to 0 with a cosine schedule. The training state is saved in
    `folder`, and an interrupted training resumes from it.
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
        # Not `PyDataset.on_epoch_end`, which Keras also calls before the first epoch.
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
    """Call `fit` for the remaining epochs, after advancing the batches with `skip_epochs`.

    The training state is saved in `folder`. With `verbose=2`, a short line is printed per epoch.
    """
    resume = Resume(folder / "state")
    done = resume.restore(model)
    if done and verbose:
        print(f"Resuming after epoch {done}.", flush=True)
    skip_epochs(done)
    model.fit(
        batches,
        epochs=epochs,
        initial_epoch=done,
        shuffle=False,
        **reporting(verbose, [*callbacks, resume]),
        **options,
    )


def cache_key(settings: str, *arrays: np.ndarray) -> str:
    """A hash of settings and data, for the name of a cached model."""
    key = hashlib.sha256(settings.encode())
    for array in arrays:
        key.update(np.ascontiguousarray(array).data)
    return key.hexdigest()[:16]


def cached_model(
    cache_dir: str | Path | None,
    name: str,
    train: Callable[[Path], keras.Model],
    title: str,
    verbose: int = 0,
) -> keras.Model:
    """Load a model from its file, or train it and write the file atomically.

    If two processes need the same model, one trains it and the other waits. Models whose training
    was cut short by `KERAS_MAX_EPOCHS` or `KERAS_MAX_STEPS_PER_EPOCH` are not cached.

    Args:
        cache_dir: Folder of the file; `None`: the library's cache folder.
        name: File name without suffix. It must identify data and settings.
        train: Trains the model if the file is missing or damaged. It takes a folder for the
            training state, which is deleted once the model is saved.
        title: What messages call the model.
        verbose: 0: no messages, except about waiting.
    """
    folder = Path(cache_dir) if cache_dir is not None else cache_folder()
    path = folder / f"{name}.keras"
    if path.exists():
        with contextlib.suppress(*_DAMAGED):
            return _loaded(path, title, verbose)
    if training_is_limited():  # neither the model nor its training state is reusable
        with tempfile.TemporaryDirectory() as state:
            return train(Path(state))

    def waiting(holder: str) -> None:
        print(f"Another process ({holder}) is training the {title}; waiting for it.", flush=True)

    with locked(folder / f".{name}.lock", waiting):
        if path.exists():  # written by another process, or damaged
            try:
                return _loaded(path, title, verbose)
            except _DAMAGED as error:
                warnings.warn(f"{path} is damaged. Training again ({error}).", stacklevel=3)
        if verbose:
            print(f"Training the {title}. It will be cached.", flush=True)
        for left in partial_files(path):
            left.unlink()
        model = train(folder / name)
        with replaced_when_complete(path) as temporary:
            model.save(temporary)
        shutil.rmtree(folder / name, ignore_errors=True)
    if verbose:
        history = getattr(model, "history", None)  # of this run, if any epoch was left
        logs = history.history if history else {}
        accuracy = f"training accuracy {logs['accuracy'][-1]:.4f}, " if "accuracy" in logs else ""
        print(f"Trained the {title}: {accuracy}cached as {path}", flush=True)
    return model


def _loaded(path: Path, title: str, verbose: int) -> keras.Model:
    with zipfile.ZipFile(path) as archive:
        require_intact(archive)
    model = keras.saving.load_model(path)
    # The training state, if a process was killed before it deleted it.
    shutil.rmtree(path.with_suffix(""), ignore_errors=True)
    if verbose:
        print(f"Loaded the {title}: {path}", flush=True)
    return model
