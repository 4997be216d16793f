"""Fréchet distance between the distributions of real and generated data."""

from typing import Any, Self

import keras
import numpy as np
from keras import ops

from keras_latent.src.metrics.network_inputs import network_input
from keras_latent.src.models.base import networks
from keras_latent.src.utils.types import Rows

#: Rows, mean, and sum of products of deviations.
Moments = tuple[int, np.ndarray, np.ndarray]


@keras.saving.register_keras_serializable(package="keras_latent")
class FrechetDistance(keras.metrics.Metric):
    """Fréchet distance between Gaussians fitted to the features of real and generated data.

        |mu_1 - mu_2|^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2))

    with the means and covariances (divided by rows - 1) of the features of real and generated
    data. The distance is in squared units of the features, non-negative, and smaller is better.
    With Inception features it is the FID. The features of a classifier of the domain are more
    informative about that domain.

    The estimate has a positive bias of about `features / rows`, so only compare distances with the
    same number of rows, and use several times as many rows as features.

    Data may come in batches of any size and is not stored. Means and products of deviations are
    accumulated in NumPy, in float64, with Chan's update, which is accurate for large means. The
    metric therefore cannot be used in `compile`; use it on arrays and with `model.generate`. It
    needs memory for two matrices `(features, features)`.

    Args:
        feature_extractor: Built Keras model from data `(batch, ...)` to features `(batch, ...)`,
            which are flattened. It is not modified.
        name: Name of the metric.
        dtype: Data type of `keras.metrics.Metric`. The result is a Python float.

    Call arguments, `update_state`:
        y_true: Real data, floats `(batch, ...)`, or `None`.
        y_pred: Generated data, floats `(batch, ...)`, or `None`. The number of rows may differ.

    Raises:
        ValueError: If the extractor is not built or returns several tensors, data are not finite
            floats of the shape that it takes, or features are not finite or change in number.
            `result` raises with fewer than 2 rows on either side.

    Example:

    >>> import keras, numpy as np
    >>> from keras_latent import metrics
    >>> pixels = keras.Sequential([keras.Input((3,)), keras.layers.Rescaling(1.0)])
    >>> distance = metrics.FrechetDistance(pixels)
    >>> real = np.random.default_rng(0).normal(size=(500, 3))
    >>> distance.update_state(real, real[:250] + 1)
    >>> distance.update_state(None, real[250:] + 1)
    >>> round(distance.result(), 4)  # the squared length of the shift (1, 1, 1)
    3.0

    Reference: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local
    Nash Equilibrium" (2017), eq. 6; Dowson and Landau, "The Fréchet Distance between
    Multivariate Normal Distributions" (1982).
    """

    def __init__(
        self, feature_extractor: keras.Model, name: str = "frechet_distance", dtype: Any = None
    ):
        super().__init__(name=name, dtype=dtype)
        self.feature_extractor = networks.built("feature_extractor", feature_extractor)
        self._moments: list[Moments | None]
        self.reset_state()

    def update_state(self, y_true: Rows | None = None, y_pred: Rows | None = None) -> None:
        # Both are checked before either is added.
        new = [self._moments_of("y_true", y_true), self._moments_of("y_pred", y_pred)]
        sizes = {m[1].size for m in (*self._moments, *new) if m is not None}
        if len(sizes) > 1:
            raise ValueError(
                "`feature_extractor` must return the same number of features for all batches. "
                f"Received: {sorted(sizes)}"
            )
        self._moments = [_merged(*pair) for pair in zip(self._moments, new, strict=True)]

    def reset_state(self) -> None:
        self._moments = [None, None]

    def result(self) -> float:
        counts = [m[0] if m is not None else 0 for m in self._moments]
        real, generated = self._moments
        if real is None or generated is None or min(counts) < 2:
            raise ValueError(
                "`FrechetDistance` needs 2 rows or more of `y_true` and of `y_pred`. "
                f"Received: {counts[0]} real and {counts[1]} generated rows"
            )
        (_, mean_1, s_1), (_, mean_2, s_2) = real, generated
        return frechet_distance(mean_1, s_1 / (counts[0] - 1), mean_2, s_2 / (counts[1] - 1))

    def _moments_of(self, name: str, x: Rows | None) -> Moments | None:
        """Moments of the features of a batch; `None` if it is missing or empty."""
        x = None if x is None else network_input(name, x, self.feature_extractor, integers=True)
        if x is None or not len(x):
            return None
        features = self.feature_extractor(ops.convert_to_tensor(x), training=False)
        if not ops.is_tensor(features) or not len(features.shape):
            raise ValueError(
                "`feature_extractor` must return one tensor, (batch, ...). "
                f"Received: {keras.tree.map_structure(lambda t: tuple(t.shape), features)}"
            )
        features = ops.convert_to_numpy(ops.cast(features, "float32"))
        features = features.reshape(len(features), -1).astype("float64")
        if not np.isfinite(features).all():
            raise ValueError(f"`feature_extractor` returned NaN or infinity for `{name}`.")
        mean = features.mean(axis=0)
        deviation = features - mean
        return len(features), mean, deviation.T @ deviation

    def get_config(self) -> dict[str, Any]:
        extractor = keras.saving.serialize_keras_object(self.feature_extractor)
        return {**super().get_config(), "feature_extractor": extractor}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        extractor = keras.saving.deserialize_keras_object(config["feature_extractor"])
        return cls(**{**config, "feature_extractor": extractor})


def _merged(a: Moments | None, b: Moments | None) -> Moments | None:
    """Moments of the union of two sets of rows."""
    if a is None or b is None:
        return b if a is None else a
    rows, step = a[0] + b[0], b[1] - a[1]
    products = a[2] + b[2] + np.outer(step, step) * (a[0] * b[0] / rows)
    return rows, a[1] + step * (b[0] / rows), products


def frechet_distance(
    mean_1: np.ndarray, covariance_1: np.ndarray, mean_2: np.ndarray, covariance_2: np.ndarray
) -> float:
    """Squared Fréchet distance between two Gaussians, in NumPy.

    `tr (S_1 S_2)^(1/2)` is computed as the sum of the singular values of `S_1^(1/2) S_2^(1/2)`.
    They are the square roots of the eigenvalues of `S_1^(1/2) S_2 S_1^(1/2)`, but a square root
    would amplify the rounding errors of eigenvalues that are 0.
    """
    roots, traces = [], []
    for covariance in (covariance_1, covariance_2):
        values, vectors = np.linalg.eigh(covariance)
        values = np.maximum(values, 0)
        roots.append((vectors * np.sqrt(values)) @ vectors.T)
        traces.append(values.sum())
    shared = np.linalg.svd(roots[0] @ roots[1], compute_uv=False).sum()
    distance = np.sum((mean_1 - mean_2) ** 2) + sum(traces) - 2 * shared
    return max(0.0, float(distance))
