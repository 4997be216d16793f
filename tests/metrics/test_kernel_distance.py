import numpy as np
import pytest
from sklearn.metrics.pairwise import polynomial_kernel

from keras_latent import metrics

pytestmark = pytest.mark.once


def oracle(a, b):
    """The three sums of the paper's unbiased estimate, with scikit-learn's kernel."""
    within = []
    for x in (a, b):
        k = polynomial_kernel(x, degree=3, coef0=1)  # gamma: 1 / dimensions
        within.append(k[~np.eye(len(x), dtype=bool)].mean())
    return sum(within) - 2 * polynomial_kernel(a, b, degree=3, coef0=1).mean()


@pytest.fixture
def features(rng):
    return rng.normal(size=(60, 5)), rng.normal(size=(60, 5)) * 1.5 + 0.3


def test_against_scikit_learn(features):
    a, b = features
    assert metrics.kernel_distance(a, b) == pytest.approx(oracle(a, b), rel=1e-9)


def test_subsets(features):
    a, b = features
    want = np.mean([oracle(a[i : i + 25], b[i : i + 25]) for i in (0, 25)])
    assert metrics.kernel_distance(a, b, subset=25) == pytest.approx(want, rel=1e-9)
    want = oracle(a[:40], b[:40])  # fewer rows on one side
    assert metrics.kernel_distance(a, b[:40]) == pytest.approx(want, rel=1e-9)


def test_equal_distributions_have_no_bias(rng):
    found = [metrics.kernel_distance(*rng.normal(size=(2, 20, 3))) for _ in range(300)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert min(found) < 0 < max(found)


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        (np.zeros((1, 3)), np.zeros((5, 3)), {}, r"`real` must be features .* 2 rows or more"),
        (np.zeros((5, 3)), np.zeros((5, 2, 2)), {}, r"`generated` must be features \(rows, d\)"),
        (np.zeros((5, 3)), np.zeros((5, 4)), {}, "equally many dimensions"),
        (np.full((5, 3), np.nan), np.zeros((5, 3)), {}, "`real`"),
        (np.zeros((5, 3)), np.zeros((5, 3)), {"subset": 1}, "`subset`"),
    ],
)
def test_errors(a, b, options, message):
    with pytest.raises(ValueError, match=message):
        metrics.kernel_distance(a, b, **options)
