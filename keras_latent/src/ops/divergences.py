"""Kullback-Leibler divergences of diagonal Gaussians, in nats.

All functions take log-variances, clip them (`bound_log_var`) and compute in float32.
"""

from keras import ops

from keras_latent.src.ops.casting import to_float32
from keras_latent.src.ops.gaussian import bounded
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor


def gaussian_kl(
    mean: Rows,
    log_var: Rows,
    other_mean: Rows | None = None,
    other_log_var: Rows | None = None,
) -> Tensor:
    """KL(N(mean, exp(log_var)) || N(other_mean, exp(other_log_var))), row by row.

    KL = 1/2 sum_d [v/w - 1 - log(v/w) + (m - n)^2 / w] for N(m, v) and N(n, w). Without a
    second Gaussian, the divergence is from the prior N(0, I) (Kingma and Welling, 2014,
    appendix B).

    Args:
        mean: Means, a float tensor of shape (batch, dim).
        log_var: Log-variances, (batch, dim).
        other_mean: Means of the second Gaussian, (batch, dim). Defaults to 0.
        other_log_var: Log-variances of the second Gaussian, (batch, dim). Defaults to 0.

    Returns:
        A float32 tensor of shape (batch,), in nats, summed over the dimensions.

    Raises:
        ValueError: If a tensor does not hold floats or is not of rank 2, or the shapes differ.

    Example:

    >>> kl = gaussian_kl([[1.0, 2.0]], [[0.0, 0.0]])
    >>> round(float(kl[0]), 4)
    2.5
    """
    mean, log_var = _gaussian("mean", mean, "log_var", log_var)
    precision_weight = 1.0
    if other_mean is not None:
        other_mean = to_float32("other_mean", other_mean)
        checks.same_shape("mean", mean, "other_mean", other_mean)
        mean = mean - other_mean
    if other_log_var is not None:
        other_log_var = bounded("other_log_var", other_log_var)
        checks.same_shape("log_var", log_var, "other_log_var", other_log_var)
        log_var = log_var - other_log_var
        precision_weight = ops.exp(-other_log_var)
    # expm1 keeps the difference between nearly equal variances, which exp(.) - 1 rounds away.
    terms = ops.expm1(log_var) - log_var + ops.square(mean) * precision_weight
    return 0.5 * ops.sum(terms, axis=-1)


def symmetric_kl(mean_a: Rows, log_var_a: Rows, mean_b: Rows, log_var_b: Rows) -> Tensor:
    """KL(a || b) / 2 + KL(b || a) / 2 of diagonal Gaussians, row by row: VBTA's distance D.

    The logarithms cancel. For N(m, v) and N(n, w) the result is
    1/4 sum_d [4 sinh((log v - log w) / 2)^2 + (m - n)^2 (1/v + 1/w)].
    As a sum of squares it is non-negative, and exactly 0 for equal Gaussians.

    Args:
        mean_a: Means, a float tensor of shape (batch, dim).
        log_var_a: Log-variances, (batch, dim).
        mean_b: Means, (batch, dim).
        log_var_b: Log-variances, (batch, dim).

    Returns:
        A float32 tensor of shape (batch,), in nats, summed over the dimensions.

    Raises:
        ValueError: If a tensor does not hold floats or is not of rank 2, or the shapes differ.

    Example:

    >>> d = symmetric_kl([[1.0, 2.0]], [[0.0, 0.0]], [[0.0, 0.0]], [[0.0, 0.0]])
    >>> round(float(d[0]), 4)
    2.5
    """
    mean_a, log_var_a = _gaussian("mean_a", mean_a, "log_var_a", log_var_a)
    mean_b, log_var_b = _gaussian("mean_b", mean_b, "log_var_b", log_var_b)
    checks.same_shape("mean_a", mean_a, "mean_b", mean_b)
    spread = ops.square(ops.sinh(0.5 * (log_var_a - log_var_b)))
    precisions = ops.exp(-log_var_a) + ops.exp(-log_var_b)
    return ops.sum(spread + 0.25 * ops.square(mean_a - mean_b) * precisions, axis=-1)


def pairwise_symmetric_kl(mean_a: Rows, log_var_a: Rows, mean_b: Rows, log_var_b: Rows) -> Tensor:
    """`symmetric_kl` of every row of a with every row of b, in O(A * B + (A + B) * dim) memory.

    4 D = sum_d [v/w + w/v - 2 + (m - n)^2 (1/v + 1/w)] is expanded, so that one matrix product
    of shape (A, 4 dim) x (4 dim, B) computes it.

    Accuracy: the expansion loses digits when the means are large relative to the standard
    deviations. Each dimension is therefore centered and scaled by its average log-variance, which
    does not change D. The remaining error is about 1e-6 times the largest of the two Gaussians'
    own terms, sum_d m^2 / v + v / w. Use this function to find neighbors and `symmetric_kl` to
    measure their distance: equal rows give about 0 here and exactly 0 there. Errors are larger on
    hardware that multiplies float32 matrices at reduced precision (TF32, bfloat16).

    Args:
        mean_a: Means, a float tensor of shape (A, dim).
        log_var_a: Log-variances, (A, dim).
        mean_b: Means, (B, dim).
        log_var_b: Log-variances, (B, dim).

    Returns:
        A float32 tensor of shape (A, B), in nats, clipped at 0.

    Raises:
        ValueError: If a tensor does not hold floats or is not of rank 2, or the shapes do not
            match.

    Example:

    >>> zeros = ops.zeros((3, 2))
    >>> tuple(pairwise_symmetric_kl(zeros, zeros, zeros[:2], zeros[:2]).shape)
    (3, 2)
    """
    mean_a, log_var_a = _gaussian("mean_a", mean_a, "log_var_a", log_var_a)
    mean_b, log_var_b = _gaussian("mean_b", mean_b, "log_var_b", log_var_b)
    checks.same_last_axis("mean_a", mean_a, "mean_b", mean_b)

    # D is invariant to shifting both means, and to shifting both log-variances if the means are
    # scaled to match.
    center = 0.5 * (ops.mean(mean_a, axis=0) + ops.mean(mean_b, axis=0))
    log_scale = 0.5 * (ops.mean(log_var_a, axis=0) + ops.mean(log_var_b, axis=0))
    center, log_scale = ops.stop_gradient(center), ops.stop_gradient(log_scale)
    scale = ops.exp(-0.5 * log_scale)
    m, log_v = (mean_a - center) * scale, log_var_a - log_scale
    n, log_w = (mean_b - center) * scale, log_var_b - log_scale

    v, inv_v, w, inv_w = ops.exp(log_v), ops.exp(-log_v), ops.exp(log_w), ops.exp(-log_w)
    left = ops.concatenate([v + ops.square(m), inv_v, -2.0 * m * inv_v, -2.0 * m], axis=-1)
    right = ops.concatenate([inv_w, w + ops.square(n), n, n * inv_w], axis=-1)
    own_a = ops.sum(ops.square(m) * inv_v - 1.0, axis=-1)
    own_b = ops.sum(ops.square(n) * inv_w - 1.0, axis=-1)
    total = ops.matmul(left, ops.transpose(right)) + own_a[:, None] + own_b[None, :]
    return ops.maximum(0.25 * total, 0.0)


def _gaussian(
    mean_name: str, mean: Rows, log_var_name: str, log_var: Rows
) -> tuple[Tensor, Tensor]:
    mean, log_var = to_float32(mean_name, mean), bounded(log_var_name, log_var)
    checks.rank(mean_name, mean, 2)
    checks.same_shape(mean_name, mean, log_var_name, log_var)
    return mean, log_var
