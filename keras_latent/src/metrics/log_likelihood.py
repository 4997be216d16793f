"""Log-likelihood of data under a model, estimated by importance sampling."""

import math
from dataclasses import dataclass, field

import keras
import numpy as np
from keras import ops

from keras_latent.src.models.base.latent_model import LatentModel
from keras_latent.src.ops.counter_gaussian import counter_gaussian
from keras_latent.src.training.inputs import Images
from keras_latent.src.training.portable import default_jit_compile
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor

# Values of decoded images at a time: 16 MB in float32, and a few times that in the likelihood.
DECODED_AT_A_TIME = 2**22


@dataclass(frozen=True, eq=False)
class LogLikelihood:
    """An estimate of `log p(x)`, in nats.

    Attributes:
        mean: Mean over the rows.
        standard_error: Standard error of `mean` as an estimate for the population of the rows:
            the standard deviation of `values` divided by the square root of their number. It
            includes `monte_carlo_error`. NaN for one row.
        monte_carlo_error: Standard error of `mean` for these rows, due to the finite number of
            samples. NaN for one sample.
        samples: Samples per row.
        values: `log p(x)` per row, `(rows,)`, float32.
        row_errors: Monte Carlo standard error per row, `(rows,)`.
        effective_sample_size: `(sum w)^2 / sum w^2` of the importance weights per row, `(rows,)`.
            It ranges from 1, if one sample dominates and the errors above are unreliable, to
            `samples`, if `q(z|x)` is the exact posterior.
    """

    mean: float
    standard_error: float
    monte_carlo_error: float
    samples: int
    values: np.ndarray = field(repr=False)
    row_errors: np.ndarray = field(repr=False)
    effective_sample_size: np.ndarray = field(repr=False)


