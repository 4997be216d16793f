"""Conditional inception score: does a transfer change what it should, and nothing else?"""

import numbers
from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import ops

from keras_latent.src.metrics.transfer_program import TransferProgram, changes
from keras_latent.src.models.base import validation


@keras.saving.register_keras_serializable(package="keras_latent")
class ConditionalInceptionScore(keras.metrics.Metric):
    """How much transfers into n domains change the target's output of a classifier, and others.

    An image `x` is transferred into each domain, `x^(i)`, and the classifier `f` gives a matrix

        M_i = f(x^(i)) - f(x)                   (n, n): row = domain transferred into
        ts  = mean of the diagonal of M         transfer score, larger is better
        rs  = - mean |M| off the diagonal       reconstruction score, 0 or less
        CIS = ts + rs

    whose scores are averaged over images. With probabilities, `ts` and `CIS` lie in [-1, 1] and
    [-2, 1]; the published figures are of that scale, which sigmoid outputs give. **Logits are
    another scale, on which figures do not compare.** A transfer that does nothing has 0; so
    images that already have the attribute cannot gain much. With one domain there is nothing off
    the diagonal, and `rs` is 0 by definition.

    The paper's `f` is an Inception-v3 with n outputs: `attribute_classifier(kind="inception")`;
    any classifier can be taken, and figures of different ones do not compare.

    Not the metric of MUNIT (Huang et al., 2018) with the same abbreviation, an inception score
    conditioned on the input, which measures diversity.

    Images come in any number of batches. Sums are NumPy's, in float64; of each image two numbers
    are kept, for `result_of_draws`. So it is no metric for `compile`.

    Args:
        classifier: Built Keras model, images `(batch, ...)` to probabilities
            `(batch, outputs)`. It is not changed.
        domains: Names of the n domains, or n, which names them `"0"`, `"1"`, ...
        columns: The classifier's output of each domain, n different integers. Default: the
            outputs in their order, of which there must be n then.
        name: Name of the metric.
        dtype: Data type of `keras.metrics.Metric`; results are Python floats.

    Call arguments, `update_state`:
        x: Original images, `(batch, ...)`, float.
        transferred: The images transferred into each domain, `(batch, n, ...)`, float.

    Raises:
        ValueError: If the classifier is not built or has other outputs than said, names or
            columns repeat, images are not of the shapes above, or outputs are not finite; by
            results, with no image.

    Example, whose transfer sets one of three pixels and whose classifier returns the pixels:

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
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.classifier = validation.require_built("classifier", classifier)
        self.domains = _names(domains)
        # A subclassed classifier does not know its output shape before it is called.
        shape = getattr(classifier, "output_shape", None)
        known = isinstance(shape, tuple) and len(shape) == 2 and isinstance(shape[1], int)
        self.columns = _columns(columns, self.domains, shape[1] if known else None)
        self._outputs_must_match = columns is None and not known
        self._program = None
        self.reset_state()

    # State -------------------------------------------------------------------------------

    def reset_state(self):
        n = len(self.domains)
        self._sum, self._absolute = np.zeros((2, n, n))
        self._scores = np.zeros((0, 2))

    def update_state(self, x, transferred):
        x, transferred = ops.convert_to_tensor(x), ops.convert_to_tensor(transferred)
        self._check_outputs(x)
        matrices = changes(self.classifier, self.columns, x, transferred)
        self._add([ops.convert_to_numpy(matrices)])

    def measure(
        self, transfer: Callable, inputs: np.ndarray | dict[str, np.ndarray], batch_size: int = 16
    ) -> dict[str, float]:
        """Transfers images, classifies what came out, and adds it to the state.

        All of it runs as one compiled program, in batches: neither the transferred images of
        all rows nor those of a batch come back to host memory. In the program's memory are
        `batch_size * n` images and what the classifier makes of them: for Inception-v3 take 1 to 4.

        The program is kept for the next call with the same `transfer`, as long as the weights
        stay of the layers and models which that function names (a bound method's model, a
        closure, a `functools.partial`); for a function that names none it is built anew each
        time. Plain Python numbers that it reads are fixed when it is built: hand what shall
        vary, such as the strength of a transfer, over in `inputs`, one value a row.

        Args:
            transfer: Tensor function (`keras.ops`) from a symbolic batch of `inputs`, a tensor
                or a dict of tensors, to images `(batch, n, ...)`.
            inputs: Images `(rows, ...)`, float; or a dict of arrays of equally many rows with
                the images under `"x"`, and what else the transfer takes: `"y"`, attributes.
            batch_size: Images a step.

        Returns:
            `result()`.

        Raises:
            ValueError: If `inputs` has no row, no `"x"` or unequal rows, or images are not what
                the classifier takes; as `update_state` does.
        """
        inputs = self._checked(inputs)
        if isinstance(batch_size, bool) or not isinstance(batch_size, numbers.Integral):
            batch_size = 0
        if batch_size < 1:
            raise ValueError("`batch_size` must be a positive integer.")
        if not callable(transfer):
            raise ValueError(f"`transfer` must be a function of tensors. Received: {transfer!r}")
        self._check_outputs(inputs["x"][:1] if isinstance(inputs, dict) else inputs[:1])
        if self._program is None or not self._program.serves(transfer, inputs):
            self._program = None  # its memory goes before that of the next one comes
            self._program = TransferProgram(self.classifier, self.columns, transfer, inputs)
        self._add(list(self._program.rows(inputs, batch_size)))
        return self.result()

    def _add(self, matrices):
        matrices = np.concatenate(matrices).astype("float64")
        if not np.isfinite(matrices).all():
            raise ValueError("`classifier` returned NaN or infinity.")
        n = len(self.domains)
        diagonal = np.eye(n, dtype=bool)
        ts = matrices[:, diagonal].mean(axis=1)
        # Of one domain, nothing is off the diagonal.
        rs = -np.abs(matrices[:, ~diagonal]).sum(axis=1) / max(1, n * (n - 1))
        self._sum = self._sum + matrices.sum(axis=0)
        self._absolute = self._absolute + np.abs(matrices).sum(axis=0)
        self._scores = np.concatenate([self._scores, np.stack([ts, rs], axis=1)])

    # Results -----------------------------------------------------------------------------

    def result(self) -> dict[str, float]:
        """`{"ts", "rs", "cis"}`, means over the images."""
        return _named(*self._seen().mean(axis=0))

    def matrix(self) -> np.ndarray:
        """Mean of `M`, with its signs: `(n, n)`, float64; row = domain transferred into."""
        return self._sum / len(self._seen())

    def per_domain(self) -> dict[str, dict[str, float]]:
        """Scores of each transfer: the change of its own output, and minus that of others.

        The means over domains are those of `result`.
        """
        rows, n = len(self._seen()), len(self.domains)
        ts = np.diag(self._sum) / rows
        others = self._absolute.sum(axis=1) - np.diag(self._absolute)
        rs = -others / (rows * max(1, n - 1))
        return {name: _named(*pair) for name, *pair in zip(self.domains, ts, rs, strict=True)}

    def result_of_draws(
        self, size: int = 160, draws: int = 10, seed: int = 0
    ) -> dict[str, dict[str, float]]:
        """Mean and standard deviation of the scores of random sets of images.

        The paper reports those of several sets of 160. Sets are drawn without replacement from
        the images seen; they overlap, so that the deviation is too small where `size` is
        no small part of them, and 0 where it is all of them.

        Args:
            size: Images of a set, at most as many as were seen.
            draws: Number of sets, 2 or more.
            seed: Seed of the drawing.

        Returns:
            Of `"ts"`, `"rs"` and `"cis"` a dict of `"mean"` and `"std"` (divided by draws - 1).

        Raises:
            ValueError: If fewer images were seen than `size`, or a number is out of range.
        """
        scores = self._seen()
        for argument, value, low, high in (
            ("size", size, 1, len(scores)),
            ("draws", draws, 2, 2**31 - 1),
        ):
            integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
            if not integer or not low <= value <= high:
                raise ValueError(
                    f"`{argument}` must be an integer from {low} to {high}; {len(scores)} images "
                    f"were seen. Received: {argument}={value!r}"
                )
        rng = np.random.default_rng(seed)
        sets = [rng.choice(len(scores), size, replace=False) for _ in range(draws)]
        means = np.array([scores[rows].mean(axis=0) for rows in sets])
        mean = _named(*means.mean(axis=0))
        columns = (means[:, 0], means[:, 1], means.sum(axis=1))
        return {
            score: {"mean": mean[score], "std": float(column.std(ddof=1))}
            for score, column in zip(("ts", "rs", "cis"), columns, strict=True)
        }

    # Checks ------------------------------------------------------------------------------

    def _seen(self):
        if not len(self._scores):
            raise ValueError("`ConditionalInceptionScore` has seen no image yet.")
        return self._scores

    def _checked(self, inputs):
        if isinstance(inputs, dict) and "x" not in inputs:
            raise ValueError(
                f'`inputs` must hold the images under "x". Received: keys {sorted(inputs)}'
            )
        inputs = keras.tree.map_structure(
            lambda a: a if isinstance(a, np.ndarray) else ops.convert_to_numpy(a), inputs
        )
        arrays = inputs if isinstance(inputs, dict) else {"x": inputs}
        rows = {key: a.shape[0] if a.ndim else 0 for key, a in arrays.items()}
        if min(rows.values()) < 1 or len(set(rows.values())) > 1:
            raise ValueError(
                f"`inputs` must have equally many rows, 1 or more. Received: rows {rows}"
            )
        x = arrays["x"]
        shape = getattr(self.classifier, "input_shape", None)
        if isinstance(shape, tuple) and not any(isinstance(s, (tuple, list)) for s in shape):
            validation.check_shape("inputs", x.shape, shape[1:])
        validation.check_values("inputs", x, unit_interval=False)
        return keras.tree.map_structure(_plain, inputs)

    def _check_outputs(self, x):
        """With default columns, how many outputs a subclassed classifier has shows when called."""
        if self._outputs_must_match:
            shape = self.classifier(x, training=False).shape
            _columns(None, self.domains, shape[-1])
            self._outputs_must_match = False

    # Configuration -----------------------------------------------------------------------

    def get_config(self):
        return {
            **super().get_config(),
            "classifier": keras.saving.serialize_keras_object(self.classifier),
            "domains": list(self.domains),
            "columns": list(self.columns),
        }

    @classmethod
    def from_config(cls, config):
        classifier = keras.saving.deserialize_keras_object(config["classifier"])
        return cls(**{**config, "classifier": classifier})


def _plain(array):
    """With 32 bits a number, which all backends have."""
    dtype = {"f": "float32", "i": "int32", "u": "int32"}.get(array.dtype.kind)
    return array if dtype is None else array.astype(dtype, copy=False)


def _named(ts, rs):
    # + 0.0: no negative zero.
    return {"ts": float(ts) + 0.0, "rs": float(rs) + 0.0, "cis": float(ts + rs) + 0.0}


def _names(domains):
    number = isinstance(domains, numbers.Integral) and not isinstance(domains, bool)
    names = tuple(map(str, range(domains))) if number else domains
    fit = isinstance(names, Sequence) and not isinstance(names, str)
    if not fit or not names or not all(isinstance(s, str) for s in names):
        raise ValueError(
            "`domains` must be one name or more, or their number, 1 or more. "
            f"Received: domains={domains!r}"
        )
    if len(set(names)) < len(names):
        raise ValueError(f"`domains` must be different names. Received: domains={domains!r}")
    return tuple(names)


def _columns(columns, domains, outputs):
    if columns is None:
        if outputs not in (None, len(domains)):
            raise ValueError(
                f"`classifier` has {outputs} outputs and there are {len(domains)} `domains`: say "
                "in `columns` which output belongs to each domain."
            )
        return tuple(range(len(domains)))
    columns = tuple(columns)
    good = all(isinstance(c, numbers.Integral) and not isinstance(c, bool) for c in columns)
    high = max([c + 1 for c in columns if good], default=1) if outputs is None else outputs
    if not good or any(not 0 <= c < high for c in columns) or len(set(columns)) < len(columns):
        raise ValueError(
            "`columns` must be different integers from 0 to the number of the classifier's "
            f"outputs - 1{'' if outputs is None else f', {outputs - 1}'}. "
            f"Received: columns={columns}"
        )
    if len(columns) != len(domains):
        raise ValueError(
            f"`columns` must name one output for each of {len(domains)} `domains`. "
            f"Received: {len(columns)} columns"
        )
    return tuple(int(c) for c in columns)
