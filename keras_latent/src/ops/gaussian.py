"""Diagonal Gaussians given by a mean and a log-variance, kept where nothing overflows."""

from typing import Any

import keras
from keras import ops

from keras_latent.src.ops._arguments import check_same_shape, to_float32

LOG_VAR_BOUND = 20.0
_SOFTPLUS_IS_EXP_BELOW = -10.0


def bound_log_var(log_var: Any) -> Any:
    """Clips a log-variance to [-20, 20] and casts it to float32.

    Variances then lie in [2.1e-9, 4.9e8]: their products, quotients and square roots are all
    finite in float32. Outside the bounds the gradient is 0.

    Args:
        log_var: Log-variance in nats, a float tensor of any shape.

    Returns:
        A float32 tensor of the same shape.

    Example:

    >>> print(ops.convert_to_numpy(bound_log_var([-1e4, 0.5, 1e4])))
    [-20.    0.5  20. ]
    """
    return ops.clip(to_float32(log_var), -LOG_VAR_BOUND, LOG_VAR_BOUND)


@keras.saving.register_keras_serializable(package="keras_latent")
def log_softplus(x: Any) -> Any:
    """The logarithm of softplus, log(log(1 + exp(x))), finite with its gradient for every x.

    VBTA's reference and BridgingVAE parametrise a Gaussian's spread by softplus. As the
    activation of a `Dense` layer this function turns such a head into one that returns the
    logarithm of that spread, which is what `keras_latent` passes around. (Where softplus is the
    standard deviation, the log-variance is twice this.)

    Below -10, where softplus(x) is exp(x) up to 2.3e-5 and underflows later on, the series
    x - exp(x) / 2 takes over; it is exact to 1e-9 there.

    Args:
        x: A float tensor of any shape.

    Returns:
        A tensor of the same shape and dtype; computed in float32.

    Example:

    >>> print(ops.convert_to_numpy(log_softplus([-200.0, 0.0])).round(4))
    [-200.       -0.3665]
    >>> head = keras.layers.Dense(64, activation=log_softplus)
    """
    x = ops.convert_to_tensor(x)
    dtype = keras.backend.standardize_dtype(x.dtype)
    dtype = dtype if keras.backend.is_float_dtype(dtype) else keras.backend.floatx()
    x = to_float32(x)
    # Each branch is kept to its own side, so that the unused one has a finite gradient too.
    below = ops.minimum(x, _SOFTPLUS_IS_EXP_BELOW)
    above = ops.maximum(x, _SOFTPLUS_IS_EXP_BELOW)
    result = ops.where(
        x < _SOFTPLUS_IS_EXP_BELOW, below - 0.5 * ops.exp(below), ops.log(ops.softplus(above))
    )
    return ops.cast(result, dtype)


def sample_gaussian(
    mean: Any, log_var: Any, seed: int | keras.random.SeedGenerator | None = None
) -> Any:
    """Draws one reparametrised sample of N(mean, exp(log_var)) for every element.

    z = mean + exp(log_var / 2) * eps with eps ~ N(0, 1) (Kingma & Welling 2014, section 2.4),
    differentiable in the mean and in the log-variance, which is bounded by `bound_log_var`.

    Args:
        mean: A float tensor of any shape.
        log_var: Log-variance in nats, of the same shape.
        seed: An integer (the same draw at every call), a `keras.random.SeedGenerator` (a fresh
            draw at every call; needed in compiled JAX functions), or `None` for Keras's global
            generator.

    Returns:
        A tensor of the shape and dtype of `mean`.

    Raises:
        ValueError: If the shapes differ.

    Example:

    >>> z = sample_gaussian(ops.zeros((4, 2)), ops.zeros((4, 2)), seed=1)
    >>> tuple(z.shape)
    (4, 2)
    """
    mean, log_var = ops.convert_to_tensor(mean), ops.convert_to_tensor(log_var)
    check_same_shape("mean", mean, "log_var", log_var)
    noise = keras.random.normal(ops.shape(mean), dtype="float32", seed=seed)
    sample = to_float32(mean) + ops.exp(0.5 * bound_log_var(log_var)) * noise
    dtype = keras.backend.standardize_dtype(mean.dtype)
    return ops.saturate_cast(sample, dtype if keras.backend.is_float_dtype(dtype) else "float32")
