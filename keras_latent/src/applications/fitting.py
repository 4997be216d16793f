"""Trainings of the applications: resumed where they were killed, logged, stopped at NaN."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_latent import callbacks as latent_callbacks
from keras_latent.src.applications.run_directory import RunDirectory
from keras_latent.src.utils.epoch_lines import reporting

HISTORY = "history.csv"
#: What an application's `prolong` says of a run that goes on: with a constant learning rate, ...
AS_A_LONGER_RUN = "The result is that of a run of this length from the start."
#: ... and with one that falls to the end of the training.
ON_A_NEW_SCHEDULE = (
    "Its learning rate, which falls until the end, rises first: the result is not that of a run of "
    "this length from the start (`--overwrite` makes that)."
)


def start(
    model: keras.Model,
    folder: RunDirectory | Path,
    skip_epochs: Callable[[int], Any] = lambda epochs: None,
) -> tuple[latent_callbacks.Resume, int]:
    """Puts a compiled model and its data where an earlier start has left off.

    Args:
        model: The model, compiled.
        folder: Where the state lies, in `state`.
        skip_epochs: Moves the data on by a number of finished epochs; arrays need none.

    Returns:
        The callback that keeps the state, and the number of finished epochs.
    """
    resume = latent_callbacks.Resume(folder / "state")
    done = resume.restore(model)
    if done:
        print(f"Going on after epoch {done}.", flush=True)
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
    before: Sequence[keras.callbacks.Callback] = (),
    after: Sequence[keras.callbacks.Callback] = (),
    **options: Any,
) -> None:
    """Trains a model for the epochs that are left; every one is logged, and kept.

    Args:
        model: The model.
        data: What `fit` takes.
        folder: Where the state and the logs, `history.csv`, lie.
        started: What `start` returned.
        epochs: Of the whole training.
        verbose: As in `fit`; 2: short lines.
        shuffle: Whether `fit` shuffles; not where the data does, by its own seed.
        before: Callbacks before the state of an epoch is saved.
        after: Callbacks after it: what they do is never lost.
        **options: Others of `fit`.

    Raises:
        RuntimeError: If the loss became NaN.
    """
    resume, done = started
    model.fit(
        data,
        epochs=epochs,
        initial_epoch=done,
        shuffle=shuffle,
        **reporting(
            verbose,
            [
                keras.callbacks.TerminateOnNaN(),
                keras.callbacks.CSVLogger(folder / HISTORY, append=True),
                *before,
                resume,
                *after,
            ],
        ),
        **options,
    )
    if model.stop_training:
        raise RuntimeError("The loss became NaN. Try a smaller learning rate.")
