"""A warning when one side of an adversarial game has lost it."""

import math
import numbers
import warnings
from collections.abc import Mapping

import keras

from keras_latent.src.datasets.checks import check_integer

SPREAD, ACCURACY = "_spread", "_discriminator_accuracy"

ADVICE = {
    SPREAD: (
        "The translations hardly differ from each other. What may help: a smaller learning rate "
        "of the side that wins, instance noise, an R1 penalty, spectral normalization, more "
        "weight on the latent adversary."
    ),
    ACCURACY: (
        "The discriminator is always right, and teaches the generator little. What may help: a "
        "smaller learning rate of the discriminators, label smoothing, instance noise, an R1 "
        "penalty, spectral normalization; of the latents, more weight on their adversarial loss."
    ),
}


class CollapseWarning(UserWarning):
    """An adversarial training has collapsed: going on is probably of no use."""


class CollapseMonitor(keras.callbacks.Callback):
    """Warns when the logs of an adversarial training say that its game is lost.

    It reads these logs of the training, by the end of their names, after every epoch:

    - `*_spread`, such as LSTNet's `source_spread` and `target_spread`: the variance of
      generated images over that of real ones. 1 is healthy; near 0 the generator draws one
      picture whatever it is given.
    - `*_discriminator_accuracy`: the share of right answers. At 0.5 a discriminator cannot
      tell the two apart; at 1 it is always right.

    NaN and infinity count as lost. Logs of the validation (`val_*`) are passed over: the
    game is played on training batches, with their noise.

    Args:
        min_spread: The least spread that is not lost.
        max_discriminator_accuracy: The greatest accuracy that is not lost, in [0.5, 1].
        patience: How many epochs in a row a log must be lost before it is warned of. It is
            warned of again only after it has recovered.

    Attributes:
        collapsed: Whether, after the latest epoch, a log has been lost for `patience` epochs.
        reasons: A sentence for each of these logs, with its value and the epoch.

    Raises:
        ValueError: If an argument is out of range. After an epoch: if it logged nothing that
            can be read.

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
        self.min_spread = _between("min_spread", min_spread, 0.0, math.inf)
        self.max_discriminator_accuracy = _between(
            "max_discriminator_accuracy", max_discriminator_accuracy, 0.5, 1.0
        )
        self.patience = check_integer("patience", patience, at_least=1)
        self.on_train_begin()

    @property
    def collapsed(self) -> bool:
        return bool(self.reasons)

    def on_train_begin(self, logs=None):
        self._epochs_lost = {}
        self.reasons = []

    def on_epoch_end(self, epoch, logs=None):
        known = _known(logs or {})
        if not known:
            raise ValueError(
                f"`CollapseMonitor` reads logs whose names end in `{SPREAD}` or `{ACCURACY}`, as "
                "those of adversarial models do. Received an epoch with the logs: "
                f"{sorted(logs or {})}"
            )
        self.reasons = []
        warning = {}  # by kind, so that an advice is given once
        for name, (kind, value) in known.items():
            lost = self._lost(kind, value)
            epochs = self._epochs_lost[name] = self._epochs_lost.get(name, 0) + 1 if lost else 0
            if epochs >= self.patience:
                row = f", for {epochs} epochs in a row" if epochs > 1 else ""
                self.reasons.append(f"`{name}` is {value:.4g}, {lost}, in epoch {epoch + 1}{row}.")
            if epochs == self.patience:
                warning.setdefault(kind, []).append(self.reasons[-1])
        if warning:
            parts = [part for kind in warning for part in (*warning[kind], ADVICE[kind])]
            warnings.warn(" ".join(parts), CollapseWarning, stacklevel=2)

    def _lost(self, kind: str, value: float) -> str:
        """How the value is lost; empty if it is not."""
        if not math.isfinite(value):
            return "not finite"
        if kind == SPREAD and value < self.min_spread:
            return f"below {self.min_spread:g}"
        if kind == ACCURACY and value > self.max_discriminator_accuracy:
            return f"above {self.max_discriminator_accuracy:g}"
        return ""


def _between(argument: str, value: float, low: float, high: float) -> float:
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        wanted = f"of {low:g} or more" if high == math.inf else f"from {low:g} to {high:g}"
        raise ValueError(
            f"`{argument}` must be a finite number {wanted}. Received: {argument}={value!r}"
        )
    return float(value)


def _known(logs: Mapping[str, float]) -> dict[str, tuple[str, float]]:
    """Kind and value of the logs of the training that can be read, by name."""
    known = {}
    for name, value in logs.items():
        for kind in (SPREAD, ACCURACY):
            # A model of one generator may log a plain `spread`.
            if f"_{name}".endswith(kind) and not name.startswith("val_"):
                known[name] = kind, float(value)
    return known
