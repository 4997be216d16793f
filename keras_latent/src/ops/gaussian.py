"""Diagonal Gaussians, given by mean and log-variance, clipped to avoid overflow."""

import keras
from keras import ops

from keras_latent.src.ops.casting import to_float32, to_seed, to_tensor
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor

LOG_VAR_BOUND = 20.0
_SOFTPLUS_IS_EXP_BELOW = -10.0


def bound_log_var(log_var: Rows) -> Tensor:
    """Clip a log-variance to [-20, 20] and cast it to float32.

    Variances then lie in [2.1e-9, 4.9e8], so their products, quotients and square roots are
    finite in float32. Outside the bounds, the gradient is 0.

    Args:
        log_var: Log-variance in nats, a float tensor of any shape.

    Returns:
        A float32 tensor of the same shape.

    Raises:
        ValueError: If `log_var` does not hold floats.

    Example:

    >>> print(ops.convert_to_numpy(bound_log_var([-1e4, 0.5, 1e4])))
    [-20.    0.5  20. ]
    """
    return bounded("log_var", log_var)


def bounded(name: str, log_var: Rows) -> Tensor:
    """`bound_log_var` of an argument that messages call `name`."""
    return ops.clip(to_float32(name, log_var), -LOG_VAR_BOUND, LOG_VAR_BOUND)


@keras.saving.register_keras_serializable(package="keras_latent")
def log_softplus(x: Rows) -> Tensor:
    """The logarithm of softplus, log(log(1 + exp(x))), with finite values and gradients for all x.

    VBTA's reference implementation and BridgingVAE parametrize the spread of a Gaussian by
    softplus. Use this function as the activation of a `Dense` layer to output the logarithm of
    that spread, which is what `keras_latent` expects. (If softplus is the standard deviation, the
    log-variance is twice this value.)

    Below -10, softplus(x) equals exp(x) up to 2.3e-5 and eventually underflows, so the series
    x - exp(x) / 2 is used, which is accurate to 1e-9.

    Args:
        x: A float tensor of any shape.

    Returns:
        A tensor of the same shape and dtype; computed in float32.

    Raises:
        ValueError: If `x` does not hold floats.

    Example:

    >>> print(ops.convert_to_numpy(log_softplus([-200.0, 0.0])).round(4))
    [-200.       -0.3665]
    >>> head = keras.layers.Dense(64, activation=log_softplus)
    """
    x = to_tensor("x", x)
    dtype = keras.backend.standardize_dtype(x.dtype)
    x = ops.cast(x, "float32")
    # Each branch is clipped to its own range, so that the unused one has a finite gradient.
    below = ops.minimum(x, _SOFTPLUS_IS_EXP_BELOW)
    above = ops.maximum(x, _SOFTPLUS_IS_EXP_BELOW)
    result = ops.where(
        x < _SOFTPLUS_IS_EXP_BELOW, below - 0.5 * ops.exp(below), ops.log(ops.softplus(above))
    )
    return ops.cast(result, dtype)


@keras.saving.register_keras_serializable(package="keras_latent")
def log_var_of_softplus(x: Rows) -> Tensor:
    """The log-variance of a Gaussian whose standard deviation is `softplus(x)`."""
    return 2.0 * log_softplus(x)


def sample_gaussian(
    mean: Rows, log_var: Rows, seed: int | keras.random.SeedGenerator | None = None
) -> Tensor:
    """Draw one reparametrized sample from N(mean, exp(log_var)) per element.

    z = mean + exp(log_var / 2) * eps with eps ~ N(0, 1) (Kingma and Welling, 2014, section 2.4).
    Differentiable in the mean and the log-variance, which is clipped by `bound_log_var`.

    Args:
        mean: A float tensor of any shape.
        log_var: Log-variance in nats, of the same shape.
        seed: An integer (the same draw on every call), a `keras.random.SeedGenerator` (a new
            draw on every call; required in compiled JAX functions), or `None` for Keras's
            global generator.

    Returns:
        A tensor with the shape and dtype of `mean`.

    Raises:
        ValueError: If a tensor does not hold floats, the shapes differ, or `seed` is none of these.

    Example:

    >>> z = sample_gaussian(ops.zeros((4, 2)), ops.zeros((4, 2)), seed=1)
    >>> tuple(z.shape)
    (4, 2)
    """
    mean, log_var = to_tensor("mean", mean), to_tensor("log_var", log_var)
    checks.same_shape("mean", mean, "log_var", log_var)
    noise = keras.random.normal(ops.shape(mean), dtype="float32", seed=to_seed(seed))
    sample = ops.cast(mean, "float32") + ops.exp(0.5 * bound_log_var(log_var)) * noise
    return ops.saturate_cast(sample, keras.backend.standardize_dtype(mean.dtype))
