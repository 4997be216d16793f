"""Resumes an interrupted training."""

import os
import re
import warnings
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from keras_latent.src.utils import checks, files, weight_files
from keras_latent.training import PortableModel

_SEEDS = "seed_generators"


class Resume(keras.callbacks.Callback):
    """Saves the complete training state after each epoch, atomically, in one file.

    `keras.callbacks.BackupAndRestore` uses two files, for weights and epoch. If killed between
    the two, or while writing one, it repeats an epoch or cannot read its own backup. Here, the
    epoch is part of the file name, and the file appears once it is complete. It ends with a
    checksum, and the last two files are kept, in case one is damaged. The random state of dropout
    and noise layers is restored too, in any Keras model.

    A `keras.callbacks.CSVLogger(log, append=True)` has exactly one line per epoch, whenever the
    training is killed, if it stands before this callback, which must know its file:
    `Resume(directory, log=log)`.

    Args:
        directory: Folder of the training state. It is created if missing.
        log: File of a `CSVLogger`. `restore` removes the lines of epochs that are trained again.

    Example:

    >>> import keras, numpy as np, tempfile
    >>> from keras_latent import callbacks, models
    >>> x = np.random.default_rng(0).random((64, 28, 28, 1), "float32")
    >>> vae = models.VAE.from_preset("vae_mnist", load_weights=False)
    >>> vae.compile()
    >>> resume = callbacks.Resume(tempfile.mkdtemp())
    >>> done = resume.restore(vae)  # 0: there is no state yet
    >>> history = vae.fit(x, epochs=2, initial_epoch=done, callbacks=[resume], verbose=0)
    >>> resume.restore(vae)
    2
    """

    def __init__(self, directory: str | os.PathLike, *, log: str | os.PathLike | None = None):
        super().__init__()
        self.directory = checks.path("directory", directory)
        self.log = None if log is None else checks.path("log", log)

    def _state(self, number: str) -> Path:
        return self.directory / f"epoch-{number}.weights.h5"

    def _states(self) -> dict[int, Path]:
        """Files by number of finished epochs, the latest first."""
        found = {}
        for path in self.directory.glob(self._state("*").name):
            match = re.fullmatch(r"epoch-(\d+)\.weights\.h5", path.name)
            if match:
                found[int(match[1])] = path
        return dict(sorted(found.items(), reverse=True))

    def restore(self, model: keras.Model) -> int:
        """Load the latest state into a compiled model.

        Args:
            model: The model, compiled as for the interrupted training.

        Returns:
            The number of finished epochs, for `fit(initial_epoch=...)`; 0 if there is no state.
            Advance shuffled data by the same number: `pair.skip_epochs(epochs)`.

        Warns:
            UserWarning: If the latest state is damaged, and the one before is used.

        Raises:
            ValueError: If the model is not compiled, or there are states but none can be loaded
                into this model.
        """
        if not model.compiled:
            raise ValueError(
                "`model` must be compiled as for training, because the state of its optimizer is "
                f"restored too. Received: {model!r}"
            )
        model.optimizer.build(model.trainable_variables)
        epochs = self._load(model)
        for path in files.partial_files(self._state("*")):
            path.unlink()
        if self.log is not None and self.log.exists():
            self._shorten(self.log, epochs)
        return epochs

    def _load(self, model: keras.Model) -> int:
        reasons = []
        for epoch, path in self._states().items():
            try:
                weight_files.load_weights(model, path)
                self._restore_seeds(model, path)
            except (OSError, ValueError, KeyError, RuntimeError) as error:
                # Keras includes whole weights in its messages.
                reasons.append(f"{path.name}: {' '.join(str(error).split())[:300]}")
                warnings.warn(
                    f"{path} is damaged, or belongs to another model. Using the previous epoch.",
                    stacklevel=3,
                )
            else:
                return epoch
        if reasons:
            raise ValueError(
                f"The states in {str(self.directory)!r} are damaged or belong to another model. "
                f"Delete the folder to start over. Received: {'; '.join(reasons)}"
            )
        return 0

    def _shorten(self, log: Path, epochs: int) -> None:
        """Keep one line of each finished epoch. The last may be half written."""
        content = log.read_bytes()
        header, *lines = content.split(b"\n")[:-1] or [b""]
        kept = {}
        for line in lines:
            number = re.match(rb"\d+", line)  # counted from 0
            if number and int(number[0]) < epochs:
                kept[int(number[0])] = line + b"\n"
        shortened = b"".join([header + b"\n", *kept.values()]) if kept else b""
        if shortened != content:
            with files.replaced_when_complete(log) as temporary:
                temporary.write_bytes(shortened)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # Keras does not save seeds. Models of this library save their own.
        seeds = [np.asarray(keras.ops.convert_to_numpy(v)) for v in _seed_states(self.model)]
        others = {_SEEDS: np.stack(seeds)} if seeds else None
        weight_files.save_weights(self.model, self._state(f"{epoch + 1:05d}"), others)
        for path in list(self._states().values())[2:]:
            path.unlink()

    def _restore_seeds(self, model: keras.Model, path: Path) -> None:
        states = _seed_states(model)
        if states:
            with h5py.File(path) as file:
                seeds = np.asarray(file[_SEEDS])
            for state, seed in zip(states, seeds, strict=True):
                state.assign(seed)


def _seed_states(model: keras.Model) -> list[keras.Variable]:
    if isinstance(model, PortableModel):
        return []
    return [v for v in model.non_trainable_variables if v.name == "seed_generator_state"]
