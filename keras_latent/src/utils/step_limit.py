"""Keras's limits of trainings, `KERAS_MAX_EPOCHS` and `KERAS_MAX_STEPS_PER_EPOCH`."""

import contextlib
from collections.abc import Iterator

import keras


def trainings_are_cut() -> bool:
    """Whether `fit` ends early, so that what it made is not what was asked for."""
    return keras.config.max_epochs() is not None or keras.config.max_steps_per_epoch() is not None


@contextlib.contextmanager
def uncut() -> Iterator[None]:
    """Without the limit of steps, which shortens trainings, but `predict` as well."""
    limit = keras.config.max_steps_per_epoch()
    keras.config.set_max_steps_per_epoch(None)
    try:
        yield
    finally:
        keras.config.set_max_steps_per_epoch(limit)
