"""Batches of a pair as a `tf.data.Dataset`, the native input of TensorFlow's trainer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_latent.src.datasets.batches.order import EpochOrder
from keras_latent.src.utils.optional import import_extra
from keras_latent.src.utils.types import Tensor

if TYPE_CHECKING:
    import tensorflow as tf

# Fixed, so that taking the first batch does not run through a whole epoch in the background.
_PREFETCH = 4


def _tensorflow() -> ModuleType:
    return import_extra("tensorflow", "tensorflow", "`format='tf'`")


def train_dataset(order: EpochOrder, source: np.ndarray, target: np.ndarray) -> tf.data.Dataset:
    """Shuffled training batches of static shape. Each completed epoch advances the order.

    Row numbers come from Python twice per epoch. Gathering rows and, if possible, augmentation
    happen in the graph. `tf.data`'s own `shuffle` would count iterators; Keras creates more
    iterators than it runs epochs, so interrupted runs could not resume at the right place.
    """
    tf = _tensorflow()

    def epoch() -> Iterator[tuple[np.ndarray, ...]]:
        number, parts = order.epoch, (*order.rows(), *order.factors().values())
        yield tuple(part[:-1] for part in parts)
        # This line runs when the last batch is requested: before it is delivered, and thus before
        # the first batch of the next epoch can be requested; and not at all otherwise.
        order.restart(number + 1)
        yield tuple(part[-1:] for part in parts)

    row_numbers = tf.TensorSpec((None, order.batch_size), tf.int64)
    flags = tf.TensorSpec((None, order.batch_size), tf.bool)
    drawn = (
        tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in order.factors().values()
    )
    batches = tf.data.Dataset.from_generator(
        epoch, output_signature=(row_numbers, row_numbers, flags, *drawn)
    ).flat_map(lambda *parts: tf.data.Dataset.from_tensor_slices(parts))
    batches = batches.map(_augmenter(order, _gatherer(source, target)))
    batches = batches.apply(tf.data.experimental.assert_cardinality(order.steps))
    # Taking the first batch must not request the last one, which advances the order.
    prefetch = min(_PREFETCH, order.steps - 2)
    if not all(augmentation.transform_in_graph for augmentation in order.augment.values()):
        # A batch being made by Python in the background when the program exits would wait for
        # the interpreter forever, and the program for the batch.
        prefetch = 0
    return _finish(batches, prefetch)


def test_dataset(
    source: np.ndarray, target: np.ndarray, paired: bool, batch_size: int
) -> tf.data.Dataset:
    """Test batches in the order of the arrays. The last batch may be shorter."""
    tf = _tensorflow()
    gather = _gatherer(source, target)

    def batch(rows: Tensor) -> dict[str, Tensor]:
        flags = tf.fill(tf.shape(rows), paired)
        return gather(rows % len(source), rows % len(target), flags)

    rows = tf.data.Dataset.range(max(len(source), len(target))).batch(batch_size)
    return _finish(rows.map(batch))


# Keep pytest from collecting this function because of its name.
test_dataset.__test__ = False  # type: ignore[attr-defined]


def _gatherer(source: np.ndarray, target: np.ndarray) -> Callable[..., dict[str, Tensor]]:
    tf = _tensorflow()
    # With a GPU, the arrays would otherwise be on it, and each batch would be copied back.
    with tf.device("CPU:0"):
        images = {"source": tf.constant(source), "target": tf.constant(target)}

    def rows_of(domain: str, rows: Tensor) -> Tensor:
        batch = tf.gather(images[domain], rows)
        return tf.cast(batch, tf.float32) / 255.0 if batch.dtype == tf.uint8 else batch

    def gather(source_rows: Tensor, target_rows: Tensor, paired: Tensor) -> dict[str, Tensor]:
        return {
            "source": rows_of("source", source_rows),
            "target": rows_of("target", target_rows),
            "paired": paired,
        }

    return gather


def _augmenter(order: EpochOrder, gather: Callable[..., dict[str, Tensor]]) -> Callable:
    tf = _tensorflow()

    @tf.autograph.experimental.do_not_convert  # AutoGraph would follow the import of TensorFlow.
    def augmented(
        source_rows: Tensor, target_rows: Tensor, paired: Tensor, *factors: Any
    ) -> dict[str, Tensor]:
        batch = gather(source_rows, target_rows, paired)
        for (domain, augmentation), drawn in zip(order.augment.items(), factors, strict=True):
            images = batch[domain]
            if augmentation.transform_in_graph:
                batch[domain] = augmentation.transform_in_graph(images, drawn)
            else:
                done = tf.numpy_function(augmentation.transform, [images, drawn], tf.float32)
                batch[domain] = tf.ensure_shape(done, images.shape)
        return batch

    return augmented


def _finish(batches: tf.data.Dataset, prefetch: int = _PREFETCH) -> tf.data.Dataset:
    tf = _tensorflow()
    options = tf.data.Options()
    options.deterministic = True
    # Both would request batches beyond the depth chosen here.
    options.experimental_optimization.map_parallelization = False
    options.experimental_optimization.inject_prefetch = False
    batches = batches.with_options(options)
    return batches.prefetch(prefetch) if prefetch > 0 else batches
