import random

import keras
import numpy as np
import pytest
from scipy import ndimage

from keras_latent import datasets, metrics
from keras_latent.src.metrics.classifiers.augmentation import shifted, softened

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def digits():
    return datasets.load_arrays("digits")


def train(digits, folder, **changes):
    (images, labels), _ = digits
    settings = {"epochs": 1, "batch_size": 128, "cache_dir": folder} | changes
    return metrics.reference_classifier(images[:256], labels[:256], **settings)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def cached(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache") / "new"
    return train(digits, folder), folder


def no_training(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("it was trained again")

    monkeypatch.setattr(keras.Sequential, "fit", fail)


def copy_of(folder, tmp_path):
    (path,) = folder.iterdir()
    (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path / path.name


def test_it_learns_digits_with_and_without_label_smoothing(digits, tmp_path):
    (images, labels), (test, test_labels) = digits
    smooth, sharp = (
        metrics.reference_classifier(
            images, labels, epochs=6, label_smoothing=s, cache_dir=tmp_path
        )
        for s in (0.2, 0.0)
    )
    assert len(list(tmp_path.iterdir())) == 2
    for model in (smooth, sharp):
        _, accuracy = model.evaluate(test / np.float32(255), test_labels, verbose=0)
        assert accuracy > 0.9
    sureness = [
        keras.ops.convert_to_numpy(keras.ops.softmax(m.predict(test / 255.0, verbose=0))).max(1)
        for m in (smooth, sharp)
    ]
    assert sureness[0].mean() < sureness[1].mean() - 0.05
    with pytest.raises(ValueError, match="`label_smoothing` must be less than 1. Received: .*=1.0"):
        metrics.reference_classifier(images, labels, label_smoothing=1.0, cache_dir=tmp_path)


def test_images_are_shifted():
    rng = np.random.default_rng(0)
    images = rng.random((50, 6, 5, 2))
    moved = shifted(images, 2, rng)
    assert moved.shape == images.shape
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    places = set()
    for row, image in enumerate(moved):
        (place,) = [
            (top, left)
            for top in range(5)
            for left in range(5)
            if np.array_equal(padded[row, top : top + 6, left : left + 5], image)
        ]
        places.add(place)
    assert len(places) > 15  # of 25
    assert shifted(images, 0, rng) is images


def test_images_are_softened():
    rng = np.random.default_rng(0)
    images = rng.random((30, 9, 7, 1), "float32")
    soft = softened(images, 0.5, rng)
    assert soft.dtype == images.dtype
    kernel = np.float64([1, 4, 6, 4, 1]) / 16
    for image, found in zip(images[..., 0], soft[..., 0], strict=True):
        blurred = ndimage.convolve1d(
            ndimage.convolve1d(image, kernel, axis=0, mode="constant"), kernel, 1, mode="constant"
        )
        # Away from the edges, where zero padding changes the blur.
        inner = (slice(2, -2), slice(2, -2))
        change, whole = (found - image)[inner], (blurred - image)[inner]
        weight = (change * whole).sum() / (whole**2).sum()
        assert 0 <= weight <= 0.5
        np.testing.assert_allclose(change, weight * whole, atol=1e-5)
    assert softened(images, 0.0, rng) is images


def test_softness_is_at_most_1(digits, tmp_path):
    with pytest.raises(ValueError, match="`softness` must be .* from 0 to 1. Received: softness=2"):
        train(digits, tmp_path, softness=2)


def test_it_is_cached(digits, cached, monkeypatch):
    model, folder = cached
    assert len(files(folder)) == 1
    no_training(monkeypatch)
    again = train(digits, folder)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    # Floats in [0, 1] are the same images.
    (images, labels), _ = digits
    metrics.reference_classifier(
        images[:256] / np.float32(255), labels[:256], epochs=1, cache_dir=folder
    )
    assert len(files(folder)) == 1


def test_other_settings_or_data_do_not_share_it(digits, cached, monkeypatch):
    _, folder = cached
    (images, labels), _ = digits
    no_training(monkeypatch)
    other = labels[:256].copy()
    other[0] = (other[0] + 1) % 10
    for images_, labels_, options in (
        (images[:256], labels[:256], {"seed": 1}),
        (images[:256], labels[:256], {"epochs": 2}),
        (images[:256], labels[:256], {"batch_size": 64}),
        (images[:256], labels[:256], {"max_shift": 1}),
        (images[:256], labels[:256], {"softness": 0.5}),
        (images[:255], labels[:255], {}),
        (images[:256].swapaxes(1, 2), labels[:256], {}),
        (images[:256], other, {}),
    ):
        with pytest.raises(AssertionError, match="trained again"):
            options = {"epochs": 1, "cache_dir": folder} | options
            metrics.reference_classifier(images_, labels_, **options)
    assert len(files(folder)) == 1


def test_the_default_folder(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    train(digits, None)
    assert len(files(tmp_path / "keras_latent")) == 1


@pytest.mark.parametrize("damage", ["empty", "half", "inside"])
def test_a_damaged_file_is_replaced(digits, cached, tmp_path, damage):
    path = copy_of(cached[1], tmp_path)
    content = bytearray(path.read_bytes())
    if damage == "inside":
        content[len(content) // 2 : len(content) // 2 + 64] = bytes(64)
    path.write_bytes({"empty": b"", "half": content[: len(content) // 2]}.get(damage, content))
    with pytest.warns(UserWarning, match="is damaged. Training again"):
        model = train(digits, tmp_path)
    assert files(tmp_path) == [path.name]
    loaded = keras.saving.load_model(path)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(model.get_weights(), cached[0].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)  # the same seed


def draws():
    return [
        float(np.random.random()),
        random.random(),
        keras.ops.convert_to_numpy(keras.random.normal((2,))).tolist(),
    ]


def test_global_random_state_is_not_changed(digits, cached, tmp_path):
    results = []
    for folder in (tmp_path, cached[1]):  # trained, then loaded
        keras.utils.set_random_seed(3)
        train(digits, folder)
        results.append(draws())
    keras.utils.set_random_seed(3)
    assert results == [draws()] * 2


def test_errors(digits, tmp_path):
    (images, labels), _ = digits
    shapes = r"`images` must have shape.*`labels` one integer per row. Received shapes: "
    for bad_images, bad_labels, message in (
        (images[..., 0], labels, shapes + r"\(1437, 8, 8\) and \(1437,\)"),
        (images, labels[:5], shapes + r".*\(5,\)"),
        (images, labels.astype(float), shapes + ".*float64"),
        (images, np.eye(10, dtype=int)[labels], shapes + r".*\(1437, 10\)"),
        (images, labels - 1, "`labels` must be 0 or more: remove rows without a label"),
        (images, labels + 10**18, "`labels` must .* at most 65535. Received"),
        (list(images[:2]) + [images[0, 1:]], labels[:3], "`images` must be one array"),
        (images[:0], labels[:0], "`images` must have one row or more"),
    ):
        with pytest.raises(ValueError, match=message):
            metrics.reference_classifier(bad_images, bad_labels, cache_dir=tmp_path)
    for name, value in (
        ("epochs", 0),
        ("batch_size", None),
        ("max_shift", 9),
        ("seed", -1),
        ("cache_dir", 3),
        ("verbose", 7),
    ):
        with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {name}="):
            metrics.reference_classifier(images, labels, **{"cache_dir": tmp_path, name: value})
    for shape in ((8, 8), (8, 8, 0), (8, 8, None), 8):
        with pytest.raises(ValueError, match="`image_shape` must be .*Received"):
            metrics.build_classifier(shape, 3)
    assert files(tmp_path) == []


def test_a_training_that_was_cut_short_is_not_cached(tmp_path):
    """Otherwise a trial with `KERAS_MAX_EPOCHS=1` would leave its classifier to later runs."""
    x, labels = np.zeros((20, 8, 8, 1), "float32"), np.arange(20) % 2
    keras.config.set_max_epochs(1)
    try:
        metrics.reference_classifier(x, labels, epochs=2, cache_dir=tmp_path)
        assert not list(tmp_path.iterdir())
    finally:
        keras.config.set_max_epochs(None)
    metrics.reference_classifier(x, labels, epochs=1, cache_dir=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
