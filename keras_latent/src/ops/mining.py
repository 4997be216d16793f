"""Mining of triplets (anchor, positive, negative) from labels and a distance matrix.

Matrices have one row per anchor and one column per candidate. Each function returns column
indices, always in range, and a weight of 1 for a valid triplet and 0 otherwise.
"""

import keras
from keras import ops

from keras_latent.src.ops.casting import MISSING, to_float32, to_labels, to_seed, to_tensor
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor

_FARTHEST = 3e38


def triplet_masks(labels: Rows, other_labels: Rows | None = None) -> tuple[Tensor, Tensor]:
    """Masks of the positive and negative candidates of each anchor.

    Args:
        labels: Labels of the anchors, integers of shape (A,); -1 means missing.
        other_labels: Labels of the candidates, integers of shape (B,). By default, the anchors
            are the candidates, and no row is its own positive.

    Returns:
        Two bool tensors of shape (A, B): same label, and different label. Rows and columns with a
        missing label are false in both.

    Raises:
        ValueError: If the labels are not integers of rank 1, or an array of them has values below
            -1 or beyond 32 bits.

    Example:

    >>> positives, negatives = triplet_masks([0, 0, 1, -1])
    >>> print(ops.convert_to_numpy(positives).astype(int)[0])
    [0 1 0 0]
    >>> print(ops.convert_to_numpy(negatives).astype(int)[0])
    [0 0 1 0]
    """
    rows = ops.cast(to_labels("labels", labels), "int32")[:, None]
    columns = rows
    if other_labels is not None:
        columns = ops.cast(to_labels("other_labels", other_labels), "int32")[:, None]
    columns = ops.transpose(columns)
    known = ops.logical_and(rows != MISSING, columns != MISSING)
    positives = ops.logical_and(known, rows == columns)
    negatives = ops.logical_and(known, rows != columns)
    if other_labels is None:
        index = ops.arange(ops.shape(rows)[0])
        positives = ops.logical_and(positives, index[:, None] != index[None, :])
    return positives, negatives


