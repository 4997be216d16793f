"""Kullback-Leibler divergences of diagonal Gaussians, in nats.

Every function takes log-variances, bounds them (`bound_log_var`) and computes in float32.
"""

from typing import Any

from keras import ops

from keras_latent.src.ops._arguments import check_rank, check_same_dim, check_same_shape, to_float32
from keras_latent.src.ops.gaussian import bound_log_var


def gaussian_kl(
    mean: Any, log_var: Any, other_mean: Any | None = None, other_log_var: Any | None = None
) -> Any:
    """KL(N(mean, exp(log_var)) || N(other_mean, exp(other_log_var))), row by row.

    KL = 1/2 sum_d [v/w - 1 - log(v/w) + (m - n)^2 / w] for N(m, v) and N(n, w). With no other
    Gaussian it is the divergence from the prior N(0, I) (Kingma & Welling 2014, appendix B).

    Args:
        mean: Means, a float tensor of shape (batch, dim).
        log_var: Log-variances, (batch, dim).
        other_mean: Means of the second Gaussian, (batch, dim). Defaults to 0.
        other_log_var: Log-variances of the second Gaussian, (batch, dim). Defaults to 0.

    Returns:
        A float32 tensor of shape (batch,), in nats, summed over the dimensions.

    Raises:
        ValueError: If a tensor is not of rank 2, or the shapes differ.

    Example:

    >>> kl = gaussian_kl([[1.0, 2.0]], [[0.0, 0.0]])
    >>> round(float(kl[0]), 4)
    2.5
    """
    mean, log_var = _gaussian("mean", mean, "log_var", log_var)
    precision_weight = 1.0
    if other_mean is not None:
        other_mean = to_float32(other_mean)
        check_same_shape("mean", mean, "other_mean", other_mean)
        mean = mean - other_mean
    if other_log_var is not None:
        other_log_var = bound_log_var(other_log_var)
        check_same_shape("log_var", log_var, "other_log_var", other_log_var)
        log_var = log_var - other_log_var
        precision_weight = ops.exp(-other_log_var)
    # expm1 keeps the difference of nearly equal variances, which exp(.) - 1 would round away.
    terms = ops.expm1(log_var) - log_var + ops.square(mean) * precision_weight
    return 0.5 * ops.sum(terms, axis=-1)


def symmetric_kl(mean_a: Any, log_var_a: Any, mean_b: Any, log_var_b: Any) -> Any:
    """KL(a || b) / 2 + KL(b || a) / 2 of diagonal Gaussians, row by row: VBTA's distance D.

    The logarithms cancel: with N(m, v) and N(n, w) it is
    1/4 sum_d [4 sinh((log v - log w) / 2)^2 + (m - n)^2 (1/v + 1/w)],
    a sum of squares: non-negative, and exactly 0 for equal Gaussians.

    Args:
        mean_a: Means, a float tensor of shape (batch, dim).
        log_var_a: Log-variances, (batch, dim).
        mean_b: Means, (batch, dim).
        log_var_b: Log-variances, (batch, dim).

    Returns:
        A float32 tensor of shape (batch,), in nats, summed over the dimensions.

    Raises:
        ValueError: If a tensor is not of rank 2, or the shapes differ.

    Example:

    >>> d = symmetric_kl([[1.0, 2.0]], [[0.0, 0.0]], [[0.0, 0.0]], [[0.0, 0.0]])
    >>> round(float(d[0]), 4)
    2.5
    """
    mean_a, log_var_a = _gaussian("mean_a", mean_a, "log_var_a", log_var_a)
    mean_b, log_var_b = _gaussian("mean_b", mean_b, "log_var_b", log_var_b)
    check_same_shape("mean_a", mean_a, "mean_b", mean_b)
    spread = ops.square(ops.sinh(0.5 * (log_var_a - log_var_b)))
    precisions = ops.exp(-log_var_a) + ops.exp(-log_var_b)
    return ops.sum(spread + 0.25 * ops.square(mean_a - mean_b) * precisions, axis=-1)


def pairwise_symmetric_kl(mean_a: Any, log_var_a: Any, mean_b: Any, log_var_b: Any) -> Any:
    """`symmetric_kl` of every row of a with every row of b, in O(A * B + (A + B) * dim) memory.

    4 D = sum_d [v/w + w/v - 2 + (m - n)^2 (1/v + 1/w)] is multiplied out, so that a single
    matrix product of shape (A, 4 dim) x (4 dim, B) does the work.

    Accuracy: multiplying out loses digits where the means are large beside the standard
    deviations. Each dimension is first centred, and scaled by its average log-variance (D does
    not change), and the error is then about 1e-6 times the largest of the two Gaussians' own
    terms, sum_d m^2 / v + v / w. Take this function to find neighbours and `symmetric_kl` for
    their distance: rows that are equal come out near 0 here, and exactly 0 there. Hardware
    that multiplies float32 matrices in fewer bits (TF32, bfloat16 passes) loses accordingly.

    Args:
        mean_a: Means, a float tensor of shape (A, dim).
        log_var_a: Log-variances, (A, dim).
        mean_b: Means, (B, dim).
        log_var_b: Log-variances, (B, dim).

    Returns:
        A float32 tensor of shape (A, B), in nats, clipped at 0.

    Raises:
        ValueError: If a tensor is not of rank 2, or the shapes do not match.

    Example:

    >>> zeros = ops.zeros((3, 2))
    >>> tuple(pairwise_symmetric_kl(zeros, zeros, zeros[:2], zeros[:2]).shape)
    (3, 2)
    """
    mean_a, log_var_a = _gaussian("mean_a", mean_a, "log_var_a", log_var_a)
    mean_b, log_var_b = _gaussian("mean_b", mean_b, "log_var_b", log_var_b)
    check_same_dim("mean_a", mean_a, "mean_b", mean_b)

    # Shifting both means, or both log-variances with the means scaled to match, leaves D as it is.
    centre = 0.5 * (ops.mean(mean_a, axis=0) + ops.mean(mean_b, axis=0))
    log_scale = 0.5 * (ops.mean(log_var_a, axis=0) + ops.mean(log_var_b, axis=0))
    centre, log_scale = ops.stop_gradient(centre), ops.stop_gradient(log_scale)
    scale = ops.exp(-0.5 * log_scale)
    m, log_v = (mean_a - centre) * scale, log_var_a - log_scale
    n, log_w = (mean_b - centre) * scale, log_var_b - log_scale

    v, inv_v, w, inv_w = ops.exp(log_v), ops.exp(-log_v), ops.exp(log_w), ops.exp(-log_w)
    left = ops.concatenate([v + ops.square(m), inv_v, -2.0 * m * inv_v, -2.0 * m], axis=-1)
    right = ops.concatenate([inv_w, w + ops.square(n), n, n * inv_w], axis=-1)
    own_a = ops.sum(ops.square(m) * inv_v - 1.0, axis=-1)
    own_b = ops.sum(ops.square(n) * inv_w - 1.0, axis=-1)
    total = ops.matmul(left, ops.transpose(right)) + own_a[:, None] + own_b[None, :]
    return ops.maximum(0.25 * total, 0.0)


def _gaussian(mean_name: str, mean: Any, log_var_name: str, log_var: Any) -> tuple[Any, Any]:
    mean, log_var = to_float32(mean), bound_log_var(log_var)
    check_rank(mean_name, mean, 2)
    check_same_shape(mean_name, mean, log_var_name, log_var)
    return mean, log_var
