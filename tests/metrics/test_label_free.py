import numpy as np
import pytest
from scipy import special, stats
from sklearn import metrics as sklearn_metrics
from sklearn.metrics.pairwise import cosine_similarity

from keras_latent import datasets, metrics

pytestmark = pytest.mark.once


def test_mutual_information_equals_that_of_scipy(rng):
    for scale in (0.1, 1.0, 10.0):
        logits = scale * rng.normal(size=(300, 10)) + rng.normal(size=10)
        p = special.softmax(logits, axis=1)
        expected = stats.entropy(p.mean(0)) - stats.entropy(p, axis=1).mean()
        assert metrics.mutual_information(logits) == pytest.approx(expected, rel=1e-9)
        shifted = (logits + 1000 * rng.normal(size=(300, 1))).astype("float32")
        assert metrics.mutual_information(shifted) == pytest.approx(expected, rel=1e-2)


def test_mutual_information_of_sure_classifiers(rng):
    """If each image has one class, scikit-learn computes it from counts."""
    labels = rng.integers(0, 10, 500) // 2
    sure = 1e4 * np.eye(10)[labels]
    expected = sklearn_metrics.mutual_info_score(np.arange(500), labels)
    assert metrics.mutual_information(sure) == pytest.approx(expected, rel=1e-9)
    assert metrics.mutual_information(np.zeros((500, 10))) == pytest.approx(0.0, abs=1e-12)
    assert metrics.mutual_information(1e4 * np.eye(10)[[3] * 500]) == pytest.approx(0.0, abs=1e-12)
    assert metrics.mutual_information(1e4 * np.eye(10)) == pytest.approx(np.log(10))


def test_negative_entropy_equals_that_of_scipy(rng):
    logits = 3 * rng.normal(size=(300, 10))
    expected = -stats.entropy(special.softmax(logits, axis=1), axis=1).mean()
    assert metrics.negative_entropy(logits) == pytest.approx(expected, rel=1e-9)
    assert metrics.negative_entropy(1e4 * np.eye(3)) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_density_equals_its_formula(rng, temperature):
    logits = rng.normal(size=(40, 5))
    similar = cosine_similarity(special.softmax(logits, axis=1))
    others = [np.delete(row, i) for i, row in enumerate(similar)]
    expected = np.mean([stats.entropy(special.softmax(row / temperature)) for row in others])
    found = metrics.soft_neighborhood_density(logits, temperature=temperature)
    assert found == pytest.approx(expected, rel=1e-9)


def test_density_counts_neighbors():
    clusters = 1e3 * np.eye(4)[np.arange(40) % 4]
    assert metrics.soft_neighborhood_density(clusters) == pytest.approx(np.log(9), rel=1e-6)


def test_circular_validation_follows_the_accuracy_on_the_target(rng):
    """On digits, the more pseudo-labels are right, the more labels of the source come back."""
    (x, y), (z, truth) = datasets.load_arrays("digits")
    x, y = x[:300] / np.float32(255), y[:300]
    z = z / np.float32(255)

    def back(wrong):
        seen = np.where(rng.random(len(truth)) < wrong, (truth + 1) % 10, truth)
        return metrics.circular_validation(x, y, z, 9 * np.eye(10)[seen])

    found = [back(wrong) for wrong in (0.0, 0.45, 0.8, 1.0)]
    assert found[0] > 0.9 > found[1] > found[2] > found[3]
    assert found[3] < 0.1


def test_circular_validation_of_a_single_class(rng):
    x = rng.normal(size=(20, 3))
    found = metrics.circular_validation(x, np.arange(20) % 4, x, np.eye(4)[[1] * 20])
    assert found == 0.25


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (metrics.mutual_information, (np.zeros(3),), r"`logits` must be \(rows, classes\)"),
        (metrics.negative_entropy, (np.full((2, 3), np.inf),), "`logits`"),
        (metrics.soft_neighborhood_density, (np.zeros((1, 3)),), "of 2 rows or more"),
        (
            metrics.circular_validation,
            (np.zeros((4, 3)), np.zeros(4, int), np.zeros((5, 2)), np.zeros((5, 2))),
            "equally many dimensions",
        ),
        (
            metrics.circular_validation,
            (np.zeros((4, 3)), np.zeros(5, int), np.zeros((5, 3)), np.zeros((5, 2))),
            "a label per source row",
        ),
        (
            metrics.circular_validation,
            (np.zeros(4), np.zeros(4, int), np.zeros((5, 3)), np.zeros((5, 2))),
            r"`source_features` must be features \(rows, ...\)",
        ),
    ],
)
def test_errors(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_temperature_must_be_positive():
    with pytest.raises(ValueError, match="`temperature`"):
        metrics.soft_neighborhood_density(np.zeros((3, 2)), temperature=0.0)
