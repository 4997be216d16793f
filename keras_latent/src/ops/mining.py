"""Choosing triplets (anchor, positive, negative) from labels and a matrix of distances.

A matrix has one row per anchor and one column per candidate; each function returns indices of
columns, always in range, and a weight of 1 for a valid triplet and 0 otherwise.
"""

from typing import Any

import keras
from keras import ops

from keras_latent.src.ops._arguments import check_rank, check_same_shape, to_float32

MISSING = -1
_FARTHEST = 3e38


def triplet_masks(labels: Any, other_labels: Any | None = None) -> tuple[Any, Any]:
    """Which candidates are positives and which are negatives of each anchor.

    Args:
        labels: Labels of the anchors, integers of shape (A,); -1 means missing.
        other_labels: Labels of the candidates, integers of shape (B,). By default the anchors
            are the candidates, and no row is its own positive.

    Returns:
        Two bool tensors of shape (A, B): same label, and another label. Rows and columns whose
        label is missing are false in both.

    Raises:
        ValueError: If labels are not of rank 1, or not integers.

    Example:

    >>> positives, negatives = triplet_masks([0, 0, 1, -1])
    >>> print(ops.convert_to_numpy(positives).astype(int)[0])
    [0 1 0 0]
    >>> print(ops.convert_to_numpy(negatives).astype(int)[0])
    [0 0 1 0]
    """
    rows = _labels("labels", labels)[:, None]
    columns = rows if other_labels is None else _labels("other_labels", other_labels)[:, None]
    columns = ops.transpose(columns)
    known = ops.logical_and(rows != MISSING, columns != MISSING)
    positives = ops.logical_and(known, rows == columns)
    negatives = ops.logical_and(known, rows != columns)
    if other_labels is None:
        index = ops.arange(ops.shape(rows)[0])
        positives = ops.logical_and(positives, index[:, None] != index[None, :])
    return positives, negatives


def hard_triplets(distances: Any, positives: Any, negatives: Any) -> tuple[Any, Any, Any]:
    """The farthest positive and the nearest negative of each anchor (Hermans et al. 2017).

    Args:
        distances: A float tensor of shape (A, B).
        positives: A bool tensor of shape (A, B).
        negatives: A bool tensor of shape (A, B).

    Returns:
        Positive and negative, int32 of shape (A,), and the float32 weight, (A,).

    Raises:
        ValueError: If the shapes differ.

    Example:

    >>> masks = triplet_masks([0, 0, 0, 1, 1])
    >>> row = [0.0, 1.0, 2.0, 4.0, 3.0]
    >>> positive, negative, weight = hard_triplets([row] * 5, *masks)
    >>> int(positive[0]), int(negative[0]), float(weight[0])
    (2, 4, 1.0)
    """
    distances = _finite(distances, positives, negatives)
    positive = _largest(distances, positives, -float("inf"))
    return positive, _nearest(distances, negatives), _weight(positives, negatives)


def semi_hard_triplets(
    distances: Any,
    positives: Any,
    negatives: Any,
    margin: float,
    seed: int | keras.random.SeedGenerator | None = None,
    fallback: bool = False,
) -> tuple[Any, Any, Any]:
    """A random positive of each anchor, and the nearest negative within a margin beyond it.

    The negative satisfies d_ap < d_an < d_ap + margin (FaceNet, Schroff et al. 2015, eq. 4).
    Without one the weight is 0 or, with `fallback`, the farthest negative is taken, as in
    TensorFlow Addons' `triplet_semihard_loss`: so an anchor all of whose negatives are nearer
    than its positive is trained too.

    Args:
        distances: A float tensor of shape (A, B).
        positives: A bool tensor of shape (A, B).
        negatives: A bool tensor of shape (A, B).
        margin: The margin, above 0, in the unit of the distances; infinity: no upper bound.
        seed: An integer, a `keras.random.SeedGenerator`, or `None`.
        fallback: Whether the farthest negative stands in for one within the margin.

    Returns:
        Positive and negative, int32 of shape (A,), and the float32 weight, (A,).

    Raises:
        ValueError: If the shapes differ.

    Example:

    >>> masks = triplet_masks([0, 0, 1, 1])
    >>> _, negative, weight = semi_hard_triplets([[0.0, 1.0, 0.5, 1.5]] * 4, *masks, margin=1.0)
    >>> int(negative[0]), float(weight[0])
    (3, 1.0)
    """
    distances = _finite(distances, positives, negatives)
    positive = _any_of(positives, seed)
    d_positive = ops.take_along_axis(distances, positive[:, None], axis=-1)
    within = ops.logical_and(distances > d_positive, distances < d_positive + margin)
    semi_hard = ops.logical_and(negatives, within)
    negative = _nearest(distances, semi_hard)
    if not fallback:
        return positive, negative, _weight(positives, semi_hard)
    farthest = _largest(distances, negatives, -float("inf"))
    negative = ops.where(ops.any(semi_hard, axis=-1), negative, farthest)
    return positive, negative, _weight(positives, negatives)


