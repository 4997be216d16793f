"""Progress: one line that moves on a terminal, elsewhere a line every few seconds."""

import sys
import time
from collections.abc import Callable
from typing import Any

import keras

#: Seconds between two lines, on a terminal and elsewhere.
TERMINAL, ELSEWHERE = 0.5, 10.0
#: The first steps compile, so they are left out of the estimate of the time left.
WARM_UP = 3


class Line:
    """A line that replaces the one before on a terminal; elsewhere, a new line now and then."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._printed, self._wide = time.perf_counter(), 0

    def due(self, now: float) -> bool:
        """Whether it is time for another line."""
        return now - self._printed >= (TERMINAL if self._terminal else ELSEWHERE)

    def print(self, line: str, now: float | None = None) -> None:
        """Prints the line; `now`: the time, from which the next is due."""
        self._printed = now or self._printed
        if self._terminal:
            print(f"\r{line:<{self._wide}}", end="", flush=True)
            self._wide = len(line)
        else:
            print(line, flush=True)

    def end(self) -> None:
        """Leaves the line on a terminal."""
        if self._terminal and self._wide:
            print(flush=True)


class Count:
    """Prints how many of `total` things are done, and the time left.

    Args:
        total: Their number.
        things: What they are called.
    """

    def __init__(self, total: int, things: str):
        self._total, self._things = total, things
        self._line, self._start = Line(), time.perf_counter()

    def update(self, done: int) -> None:
        """Says that `done` of them are done."""
        now = time.perf_counter()
        if self._line.due(now):
            left = duration((now - self._start) * (self._total - done) / done)
            self._line.print(f"{done:,} of {self._total:,} {self._things}, {left} left", now)
        if done == self._total:
            self._line.end()


class Progress(keras.callbacks.Callback):
    """Prints step, epoch, losses, accuracies (if any) and the time left.

    Args:
        left: Returns the seconds left, for a training that its time ends and not its epochs.
    """

    def __init__(self, left: Callable[[], float] | None = None):
        super().__init__()
        self._left_of_limit = left

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._line = Line()
        self._trained, self._step, self._epoch = 0, 0, 0
        self._since: float | None = None
        self._logs: dict[str, Any] = {}

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.perf_counter()
        steps = self.params.get("steps") or 0
        before, self._step = self._step, self._epoch * steps + batch + 1
        self._trained += self._step - before if self._trained else 1
        self._logs = logs or {}
        if self._since is None and self._trained >= WARM_UP:
            self._since, self._trained = now, WARM_UP
        if self._line.due(now):
            self._print(now)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._logs = logs or {}

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._step:
            self._print(None)
            self._line.end()

    def _left(self, now: float) -> float | None:
        """Seconds left, or `None` as long as they cannot be estimated."""
        if self._left_of_limit is not None:
            return self._left_of_limit()
        steps, done = self.params.get("steps"), self._trained - WARM_UP
        if not steps or self._since is None or done <= 0:
            return None
        return (now - self._since) / done * (self.params["epochs"] * steps - self._step)

    def _print(self, now: float | None) -> None:
        steps, epochs, endless = (
            self.params.get("steps"),
            self.params["epochs"],
            self._left_of_limit,
        )
        of = f" of {epochs * steps:,}" if steps and not endless else ""
        epoch = f"epoch {self._epoch + 1}" + ("" if endless else f" of {epochs}")
        parts = [f"step {self._step:,}{of} ({epoch})", *losses_of(self._logs)]
        left = None if now is None else self._left(now)
        parts += [] if left is None else [f"{duration(left)} left"]
        self._line.print(", ".join(parts), now)


def losses_of(logs: dict[str, Any]) -> list[str]:
    """The loss, or the first two losses, and accuracies and their validation, if any, in words."""
    losses = [name for name in logs if name.endswith("_loss") and not name.startswith("val_")]
    names = ["loss"] if "loss" in logs else losses[:2]
    names += [n for n in ("accuracy", "val_loss", "val_accuracy") if n in logs]
    return [f"{_words(name)} {float(logs[name]):.4g}" for name in names]


def _words(name: str) -> str:
    return name.replace("val_", "validation ").replace("_", " ")


def duration(seconds: float) -> str:
    """A duration in hours and minutes, minutes and seconds, or seconds."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def reporting(
    verbose: int | str,
    callbacks: list[keras.callbacks.Callback],
    left: Callable[[], float] | None = None,
) -> dict[str, Any]:
    """Arguments `verbose` and `callbacks` of `fit`, with `Progress` last unless `verbose` is 0."""
    progress = [Progress(left)] if verbose else []
    return {"verbose": 0, "callbacks": [*callbacks, *progress]}
