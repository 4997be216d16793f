"""Resumes an interrupted training."""

import os
import re
import warnings
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from keras_latent.training import PortableModel

_SEEDS = "seed_generators"


class Resume(keras.callbacks.Callback):
    """Saves the complete training state after each epoch, atomically, in one file.

    `keras.callbacks.BackupAndRestore` uses two files, for weights and epoch. If killed between
    the two, or while writing one, it repeats an epoch or cannot read its own backup. Here, the
    epoch is part of the file name, and the file appears once it is complete. The last two files
    are kept, in case one is damaged. The random state of dropout and noise layers is restored
    too, in any Keras model.

    Args:
        directory: Folder of the training state. It is created if missing.

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

    def __init__(self, directory: str | os.PathLike):
        super().__init__()
        self.directory = Path(directory)

    def _states(self) -> dict[int, Path]:
        """Files by number of finished epochs, the latest first."""
        found = {}
        for path in self.directory.glob("epoch-*.weights.h5"):
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
        reasons = []
        for epoch, path in self._states().items():
            try:
                model.load_weights(path)
                self._restore_seeds(model, path)
            except (OSError, ValueError, KeyError) as error:
                # Keras includes whole weights in its messages.
                reasons.append(f"{path.name}: {' '.join(str(error).split())[:300]}")
                warnings.warn(
                    f"{path} is damaged, or belongs to another model. Using the previous epoch.",
                    stacklevel=2,
                )
            else:
                return epoch
        if reasons:
            raise ValueError(
                f"The states in {str(self.directory)!r} are damaged or belong to another model. "
                f"Delete the folder to start over. Received: {'; '.join(reasons)}"
            )
        return 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        partial = self.directory / "partial.weights.h5"
        self.model.save_weights(partial, overwrite=True)
        self._save_seeds(partial)
        os.replace(partial, self.directory / f"epoch-{epoch + 1:05d}.weights.h5")
        for path in list(self._states().values())[2:]:
            path.unlink()

    def _save_seeds(self, path: Path) -> None:
        # Keras does not save them. Models of this library save their own.
        seeds = [np.asarray(keras.ops.convert_to_numpy(v)) for v in _seed_states(self.model)]
        if seeds:
            with h5py.File(path, "a") as file:
                file[_SEEDS] = np.stack(seeds)

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
