"""Warns when adversarial training has collapsed."""

import math
import warnings
from collections.abc import Mapping
from typing import Any

import keras

from keras_latent.src.utils import checks

SPREAD, ACCURACY = "_spread", "_discriminator_accuracy"

ADVICE = {
    SPREAD: (
        "The translations hardly differ from each other. Try a smaller learning rate for the "
        "winning side, instance noise, an R1 penalty, spectral normalization, or more weight on "
        "the latent adversary."
    ),
    ACCURACY: (
        "The discriminator is always right, so the generator learns little. Try a smaller "
        "learning rate for the discriminators, label smoothing, instance noise, an R1 penalty, or "
        "spectral normalization; for the latent discriminator, more weight on the latent adversary."
    ),
}


class CollapseWarning(UserWarning):
    """Adversarial training has collapsed, and continuing is probably useless."""


class CollapseMonitor(keras.callbacks.Callback):
    """Warns when the logs show that adversarial training has collapsed.

    After each epoch, the callback reads the training logs whose names end in

    - `_spread`, such as LSTNet's `source_spread` and `target_spread`: the variance of generated
      images divided by that of real ones. 1 is healthy. Near 0, the generator produces the same
      image for all inputs.
    - `_discriminator_accuracy`: at 0.5, a discriminator cannot tell real from generated; at 1, it
      is always right.

    NaN and infinity also count as collapsed. Validation logs (`val_*`) are ignored.

    Args:
        min_spread: Spreads below this value count as collapsed.
        max_discriminator_accuracy: Accuracies above this value count as collapsed. In [0.5, 1].
        patience: Number of consecutive collapsed epochs of a log before a warning. There is
            another warning only after the log has recovered.

    Attributes:
        collapsed: Whether any log has been collapsed for the latest `patience` epochs.
        reasons: A sentence for each of these logs, with its value and the epoch.

    Raises:
        ValueError: If an argument is out of range; at the end of an epoch, if it has no such logs.

    Example:

    >>> import warnings
    >>> from keras_latent import callbacks
    >>> monitor = callbacks.CollapseMonitor(patience=2)
    >>> monitor.on_epoch_end(0, {"loss": 3.0, "source_spread": 0.01})
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     monitor.on_epoch_end(1, {"loss": 2.5, "source_spread": 0.02})
    >>> caught[0].category.__name__, monitor.collapsed
    ('CollapseWarning', True)
    >>> monitor.reasons
    ['`source_spread` is 0.02, below 0.1, in epoch 2, for 2 epochs in a row.']
    """

    def __init__(
        self,
        min_spread: float = 0.1,
        max_discriminator_accuracy: float = 0.995,
        patience: int = 2,
    ):
        super().__init__()
        self.min_spread = checks.between("min_spread", min_spread, 0.0, math.inf)
        self.max_discriminator_accuracy = checks.between(
            "max_discriminator_accuracy", max_discriminator_accuracy, 0.5, 1.0
        )
        self.patience = checks.integer("patience", patience)
        self.on_train_begin()

    @property
    def collapsed(self) -> bool:
        return bool(self.reasons)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._epochs_collapsed: dict[str, int] = {}
        self.reasons: list[str] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        known = _known(logs or {})
        if not known:
            raise ValueError(
                f"`CollapseMonitor` reads logs whose names end in `{SPREAD}` or `{ACCURACY}`, "
                f"like those of adversarial models. Received: logs {sorted(logs or {})}"
            )
        self.reasons = []
        warning: dict[str, list[str]] = {}  # by kind, so that advice is given once
        for name, (kind, value) in known.items():
            problem = self._problem(kind, value)
            epochs = self._epochs_collapsed.get(name, 0) + 1 if problem else 0
            self._epochs_collapsed[name] = epochs
            if epochs >= self.patience:
                row = f", for {epochs} epochs in a row" if epochs > 1 else ""
                self.reasons.append(
                    f"`{name}` is {value:.4g}, {problem}, in epoch {epoch + 1}{row}."
                )
            if epochs == self.patience:
                warning.setdefault(kind, []).append(self.reasons[-1])
        if warning:
            parts = [part for kind in warning for part in (*warning[kind], ADVICE[kind])]
            warnings.warn(" ".join(parts), CollapseWarning, stacklevel=2)

    def _problem(self, kind: str, value: float) -> str:
        """What is wrong with a value; empty if nothing is."""
        if not math.isfinite(value):
            return "not finite"
        if kind == SPREAD and value < self.min_spread:
            return f"below {self.min_spread:g}"
        if kind == ACCURACY and value > self.max_discriminator_accuracy:
            return f"above {self.max_discriminator_accuracy:g}"
        return ""


def _known(logs: Mapping[str, float]) -> dict[str, tuple[str, float]]:
    """Kind and value of the relevant training logs, by name."""
    known = {}
    for name, value in logs.items():
        for kind in (SPREAD, ACCURACY):
            # Models with one generator may log a plain `spread`.
            if f"_{name}".endswith(kind) and not name.startswith("val_"):
                known[name] = kind, float(value)
    return known
