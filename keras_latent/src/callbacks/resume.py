"""A training that goes on where it was killed."""

import os
import re
import warnings
from pathlib import Path

import h5py
import keras
import numpy as np

from keras_latent.training import PortableModel

_SEEDS = "seed_generators"


class Resume(keras.callbacks.Callback):
    """Saves the whole training state after every epoch, in one file, all of it or nothing.

    `keras.callbacks.BackupAndRestore` does this in two files, weights and epoch; killed
    between the two, or while writing one, it repeats an epoch or cannot read its own
    backup. Here the epoch is part of the file's name and the file appears when it is
    complete. The last two are kept: if one turns out damaged, the other is used. Random numbers
    go on as well, those of dropout and noise in any Keras model.

    Args:
        directory: Folder for the state; made when needed.

    Example:

    >>> import keras, numpy as np, tempfile
    >>> from keras_latent import callbacks, models
    >>> x = np.random.default_rng(0).random((64, 28, 28, 1), "float32")
    >>> vae = models.VAE.from_preset("vae_mnist", load_weights=False)
    >>> vae.compile()
    >>> resume = callbacks.Resume(tempfile.mkdtemp())
    >>> done = resume.restore(vae)  # 0: nothing to go on with
    >>> history = vae.fit(x, epochs=2, initial_epoch=done, callbacks=[resume], verbose=0)
    >>> resume.restore(vae)
    2
    """

    def __init__(self, directory: str | os.PathLike):
        super().__init__()
        self.directory = Path(directory)

    def _states(self):
        """Number of finished epochs to file, the latest first."""
        found = {}
        for path in self.directory.glob("epoch-*.weights.h5"):
            match = re.fullmatch(r"epoch-(\d+)\.weights\.h5", path.name)
            if match:
                found[int(match[1])] = path
        return dict(sorted(found.items(), reverse=True))

    def restore(self, model: keras.Model) -> int:
        """Loads the latest state into a compiled model.

        Args:
            model: The model, compiled as it was.

        Returns:
            The number of finished epochs, for `fit(initial_epoch=...)`; 0 if there is
            no state. Shuffled data wants to know it too: `pair.skip_epochs(epochs)`.

        Raises:
            ValueError: If the model is not compiled, or if there are states and none can
                be loaded into this model.
        """
        if not model.compiled:
            raise ValueError(
                "`model` must be compiled, as it was for training: the state of its optimizer "
                f"is restored too. Received: {model!r}"
            )
        model.optimizer.build(model.trainable_variables)
        reasons = []
        for epoch, path in self._states().items():
            try:
                model.load_weights(path)
                self._restore_seeds(model, path)
            except (OSError, ValueError, KeyError) as error:
                # Keras prints whole weights.
                reasons.append(f"{path.name}: {' '.join(str(error).split())[:300]}")
                warnings.warn(
                    f"{path} is damaged; going back an epoch. (Or it is of another model.)",
                    stacklevel=2,
                )
            else:
                return epoch
        if reasons:
            raise ValueError(
                f"The states in {str(self.directory)!r} are damaged or of another model; delete "
                f"the folder to start afresh. Received: {'; '.join(reasons)}"
            )
        return 0

    def on_epoch_end(self, epoch, logs=None):
        self.directory.mkdir(parents=True, exist_ok=True)
        partial = self.directory / "partial.weights.h5"
        self.model.save_weights(partial, overwrite=True)
        self._save_seeds(partial)
        os.replace(partial, self.directory / f"epoch-{epoch + 1:05d}.weights.h5")
        for path in list(self._states().values())[2:]:
            path.unlink()

    def _save_seeds(self, path):
        # Keras leaves them out of its files; the models of this library save their own.
        seeds = [np.asarray(keras.ops.convert_to_numpy(v)) for v in _seed_states(self.model)]
        if seeds:
            with h5py.File(path, "a") as file:
                file[_SEEDS] = np.stack(seeds)

    def _restore_seeds(self, model, path):
        states = _seed_states(model)
        if states:
            with h5py.File(path) as file:
                seeds = np.asarray(file[_SEEDS])
            for state, seed in zip(states, seeds, strict=True):
                state.assign(seed)


def _seed_states(model):
    if isinstance(model, PortableModel):
        return []
    return [v for v in model.non_trainable_variables if v.name == "seed_generator_state"]
