"""Epochs of any length, for states and logs in regular intervals."""

from typing import Any

import keras

from keras_latent import datasets


class EpochsOfSteps(keras.utils.PyDataset):
    """The training batches of a pair, in the pair's order, as epochs of `steps` batches.

    Args:
        pair: A pair with `format="numpy"`.
        steps: Batches per epoch.
    """

    def __init__(self, pair: datasets.DomainPair, steps: int):
        super().__init__()
        self.pair, self.steps = pair, steps
        self.skip_epochs(0)

    def skip_epochs(self, epochs: int) -> None:
        """Continues as if `epochs` epochs had been delivered."""
        self._epoch, self._turn, self._whole = epochs, -1, False

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Any:
        turn, index = divmod(self._epoch * self.steps + step, self.pair.steps_per_epoch)
        if turn != self._turn:
            self.pair.skip_epochs(turn)
            self._turn = turn
        self._whole = step == self.steps - 1
        return self.pair.train[index]

    def on_epoch_end(self) -> None:
        # Keras may take a first batch to build a model.
        self._epoch += self._whole
        self._whole = False
