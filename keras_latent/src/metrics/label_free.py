"""Scores of a classifier on data whose labels are unknown, to choose between epochs or models."""

import numpy as np

from keras_latent.src.training.inputs import check_values, one_array
from keras_latent.src.utils import checks
from keras_latent.src.utils.optional import import_extra
from keras_latent.src.utils.types import Rows


def mutual_information(logits: Rows) -> float:
    """The information `H(E p) - E H(p)` between images and their classes. Larger is better.

    It is large if the classifier is sure of each image (the second term is small) and predicts all
    classes equally often (the first is at most log(classes)). A translator that blurs digits
    increases the second term, one that turns every 4 into a 9 reduces the first.

    Args:
        logits: A classifier's logits of unlabeled images, floats `(rows, classes)`.

    Returns:
        The information, in nats.

    Raises:
        ValueError: If the logits are not finite floats of this shape.

    Example:

    >>> import numpy as np
    >>> from keras_latent import metrics
    >>> round(metrics.mutual_information(100 * np.eye(4)), 4)  # sure, and all classes: log(4)
    1.3863

    Source: Bridle, Heading and MacKay, "Unsupervised classifiers, mutual information and
    'phantom targets'", NIPS (1991); as a criterion of domain adaptation: Shi and Sha, ICML
    (2012).
    """
    p, log_p = _probabilities(logits)
    mean = p.mean(axis=0)
    entropy_of_mean = -np.sum(mean * np.log(np.maximum(mean, 1e-300)))
    return float(entropy_of_mean + np.mean(np.sum(p * log_p, axis=1)))


def negative_entropy(logits: Rows) -> float:
    """Minus the mean entropy of a classifier's predictions, in nats. Larger is better, at most 0.

    It does not notice if all images become one class; `mutual_information` does.

    Args:
        logits: A classifier's logits of unlabeled images, floats `(rows, classes)`.

    Raises:
        ValueError: If the logits are not finite floats of this shape.

    Example:

    >>> import numpy as np
    >>> from keras_latent import metrics
    >>> round(metrics.negative_entropy(np.zeros((3, 4))), 4)  # -log(4)
    -1.3863

    Source: Morerio, Cavazza and Murino, "Minimal-Entropy Correlation Alignment for Unsupervised
    Deep Domain Adaptation", ICLR (2018), section 3.2; "prediction entropy" in SKADA.
    """
    p, log_p = _probabilities(logits)
    return float(np.mean(np.sum(p * log_p, axis=1)))


def soft_neighborhood_density(logits: Rows, *, temperature: float = 0.05) -> float:
    """How many neighbors an image has on average, in the space of predictions. Larger is better.

    The entropy, in nats, of each image's similarities to all others, as a distribution: the softmax
    of cosine similarities of predicted probabilities, divided by `temperature`. It is large if
    images form dense clusters. Memory grows with the square of the rows.

    Args:
        logits: A classifier's logits of unlabeled images, floats `(rows, classes)`, 2 rows or more.
        temperature: Above 0.

    Raises:
        ValueError: If the logits are not finite floats of this shape, or `temperature` is not
            positive.

    Example:

    >>> import numpy as np
    >>> from keras_latent import metrics
    >>> pairs = 100 * np.eye(10)[np.arange(20) // 2]  # each image has one neighbor
    >>> metrics.soft_neighborhood_density(pairs) < 1e-6
    True

    Source: Saito et al., "Tune it the Right Way: Unsupervised Validation of Domain Adaptation via
    Soft Neighborhood Density", ICCV (2021), eq. 1 to 3.
    """
    temperature = checks.positive("temperature", temperature)
    p, _ = _probabilities(logits, at_least=2)
    unit = p / np.linalg.norm(p, axis=1, keepdims=True)
    similar = unit @ unit.T / temperature
    np.fill_diagonal(similar, -np.inf)
    similar = np.exp(similar - similar.max(axis=1, keepdims=True))
    similar /= similar.sum(axis=1, keepdims=True)
    return float(-np.mean(np.sum(similar * np.log(np.maximum(similar, 1e-300)), axis=1)))


def circular_validation(
    source_features: Rows, source_labels: Rows, target_features: Rows, target_logits: Rows
) -> float:
    """Accuracy on the labeled source after a way to the target and back. Larger is better.

    The classifier of the target labels the target's images. These labels train a logistic
    regression, which must recover the known labels of the source.

    Args:
        source_features: Features of source images that the regression can compare with the
            target's, floats `(rows, d)`: pixels of their translations, or latents.
        source_labels: Their labels, integers `(rows,)`.
        target_features: Features of target images, floats `(other rows, d)`.
        target_logits: The logits of these images, `(other rows, classes)`.

    Returns:
        The share of source rows whose label is recovered.

    Raises:
        ValueError: If shapes do not fit together, or values are not finite.
        ImportError: If scikit-learn is not installed.

    Example:

    >>> import numpy as np
    >>> from keras_latent import metrics
    >>> labels = np.arange(40) % 2
    >>> x = labels[:, None] + np.random.default_rng(0).normal(scale=0.1, size=(40, 3))
    >>> metrics.circular_validation(x, labels, x, 9 * np.eye(2)[1 - labels])  # all wrong
    0.0

    Source: Bruzzone and Marconcini, "Domain Adaptation Problems: A DASVM Classification Technique
    and a Circular Validation Strategy", IEEE PAMI (2010), section 4; "circular validation" in
    SKADA.
    """
    x, z = (
        _features("source_features", source_features),
        _features("target_features", target_features),
    )
    y = one_array("source_labels", source_labels)
    p, _ = _probabilities(target_logits, name="target_logits")
    if x.shape[1] != z.shape[1] or y.shape != (len(x),) or len(z) != len(p):
        raise ValueError(
            "Features must have equally many dimensions, with a label per source row and logits "
            f"per target row. Received: shapes {x.shape}, {y.shape}, {z.shape}, {p.shape}"
        )
    seen = p.argmax(axis=1)
    if len(np.unique(seen)) == 1:
        return float(np.mean(y == seen[0]))
    linear_model = import_extra("sklearn.linear_model", "viz", "`circular_validation`")
    model = linear_model.LogisticRegression(max_iter=200).fit(z, seen)
    return float(np.mean(model.predict(x) == y))


def _features(name: str, x: Rows) -> np.ndarray:
    x = one_array(name, x)
    if x.ndim < 2 or not len(x):
        raise ValueError(f"`{name}` must be features (rows, ...). Received: shape={x.shape}")
    check_values(name, x, pixels=False)
    return x.reshape(len(x), -1).astype("float64")


def _probabilities(
    logits: Rows, at_least: int = 1, name: str = "logits"
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and their logarithms, float64."""
    x = one_array(name, logits)
    if x.ndim != 2 or len(x) < at_least:
        raise ValueError(
            f"`{name}` must be (rows, classes), of {at_least} rows or more. "
            f"Received: shape={x.shape}"
        )
    check_values(name, x, pixels=False)
    x = x.astype("float64")
    log_p = x - np.logaddexp.reduce(x, axis=1, keepdims=True)
    return np.exp(log_p), log_p
