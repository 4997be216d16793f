import keras
import numpy as np
import pytest

from keras_latent import metrics


@pytest.fixture
def classifier():
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Flatten(),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(5),
        ]
    )


@pytest.fixture
def images(rng):
    return rng.normal(size=(30, 4, 4, 1)).astype("float32")


def seen(classifier, images):
    return keras.ops.convert_to_numpy(classifier(images)).argmax(-1)


def test_against_numpy(classifier, images, rng):
    labels = rng.integers(0, 5, 30)
    labels[:10] = seen(classifier, images)[:10]
    accuracy = metrics.TransferAccuracy(classifier)
    for rows in (slice(0, 13), slice(13, 30)):
        accuracy.update_state(labels[rows], images[rows])
    want = np.mean(seen(classifier, images) == labels)
    assert float(accuracy.result()) == pytest.approx(want) and 0 < want < 1
    accuracy.reset_state()
    assert float(accuracy.result()) == 0.0
    assert float(accuracy(labels, images)) == pytest.approx(want)


def test_missing_labels_and_weights(classifier, images, rng):
    labels = seen(classifier, images).astype("int64")
    labels[:6] = (labels[:6] + 1) % 5  # wrong
    labels[20:] = -1  # missing
    accuracy = metrics.TransferAccuracy(classifier)
    assert float(accuracy(labels, images)) == pytest.approx(14 / 20)
    weight = rng.random(30).astype("float32")
    accuracy.reset_state()
    accuracy.update_state(labels, images, sample_weight=weight)
    want = weight[6:20].sum() / weight[:20].sum()
    assert float(accuracy.result()) == pytest.approx(want, rel=1e-5)
    accuracy.reset_state()
    assert float(accuracy(np.full(30, -1), images)) == 0.0


def test_the_classifier_is_not_changed(classifier, images):
    before = [keras.ops.convert_to_numpy(v) for v in classifier.variables]
    accuracy = metrics.TransferAccuracy(classifier)
    assert len(accuracy.variables) == 2
    accuracy.update_state(np.zeros(30, int), images * 10)
    for a, b in zip(before, classifier.variables, strict=True):
        np.testing.assert_array_equal(a, keras.ops.convert_to_numpy(b))


def test_inside_compiled_code(classifier, images, rng):
    """As a metric in the compiled training of a translator."""
    labels = rng.integers(0, 5, 30)
    x = keras.Input((4, 4, 1))
    translator = keras.Model(x, keras.layers.Conv2D(1, 1)(x))

    def no_loss(y_true, y_pred):
        return keras.ops.mean(y_pred, axis=(1, 2, 3)) * 0.0

    translator.compile(
        keras.optimizers.SGD(0.0),
        loss=no_loss,
        metrics=[metrics.TransferAccuracy(classifier)],
        jit_compile=keras.backend.backend() == "jax",
    )
    want = np.mean(seen(classifier, translator.predict(images, verbose=0)) == labels)
    logs = translator.fit(images, labels, batch_size=8, verbose=0).history
    assert logs["transfer_accuracy"][0] == pytest.approx(want)
    logs = translator.evaluate(images, labels, batch_size=8, return_dict=True, verbose=0)
    assert logs["transfer_accuracy"] == pytest.approx(want)


def test_serialization(classifier, images):
    accuracy = metrics.TransferAccuracy(classifier, name="mine")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(accuracy))
    assert isinstance(copy, metrics.TransferAccuracy) and copy.name == "mine"
    copy.classifier.set_weights(classifier.get_weights())
    labels = seen(classifier, images)
    labels[0] = (labels[0] + 1) % 5
    assert float(copy(labels, images)) == float(accuracy(labels, images)) == pytest.approx(29 / 30)


class Subclassed(keras.Model):
    def __init__(self, outputs=1):
        super().__init__()
        self.flatten, self.dense = keras.layers.Flatten(), keras.layers.Dense(3)
        self.outputs_wanted = outputs

    def call(self, x):
        scores = self.dense(self.flatten(x))
        return scores if self.outputs_wanted == 1 else (scores, scores)


def test_a_subclassed_classifier(images):
    classifier = Subclassed()
    classifier(images)
    accuracy = metrics.TransferAccuracy(classifier)
    assert float(accuracy(seen(classifier, images), images)) == 1.0


def test_errors(classifier, images):
    accuracy = metrics.TransferAccuracy(classifier)
    one_hot = np.eye(5, dtype="int64")[np.zeros(30, int)]
    with pytest.raises(ValueError, match=r"one integer label per row.*not one-hot.*\(30, 5\)"):
        accuracy.update_state(one_hot, images)
    with pytest.raises(ValueError, match=r"one integer label per row.*float32"):
        accuracy.update_state(np.zeros(30, "float32"), images)
    labels, damaged = np.zeros(30, int), np.array(images)
    damaged[3, 0] = np.nan
    with pytest.raises(ValueError, match="`y_true` must be from 0 to .* or -1.*from -7 to -7"):
        accuracy.update_state(labels - 7, images)
    with pytest.raises(ValueError, match="`y_pred` must be finite"):
        accuracy.update_state(labels, damaged)
    for weights in (np.ones((30, 1)), np.ones(29), np.full(30, np.nan), 3.0):
        with pytest.raises(ValueError, match="`sample_weight` must .*Received: "):
            accuracy.update_state(labels, images, weights)
    assert float(accuracy.total) == 0.0  # failed calls are not counted
    unbuilt = keras.Sequential([keras.layers.Dense(3)])
    x = keras.Input((4, 4, 1))
    no_scores = keras.Model(x, keras.layers.Conv2D(1, 1)(x))
    flat = keras.layers.Flatten()(x)
    two = keras.Model(x, (keras.layers.Dense(2)(flat), keras.layers.Dense(2)(flat)))
    for bad in (unbuilt, no_scores, two, None):
        with pytest.raises(ValueError, match="`classifier` must be a built Keras model"):
            metrics.TransferAccuracy(bad)
    subclassed = Subclassed(outputs=2)
    subclassed(images)
    with pytest.raises(ValueError, match="`classifier` must return one score per class"):
        metrics.TransferAccuracy(subclassed).update_state(np.zeros(30, int), images)
