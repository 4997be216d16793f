"""Conditional inception score: whether a transfer changes the target attribute and nothing else."""

import numbers
from collections.abc import Callable, Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from keras_latent.src.metrics.network_inputs import network_input
from keras_latent.src.metrics.transfer_program import TransferProgram, output_changes
from keras_latent.src.models.base import networks
from keras_latent.src.training.inputs import check_values, one_array
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows, Tensor

MOST_DOMAINS = 10_000


@keras.saving.register_keras_serializable(package="keras_latent")
class ConditionalInceptionScore(keras.metrics.Metric):
    """How much transfers into n domains change a classifier's output for the target, and others.

    An image `x` is transferred into each domain, giving `x^(i)`. A classifier `f` gives a matrix

        M_i = f(x^(i)) - f(x)                   (n, n): row = target domain
        ts  = mean of the diagonal of M         transfer score, larger is better
        rs  = - mean |M| off the diagonal       reconstruction score, 0 or less
        CIS = ts + rs

    Scores are averaged over images. If the outputs are probabilities, `ts` lies in [-1, 1] and
    `CIS` in [-2, 1]; the published figures use sigmoid outputs. **Scores of logits are on a
    different scale and not comparable.** A transfer that changes nothing scores 0, so images that
    already have the attribute cannot gain much. With one domain, `rs` is 0 by definition.

    The paper uses an Inception-v3 with n outputs: `attribute_classifier(kind="inception")`. Any
    classifier works, but scores of different classifiers are not comparable.

    This is not the CIS of MUNIT (Huang et al., 2018), an inception score conditioned on the input,
    which measures diversity.

    Images may come in any number of batches. Sums are accumulated in NumPy, in float64, and two
    numbers per image are stored for `result_of_draws`, so the metric cannot be used in `compile`.

    Args:
        classifier: Built Keras model from images `(batch, ...)` to probabilities
            `(batch, outputs)`. It is not modified.
        domains: Names of the n domains, or n itself, which names them `"0"`, `"1"`, ...
        columns: The classifier's output for each domain, n different integers. Default: all
            outputs in order; there must be n of them.
        name: Name of the metric.
        dtype: Data type of `keras.metrics.Metric`. Results are Python floats.

    Call arguments, `update_state`:
        x: Original images, `(batch, ...)`, float.
        transferred: The images transferred into each domain, `(batch, n, ...)`, float.

    Raises:
        ValueError: If the classifier is not built, its outputs do not match the domains, names or
            columns repeat, images have other shapes than those above, or outputs are not finite.
            Results raise if there were no images.

    Example: the transfer sets one of three pixels, and the classifier returns the pixels.

    >>> import keras, numpy as np
    >>> from keras_latent import metrics
    >>> pixels = keras.Sequential([keras.Input((3,)), keras.layers.Rescaling(1.0)])
    >>> score = metrics.ConditionalInceptionScore(pixels, ["hat", "smile", "beard"])
    >>> def transfer(x):
    ...     return keras.ops.maximum(x[:, None], keras.ops.eye(3))
    >>> score.measure(transfer, np.full((10, 3), 0.25, "float32"))
    {'ts': 0.75, 'rs': 0.0, 'cis': 0.75}
    >>> score.per_domain()["smile"]
    {'ts': 0.75, 'rs': 0.0, 'cis': 0.75}

    Reference: Okamoto et al., "Dual Space Learning with Variational Autoencoders" (2019),
    section 4 and algorithm 2.
    """

    def __init__(
        self,
        classifier: keras.Model,
        domains: Sequence[str] | int,
        columns: Sequence[int] | None = None,
        name: str = "conditional_inception_score",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.classifier = networks.built("classifier", classifier)
        self.domains = _names(domains)
        outputs = _output_count(classifier)
        self.columns = _columns(columns, self.domains, outputs)
        self._outputs_must_match = columns is None and outputs is None
        self._program: TransferProgram | None = None
        self.reset_state()

    # State -------------------------------------------------------------------------------

    def reset_state(self) -> None:
        n = len(self.domains)
        self._sum, self._absolute = np.zeros((2, n, n))
        self._scores = np.zeros((0, 2))

    def update_state(self, x: Rows, transferred: Rows) -> None:
        x = network_input("x", x, self.classifier, pixels=True)
        if not ops.is_tensor(transferred):
            transferred = one_array("transferred", transferred)
            check_values("transferred", transferred)
        x, transferred = ops.convert_to_tensor(x), ops.convert_to_tensor(transferred)
        self._check_outputs(x)
        matrices = output_changes(self.classifier, self.columns, x, transferred)
        self._add([ops.convert_to_numpy(matrices)])

    def measure(
        self, transfer: Callable, inputs: np.ndarray | dict[str, np.ndarray], batch_size: int = 16
    ) -> dict[str, float]:
        """Transfer images, classify the results, and update the state.

        Everything runs as one compiled program, in batches, and the transferred images are never
        copied to host memory. The program holds `batch_size * n` images and the classifier's
        activations for them; for Inception-v3, use a batch size of 1 to 4.

        The program is reused by the next call with the same `transfer`, unless the weights of the
        layers and models that this function refers to have changed (a bound method's model, a
        closure, a `functools.partial`). For functions that refer to none, it is rebuilt each time.
        Python numbers that the function reads are constants of the program. Pass values that vary,
        such as the strength of a transfer, in `inputs`, one value per row.

        Args:
            transfer: Tensor function (`keras.ops`) from a symbolic batch of `inputs`, a tensor
                or a dict of tensors, to images `(batch, n, ...)`.
            inputs: Float images `(rows, ...)`; or a dict of arrays with the same number of rows,
                with the images under `"x"` and other inputs of the transfer, such as attributes
                under `"y"`.
            batch_size: Number of images per step.

        Returns:
            `result()`.

        Raises:
            ValueError: If `inputs` has no row, no `"x"` or different numbers of rows, if the
                classifier cannot take the images, or as in `update_state`.
        """
        inputs = self._checked(inputs)
        batch_size = checks.integer("batch_size", batch_size)
        checks.function("transfer", transfer)
        self._check_outputs(inputs["x"][:1] if isinstance(inputs, dict) else inputs[:1])
        program = self._program
        if program is None or not program.is_valid_for(transfer, inputs):
            program = self._program = None  # frees its memory before the next one is built
            program = self._program = TransferProgram(
                self.classifier, self.columns, transfer, inputs
            )
        self._add(list(program.predict(inputs, batch_size)))
        return self.result()

    def _add(self, batches: list[np.ndarray]) -> None:
        matrices = np.concatenate(batches).astype("float64")
        if not np.isfinite(matrices).all():
            raise ValueError("`classifier` returned NaN or infinity.")
        n = len(self.domains)
        diagonal = np.eye(n, dtype=bool)
        ts = matrices[:, diagonal].mean(axis=1)
        # With one domain, nothing is off the diagonal.
        rs = -np.abs(matrices[:, ~diagonal]).sum(axis=1) / max(1, n * (n - 1))
        self._sum = self._sum + matrices.sum(axis=0)
        self._absolute = self._absolute + np.abs(matrices).sum(axis=0)
        self._scores = np.concatenate([self._scores, np.stack([ts, rs], axis=1)])

    # Results -----------------------------------------------------------------------------

    def result(self) -> dict[str, float]:
        """Mean scores over the images, `{"ts", "rs", "cis"}`."""
        return _scores(*self._seen().mean(axis=0))

    def matrix(self) -> np.ndarray:
        """Mean of `M` (signed), `(n, n)`, float64; row = target domain."""
        return self._sum / len(self._seen())

    def per_domain(self) -> dict[str, dict[str, float]]:
        """Scores per target domain. Their means over domains equal `result`."""
        rows, n = len(self._seen()), len(self.domains)
        ts = np.diag(self._sum) / rows
        others = self._absolute.sum(axis=1) - np.diag(self._absolute)
        rs = -others / (rows * max(1, n - 1))
        return {name: _scores(*pair) for name, *pair in zip(self.domains, ts, rs, strict=True)}

    def result_of_draws(
        self, size: int = 160, draws: int = 10, seed: int = 0
    ) -> dict[str, dict[str, float]]:
        """Mean and standard deviation of the scores over random sets of images.

        The paper reports them for several sets of 160 images. Each set is drawn without
        replacement from the images seen. Sets overlap, so the standard deviation is too small
        unless `size` is a small part of the images.

        Args:
            size: Number of images per set.
            draws: Number of sets, 2 or more.
            seed: Seed of the draws.

        Returns:
            For each of `"ts"`, `"rs"` and `"cis"`, a dict of `"mean"` and `"std"` (divided by
            draws - 1).

        Raises:
            ValueError: If fewer than `size` images were seen, or a number is out of range.
        """
        scores = self._seen()
        checks.integer("draws", draws, at_least=2)
        if checks.integer("size", size) > len(scores):
            raise ValueError(
                f"`size` must be at most {len(scores)}, the number of images seen. "
                f"Received: size={size}"
            )
        rng = np.random.default_rng(checks.integer("seed", seed, at_least=0))
        sets = [rng.choice(len(scores), size, replace=False) for _ in range(draws)]
        means = np.array([scores[rows].mean(axis=0) for rows in sets])
        mean = _scores(*means.mean(axis=0))
        columns = (means[:, 0], means[:, 1], means.sum(axis=1))
        return {
            score: {"mean": mean[score], "std": float(column.std(ddof=1))}
            for score, column in zip(mean, columns, strict=True)
        }

    # Checks ------------------------------------------------------------------------------

    def _seen(self) -> np.ndarray:
        if not len(self._scores):
            raise ValueError(
                "`ConditionalInceptionScore` has seen no image yet. Call `measure` or "
                "`update_state` first."
            )
        return self._scores

    def _checked(self, inputs: Any) -> Any:
        if isinstance(inputs, dict) and "x" not in inputs:
            raise ValueError(
                f'`inputs` must contain the images under "x". Received: keys {sorted(inputs)}'
            )
        if isinstance(inputs, dict):
            inputs = {key: one_array(f"inputs['{key}']", a) for key, a in inputs.items()}
        else:
            inputs = one_array("inputs", inputs)
        arrays = inputs if isinstance(inputs, dict) else {"x": inputs}
        rows = {key: a.shape[0] if a.ndim else 0 for key, a in arrays.items()}
        if min(rows.values()) < 1 or len(set(rows.values())) > 1:
            raise ValueError(
                f"`inputs` must have the same number of rows, 1 or more. Received: rows {rows}"
            )
        network_input("inputs", arrays["x"], self.classifier, pixels=True)
        return keras.tree.map_structure(_to_32_bits, inputs)

    def _check_outputs(self, x: Tensor) -> None:
        """Check the number of outputs of a subclassed classifier, which must be called for it."""
        if self._outputs_must_match:
            _columns(None, self.domains, self.classifier(x, training=False).shape[-1])
            self._outputs_must_match = False

    # Configuration -----------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "classifier": keras.saving.serialize_keras_object(self.classifier),
            "domains": list(self.domains),
            "columns": list(self.columns),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        classifier = keras.saving.deserialize_keras_object(config["classifier"])
        return cls(**{**config, "classifier": classifier})


def _to_32_bits(array: np.ndarray) -> np.ndarray:
    """The array with 32-bit numbers, which all backends support."""
    dtype = {"f": "float32", "i": "int32", "u": "int32"}.get(array.dtype.kind)
    return array if dtype is None else array.astype(dtype, copy=False)


def _scores(ts: float, rs: float) -> dict[str, float]:
    # + 0.0 turns -0.0 into 0.0.
    return {"ts": float(ts) + 0.0, "rs": float(rs) + 0.0, "cis": float(ts + rs) + 0.0}


def _names(domains: Any) -> tuple[str, ...]:
    number = isinstance(domains, numbers.Integral) and not isinstance(domains, bool)
    number = number and domains <= MOST_DOMAINS
    names = tuple(map(str, range(int(domains)))) if number else domains
    fit = isinstance(names, Sequence) and not isinstance(names, str)
    if not fit or not names or not all(isinstance(s, str) for s in names):
        raise ValueError(
            f"`domains` must be one name or more, or their number, from 1 to {MOST_DOMAINS}. "
            f"Received: domains={domains!r}"
        )
    if len(set(names)) < len(names):
        raise ValueError(f"`domains` must be different names. Received: domains={domains!r}")
    return tuple(names)


def _output_count(classifier: keras.Model) -> int | None:
    """Number of outputs; `None` for subclassed models, which do not know it before a call."""
    shape = getattr(classifier, "output_shape", None)
    if not isinstance(shape, tuple) or any(isinstance(size, (tuple, list)) for size in shape):
        return None
    if len(shape) != 2:
        raise ValueError(
            f"`classifier` must return (batch, outputs). Received: output of shape {shape}"
        )
    return shape[1]


def _columns(columns: Any, domains: tuple[str, ...], outputs: int | None) -> tuple[int, ...]:
    if columns is None:
        if outputs not in (None, len(domains)):
            raise ValueError(
                f"`classifier` has {outputs} outputs, but there are {len(domains)} `domains`: "
                "specify the output of each domain in `columns`."
            )
        return tuple(range(len(domains)))
    columns = checks.items("columns", columns)
    good = all(isinstance(c, numbers.Integral) and not isinstance(c, bool) for c in columns)
    high = max([c + 1 for c in columns if good], default=1) if outputs is None else outputs
    if not good or any(not 0 <= c < high for c in columns) or len(set(columns)) < len(columns):
        raise ValueError(
            "`columns` must be different integers from 0 to the classifier's number of "
            f"outputs - 1{'' if outputs is None else f', {outputs - 1}'}. "
            f"Received: columns={columns}"
        )
    if len(columns) != len(domains):
        raise ValueError(
            f"`columns` must name one output for each of {len(domains)} `domains`. "
            f"Received: {len(columns)} columns"
        )
    return tuple(int(c) for c in columns)
