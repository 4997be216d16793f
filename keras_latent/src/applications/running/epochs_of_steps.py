"""Epochs of any length, for states and logs in regular intervals."""

from collections.abc import Callable
from typing import Any

import keras


class EpochsOfSteps(keras.utils.PyDataset):
    """Batches in their own order, as epochs of `steps` batches.

    Args:
        batches: The batches of one pass.
        skip_passes: Advances `batches` to the pass of this number.
        steps: Batches per epoch.
    """

    def __init__(
        self, batches: keras.utils.PyDataset, skip_passes: Callable[[int], Any], steps: int
    ):
        super().__init__()
        self.batches, self.skip_passes, self.steps = batches, skip_passes, steps
        self.skip_epochs(0)

    def skip_epochs(self, epochs: int) -> None:
        """Continues as if `epochs` epochs had been delivered."""
        self._epoch, self._pass, self._whole = epochs, -1, False

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Any:
        number, index = divmod(self._epoch * self.steps + step, len(self.batches))
        if number != self._pass:
            self.skip_passes(number)
            self._pass = number
        self._whole = step == self.steps - 1
        return self.batches[index]

    def on_epoch_end(self) -> None:
        # Keras may take a first batch to build a model.
        self._epoch += self._whole
        self._whole = False
