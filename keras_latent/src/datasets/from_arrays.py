"""A domain pair of arrays that are already in memory."""

from typing import Any, Literal

import numpy as np

from keras_latent.src.datasets import checks
from keras_latent.src.datasets.augment import resolve_augment
from keras_latent.src.datasets.domain_pair import DomainPair, resolve_format
from keras_latent.src.datasets.known_pairs import check_paired_per_batch, resolve_known_pairs
from keras_latent.src.datasets.order import EpochOrder


def pair_from_arrays(
    source: Any,
    target: Any,
    *,
    source_labels: Any = None,
    target_labels: Any = None,
    test_source: Any = None,
    test_target: Any = None,
    test_source_labels: Any = None,
    test_target_labels: Any = None,
    paired: int | Literal["all"] | None | np.ndarray = 0,
    test_paired: bool = False,
    batch_size: int = 50,
    paired_per_batch: int | None = None,
    augment: Any = None,
    seed: int = 0,
    format: Literal["auto", "tf", "numpy"] = "auto",
    name: str = "custom",
) -> DomainPair:
    """Make a `DomainPair` of your own arrays.

    An epoch goes once through the larger domain; the smaller one is repeated, in a new order
    each time around. Rows without a known pair are shuffled independently of each other, so
    that nothing can be learned from which of them meet.

    Args:
        source: Array `(N_source, ...)` of any rank: uint8 from 0 to 255, which stays uint8
            in memory and is divided by 255 in each batch; or floats in the range that your
            model wants, such as waveforms from -1 to 1; or bool.
        target: Array `(N_target, ...)`, likewise. Its rows may have another shape.
        source_labels: Integers `(N_source,)` or `(N_source, attributes)`, 0 or more, -1 where
            a label is missing. They are kept beside the arrays, and are not in the batches.
        target_labels: Likewise for the target.
        test_source: Test rows of the source, shaped as in `source`. Both test arrays
            are given, or neither.
        test_target: Test rows of the target.
        test_source_labels: Labels of `test_source`.
        test_target_labels: Labels of `test_target`.
        paired: Which training rows are known to belong together. An integer `n`: the first
            `n` rows of `source` and the first `n` of `target`, row by row. An integer array
            `(n, 2)`: these pairs of (source row, target row), where a row may be in several
            pairs. `"all"` or `None`: every row, for domains of equal length. Defaults to 0.
        test_paired: Whether row i of `test_source` and of `test_target` belong together.
        batch_size: Rows in a training batch.
        paired_per_batch: With `k`, each training batch has exactly `k` known pairs (cycling
            through all of them, in a new order each time around) as its first rows, and the
            others are drawn from the whole of both domains, independently; an epoch then goes
            through the larger domain with these others. With `None`, known pairs occur as
            often as any other row, anywhere in a batch.
        augment: What is done to the rows of the training batches, and never to test rows or
            to the pair's arrays:

            - `None`: nothing.
            - A `RandomAffine`, or another object with its methods `factors(rng, count)` and
              `transform(images, factors)`. The numbers are drawn from the seed, the epoch and
              the domain, so that both formats and all backends deliver the same batches (to
              1e-5), also after `skip_epochs`. The two images of a known pair get numbers of
              their own.
            - A Keras or keras-cv layer, such as `keras.layers.RandomRotation`. It is called with
              `training=True`, on the CPU, and draws its own random numbers: they depend on
              the backend, and `skip_epochs` does not move them. keras-cv's layers need
              TensorFlow, on every backend.
            - A function from a float32 array `(batch_size, ...)` to one of the same shape.
            - A dict with one of these for `"source"`, for `"target"` or for both.

            All of them get float32 images, uint8 divided by 255, and what they return is not
            clipped. Each is tried on one batch when the pair is made. In the format `"tf"`,
            `RandomAffine` works in the background; the others run in Python, one batch after
            the other, while the trainer waits.
        seed: Seed of the order and of the augmentation, 0 or more.
        format: `"tf"` for a `tf.data.Dataset`, `"numpy"` for a `keras.utils.PyDataset`,
            `"auto"` for the one that the current backend's trainer takes natively.
        name: Name of the pair, for its `repr`.

    Returns:
        A `DomainPair`.

    Raises:
        ValueError: For arrays that are empty, neither uint8 nor float nor bool, or not finite;
            labels of another length or dtype, or below -1; known pairs that are not in the
            arrays; more `paired_per_batch` than `batch_size` or known pairs; an epoch shorter
            than a batch; an unknown `format`; an `augment` that is none of the above, changes
            the shape, or returns NaN or infinity.
        ImportError: If `format` is `"tf"` and TensorFlow is not installed.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> rng = np.random.default_rng(0)
    >>> photos = rng.integers(0, 256, (90, 8, 8, 3), dtype="uint8")
    >>> sketches = rng.random((60, 16, 16, 1), dtype="float32")
    >>> pair = datasets.pair_from_arrays(
    ...     photos, sketches, paired=20, batch_size=30, paired_per_batch=5, format="numpy"
    ... )
    >>> batch = pair.train[0]
    >>> batch["source"].shape, batch["target"].shape, int(batch["paired"].sum())
    ((30, 8, 8, 3), (30, 16, 16, 1), 5)
    """
    format = resolve_format(format)
    batch_size = checks.check_integer("batch_size", batch_size, at_least=1)
    seed = checks.check_integer("seed", seed, at_least=0)
    source = checks.check_images("source", source)
    target = checks.check_images("target", target)
    known = resolve_known_pairs(paired, len(source), len(target))
    check_paired_per_batch(paired_per_batch, batch_size, len(known))
    labels = {
        "source_train_labels": checks.check_labels("source_labels", source_labels, len(source)),
        "target_train_labels": checks.check_labels("target_labels", target_labels, len(target)),
    }
    test_source, test_target = _check_test(source, target, test_source, test_target, test_paired)
    for domain, images, given in (
        ("source", test_source, test_source_labels),
        ("target", test_target, test_target_labels),
    ):
        rows = 0 if images is None else len(images)
        argument = f"test_{domain}_labels"
        labels[f"{domain}_test_labels"] = checks.check_labels(argument, given, rows)

    augment = resolve_augment(augment, source, target, batch_size)
    order = EpochOrder(len(source), len(target), known, batch_size, paired_per_batch, seed, augment)
    train, test = _pipelines(
        format, order, source, target, test_source, test_target, bool(test_paired)
    )
    return DomainPair(
        name=name,
        train=train,
        test=test,
        source_train=source,
        target_train=target,
        source_test=test_source,
        target_test=test_target,
        known_pairs=known,
        batch_size=batch_size,
        format=format,
        _order=order,
        **labels,
    )


