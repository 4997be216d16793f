"""Batches of a pair as a `tf.data.Dataset`: what TensorFlow's trainer takes natively."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from keras_latent.src.datasets.order import EpochOrder
from keras_latent.src.utils.optional import import_extra

if TYPE_CHECKING:
    import tensorflow as tf

# A fixed depth: a look at the first batch must not run through a whole epoch behind the scenes.
_PREFETCH = 4


def _tensorflow():
    return import_extra("tensorflow", "tensorflow", "`format='tf'`")


def train_dataset(order: EpochOrder, source: np.ndarray, target: np.ndarray) -> tf.data.Dataset:
    """Shuffled training batches of static shape; each finished epoch moves the order on.

    The row numbers come from Python twice an epoch; the rows are gathered and, as far as the
    augmentation can, augmented in the graph.
    `tf.data`'s own `shuffle` counts iterators, and Keras makes more of those than it has
    epochs, so that an interrupted run could not find its place again.
    """
    tf = _tensorflow()

    def epoch() -> Iterator[tuple[np.ndarray, ...]]:
        number, parts = order.epoch, (*order.rows(), *order.factors().values())
        yield tuple(part[:-1] for part in parts)
        # Reached when the last batch is asked for: before it is delivered, hence before
        # anybody can ask for the next epoch's first, and not if nobody asks for it.
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
    # A look at the first batch must not ask for the last one, which moves the order on.
    prefetch = min(_PREFETCH, order.steps - 2)
    if not all(augmentation.transform_in_graph for augmentation in order.augment.values()):
        # A batch that is made in the background, in Python, when the program ends would wait
        # for the interpreter for ever, and the program for that batch.
        prefetch = 0
    return _finish(batches, prefetch)


def test_dataset(
    source: np.ndarray, target: np.ndarray, paired: bool, batch_size: int
) -> tf.data.Dataset:
    """Test batches in the order of the arrays, the last one as short as it is."""
    tf = _tensorflow()
    gather = _gatherer(source, target)

    def batch(rows: tf.Tensor) -> dict[str, tf.Tensor]:
        flags = tf.fill(tf.shape(rows), paired)
        return gather(rows % len(source), rows % len(target), flags)

    rows = tf.data.Dataset.range(max(len(source), len(target))).batch(batch_size)
    return _finish(rows.map(batch))


test_dataset.__test__ = False  # For pytest, which collects functions by this name.


def _gatherer(source: np.ndarray, target: np.ndarray):
    tf = _tensorflow()
    # On a machine with a GPU the arrays would else lie there, and every batch be copied back.
    with tf.device("CPU:0"):
        images = {"source": tf.constant(source), "target": tf.constant(target)}

    def rows_of(domain: str, rows: tf.Tensor) -> tf.Tensor:
        batch = tf.gather(images[domain], rows)
        return tf.cast(batch, tf.float32) / 255.0 if batch.dtype == tf.uint8 else batch

    def gather(source_rows: tf.Tensor, target_rows: tf.Tensor, paired: tf.Tensor):
        return {
            "source": rows_of("source", source_rows),
            "target": rows_of("target", target_rows),
            "paired": paired,
        }

    return gather


def _augmenter(order: EpochOrder, gather: Callable[..., dict[str, tf.Tensor]]):
    tf = _tensorflow()

    @tf.autograph.experimental.do_not_convert  # AutoGraph would follow the import of TensorFlow
    def augmented(source_rows, target_rows, paired, *factors):
        batch = gather(source_rows, target_rows, paired)
        for (domain, augmentation), drawn in zip(order.augment.items(), factors, strict=True):
            images = batch[domain]
            if augmentation.transform_in_graph:
                batch[domain] = augmentation.transform_in_graph(images, drawn)
            else:
                done = tf.numpy_function(augmentation.transform, [images, drawn], tf.float32)
                batch[domain] = tf.ensure_shape(done, images.shape)  # Python does not tell it.
        return batch

    return augmented


def _finish(batches: tf.data.Dataset, prefetch: int = _PREFETCH) -> tf.data.Dataset:
    tf = _tensorflow()
    options = tf.data.Options()
    options.deterministic = True
    # Both would ask for batches ahead of time, beside the depth that is chosen here.
    options.experimental_optimization.map_parallelization = False
    options.experimental_optimization.inject_prefetch = False
    batches = batches.with_options(options)
    return batches.prefetch(prefetch) if prefetch > 0 else batches
