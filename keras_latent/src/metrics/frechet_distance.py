"""Fréchet distance: how far is what a model generates from what is real, as a distribution?"""

import keras
import numpy as np
from keras import ops

from keras_latent.src.models.base import validation


@keras.saving.register_keras_serializable(package="keras_latent")
class FrechetDistance(keras.metrics.Metric):
    """Fréchet distance between Gaussians fitted to the features of real and generated data.

        |mu_1 - mu_2|^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2))

    with mean and covariance (divided by rows - 1) of the features of each side; in the square of
    the features' unit, 0 or more, smaller is better. With Inception features it is the FID;
    with those of a classifier of the domain it says more about that domain.

    The estimate is too large by about `features / rows`, so that only distances of equally many
    rows compare; take several times as many rows as there are features.

    Both sides come in batches of any size and are seen once: means and products of deviations
    are kept in NumPy, in float64, and merged by Chan's update, which large means do not disturb.
    So it is no metric for `compile`, but for arrays and `model.generate`. Memory is that of
    two matrices `(features, features)`.

    Args:
        feature_extractor: Built Keras model, data `(batch, ...)` to features `(batch, ...)`,
            which are flattened. It is not changed.
        name: Name of the metric.
        dtype: Data type of `keras.metrics.Metric`; the result is a Python float.

    Call arguments, `update_state`:
        y_true: Real data, `(batch, ...)`, or `None`.
        y_pred: Generated data, `(batch, ...)`, as many rows or not, or `None`.

    Raises:
        ValueError: If the extractor is not built or returns several tensors, features are not
            finite, or their number changes; by `result`, with less than 2 rows of a side.

    Example:

    >>> import keras, numpy as np
    >>> from keras_latent import metrics
    >>> pixels = keras.Sequential([keras.Input((3,)), keras.layers.Rescaling(1.0)])
    >>> distance = metrics.FrechetDistance(pixels)
    >>> real = np.random.default_rng(0).normal(size=(500, 3))
    >>> distance.update_state(real, real[:250] + 1)
    >>> distance.update_state(None, real[250:] + 1)
    >>> round(distance.result(), 4)  # the squared length of the step (1, 1, 1)
    3.0

    Reference: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local
    Nash Equilibrium" (2017), eq. 6; Dowson and Landau, "The Fréchet Distance between
    Multivariate Normal Distributions" (1982).
    """

    def __init__(self, feature_extractor, name: str = "frechet_distance", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.feature_extractor = validation.require_built("feature_extractor", feature_extractor)
        self.reset_state()

    def update_state(self, y_true=None, y_pred=None):
        # Both are checked before one counts.
        new = [None if x is None else self._moments_of(x) for x in (y_true, y_pred)]
        sizes = {m[1].size for m in (*self._moments, *new) if m is not None}
        if len(sizes) > 1:
            raise ValueError(
                "`feature_extractor` must return equally many features for all batches. "
                f"Received: {sorted(sizes)}"
            )
        self._moments = [_merged(*pair) for pair in zip(self._moments, new, strict=True)]

    def reset_state(self):
        self._moments = (None, None)

    def result(self):
        counts = [m[0] if m is not None else 0 for m in self._moments]
        if min(counts) < 2:
            raise ValueError(
                "`FrechetDistance` needs 2 rows or more of each side. "
                f"Received: {counts[0]} real and {counts[1]} generated rows"
            )
        (_, mean_1, s_1), (_, mean_2, s_2) = self._moments
        return frechet_distance(mean_1, s_1 / (counts[0] - 1), mean_2, s_2 / (counts[1] - 1))

    def _moments_of(self, x):
        """Rows, mean and sum of products of deviations of a batch's features, or `None`."""
        x = ops.convert_to_tensor(x)
        if len(x.shape) and not x.shape[0]:
            return None
        features = self.feature_extractor(x, training=False)
        if not ops.is_tensor(features) or not len(features.shape):
            raise ValueError(
                "`feature_extractor` must return one tensor, (batch, ...). "
                f"Received: {keras.tree.map_structure(lambda t: tuple(t.shape), features)}"
            )
        features = ops.convert_to_numpy(ops.cast(features, "float32"))
        features = features.reshape(len(features), -1).astype("float64")
        if not np.isfinite(features).all():
            raise ValueError("`feature_extractor` returned NaN or infinity.")
        mean = features.mean(axis=0)
        deviation = features - mean
        return len(features), mean, deviation.T @ deviation

    def get_config(self):
        extractor = keras.saving.serialize_keras_object(self.feature_extractor)
        return {**super().get_config(), "feature_extractor": extractor}

    @classmethod
    def from_config(cls, config):
        extractor = keras.saving.deserialize_keras_object(config["feature_extractor"])
        return cls(**{**config, "feature_extractor": extractor})


def _merged(a, b):
    """Moments of two sets of rows together."""
    if a is None or b is None:
        return b if a is None else a
    rows, step = a[0] + b[0], b[1] - a[1]
    products = a[2] + b[2] + np.outer(step, step) * (a[0] * b[0] / rows)
    return rows, a[1] + step * (b[0] / rows), products


def frechet_distance(mean_1, covariance_1, mean_2, covariance_2) -> float:
    """Squared Fréchet distance between two Gaussians, in NumPy.

    `tr (S_1 S_2)^(1/2)` is the sum of the square roots of the eigenvalues of
    `S_1^(1/2) S_2 S_1^(1/2)`, and these are the singular values of `S_1^(1/2) S_2^(1/2)`: taken
    so, the rounding of eigenvalues that are 0 is not enlarged by a square root.
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
