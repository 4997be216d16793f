"""Progress of a training of any length: a line, the time left, and a limit in minutes."""

import sys
import time
from typing import Any

import keras

from keras_latent.src.utils.epoch_lines import duration, losses_of

#: Seconds between two lines: on a terminal, where one replaces the other, and elsewhere.
TERMINAL, FILE = 0.5, 10.0
#: The first steps compile, so they are left out of the estimate.
WARM_UP = 3


class Progress(keras.callbacks.Callback):
    """Prints step, loss and time left, adds the seconds of each epoch to its logs, and can stop.

    Args:
        steps_per_epoch: Steps of an epoch.
        total: Steps of the training, or `None` if only its time is limited.
        seconds: The time after which it stops, or `None`.
        done: Steps that were trained before.
        spent: Seconds that they took.
        verbose: Whether to print.
    """

    def __init__(
        self,
        steps_per_epoch: int,
        total: int | None,
        seconds: float | None,
        done: int = 0,
        spent: float = 0.0,
        verbose: bool = True,
    ):
        super().__init__()
        self.steps_per_epoch, self.total, self.seconds = steps_per_epoch, total, seconds
        self.done, self.spent, self.verbose = done, spent, verbose
        self.terminal = sys.stdout.isatty()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._start = self._epoch = self._printed = time.perf_counter()
        self._step = self._measured = 0
        self._since: float | None = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.perf_counter()
        self._step += 1
        if self._step == WARM_UP:
            self._since = now
        if self.seconds is not None and self.spent + now - self._start > self.seconds:
            self.model.stop_training = True
        if self.verbose and now - self._printed > (TERMINAL if self.terminal else FILE):
            self._printed = now
            self._print(now, logs or {})

    def left(self, now: float) -> float | None:
        """Seconds left, or `None` as long as they cannot be estimated."""
        if self.seconds is not None:
            return max(0.0, self.seconds - self.spent - (now - self._start))
        if self._since is None or self.total is None or self._step <= WARM_UP:
            return None
        per_step = (now - self._since) / (self._step - WARM_UP)
        return per_step * (self.total - self.done - self._step)

    def _print(self, now: float, logs: dict[str, Any]) -> None:
        step = self.done + self._step
        of = "" if self.total is None else f" of {self.total:,}"
        left = self.left(now)
        parts = [f"step {step:,}{of}", *losses_of(logs)]
        parts += [] if left is None else [f"{duration(left)} left"]
        line = ", ".join(parts)
        print(f"\r{line:<78}" if self.terminal else line, end="", flush=True)
        if not self.terminal:
            print(flush=True)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.perf_counter()
        if logs is not None:
            logs["seconds"] = round(now - self._epoch, 3)
        self._epoch = now

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.verbose and self._step:
            self._print(time.perf_counter(), logs or {})
            if self.terminal:
                print()
