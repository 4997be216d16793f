import keras
import numpy as np
import pytest
from helpers import gradients, to_numpy

from keras_latent.losses import MaskedBinaryCrossentropy


@pytest.fixture
def labels(rng):
    y = rng.integers(-1, 2, (12, 5))
    y[3] = -1
    return y


@pytest.fixture
def logits(rng):
    return np.float32(3 * rng.normal(size=(12, 5)))


def oracle(y, logits):
    """The loss per row, with a loop over its known labels."""
    rows = []
    for row, scores in zip(y, logits.astype("float64"), strict=True):
        terms = [
            -np.log(p if known else 1 - p)
            for known, p in zip(row, 1 / (1 + np.exp(-scores)), strict=True)
            if known >= 0
        ]
        rows.append(sum(terms) / y.shape[1])
    return np.array(rows)


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("dtype", ["int32", "float32", "int8"])
def test_against_numpy(labels, logits, from_logits, dtype):
    y, want = labels.astype(dtype), oracle(labels, logits)
    scores = logits if from_logits else 1 / (1 + np.exp(-logits))
    reductions = {"sum_over_batch_size": want.mean(), "sum": want.sum(), None: want}
    for reduction, value in reductions.items():
        loss = MaskedBinaryCrossentropy(from_logits, reduction=reduction)
        np.testing.assert_allclose(to_numpy(loss(y, scores)), value, rtol=1e-4)
    assert want[3] == 0 and want.max() > 0.5
    weight = np.arange(12.0)
    found = MaskedBinaryCrossentropy(from_logits)(y, scores, sample_weight=weight)
    np.testing.assert_allclose(float(found), (weight * want).mean(), rtol=1e-4)


@pytest.mark.parametrize("from_logits", [True, False])
def test_complete_labels_match_keras(logits, rng, from_logits):
    soft = np.float32(rng.random((12, 5)))
    scores = logits if from_logits else 1 / (1 + np.exp(-logits))
    want = keras.losses.BinaryCrossentropy(from_logits=from_logits)(soft, scores)
    found = MaskedBinaryCrossentropy(from_logits)(soft, scores)
    np.testing.assert_allclose(float(found), float(want), rtol=1e-5)


@pytest.mark.parametrize("from_logits", [True, False])
def test_gradients_of_missing_labels_are_zero_and_of_extreme_scores_finite(labels, from_logits):
    scores = np.full((12, 5), 200.0, "float32") * np.sign(np.arange(5) - 2)
    if not from_logits:
        scores = np.float32(scores > 0)
    loss = MaskedBinaryCrossentropy(from_logits, reduction="sum")
    assert np.isfinite(float(loss(labels, scores)))
    gradient = gradients(lambda p: loss(labels, p), scores)[0]
    assert np.isfinite(gradient).all()
    assert not gradient[labels < 0].any()
    if from_logits:  # sigmoid - y
        want = (1 / (1 + np.exp(-np.float64(scores))) - labels) / 5
        np.testing.assert_allclose(gradient[labels >= 0], want[labels >= 0], atol=1e-6)
        assert (want[labels >= 0] == np.float64([0.1, -0.1])[:, None]).any(axis=1).all()  # at 0


def test_config(labels, logits):
    loss = MaskedBinaryCrossentropy(from_logits=True, reduction="sum", name="mine")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, MaskedBinaryCrossentropy)
    assert again.get_config() == loss.get_config()
    assert float(again(labels, logits)) == float(loss(labels, logits))


def test_compile_fit_save_and_load(rng, tmp_path):
    x = np.float32(rng.normal(size=(90, 4)))
    complete = np.int32(x[:, :3] > 0)
    y = np.where(rng.random(complete.shape) < 0.6, -1, complete)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.Adam(0.1), MaskedBinaryCrossentropy(from_logits=True))
    model.fit(x, y, batch_size=16, epochs=15, verbose=0)
    assert ((model.predict(x, verbose=0) > 0) == complete).mean() > 0.8
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.evaluate(x, y, verbose=0), model.evaluate(x, y, verbose=0), rtol=1e-5
    )


def test_shapes_must_match(labels, logits):
    message = r"`y_true` and `y_pred` must have the same shape.*shape=\(12,\), .*shape=\(12, 5\)"
    with pytest.raises(ValueError, match=message):
        MaskedBinaryCrossentropy()(labels[:, 0], logits)
    with pytest.raises(ValueError, match=r"y_true.shape=\(12, 4\), y_pred.shape=\(12, 5\)"):
        MaskedBinaryCrossentropy()(labels[:, 1:], logits)
