"""Training for the applications: resumed after an interruption, logged, stopped at NaN."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_latent import callbacks as latent_callbacks
from keras_latent.src.applications.running.run_directory import LOG, RunDirectory
from keras_latent.src.utils.files import errors_name
from keras_latent.src.utils.progress import reporting

#: What an application says when a run is extended: if its learning rate is constant, ...
SAME_AS_LONGER_RUN = "The result is the same as that of a run of this length from the start."
#: ... and if it decays until the end of the training.
NEW_SCHEDULE = (
    "The learning rate, which decays until the end, rises first, so the result differs from that "
    "of a run of this length from the start (add `--overwrite` for such a run)."
)


def start(
    model: keras.Model,
    folder: RunDirectory | Path,
    skip_epochs: Callable[[int], Any] = lambda epochs: None,
) -> tuple[latent_callbacks.Resume, int]:
    """Restores a compiled model and the position of its data, if there is a saved state.

    Args:
        model: The compiled model.
        folder: The folder of the run. The state is in its folder `state`.
        skip_epochs: Advances the data by a number of finished epochs. Not needed for arrays.

    Returns:
        The callback that saves the state, and the number of finished epochs.
    """
    resume = latent_callbacks.Resume(folder / "state", log=folder / LOG)
    done = resume.restore(model)
    if done:
        print(f"Resuming after epoch {done}.", flush=True)
    skip_epochs(done)
    return resume, done


def fit(
    model: keras.Model,
    data: Any,
    folder: RunDirectory | Path,
    started: tuple[latent_callbacks.Resume, int],
    *,
    epochs: int,
    verbose: int | str = "auto",
    shuffle: bool = False,
    left: Callable[[], float] | None = None,
    first: Sequence[keras.callbacks.Callback] = (),
    before: Sequence[keras.callbacks.Callback] = (),
    after: Sequence[keras.callbacks.Callback] = (),
    **options: Any,
) -> None:
    """Trains a model for the remaining epochs, and logs and saves each of them.

    Args:
        model: The model.
        data: The data, as for `fit`.
        folder: The folder for the state and the log, `history.csv`.
        started: The result of `start`.
        epochs: Epochs of the whole training.
        verbose: Whether to print the progress.
        shuffle: As for `fit`. Leave it off if the data shuffles itself.
        left: Returns the seconds left, for a training that its time ends.
        first: Callbacks that run before the log is written, and may add to it.
        before: Callbacks that run before the state of an epoch is saved.
        after: Callbacks that run after it is saved.
        **options: Other arguments of `fit`.

    Raises:
        RuntimeError: If a loss became NaN or infinite.
    """
    resume, done = started
    with errors_name(folder / LOG):  # the logger's do not
        model.fit(
            data,
            epochs=epochs,
            initial_epoch=done,
            shuffle=shuffle,
            **reporting(
                verbose,
                [
                    # Before the log and the state, which keep the last good epoch.
                    latent_callbacks.StopAtNaN(restore=False),
                    *first,
                    keras.callbacks.CSVLogger(folder / LOG, append=True),
                    *before,
                    resume,
                    *after,
                ],
                left,
            ),
            **options,
        )
