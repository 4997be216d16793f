"""Keras's limits on training, `KERAS_MAX_EPOCHS` and `KERAS_MAX_STEPS_PER_EPOCH`."""

import contextlib
from collections.abc import Iterator

import keras


def training_is_limited() -> bool:
    """Whether Keras is configured to end `fit` early."""
    return keras.config.max_epochs() is not None or keras.config.max_steps_per_epoch() is not None


@contextlib.contextmanager
def without_step_limit() -> Iterator[None]:
    """Suspend the limit on steps, which also applies to `predict`."""
    limit = keras.config.max_steps_per_epoch()
    keras.config.set_max_steps_per_epoch(None)
    try:
        yield
    finally:
        keras.config.set_max_steps_per_epoch(limit)