def random_triplets(
    positives: Any, negatives: Any, seed: keras.random.SeedGenerator | None = None
) -> tuple[Any, Any, Any]:
    """A positive and a negative of each anchor, drawn uniformly (TVAE's sampling).

    Args:
        positives: A bool tensor of shape (A, B).
        negatives: A bool tensor of shape (A, B).
        seed: A `keras.random.SeedGenerator`, or `None`. An integer is also taken.

    Returns:
        Positive and negative, int32 of shape (A,), and the float32 weight, (A,).

    Raises:
        ValueError: If the shapes differ.

    Example:

    >>> positive, negative, weight = random_triplets(*triplet_masks([0, 0, 1]))
    >>> int(positive[0]), int(negative[0]), float(weight[0])
    (1, 2, 1.0)
    """
    check_same_shape("positives", positives, "negatives", negatives)
    # No column is in both masks, so that one draw of keys serves the two choices.
    keys = _random_keys(positives, seed)
    positive, negative = (_largest(keys, mask, -1) for mask in (positives, negatives))
    return positive, negative, _weight(positives, negatives)


def all_triplets(positives: Any, negatives: Any) -> tuple[Any, Any, Any, Any]:
    """Every combination of an anchor and two candidates, in O(A * B^2) memory.

    Args:
        positives: A bool tensor of shape (A, B).
        negatives: A bool tensor of shape (A, B).

    Returns:
        Anchor, positive and negative, int32 of shape (A * B * B,), and the float32 weight of
        the same shape.

    Raises:
        ValueError: If the shapes differ.

    Example:

    >>> anchor, positive, negative, weight = all_triplets(*triplet_masks([0, 0, 1]))
    >>> tuple(anchor.shape), float(ops.sum(weight))
    ((27,), 2.0)
    """
    check_same_shape("positives", positives, "negatives", negatives)
    rows, columns = ops.shape(positives)
    index = ops.arange(rows * columns * columns, dtype="int32")
    weight = ops.logical_and(positives[:, :, None], negatives[:, None, :])
    return (
        index // (columns * columns),
        (index // columns) % columns,
        index % columns,
        ops.cast(ops.reshape(weight, (-1,)), "float32"),
    )


def _labels(name: str, labels: Any) -> Any:
    labels = ops.convert_to_tensor(labels)
    check_rank(name, labels, 1)
    dtype = keras.backend.standardize_dtype(labels.dtype)
    if not keras.backend.is_int_dtype(dtype):
        raise ValueError(f"Argument `{name}` must be integers. Received: {name}.dtype={dtype}")
    return ops.cast(labels, "int32")


def _finite(distances: Any, positives: Any, negatives: Any) -> Any:
    distances = to_float32(distances)
    check_same_shape("distances", distances, "positives", positives)
    check_same_shape("distances", distances, "negatives", negatives)
    # Below the infinity that marks what the masks exclude, so that a mask always wins.
    return ops.nan_to_num(distances, nan=_FARTHEST, posinf=_FARTHEST, neginf=-_FARTHEST)


def _nearest(distances: Any, mask: Any) -> Any:
    distances = ops.where(mask, distances, float("inf"))
    return _first(distances == ops.min(distances, axis=-1, keepdims=True))


def _largest(values: Any, mask: Any, least: Any) -> Any:
    values = ops.where(mask, values, least)
    return _first(values == ops.max(values, axis=-1, keepdims=True))


def _first(hits: Any) -> Any:
    """The first true column of each row, of which every row must have one.

    So the place of an extreme is looked up by its value. `argmax` carries the index through
    the reduction, which XLA does not vectorise on CPUs: all of mining took 3 times as long.
    """
    columns = ops.shape(hits)[1]
    return ops.min(ops.where(hits, ops.arange(columns, dtype="int32"), columns), axis=-1)


def _any_of(mask: Any, seed: Any) -> Any:
    return _largest(_random_keys(mask, seed), mask, -1)


def _random_keys(mask: Any, seed: Any) -> Any:
    """Independent random integers of at least 0, one for each element of the mask.

    A draw for each row and one for each column are mixed into one for each element, by the
    finalizer of MurmurHash3 (Appleby, public domain): a tenth of the work of drawing them all.
    """
    rows, columns = ops.shape(mask)
    drawn = keras.random.randint((rows + columns,), 0, 2**31 - 1, dtype="int32", seed=seed)
    keys = _xor_shifted(ops.bitwise_xor(drawn[:rows, None], drawn[None, rows:]), 16)
    keys = _xor_shifted(keys * -0x7A143595, 13)  # modulo 2^32: the finalizer's 0x85EBCA6B
    keys = _xor_shifted(keys * -0x3D4D51CB, 16)  # 0xC2B2AE35
    return ops.bitwise_and(keys, 2**31 - 1)


def _xor_shifted(x: Any, by: int) -> Any:
    # The shift of a signed integer copies its sign; the mask makes it that of an unsigned one.
    shifted = ops.bitwise_and(ops.right_shift(x, by), 2 ** (32 - by) - 1)
    return ops.bitwise_xor(x, shifted)


def _weight(positives: Any, negatives: Any) -> Any:
    valid = ops.logical_and(ops.any(positives, axis=-1), ops.any(negatives, axis=-1))
    return ops.cast(valid, "float32")
