"""Batches of a pair by NumPy alone: for backends that should not need TensorFlow."""

from collections.abc import Iterator

import keras
import numpy as np

from keras_latent.src.datasets.order import EpochOrder

Batch = dict[str, np.ndarray]


def gather(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows of `images` as float32, uint8 divided by 255."""
    batch = np.take(images, rows, axis=0)
    return batch / np.float32(255) if batch.dtype == np.uint8 else batch


class TrainSequence(keras.utils.PyDataset):
    """Shuffled training batches; each finished epoch moves the order on.

    An epoch is finished when all of its batches have been delivered. Keras looks at a first
    batch to build a model; that is no epoch, and does not move the order.
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
        # Keras's trainers index and call `on_epoch_end`; a plain loop should do the same.
        yield from super().__iter__()
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        if len(self._order.delivered) == len(self):
            self._order.restart(self._order.epoch + 1)


class TestSequence(keras.utils.PyDataset):
    """Test batches in the order of the arrays, the last one as short as it is."""

    __test__ = False  # For pytest, which collects classes by this name.

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
            raise IndexError(f"The test set has {len(self)} batches. Received: index={index}.")
        begin = index * self._batch_size
        rows = np.arange(begin, min(begin + self._batch_size, self._rows))
        return {
            "source": gather(self._source, rows % len(self._source)),
            "target": gather(self._target, rows % len(self._target)),
            "paired": np.full(len(rows), self._paired),
        }
