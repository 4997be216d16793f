"""Training progress as one short line per epoch, for log files."""

import time
from typing import Any

import keras


class EpochLines(keras.callbacks.Callback):
    """Prints a line per epoch: its number, losses, accuracies (if any), and the time left."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._finished, self._since = 0, time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs, now, total = logs or {}, time.perf_counter(), self.params["epochs"]
        parts = losses_of(logs)
        self._finished += 1
        # The first epoch, which compiles, is left out of the mean as soon as there are others.
        seconds = (now - self._since) / max(1, self._finished - 1)
        if self._finished == 1:
            self._since = now
        if epoch + 1 < total:
            parts.append(f"{duration(seconds * (total - epoch - 1))} left")
        print(f"Epoch {epoch + 1}/{total}: {', '.join(parts)}", flush=True)


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


def reporting(verbose: int | str, callbacks: list[keras.callbacks.Callback]) -> dict[str, Any]:
    """Arguments `verbose` and `callbacks` of `fit`, with `EpochLines` last if `verbose` is 2."""
    if verbose != 2:
        return {"verbose": verbose, "callbacks": callbacks}
    return {"verbose": 0, "callbacks": [*callbacks, EpochLines()]}
