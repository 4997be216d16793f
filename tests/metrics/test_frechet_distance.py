import keras
import numpy as np
import pytest
from scipy import linalg

from keras_latent import metrics
from keras_latent.src.metrics.frechet_distance import frechet_distance


def identity(*shape):
    return keras.Sequential([keras.Input(shape), keras.layers.Activation("linear")])


def oracle(a, b):
    """As in the paper, with SciPy's square root of a non-symmetric matrix."""
    s_1, s_2 = np.cov(a.T), np.cov(b.T)
    root = np.real(linalg.sqrtm(s_1 @ s_2))
    return np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(s_1 + s_2 - 2 * root)


@pytest.fixture
def rows(rng):
    mix = rng.normal(size=(5, 5))
    a, b = rng.normal(size=(200, 5)) @ mix, rng.normal(size=(150, 5)) * 2 + 0.5
    return a.astype("float32"), b.astype("float32")


def distance(a, b, cuts=1, **kwargs):
    metric = metrics.FrechetDistance(identity(*a.shape[1:]), **kwargs)
    for parts in zip(np.array_split(a, cuts), np.array_split(b, cuts), strict=True):
        metric.update_state(*parts)
    return metric.result()


def test_against_scipy(rows):
    a, b = rows
    want = oracle(a.astype("float64"), b.astype("float64"))
    assert want > 1
    assert distance(a, b) == pytest.approx(want, rel=1e-6)
    assert distance(b, a) == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize("rank", [1, 3])
def test_singular_covariances(rng, rank):
    a = rng.normal(size=(100, rank)) @ rng.normal(size=(rank, 6))
    b = rng.normal(size=(100, 6))
    s = [np.cov(x.T) for x in (a, b)]
    # Eigenvalues of the product, which also exist for singular matrices.
    shared = np.sqrt(np.maximum(np.real(np.linalg.eigvals(s[0] @ s[1])), 0)).sum()
    want = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(s[0] + s[1]) - 2 * shared
    found = frechet_distance(a.mean(0), s[0], b.mean(0), s[1])
    assert found == pytest.approx(want, rel=1e-5)
    assert frechet_distance(a.mean(0), s[0], a.mean(0), s[0]) == pytest.approx(0, abs=1e-12)


def test_two_gaussians_in_closed_form():
    # With common axes: squared differences of means and of standard deviations.
    found = frechet_distance([0, 1], np.diag([4.0, 9.0]), np.array([2, 1]), np.diag([1.0, 0.0]))
    assert found == pytest.approx(2**2 + (2 - 1) ** 2 + (3 - 0) ** 2)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    turned = [turn @ np.diag(v) @ turn.T for v in ([4.0, 9.0], [1.0, 0.0])]
    mean = np.array([1, 2])
    assert frechet_distance(mean, turned[0], mean, turned[1]) == pytest.approx(10)


def test_batches_sides_and_reset(rows):
    a, b = rows
    want = distance(a, b)
    assert distance(a, b, cuts=7) == pytest.approx(want, rel=1e-9)
    metric = metrics.FrechetDistance(identity(5))
    metric.update_state(None, b[:1])  # one row has no covariance, but is counted
    metric.update_state(a)
    metric.update_state(y_pred=keras.ops.convert_to_tensor(b[1:]))
    metric.update_state(a[:0], None)
    assert metric.result() == pytest.approx(want, rel=1e-9)
    metric.reset_state()
    assert metric(a, a) == pytest.approx(0, abs=1e-9)


def test_a_large_mean_costs_no_accuracy(rng):
    # Multiples of 1/8, which float32 represents exactly at a million.
    a, b = (np.round(rng.normal(size=(300, 4)) * s * 8) / 8 for s in (1, 3))
    want = oracle(a, b)
    a, b = ((x + 1e6).astype("float32") for x in (a, b))
    for cuts in (1, 11):
        assert distance(a, b, cuts) == pytest.approx(want, rel=1e-6)


def test_features_of_images(rng):
    a, b = (rng.random((40, 4, 3, 1)).astype("float32") for _ in range(2))
    assert distance(a, b) == pytest.approx(
        oracle(a.reshape(40, -1).astype("float64"), b.reshape(40, -1).astype("float64")), rel=1e-5
    )
    means = keras.Sequential([keras.Input((4, 3, 1)), keras.layers.GlobalAveragePooling2D()])
    metric = metrics.FrechetDistance(means)
    found = [x.mean(axis=(1, 2, 3)) for x in (a, b)]
    want = (found[0].mean() - found[1].mean()) ** 2 + (
        found[0].std(ddof=1) - found[1].std(ddof=1)
    ) ** 2
    assert metric(a, b) == pytest.approx(want, rel=1e-3)


def test_serialization(rows):
    extractor = keras.Sequential([keras.Input((5,)), keras.layers.Rescaling(2.0)])
    metric = metrics.FrechetDistance(extractor, name="mine")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(copy) is metrics.FrechetDistance and copy.name == "mine"
    assert copy(*rows) == pytest.approx(metric(*rows))
    assert copy.result() == pytest.approx(4 * distance(*rows), rel=1e-6)


def test_errors(rows):
    a, b = rows
    metric = metrics.FrechetDistance(identity(5))
    with pytest.raises(ValueError, match="2 rows or more.*Received: 0 real and 0 generated"):
        metric.result()
    metric.update_state(a, b[:1])
    with pytest.raises(ValueError, match="Received: 200 real and 1 generated rows"):
        metric.result()
    b[3, 2] = np.nan
    with pytest.raises(ValueError, match="`y_pred` must be finite"):
        metric.update_state(a, b)
    with pytest.raises(ValueError, match="`feature_extractor` returned NaN or infinity for `y_p"):
        metric.update_state(a, keras.ops.convert_to_tensor(b))
    with pytest.raises(ValueError, match="`y_true` must have shape .'batch', 5."):
        metric.update_state(a[:, :4], a)
    assert metric._moments[0][0] == 200  # failed calls are not counted
    metric = metrics.FrechetDistance(identity(None))
    with pytest.raises(ValueError, match=r"the same number of features.*Received: \[3, 5\]"):
        metric.update_state(a, a[:, :3])
    with pytest.raises(ValueError, match="`feature_extractor` is not built yet"):
        metrics.FrechetDistance(keras.Sequential([keras.layers.Dense(2)]))
    x = keras.Input((5,))
    two = keras.Model(x, [keras.layers.Dense(2)(x), keras.layers.Dense(3)(x)])
    with pytest.raises(ValueError, match=r"must return one tensor.*\(200, 2\).*\(200, 3\)"):
        metrics.FrechetDistance(two).update_state(a)


def test_extractors_that_scale_pixels(rng):
    a, b = rng.integers(0, 256, (2, 60, 5))
    layers = [keras.Input((5,)), keras.layers.Rescaling(1 / 255.0)]
    of_pixels, of_floats = metrics.FrechetDistance(keras.Sequential(layers)), identity(5)
    of_floats = metrics.FrechetDistance(of_floats)
    of_pixels.update_state(a.astype("uint8"), b.astype("uint8"))
    of_floats.update_state(a / 255.0, b / 255.0)
    np.testing.assert_allclose(of_pixels.result(), of_floats.result(), rtol=1e-4)
