"""The time of a training: logged for each epoch, and limited."""

import math
import time
from typing import Any

import keras


class TimeLimit(keras.callbacks.Callback):
    """Adds `seconds` to the logs of each epoch, and ends the training when its time is over.

    The time starts after the first step, which compiles.

    Args:
        seconds: The limit, or `None`.
        spent: Seconds of the training before it was interrupted.
    """

    def __init__(self, seconds: float | None, spent: float = 0.0):
        super().__init__()
        self.seconds, self.spent = math.inf if seconds is None else seconds, spent
        self._epoch: float | None = None

    def left(self) -> float:
        """Seconds left."""
        running = 0.0 if self._epoch is None else time.perf_counter() - self._epoch
        return max(0.0, self.seconds - self.spent - running)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._epoch is None:
            self._epoch = time.perf_counter()
        if not self.left():
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.perf_counter()
        if logs is not None and self._epoch is not None:
            logs["seconds"] = now - self._epoch
            self.spent += now - self._epoch
        self._epoch = now
