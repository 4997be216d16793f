"""Batches of a pair made with NumPy, for backends that do not need TensorFlow."""

from collections.abc import Iterator

import keras
import numpy as np

from keras_latent.src.datasets.batches.augment import gather
from keras_latent.src.datasets.batches.order import EpochOrder

Batch = dict[str, np.ndarray]


class TrainSequence(keras.utils.PyDataset):
    """Shuffled training batches. Each completed epoch advances the order.

    An epoch is complete when all of its batches have been delivered. When Keras takes a first
    batch to build a model, the order does not advance.
    """

    def __init__(self, order: EpochOrder, source: np.ndarray, target: np.ndarray):
        super().__init__()
        self._order = order
        self._source = source
        self._target = target

    def __len__(self) -> int:
        return self._order.steps

    def __getitem__(self, index: int) -> Batch:
        rows = self._order.rows()
        batch = {
            "source": gather(self._source, rows.source[index]),
            "target": gather(self._target, rows.target[index]),
            "paired": rows.paired[index].copy(),
        }
        for domain, factors in self._order.factors().items():
            augmentation = self._order.augment[domain]
            batch[domain] = augmentation.transform(batch[domain], factors[index])
        self._order.delivered.add(index)
        return batch

    def __iter__(self) -> Iterator[Batch]:
        # Keras's trainers use indices and call `on_epoch_end`. Let plain loops do the same.
        yield from super().__iter__()
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        """Advance the order if all batches of the epoch have been delivered."""
        if len(self._order.delivered) == len(self):
            self._order.restart(self._order.epoch + 1)


class TestSequence(keras.utils.PyDataset):
    """Test batches in the order of the arrays. The last batch may be shorter."""

    __test__ = False  # Keep pytest from collecting this class because of its name.

    def __init__(self, source: np.ndarray, target: np.ndarray, paired: bool, batch_size: int):
        super().__init__()
        self._source = source
        self._target = target
        self._paired = paired
        self._batch_size = batch_size
        self._rows = max(len(source), len(target))

    def __len__(self) -> int:
        return -(-self._rows // self._batch_size)

    def __getitem__(self, index: int) -> Batch:
        if not 0 <= index < len(self):
            raise IndexError(f"The test set has {len(self)} batches. Received: index={index}")
        begin = index * self._batch_size
        rows = np.arange(begin, min(begin + self._batch_size, self._rows))
        return {
            "source": gather(self._source, rows % len(self._source)),
            "target": gather(self._target, rows % len(self._target)),
            "paired": np.full(len(rows), self._paired),
        }
