"""Two domains with their training and test batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_latent.src.datasets.batches.order import EpochOrder
from keras_latent.src.utils import checks

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True, eq=False, repr=False)
class DomainPair:
    """Two domains, of images or of sounds, with their training and test batches.

    Use `load_pair` or `pair_from_arrays` to create one. Then call
    `model.fit(pair.train, validation_data=pair.test)`. Each batch is a dict:

    - `"source"`: float32 `(batch_size, *source_shape)`, uint8 divided by 255.
    - `"target"`: float32 `(batch_size, *target_shape)`, likewise.
    - `"paired"`: bool `(batch_size,)`. True where this row of source and this row of target are
      a known pair. Other rows are unrelated.

    All training batches have the same size; the remainder of an epoch is dropped. Each epoch has
    a new order, which depends only on the seed, not on the backend or the format. Test batches
    follow the order of the arrays, and the last one may be shorter. If the test sets differ in
    length, the shorter one starts over. By default, `Model.fit` takes the batches of a
    `PyDataset` in random order; to get exactly this order with the format `"numpy"`, pass
    `shuffle=False`. Augmentation (the argument `augment` of both functions) affects training
    batches only. With `RandomAffine`, augmented batches also depend only on the seed, and agree
    up to 1e-5 between the formats.

    Attributes:
        name: Name of the pair.
        train: A `keras.utils.PyDataset` or a `tf.data.Dataset`, depending on `format`.
        test: Likewise, or `None` if there are no test rows.
        source_train: uint8 or float32 array `(N_source, *source_shape)`.
        target_train: uint8 or float32 array `(N_target, *target_shape)`.
        source_test: Likewise, or `None`.
        target_test: Likewise, or `None`.
        source_train_labels: int32 array `(N_source,)` or `(N_source, attributes)`, -1 where
            a label is missing; or `None`.
        target_train_labels: See `source_train_labels`.
        source_test_labels: See `source_train_labels`.
        target_test_labels: See `source_train_labels`.
        known_pairs: int array `(n, 2)`: the known pairs as (row of `source_train`, row of
            `target_train`).
        batch_size: Rows per training batch.
        format: `"numpy"` or `"tf"`.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> images = np.random.default_rng(0).random((8, 4, 4, 1))
    >>> pair = datasets.pair_from_arrays(
    ...     images, images.swapaxes(1, 2), paired="all", batch_size=4, format="numpy"
    ... )
    >>> pair
    <DomainPair 'custom': source (4, 4, 1), target (4, 4, 1); train 8 + 8 rows, 8 known pairs, \
2 batches of 4; no test rows; format='numpy'>
    >>> {name: value.shape for name, value in pair.train[0].items()}
    {'source': (4, 4, 4, 1), 'target': (4, 4, 4, 1), 'paired': (4,)}
    """

    name: str
    train: keras.utils.PyDataset | tf.data.Dataset
    test: keras.utils.PyDataset | tf.data.Dataset | None
    source_train: np.ndarray
    target_train: np.ndarray
    source_test: np.ndarray | None
    target_test: np.ndarray | None
    source_train_labels: np.ndarray | None
    target_train_labels: np.ndarray | None
    source_test_labels: np.ndarray | None
    target_test_labels: np.ndarray | None
    known_pairs: np.ndarray
    batch_size: int
    format: str
    _order: EpochOrder = field(compare=False)

    @property
    def source_shape(self) -> tuple[int, ...]:
        """Shape of one source row: `(28, 28, 1)` for MNIST, `(8192, 1)` for `spoken_digit`."""
        return self.source_train.shape[1:]

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Shape of one target row."""
        return self.target_train.shape[1:]

    @property
    def train_sizes(self) -> tuple[int, int]:
        """Number of training rows of source and target."""
        return len(self.source_train), len(self.target_train)

    @property
    def test_sizes(self) -> tuple[int, int]:
        """Number of test rows of source and target."""
        if self.source_test is None or self.target_test is None:
            return 0, 0
        return len(self.source_test), len(self.target_test)

    @property
    def num_paired(self) -> int:
        """Number of known pairs."""
        return len(self.known_pairs)

    @property
    def steps_per_epoch(self) -> int:
        """Number of training batches per epoch."""
        return self._order.steps

    def skip_epochs(self, n: int) -> None:
        """Continue `train` as if `n` epochs had been delivered since the pair was created.

        The next epoch delivers exactly the batches of epoch `n` (counted from 0), wherever
        `train` was before. To resume an interrupted run, call
        `pair.skip_epochs(epochs_done)` and `model.fit(..., initial_epoch=epochs_done)`.

        Args:
            n: Completed epochs, 0 or more.

        Raises:
            ValueError: If `n` is not an integer of 0 or more.
        """
        self._order.restart(checks.integer("n", n, at_least=0))

    def __repr__(self) -> str:
        test = "no test rows" if self.test is None else "test {} + {} rows".format(*self.test_sizes)
        return (
            f"<DomainPair {self.name!r}: source {self.source_shape}, target {self.target_shape}; "
            f"train {self.train_sizes[0]} + {self.train_sizes[1]} rows, {self.num_paired} known "
            f"pairs, {self.steps_per_epoch} batches of {self.batch_size}; {test}; "
            f"format={self.format!r}>"
        )
