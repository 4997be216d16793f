"""Kernel distance between features of real and generated data."""

import numpy as np

from keras_latent.src.training.inputs import check_values, one_array
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows


def kernel_distance(real: Rows, generated: Rows, *, subset: int = 1000) -> float:
    """The squared maximum mean discrepancy of features, with the kernel `(a . b / d + 1)^3`.

    With Inception features it is the KID. The estimate has no bias, also with few rows, so
    distances of different numbers of rows can be compared, and it may be a little below 0.
    `FrechetDistance` fits Gaussians; this kernel compares the first three moments.

    Args:
        real: Features of real data, floats `(rows, d)`.
        generated: Features of generated data, floats `(other rows, d)`.
        subset: Rows per subset. The distance is the mean over pairs of subsets, which are taken in
            order; rows that fill no subset are left out. If a side has fewer rows, they are the
            only subset.

    Returns:
        The distance, in the kernel's unit; 0 for equal distributions.

    Raises:
        ValueError: If features are not finite, have another number of dimensions, or have fewer
            than 2 rows, or `subset` is below 2.

    Example:

    >>> import numpy as np
    >>> from keras_latent import metrics
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 500, 4))
    >>> abs(metrics.kernel_distance(a, b)) < 0.02 < metrics.kernel_distance(a, b + 1)
    True

    Source: Binkowski et al., "Demystifying MMD GANs", ICLR (2018), section 4 and appendix A.
    """
    subset = checks.integer("subset", subset, at_least=2)
    features = {}
    for name, x in (("real", real), ("generated", generated)):
        x = one_array(name, x).astype("float64")
        if x.ndim != 2 or len(x) < 2:
            raise ValueError(
                f"`{name}` must be features (rows, d), of 2 rows or more. Received: shape={x.shape}"
            )
        check_values(name, x, pixels=False)
        features[name] = x
    a, b = features.values()
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            "`real` and `generated` must have equally many dimensions. Received: shapes "
            f"{a.shape} and {b.shape}"
        )
    rows = min(subset, len(a), len(b))
    starts = range(0, min(len(a), len(b)) - rows + 1, rows)
    return float(np.mean([_squared_mmd(a[i : i + rows], b[i : i + rows]) for i in starts]))


def _squared_mmd(a: np.ndarray, b: np.ndarray) -> float:
    """The unbiased estimate for equally many rows (their eq. 4, without the diagonals)."""

    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3

    n = len(a)
    within = [(k.sum() - np.trace(k)) / (n * (n - 1)) for k in (kernel(a, a), kernel(b, b))]
    return float(sum(within) - 2 * kernel(a, b).mean())
