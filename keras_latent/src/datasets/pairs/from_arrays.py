"""Pairs of domains from arrays in memory."""

from typing import Any, Literal

import numpy as np

from keras_latent.src.datasets import array_checks
from keras_latent.src.datasets.batches.augment import resolve_augment
from keras_latent.src.datasets.batches.numpy_pipeline import TestSequence, TrainSequence
from keras_latent.src.datasets.batches.order import EpochOrder
from keras_latent.src.datasets.batches.tf_pipeline import test_dataset, train_dataset
from keras_latent.src.datasets.matching.known_pairs import resolve_known_pairs
from keras_latent.src.datasets.pairs.domain_pair import DomainPair
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows
from keras_latent.training import native_pipeline

FORMATS = ("auto", "numpy", "tf")


def pair_from_arrays(
    source: Rows,
    target: Rows,
    *,
    source_labels: Rows = None,
    target_labels: Rows = None,
    test_source: Rows = None,
    test_target: Rows = None,
    test_source_labels: Rows = None,
    test_target_labels: Rows = None,
    paired: int | Literal["all"] | None | np.ndarray = 0,
    test_paired: bool = False,
    batch_size: int = 50,
    paired_per_batch: int | None = None,
    augment: Any = None,
    seed: int = 0,
    format: Literal["auto", "tf", "numpy"] = "auto",
    name: str = "custom",
) -> DomainPair:
    """Make a `DomainPair` from your own arrays.

    An epoch goes once through the larger domain; the smaller one is repeated, each time in a new
    order. Rows without a known pair are shuffled independently in both domains, so that a model
    cannot learn anything from how they are combined.

    Args:
        source: Array `(N_source, ...)` of any rank: uint8 from 0 to 255, which stays uint8
            in memory and is divided by 255 in each batch; floats in the range that your
            model expects, such as waveforms from -1 to 1; or bool.
        target: Array `(N_target, ...)`, likewise. Its rows may have another shape.
        source_labels: Integers `(N_source,)` or `(N_source, attributes)`, 0 or more, -1 where
            a label is missing. They are stored in the pair and are not part of batches.
        target_labels: Likewise for the target.
        test_source: Test rows of the source, of the same shape as those of `source`. Pass both
            test arrays or neither.
        test_target: Test rows of the target.
        test_source_labels: Labels of `test_source`.
        test_target_labels: Labels of `test_target`.
        paired: Which training rows are known to belong together. An integer `n`: the first
            `n` rows of `source` and the first `n` of `target`, row by row. An integer array
            `(n, 2)`: these pairs of (source row, target row); a row may be in several
            pairs. `"all"` or `None`: all rows, for domains of equal length. Defaults to 0.
        test_paired: Whether row i of `test_source` and row i of `test_target` belong together.
        batch_size: Rows per training batch.
        paired_per_batch: If an integer `k`, the first `k` rows of each training batch are known
            pairs (cycling through all of them, each time in a new order), and the other rows
            are drawn independently from all rows of both domains. An epoch then goes once
            through the larger domain with these other rows. If `None`, known pairs occur as
            often as any other row, anywhere in a batch.
        augment: Augmentation of training batches. It does not affect test rows or the pair's
            arrays.

            - `None`: no augmentation.
            - `RandomAffine`, or another object with its methods `factors(rng, count)` and
              `transform(images, factors)`. The random numbers depend on the seed, the epoch and
              the domain, so that both formats and all backends deliver the same batches (to
              1e-5), even after `skip_epochs`. The two images of a known pair are augmented
              independently.
            - A Keras or keras-cv layer, such as `keras.layers.RandomRotation`. It is called with
              `training=True` on the CPU and draws its own random numbers, which depend on
              the backend and are not affected by `skip_epochs`. Layers of keras-cv need
              TensorFlow on all backends.
            - A function from a float32 array `(batch_size, ...)` to one of the same shape.
            - A dict with one of these for `"source"`, for `"target"` or for both.

            The input is float32 images (uint8 divided by 255). The output is not clipped. Each
            augmentation is tried on one batch when the pair is created. In the format `"tf"`,
            `RandomAffine` works in the background; others run in Python, one batch at a time,
            while the trainer waits.
        seed: Seed of the order and of the augmentation, 0 or more.
        format: `"tf"` for a `tf.data.Dataset`, `"numpy"` for a `keras.utils.PyDataset`,
            `"auto"` for the native input of the current backend's trainer, or `"numpy"` if an
            array is a `np.memmap`, which stays on the disk. `"tf"` copies arrays into memory.
        name: Name of the pair, for its `repr`.

    Returns:
        A `DomainPair`.

    Raises:
        ValueError: For arrays that are empty, not finite, or not uint8, float or bool;
            labels of another length or dtype, or below -1; known pairs that are not in the
            arrays; `paired_per_batch` above `batch_size` or the number of known pairs; an epoch
            shorter than a batch; an unknown `format`; or an `augment` that is invalid, changes
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
    checks.choice("format", format, FORMATS)
    batch_size = checks.integer("batch_size", batch_size)
    seed = checks.integer("seed", seed, at_least=0)
    if (test_source is None) != (test_target is None):
        missing = "test_source" if test_source is None else "test_target"
        raise ValueError(
            f"`test_source` and `test_target` must be given together. Received: {missing}=None"
        )
    if format == "auto":
        on_disk = isinstance(source, np.memmap) or isinstance(target, np.memmap)
        format = "numpy" if on_disk else native_pipeline()
    arrays = {
        **array_checks.domain("source", source, source_labels, test_source, test_source_labels),
        **array_checks.domain("target", target, target_labels, test_target, test_target_labels),
    }
    source, target = arrays["source_train"], arrays["target_train"]
    test_source, test_target = arrays["source_test"], arrays["target_test"]
    if test_paired and test_source is not None and len(test_source) != len(test_target):
        raise ValueError(
            "`test_paired=True` needs as many rows in `test_source` as in `test_target`. "
            f"Received: {len(test_source)} and {len(test_target)} rows"
        )
    known = resolve_known_pairs(paired, len(source), len(target))
    if paired_per_batch is not None:
        _check_paired_per_batch(paired_per_batch, batch_size, len(known))
    augmentations = {}
    if augment is not None:
        augmentations = resolve_augment(augment, source, target, batch_size)
    order = EpochOrder(
        len(source), len(target), known, batch_size, paired_per_batch, seed, augmentations
    )
    make_train: Any = TrainSequence if format == "numpy" else train_dataset
    make_test: Any = TestSequence if format == "numpy" else test_dataset
    test = None
    if test_source is not None:
        test = make_test(test_source, test_target, bool(test_paired), batch_size)
    return DomainPair(
        name=name,
        train=make_train(order, source, target),
        test=test,
        known_pairs=known,
        batch_size=batch_size,
        format=format,
        _order=order,
        **arrays,
    )


def _check_paired_per_batch(number: int, batch_size: int, num_paired: int) -> None:
    checks.integer("paired_per_batch", number, at_least=0)
    for limit, what in ((batch_size, "`batch_size`"), (num_paired, "the number of known pairs")):
        if number > limit:
            raise ValueError(
                f"`paired_per_batch` must not exceed {what}. Received: "
                f"paired_per_batch={number}, batch_size={batch_size}, {num_paired} known pairs"
            )