def hard_triplets(
    distances: Rows, positives: Tensor, negatives: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The farthest positive and the nearest negative of each anchor (Hermans et al., 2017).

    Args:
        distances: A float tensor of shape (A, B).
        positives: A bool tensor of shape (A, B).
        negatives: A bool tensor of shape (A, B).

    Returns:
        Positive and negative, int32 of shape (A,), and the float32 weight, (A,).

    Raises:
        ValueError: If a tensor is not of this type, or the shapes differ.

    Example:

    >>> masks = triplet_masks([0, 0, 0, 1, 1])
    >>> row = [0.0, 1.0, 2.0, 4.0, 3.0]
    >>> positive, negative, weight = hard_triplets([row] * 5, *masks)
    >>> int(positive[0]), int(negative[0]), float(weight[0])
    (2, 4, 1.0)
    """
    positives, negatives = _masks(positives, negatives)
    distances = _finite(distances, positives)
    positive = _largest(distances, positives, -float("inf"))
    return positive, _nearest(distances, negatives), _weight(positives, negatives)


def semi_hard_triplets(
    distances: Rows,
    positives: Tensor,
    negatives: Tensor,
    margin: float,
    seed: int | keras.random.SeedGenerator | None = None,
    fallback: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """A random positive of each anchor, and the nearest negative that is farther by a margin.

    The negative satisfies d_ap < d_an < d_ap + margin (FaceNet, Schroff et al., 2015, eq. 4). If
    there is none, the weight is 0. With `fallback`, the farthest negative is used instead, as in
    TensorFlow Addons' `triplet_semihard_loss`, so that anchors are trained even if all their
    negatives are nearer than the positive.

    Args:
        distances: A float tensor of shape (A, B).
        positives: A bool tensor of shape (A, B).
        negatives: A bool tensor of shape (A, B).
        margin: The margin, above 0, in units of the distances. Infinity means no upper bound.
        seed: An integer, a `keras.random.SeedGenerator`, or `None`.
        fallback: Whether to use the farthest negative if none is within the margin.

    Returns:
        Positive and negative, int32 of shape (A,), and the float32 weight, (A,).

    Raises:
        ValueError: If a tensor is not of this type, the shapes differ, `margin` is not positive,
            or `seed` is none of these.

    Example:

    >>> masks = triplet_masks([0, 0, 1, 1])
    >>> _, negative, weight = semi_hard_triplets([[0.0, 1.0, 0.5, 1.5]] * 4, *masks, margin=1.0)
    >>> int(negative[0]), float(weight[0])
    (3, 1.0)
    """
    positives, negatives = _masks(positives, negatives)
    distances = _finite(distances, positives)
    if not ops.is_tensor(margin):
        margin = checks.positive("margin", margin, or_infinite=True)
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
    positives: Tensor,
    negatives: Tensor,
    seed: int | keras.random.SeedGenerator | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """A positive and a negative of each anchor, drawn uniformly, as in TVAE.

    Args:
        positives: A bool tensor of shape (A, B).
        negatives: A bool tensor of shape (A, B).
        seed: An integer, a `keras.random.SeedGenerator`, or `None`.

    Returns:
        Positive and negative, int32 of shape (A,), and the float32 weight, (A,).

    Raises:
        ValueError: If a tensor is not of this type, the shapes differ, or `seed` is none of these.

    Example:

    >>> positive, negative, weight = random_triplets(*triplet_masks([0, 0, 1]))
    >>> int(positive[0]), int(negative[0]), float(weight[0])
    (1, 2, 1.0)
    """
    positives, negatives = _masks(positives, negatives)
    # No column is in both masks, so one draw of keys serves both choices.
    keys = _random_keys(positives, seed)
    positive, negative = (_largest(keys, mask, -1) for mask in (positives, negatives))
    return positive, negative, _weight(positives, negatives)


def all_triplets(positives: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Every combination of an anchor and two candidates, in O(A * B^2) memory.

    Args:
        positives: A bool tensor of shape (A, B).
        negatives: A bool tensor of shape (A, B).

    Returns:
        Anchor, positive and negative, int32 of shape (A * B * B,), and the float32 weight, with
        the same shape.

    Raises:
        ValueError: If a tensor is not of this type, or the shapes differ.

    Example:

    >>> anchor, positive, negative, weight = all_triplets(*triplet_masks([0, 0, 1]))
    >>> tuple(anchor.shape), float(ops.sum(weight))
    ((27,), 2.0)
    """
    positives, negatives = _masks(positives, negatives)
    rows, columns = ops.shape(positives)
    index = ops.arange(rows * columns * columns, dtype="int32")
    weight = ops.logical_and(positives[:, :, None], negatives[:, None, :])
    return (
        index // (columns * columns),
        (index // columns) % columns,
        index % columns,
        ops.cast(ops.reshape(weight, (-1,)), "float32"),
    )


def _masks(positives: Rows, negatives: Rows) -> tuple[Tensor, Tensor]:
    positives = to_tensor("positives", positives, "booleans")
    negatives = to_tensor("negatives", negatives, "booleans")
    checks.rank("positives", positives, 2)
    checks.same_shape("positives", positives, "negatives", negatives)
    return positives, negatives


def _finite(distances: Rows, positives: Tensor) -> Tensor:
    distances = to_float32("distances", distances)
    checks.same_shape("distances", distances, "positives", positives)
    # Finite, because infinity marks the entries that the masks exclude.
    return ops.nan_to_num(distances, nan=_FARTHEST, posinf=_FARTHEST, neginf=-_FARTHEST)


def _nearest(distances: Tensor, mask: Tensor) -> Tensor:
    distances = ops.where(mask, distances, float("inf"))
    return _first(distances == ops.min(distances, axis=-1, keepdims=True))


def _largest(values: Tensor, mask: Tensor, least: float) -> Tensor:
    values = ops.where(mask, values, least)
    return _first(values == ops.max(values, axis=-1, keepdims=True))


def _first(hits: Tensor) -> Tensor:
    """The first true column of each row; each row must have one.

    Used instead of `argmax`, which XLA does not vectorize on CPUs: mining took 3 times as long.
    """
    columns = ops.shape(hits)[1]
    return ops.min(ops.where(hits, ops.arange(columns, dtype="int32"), columns), axis=-1)


def _any_of(mask: Tensor, seed: int | keras.random.SeedGenerator | None) -> Tensor:
    return _largest(_random_keys(mask, seed), mask, -1)


def _random_keys(mask: Tensor, seed: int | keras.random.SeedGenerator | None) -> Tensor:
    """Independent non-negative random integers, one per element of the mask.

    One draw per row and one per column are mixed by the finalizer of MurmurHash3 (Appleby, public
    domain), which takes a tenth of the time of drawing every element.
    """
    rows, columns = ops.shape(mask)
    drawn = keras.random.randint((rows + columns,), 0, 2**31 - 1, dtype="int32", seed=to_seed(seed))
    keys = _xor_shifted(ops.bitwise_xor(drawn[:rows, None], drawn[None, rows:]), 16)
    keys = _xor_shifted(keys * -0x7A143595, 13)  # modulo 2^32: the finalizer's 0x85EBCA6B
    keys = _xor_shifted(keys * -0x3D4D51CB, 16)  # 0xC2B2AE35
    return ops.bitwise_and(keys, 2**31 - 1)


def _xor_shifted(x: Tensor, by: int) -> Tensor:
    # A right shift of a signed integer copies its sign bit in; the mask removes it.
    shifted = ops.bitwise_and(ops.right_shift(x, by), 2 ** (32 - by) - 1)
    return ops.bitwise_xor(x, shifted)


def _weight(positives: Tensor, negatives: Tensor) -> Tensor:
    valid = ops.logical_and(ops.any(positives, axis=-1), ops.any(negatives, axis=-1))
    return ops.cast(valid, "float32")
