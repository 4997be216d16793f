import random

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.metrics import roc_auc_score

from keras_latent import metrics
from keras_latent.src.metrics.attribute_report import area_under_curve
from keras_latent.src.metrics.classifiers import backbones
from keras_latent.src.metrics.classifiers.attribute_batches import Batches
from keras_latent.src.metrics.classifiers.augmentation import augmented_images

pytestmark = pytest.mark.once


def faces(rows=192, seed=0):
    """Noise with three attributes: more red at the top, more green below, more blue."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, (rows, 3))
    images = rng.integers(0, 120, (rows, 16, 12, 3))
    images[:, :8, :, 0] += 100 * y[:, 0, None, None]
    images[:, 8:, :, 1] += 100 * y[:, 1, None, None]
    images[..., 2] += 100 * y[:, 2, None, None]
    return images.astype("uint8"), y


def train(folder, rows=96, **changes):
    images, attributes = faces(rows)
    settings = {"epochs": 1, "batch_size": 32, "cache_dir": folder} | changes
    return metrics.attribute_classifier(images, attributes, **settings)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def cached(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache") / "new"
    return train(folder), folder


def no_training(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("it was trained again")

    monkeypatch.setattr(keras.Model, "fit", fail)


def test_it_learns_from_few_known_labels(tmp_path, capsys):
    images, attributes = faces(256)
    sparse = np.where(np.random.default_rng(1).random(attributes.shape) < 0.5, -1, attributes)
    test, truth = faces(64, seed=1)
    model = metrics.attribute_classifier(
        images,
        sparse,
        validation=(test, truth),
        epochs=6,
        batch_size=32,
        max_shift=1,
        cache_dir=tmp_path,
        verbose=2,
    )
    assert "validation loss" in capsys.readouterr().out
    report = metrics.attribute_report(model, test, truth, ["red", "green", "blue"])
    assert all(r["accuracy"] > 0.9 and r["auc"] > 0.97 for r in report.values())
    assert model.name == "attribute_classifier_small"
    found = model.predict(test / np.float32(255), verbose=0)
    assert found.dtype == np.float32 and 0 <= found.min() < 0.2 and 0.8 < found.max() <= 1
    # It is compiled for `evaluate`, with the loss of its probabilities.
    loss = -np.mean(np.log(np.where(truth, found, 1 - found)))
    assert model.evaluate(test / np.float32(255), truth, verbose=0) == pytest.approx(loss, rel=1e-3)


def test_it_is_cached(cached, monkeypatch, recwarn):
    model, folder = cached
    (name,) = files(folder)
    assert name.startswith("attribute_classifier_small-")
    no_training(monkeypatch)
    again = train(folder, validation=faces(10))  # does not influence training
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    images, attributes = faces(96)
    same = metrics.attribute_report(model, images, attributes, "abc")
    assert same == metrics.attribute_report(again, images, attributes, "abc")
    assert not [w for w in recwarn if "optimizer" in str(w.message)]
    other = attributes.copy()
    other[0, 0] = -1
    for images_, attributes_, options in (
        (images, attributes, {"seed": 1}),
        (images, attributes, {"epochs": 2}),
        (images, attributes, {"batch_size": 16}),
        (images, attributes, {"max_shift": 1}),
        (images, attributes, {"flip": False}),
        (images, attributes, {"softness": 0.5}),
        (images, attributes, {"learning_rate": 1e-3}),
        (images[::-1], attributes, {}),
        (images, other, {}),
        (images / np.float32(255), attributes, {}),
    ):
        with pytest.raises(AssertionError, match="trained again"):
            options = {"epochs": 1, "batch_size": 32, "cache_dir": folder} | options
            metrics.attribute_classifier(images_, attributes_, **options)
    assert len(files(folder)) == 1


def test_training_is_reproducible_and_leaves_global_random_state(cached, tmp_path):
    results = []
    for folder in (tmp_path, cached[1]):  # trained, then loaded
        keras.utils.set_random_seed(3)
        again = train(folder)
        for a, b in zip(cached[0].get_weights(), again.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)
        normal = keras.ops.convert_to_numpy(keras.random.normal((2,)))
        results.append([float(np.random.random()), random.random(), *normal.tolist()])
    assert results[0] == results[1]
    assert files(tmp_path) == files(cached[1])


# Inception ---------------------------------------------------------------------------------


@pytest.fixture
def small_inception(monkeypatch):
    """A small replacement for Inception-v3; `calls` records the requested weights."""

    class Calls(list):
        online = True

    calls = Calls()

    def build(include_top, pooling, input_shape, weights):
        calls.append(weights)
        if weights == "imagenet" and not calls.online:
            raise Exception("URL fetch failure")
        return keras.Sequential(
            [keras.Input(input_shape), layers.Conv2D(8, 3, 2), layers.GlobalMaxPooling2D()],
            name="inception_v3",
        )

    monkeypatch.setattr(backbones, "INCEPTION_SIZE", 20)
    monkeypatch.setattr(keras.applications, "InceptionV3", build)
    return calls


def test_inception_with_weights(small_inception, tmp_path, monkeypatch, recwarn):
    model = train(tmp_path, kind="inception")
    assert small_inception == ["imagenet"]
    assert model.name == "attribute_classifier_inception_imagenet"
    (name,) = files(tmp_path)
    assert name.startswith("attribute_classifier_inception_imagenet-")
    assert not [w for w in recwarn if "ImageNet" in str(w.message)]
    # Images in [0, 1] are preprocessed like 0..255 images by Inception's own function.
    images, _ = faces(4)
    resized = keras.ops.convert_to_numpy(keras.ops.image.resize(images.astype("float32"), (20, 20)))
    want = keras.applications.inception_v3.preprocess_input(resized)
    prepared = keras.Sequential(model.layers[: model.layers.index(model.get_layer("inception_v3"))])
    found = prepared.predict(images / np.float32(255), verbose=0)
    np.testing.assert_allclose(found, want, atol=1e-4)
    # Once cached, it needs no download.
    small_inception.online = False
    no_training(monkeypatch)
    assert train(tmp_path, kind="inception").name == model.name
    assert small_inception == ["imagenet"]


def test_inception_without_its_weights(small_inception, tmp_path, monkeypatch):
    small_inception.online = False
    message = "weights of Inception-v3 could not be downloaded .URL fetch failure.*random weights"
    with pytest.warns(UserWarning, match=message):
        model = train(tmp_path, kind="inception")
    assert small_inception == ["imagenet", None]
    assert model.name == "attribute_classifier_inception_random"
    (name,) = files(tmp_path)
    assert name.startswith("attribute_classifier_inception_random-")
    random_ = train(tmp_path, kind="inception", weights=None)  # the same, without a warning
    assert random_.name == model.name and files(tmp_path) == [name]
    small_inception.online = True  # the cached random one is not used instead
    assert train(tmp_path, kind="inception").name.endswith("imagenet")
    assert len(files(tmp_path)) == 2


def test_gray_images_for_inception(small_inception):
    network = backbones.build_attribute_logits((16, 12, 1), 5, "inception_random")
    assert network.output_shape == (None, 5)


def test_the_real_inception(monkeypatch):
    # Random initialization takes JAX a minute.
    draw = keras.initializers.GlorotUniform
    monkeypatch.setattr(draw, "__call__", lambda self, shape, dtype=None: np.zeros(shape, dtype))
    state = random.getstate()
    network = backbones.build_attribute_logits((64, 64, 3), 40, "inception_random")
    assert random.getstate() == state
    inception = network.get_layer("inception_v3")
    assert inception.input_shape == (None, 299, 299, 3) and inception.output_shape == (None, 2048)
    assert network.count_params() == 21_802_784 + 2049 * 40  # as published, plus the new layer
    assert len(network.trainable_variables) == len(inception.trainable_variables) + 2 > 150


# Batches -----------------------------------------------------------------------------------


def test_batches_contain_each_row_once_per_epoch():
    images, attributes = faces(70)
    attributes[:] = np.arange(70)[:, None]
    batches = Batches(images, attributes, 32, seed=0)
    orders = []
    for _ in range(2):
        found = [batches[i] for i in range(len(batches))]
        assert [x.shape for x, _ in found] == [(32, 16, 12, 3)] * 3
        rows = np.concatenate([y[:, 0] for _, y in found])
        assert sorted(rows[:70]) == list(range(70))
        np.testing.assert_array_equal(rows[70:], rows[:26])
        x = np.concatenate([x for x, _ in found])
        assert x.dtype == np.float32
        np.testing.assert_allclose(x, images[rows] / 255.0, atol=1e-6)
        orders.append(rows)
        batches.on_epoch_end()
    assert (orders[0] != orders[1]).any()
    unchanged = Batches(images, attributes, 32)
    rows = np.concatenate([unchanged[i][1][:, 0] for i in range(3)])
    np.testing.assert_array_equal(rows, np.arange(70))


def test_a_batch_depends_on_seed_epoch_and_index_only():
    images, attributes = faces(40)
    a, b = (Batches(images, attributes, 16, 2, True, 0.5, seed=1) for _ in range(2))
    b[2]
    np.testing.assert_array_equal(a[1][0], b[1][0])
    first = a[1][0]
    a.on_epoch_end()
    assert (a[1][0] != first).any()
    assert (Batches(images, attributes, 16, 2, True, 0.5, seed=2)[1][0] != first).any()


def test_each_batch_is_augmented_differently():
    images = np.tile(np.arange(12, dtype="uint8")[:, None], (64, 16, 1, 3))
    batches = Batches(images, np.zeros((64, 1), "int8"), 32, flip=True, seed=1)
    mirrored = [batches[i][0][:, 0, 0, 0] > 0 for i in range(2)]
    assert all(0 < rows.sum() < 32 for rows in mirrored)
    assert (mirrored[0] != mirrored[1]).any()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_images_are_shifted_and_mirrored_with_repeated_edges(dtype):
    images, _ = faces(80)
    images = images if dtype == "uint8" else images / np.float32(255)
    before = images.copy()
    found = augmented_images(images, 2, True, 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(images, before)
    assert found.shape == images.shape and found.dtype == np.float32
    whole = np.pad(
        images / (255 if dtype == "uint8" else 1), ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge"
    )
    places = set()
    for row, image in enumerate(found):
        (place,) = [
            (mirrored, top, left)
            for mirrored in (False, True)
            for top in range(5)
            for left in range(5)
            if np.allclose(
                (whole[row, :, ::-1] if mirrored else whole[row])[top : top + 16, left : left + 12],
                image,
                atol=1e-6,
            )
        ]
        places.add(place)
    assert len(places) > 30  # of 50


def test_images_are_softened_without_dark_edges():
    flat = np.full((20, 16, 12, 3), 200, "uint8")
    found = augmented_images(flat, 3, True, 1.0, np.random.default_rng(0))
    np.testing.assert_allclose(found, 200 / 255, atol=1e-6)
    images, _ = faces(40)
    plain = images.astype("float32") / 255
    soft = augmented_images(images, 0, False, 1.0, np.random.default_rng(0))
    shares = soft.std(axis=(1, 2, 3)) / plain.std(axis=(1, 2, 3))
    assert shares.min() < 0.8 and 0.9 < shares.max() <= 1


# Report ------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [2, 7, 10**6])
def test_the_area_under_the_curve_against_scikit_learn(rng, levels):
    for ones in (1, 30, 99):
        labels = rng.permutation(np.arange(100) < ones).astype(int)
        scores = np.float32(rng.integers(0, levels, 100) + labels * levels * 0.3) // 1
        want = roc_auc_score(labels, scores)
        assert area_under_curve(labels, scores) == pytest.approx(want, abs=1e-12)
    assert area_under_curve(np.ones(5), np.arange(5)) is None
    assert area_under_curve(np.zeros(5), np.arange(5)) is None


def test_report(rng):
    """With a classifier that returns the pixels as probabilities."""
    pixels = keras.Sequential([keras.Input((2, 2, 1)), layers.Flatten()])
    images = rng.random((1500, 2, 2, 1)).astype("float32")  # more than one block of rows
    scores = images.reshape(1500, 4)
    labels = np.int32(scores + rng.normal(0, 0.3, (1500, 4)) > 0.5)
    labels[rng.random((1500, 4)) < 0.3] = -1
    labels[:, 2] = np.where(labels[:, 2] < 0, -1, 1)
    labels[:, 3] = -1
    report = metrics.attribute_report(pixels, images, labels, ("a", "b", "c", "d"))
    assert list(report) == ["a", "b", "c", "d"]
    for column, name in enumerate("ab"):
        known = labels[:, column] >= 0
        y, score = labels[known, column], scores[known, column]
        assert report[name] == pytest.approx(
            {
                "accuracy": np.mean((score > 0.5) == (y == 1)),
                "auc": roc_auc_score(y, score),
                "share": y.mean(),
            }
        )
    assert report["c"]["auc"] is None and report["c"]["share"] == 1.0
    assert report["d"] == {"accuracy": None, "auc": None, "share": None}
    for names in (("a", "b"), "abc", ("a", "a", "b", "c"), None):
        with pytest.raises(ValueError, match="`names` must be .*Received: names="):
            metrics.attribute_report(pixels, images, labels, names)
    for batch_size in (0, None, 2.5):
        with pytest.raises(ValueError, match="`batch_size` must be a positive integer"):
            metrics.attribute_report(pixels, images, labels, ["a", "b", "c", "d"], batch_size)
    with pytest.raises(ValueError, match="`images` must have shape .'batch', 2, 2, 1."):
        metrics.attribute_report(pixels, images[:, :1], labels, ["a", "b", "c", "d"])
    logits = keras.Sequential([keras.Input((2, 2, 1)), layers.Flatten(), layers.Rescaling(9.0)])
    with pytest.raises(ValueError, match=r"`classifier` must return a probability.*\(1500, 4\)"):
        metrics.attribute_report(logits, images, labels, "abcd")
    with pytest.raises(ValueError, match=r"a probability per attribute.*shape=\(1500, 4\)"):
        metrics.attribute_report(pixels, images, labels[:, :2], "ab")


def test_errors(tmp_path):
    images, attributes = faces(20)
    unknown = attributes.copy()
    unknown[:, 1] = -1
    shapes = r"`images` must have shape.*`attributes` \(rows, n\), with 1 row.*Received shapes: "
    for images_, attributes_, options, message in (
        (images[..., 0], attributes, {}, shapes),
        (images, attributes[:5], {}, shapes),
        (images, attributes[:, 0], {}, shapes + r".*\(20,\)"),
        (images[:0], attributes[:0], {}, shapes),
        (images, attributes + 1, {}, "`attributes` must be 1, 0, or -1 for missing. Received"),
        (images, attributes * 0.5, {}, "`attributes` must be 1, 0, or -1"),
        (images, unknown, {}, r"a known label, 0 or 1, for each attribute. .*columns \[1\]"),
        (images.astype("float32"), attributes, {}, r"`images` must lie in \[0, 1\]"),
        (images.astype("int64"), attributes, {}, "`images` must hold floats"),
        (images, attributes, {"kind": "large"}, "`kind` must be one of"),
        (images, attributes, {"weights": "mine"}, "`weights` must be one of"),
        (images[..., :2], attributes, {"kind": "inception"}, "must have 1 or 3 channels"),
        (images, attributes, {"epochs": 0}, "`epochs` must be a positive integer"),
        (images, attributes, {"batch_size": 2.0}, "`batch_size` must be a positive integer"),
        (images, attributes, {"max_shift": -1}, "`max_shift` must be an integer from 0 to 16"),
        (images, attributes, {"softness": 2}, "`softness` must be .* from 0 to 1. Received: .*2"),
        (images, attributes, {"learning_rate": 0}, "`learning_rate` must be a positive"),
        (images, attributes, {"validation": (images,)}, "`validation` must be a pair"),
        (images, attributes, {"validation": (images, attributes[:2])}, r"`validation\[0\]` must"),
        (
            images,
            attributes,
            {"validation": (images[:, 1:], attributes)},
            "shapes of the training",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            metrics.attribute_classifier(images_, attributes_, **options, cache_dir=tmp_path)
    assert files(tmp_path) == []
