"""Two domains, and the batches that models train on and are tested with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_latent.src.datasets.checks import check_choice, check_integer
from keras_latent.src.datasets.order import EpochOrder

if TYPE_CHECKING:
    import tensorflow as tf

FORMATS = ("auto", "numpy", "tf")


@dataclass(frozen=True, eq=False, repr=False)
class DomainPair:
    """Two domains, of images or of sounds, with their training and test batches.

    Made by `load_pair` and `pair_from_arrays`, not by hand.

    `train` and `test` go straight into `model.fit(pair.train, validation_data=pair.test)`.
    Every batch is a dict:

    - `"source"`: float32 `(batch_size, *source_shape)`, uint8 divided by 255.
    - `"target"`: float32 `(batch_size, *target_shape)`, likewise.
    - `"paired"`: bool `(batch_size,)`. Where it is True, this row of source and of target
      are a known pair; elsewhere they have nothing to do with each other.

    Training batches all have the same size (the rest of an epoch is left out) and come in a
    new order each epoch, the same for the same seed on every backend and in both formats.
    Test batches come in the order of the arrays, the last one as short as it is; where the
    test sets differ in length, the shorter one starts over. `Model.fit` shuffles the order
    in which it takes a `PyDataset`'s batches (not what is in them): pass `shuffle=False`
    to have exactly this order in that format too. Augmentation (the argument `augment` of
    both functions) changes training batches only; if `RandomAffine` does it, all of this
    holds for augmented batches as well, up to 1e-5 between the two formats.

    Attributes:
        name: What the pair is called.
        train: A `keras.utils.PyDataset` or a `tf.data.Dataset`, by `format`.
        test: Likewise, or `None` if there are no test rows.
        source_train: uint8 or float32 array `(N_source, *source_shape)`.
        target_train: uint8 or float32 array `(N_target, *target_shape)`.
        source_test: Likewise, or `None`.
        target_test: Likewise, or `None`.
        source_train_labels: int32 array `(N_source,)` or `(N_source, attributes)`, -1 where
            a label is missing; or `None`. The other three likewise.
        target_train_labels: See `source_train_labels`.
        source_test_labels: See `source_train_labels`.
        target_test_labels: See `source_train_labels`.
        known_pairs: int array `(n, 2)`: the known pairs, as (row of `source_train`, row of
            `target_train`).
        batch_size: Rows in a training batch.
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
        """Shape of one source row: `(28, 28, 1)` of MNIST, `(8192, 1)` of `spoken_digit`."""
        return self.source_train.shape[1:]

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Shape of one target row."""
        return self.target_train.shape[1:]

    @property
    def train_sizes(self) -> tuple[int, int]:
        """Training rows of the source and of the target."""
        return len(self.source_train), len(self.target_train)

    @property
    def test_sizes(self) -> tuple[int, int]:
        """Test rows of the source and of the target."""
        return (0, 0) if self.test is None else (len(self.source_test), len(self.target_test))

    @property
    def num_paired(self) -> int:
        """How many pairs are known."""
        return len(self.known_pairs)

    @property
    def steps_per_epoch(self) -> int:
        """Training batches in an epoch."""
        return self._order.steps

    def skip_epochs(self, n: int) -> None:
        """Continue `train` as if `n` epochs had been delivered since the pair was made.

        The next epoch delivers exactly what epoch `n` (counted from 0) would have, however
        far `train` had come: a run that was interrupted goes on with
        `pair.skip_epochs(epochs_done)` and `model.fit(..., initial_epoch=epochs_done)`.

        Args:
            n: Finished epochs, 0 or more.

        Raises:
            ValueError: If `n` is not an integer of 0 or more.
        """
        self._order.restart(check_integer("n", n, at_least=0))

    def __repr__(self) -> str:
        test = "no test rows" if self.test is None else "test {} + {} rows".format(*self.test_sizes)
        return (
            f"<DomainPair {self.name!r}: source {self.source_shape}, target {self.target_shape}; "
            f"train {self.train_sizes[0]} + {self.train_sizes[1]} rows, {self.num_paired} known "
            f"pairs, {self.steps_per_epoch} batches of {self.batch_size}; {test}; "
            f"format={self.format!r}>"
        )


def resolve_format(format: str) -> str:
    """Return `"numpy"` or `"tf"`: `"auto"` is what the backend's trainer takes natively."""
    check_choice("format", format, FORMATS)
    if format == "auto":
        from keras_latent.training import native_pipeline

        return native_pipeline()
    return format