def _check_test(source, target, test_source, test_target, test_paired):
    if (test_source is None) != (test_target is None):
        missing = "test_source" if test_source is None else "test_target"
        raise ValueError(
            f"`test_source` and `test_target` must be given together. Received: {missing}=None."
        )
    if test_source is None:
        return None, None
    test_source = checks.check_images("test_source", test_source)
    test_target = checks.check_images("test_target", test_target)
    checks.check_same_shape(source, test_source, "source")
    checks.check_same_shape(target, test_target, "target")
    if test_paired and len(test_source) != len(test_target):
        raise ValueError(
            "`test_paired=True` needs as many rows in `test_source` as in `test_target`. "
            f"Received: {len(test_source)} and {len(test_target)} rows."
        )
    return test_source, test_target


def _pipelines(format, order, source, target, test_source, test_target, test_paired):
    if format == "tf":
        from keras_latent.src.datasets.tf_pipeline import test_dataset as make_test
        from keras_latent.src.datasets.tf_pipeline import train_dataset as make_train
    else:
        from keras_latent.src.datasets.numpy_pipeline import TestSequence as make_test
        from keras_latent.src.datasets.numpy_pipeline import TrainSequence as make_train
    train = make_train(order, source, target)
    if test_source is None:
        return train, None
    return train, make_test(test_source, test_target, test_paired, order.batch_size)