def log_likelihood(
    model: LatentModel,
    x: Rows,
    samples: int = 1000,
    *,
    domain: str | None = None,
    seed: int = 0,
    batch_size: int = 512,
    chunk: int | None = None,
) -> LogLikelihood:
    """Estimate `log p(x)` per row by importance sampling from `q(z|x)`.

        log p(x) ~ log 1/S sum_s p(x|z_s) p(z_s) / q(z_s|x),    z_s ~ q(z|x)

    The sum is computed in log space. In expectation, the estimate is a lower bound (with one
    sample, the evidence lower bound) that increases with the number of samples and converges to
    `log p(x)`. The gap is about half the square of `row_errors`.

    The noise depends on the seed, the position of the row and the number of the sample only.
    Batch sizes, chunks and backends give the same estimate up to rounding, and the first rows or
    samples of a larger run are those of a smaller one. Each row has its own noise.

    Args:
        model: A `VAE`, a `VBTA`, or another `LatentModel`, whose docstring says what it
            must define.
        x: Float images `(rows, ...)`, possibly a `numpy.memmap`. For a likelihood of binary data
            (MNIST), binarize them first; values between 0 and 1 are treated as probabilities.
        samples: Samples per row, `S`.
        domain: Domain of `x`, for models of several domains: `"source"` or `"target"`.
        seed: Seed of the noise, 0 to 2^64 - 1.
        batch_size: Maximum number of rows per compiled call.
        chunk: Maximum number of samples per row to decode at a time. Memory grows with
            `batch_size * chunk` decoded images, not with `rows` or `samples`. Default: as
            many as fit into 4 million pixels, 16 MB, of which a few copies are held.

    Returns:
        A `LogLikelihood`: the mean over rows, its two errors, and the values per row.

    Raises:
        ValueError: If `model` is not a `LatentModel` with a likelihood, `domain` is not one of its
            domains, `samples`, `batch_size` or `chunk` is not a positive integer, the model does
            not take the shape or values of `x`, or the model returns NaN.

    Example:

    >>> import numpy as np
    >>> from keras_latent import metrics, models
    >>> vae = models.VAE.from_preset("vae_mnist", load_weights=False)
    >>> x = np.random.default_rng(0).random((4, 28, 28, 1), "float32")
    >>> result = metrics.log_likelihood(vae, x, samples=20)
    >>> result.values.shape, result.samples
    ((4,), 20)
    >>> result.mean < 0 < result.standard_error
    True

    Reference: Rezende, Mohamed and Wierstra, "Stochastic Backpropagation and Approximate
    Inference in Deep Generative Models" (2014), appendix E; Burda, Grosse and Salakhutdinov,
    "Importance Weighted Autoencoders" (2016), eq. 8.
    """
    if not isinstance(model, LatentModel) or not hasattr(model, "observation"):
        raise ValueError(
            "`model` must be a `keras_latent` LatentModel with a likelihood, such as a `VAE` or a "
            f"`VBTA`. Received: {model!r}"
        )
    samples = checks.integer("samples", samples, 1, 2**31 - 1)
    batch_size = checks.integer("batch_size", batch_size)
    if chunk is not None:
        chunk = checks.integer("chunk", chunk)
    seed = checks.integer("seed", seed, 0, 2**64 - 1)
    x = Images(_event_shape(model, domain), model.unit_interval).rows("x", x)

    batch = _even(len(x), batch_size)
    pixels = max(1, math.prod(x.shape[1:]))
    chunk = _even(samples, chunk or max(1, DECODED_AT_A_TIME // (batch * pixels)))
    key = np.array([seed % 2**32, seed >> 32], "uint32").view("int32")
    sums = []
    with model._programs.lock:
        programs, name = model._programs.by_key, f"log_likelihood {domain} {batch} {chunk}"
        if name not in programs:
            programs[name] = _ImportanceSampler(model, domain, chunk)
        for first in range(0, len(x), batch):
            rows = np.asarray(x[first : first + batch], "float32")
            # For a static shape, the last batch is filled up with copies of its last row.
            missing = [(0, batch - len(rows))] + [(0, 0)] * (x.ndim - 1)
            inputs = {
                "x": np.pad(rows, missing, mode="edge"),
                "first": np.array(first, "int32"),
                "samples": np.array(samples, "int32"),
                "key": key,
            }
            sums.append([v[: len(rows)] for v in programs[name].predict_on_batch(inputs)])
    log_sum, sum_of_squares = (np.concatenate(parts) for parts in zip(*sums, strict=True))
    return _summary(log_sum, sum_of_squares, samples)


def _event_shape(model: LatentModel, domain: str | None) -> tuple[int, ...]:
    shapes = getattr(model, "event_shapes", None)
    if shapes is not None:
        return shapes[checks.choice("domain", domain, list(shapes))]
    if domain is not None:
        raise ValueError(
            f"{type(model).__name__} has one domain: `domain` must be None. "
            f"Received: domain={domain!r}"
        )
    return model.event_shape


def _even(total: int, at_most: int) -> int:
    """The size of equal parts, at most `at_most`, that cover `total`."""
    return -(-total // -(-total // at_most))


def _summary(log_sum: np.ndarray, sum_of_squares: np.ndarray, samples: int) -> LogLikelihood:
    """The result, from `log sum w` and `sum w^2 / (sum w)^2` per row."""
    values = log_sum - np.float32(math.log(samples))
    if np.isnan(values).any():
        raise ValueError(
            f"The model returns NaN for {int(np.isnan(values).sum())} of {len(values)} rows. "
            "Its weights may have diverged."
        )
    ess = np.clip(1.0 / sum_of_squares, 1.0, samples)
    if samples > 1:
        # By the delta method, the relative error of the mean weight.
        row_errors = np.sqrt((samples / ess - 1.0) / (samples - 1))
    else:
        row_errors = np.full(len(values), np.nan, "float32")
    rows = len(values)
    spread = float(np.std(values, ddof=1, dtype="float64")) if rows > 1 else math.nan
    return LogLikelihood(
        mean=float(np.mean(values, dtype="float64")),
        standard_error=spread / math.sqrt(rows),
        monte_carlo_error=float(np.sqrt(np.sum(np.square(row_errors, dtype="float64")))) / rows,
        samples=int(samples),
        values=values,
        row_errors=row_errors.astype("float32"),
        effective_sample_size=ess,
    )


class _ImportanceSampler(keras.Model):
    """`log sum_s w_s` and `sum w^2 / (sum w)^2` of a batch, in a loop over chunks of samples.

    The number of samples, the seed and the position of the batch are inputs, so one program
    serves all of them. It uses the model's variables and has none of its own.
    """

    def __init__(self, model: LatentModel, domain: str | None, chunk: int):
        super().__init__(name="importance_sampler", dtype="float32")
        self.model, self.chunk = model, chunk
        self.domain = () if domain is None else (domain,)
        self.built = True
        # Without XLA, TensorFlow runs up to ten iterations in parallel, each with its own memory.
        self.jit_compile = default_jit_compile(model)

    def call(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        samples, key = inputs["samples"], (inputs["key"][0], inputs["key"][1])
        z_mean, z_log_var = self.model.posterior(inputs["x"], *self.domain)
        batch, dim = z_mean.shape
        x = ops.repeat(inputs["x"], self.chunk, axis=0)
        rows = inputs["first"] + ops.arange(batch, dtype="int32")
        deviation = ops.exp(0.5 * z_log_var)[:, None]
        log_volume = 0.5 * ops.sum(z_log_var, axis=-1)[:, None]

        def add_chunk(first, highest, total, squares):
            draws = first + ops.arange(self.chunk, dtype="int32")
            noise = counter_gaussian(key, rows, draws, dim)
            z = z_mean[:, None] + deviation * noise
            parameters = self.model.likelihood_parameters(ops.reshape(z, (-1, dim)), *self.domain)
            log_p_x = ops.reshape(self.model.log_prob(x, parameters), (batch, self.chunk))
            # log p(z) - log q(z|x), where the constants and z_mean cancel.
            log_ratio = 0.5 * ops.sum(ops.square(noise) - ops.square(z), axis=-1) + log_volume
            log_w = ops.where(draws < samples, log_p_x + log_ratio, -math.inf)

            new = ops.maximum(highest, ops.max(log_w, axis=1))
            old, w = ops.exp(highest - new), ops.exp(log_w - new[:, None])
            total = total * old + ops.sum(w, axis=1)
            squares = squares * ops.square(old) + ops.sum(ops.square(w), axis=1)
            return first + self.chunk, new, total, squares

        zeros = ops.zeros((batch,), "float32")
        # Lower than any log-weight but finite, because the difference of infinities is NaN.
        start = (ops.zeros((), "int32"), zeros - 3e38, zeros, zeros)
        _, highest, total, squares = ops.while_loop(
            lambda first, *_: first < samples, add_chunk, start
        )
        return highest + ops.log(total), squares / ops.square(total)
