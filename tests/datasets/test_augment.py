import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

from keras_latent import datasets
from keras_latent.src.datasets.batches.augment import Augmentation


@pytest.fixture(params=["numpy", "tf"])
def format(request):
    if request.param == "tf":
        pytest.importorskip("tensorflow")
    return request.param


def arrays(rows=45, size=8):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (rows, size, size, 1), dtype="uint8")


def make(format, augment=None, batch_size=10, **arguments):
    source, target = arrays(45, 8), arrays(30, 6)
    return datasets.pair_from_arrays(
        source,
        target,
        test_source=source[:12],
        test_target=target[:12],
        paired=5,
        batch_size=batch_size,
        augment=augment,
        format=format,
        **arguments,
    )


def epochs(pair, number=1):
    result = []
    for _ in range(number):
        batches = [{k: np.asarray(v) for k, v in batch.items()} for batch in pair.train]
        result.append({name: np.stack([batch[name] for batch in batches]) for name in batches[0]})
    return result


def same(first, second):
    return all((first[name] == second[name]).all() for name in first)


def test_factors_are_those_of_seed_epoch_and_domain(format):
    """Compute a batch by hand, which shows that all backends get the same."""
    augment = datasets.RandomAffine(rotation=20.0)
    plain, augmented = make(format, seed=7), make(format, augment, seed=7)
    for epoch, (before, after) in enumerate(
        zip(epochs(plain, 2), epochs(augmented, 2), strict=True)
    ):
        assert (before["paired"] == after["paired"]).all()
        for domain, stream in (("source", 2), ("target", 3)):
            factors = augment.factors(np.random.default_rng([7, epoch, stream]), 40)
            expected = [
                augment.transform(images, rows)
                for images, rows in zip(before[domain], factors.reshape(4, 10, 4), strict=True)
            ]
            np.testing.assert_allclose(after[domain], expected, atol=1e-5)
            assert after[domain].dtype == np.float32
            assert after[domain].min() >= 0 and after[domain].max() <= 1


def test_first_factors():
    """These must not change, because results were published with them."""
    factors = datasets.RandomAffine().factors(np.random.default_rng([0, 0, 2]), 2)
    expected = [
        [2.4508588, 0.9854595, 0.8382456, 1.535301],
        [3.228785, 0.9418856, 0.62903655, 0.05130067],
    ]
    np.testing.assert_allclose(factors, expected, rtol=1e-6)


def test_both_formats_deliver_the_same():
    pytest.importorskip("tensorflow")
    augment = datasets.RandomAffine()
    for one, other in zip(
        epochs(make("numpy", augment), 2), epochs(make("tf", augment), 2), strict=True
    ):
        assert (one["paired"] == other["paired"]).all()
        for domain in ("source", "target"):
            np.testing.assert_allclose(one[domain], other[domain], atol=1e-5)


def test_skip_epochs_continues_exactly(format):
    augment = {"target": datasets.RandomAffine()}
    straight = epochs(make(format, augment), 4)
    resumed = make(format, augment)
    resumed.skip_epochs(2)
    assert all(same(*two) for two in zip(epochs(resumed, 2), straight[2:], strict=True))
    resumed.skip_epochs(1)
    next(iter(resumed.train))  # Take a batch without completing the epoch.
    assert same(epochs(resumed)[0], straight[1])
    assert not same(straight[0], straight[1])


def test_one_domain_only(format):
    plain, augmented = make(format), make(format, {"target": datasets.RandomAffine()})
    (before,), (after,) = epochs(plain), epochs(augmented)
    assert (before["source"] == after["source"]).all()
    assert (before["target"] != after["target"]).any(axis=(2, 3, 4)).all()
    assert same(epochs(make(format, {"source": None}))[0], before)


def test_test_images_and_arrays_are_not_augmented(format):
    plain, augmented = make(format), make(format, lambda images: images * 0)
    for before, after in zip(plain.test, augmented.test, strict=True):
        assert all((np.asarray(before[name]) == np.asarray(after[name])).all() for name in before)
    (epoch,) = epochs(augmented)
    assert not epoch["source"].any() and not epoch["target"].any()
    assert (augmented.source_train == plain.source_train).all()


def test_function(format):
    seen = []

    def invert(images):
        seen.append((type(images), images.dtype, images.shape))
        np.subtract(1, images, out=images)  # Functions may modify their input.
        return images.astype("float64")

    plain, augmented = make(format), make(format, {"source": invert})
    (before,), (after,) = epochs(plain), epochs(augmented)
    np.testing.assert_array_equal(after["source"], 1 - before["source"])
    assert after["source"].dtype == np.float32
    assert set(seen) == {(np.ndarray, np.dtype("float32"), (10, 8, 8, 1))}
    np.testing.assert_array_equal(epochs(augmented)[0]["paired"], epochs(plain)[0]["paired"])


class Dimmed:
    """Another augmentation with factors."""

    def factors(self, rng, count):
        return rng.random((count, 1, 1, 1))

    def transform(self, images, factors):
        return images * factors


def test_object_with_factors(format):
    plain, dimmed = make(format), make(format, Dimmed())
    (before,), (after,) = epochs(plain), epochs(dimmed)
    factors = np.random.default_rng([0, 0, 2]).random((4, 10, 1, 1, 1))
    np.testing.assert_allclose(after["source"], before["source"] * factors, rtol=1e-6)


class AddIfTraining(keras.layers.Layer):
    def call(self, images, training=False):
        return images + 1.0 if training else images


def test_keras_layer(format):
    (before,), (after,) = epochs(make(format)), epochs(make(format, AddIfTraining()))
    np.testing.assert_allclose(after["source"], before["source"] + 1, rtol=1e-6)

    layer = keras.layers.RandomRotation(0.5, fill_mode="constant", seed=0)
    (turned,) = epochs(make(format, layer))
    assert turned["target"].shape == before["target"].shape
    assert (turned["target"] != before["target"]).any(axis=(2, 3, 4)).mean() > 0.9
    pipeline = keras.Sequential([layer, keras.layers.RandomTranslation(0.1, 0.1)])
    assert epochs(make(format, {"source": pipeline}))[0]["source"].shape == before["source"].shape


class Mean(keras.Model):
    """A model whose loss decreases with its only weight."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, batch):
        return self.dense(batch["source"])

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean(keras.ops.square(y_pred))


def test_keras_layer_while_a_model_trains(format):
    pair = make(format, keras.layers.RandomTranslation(0.2, 0.2))
    model = Mean()
    model.compile("sgd")
    history = model.fit(pair.train, validation_data=pair.test, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all() and len(history["val_loss"]) == 2


def test_keras_cv_layer(format):
    keras_cv = pytest.importorskip("keras_cv")
    layer = keras_cv.layers.RandomRotation(0.1, fill_mode="constant")
    (before,), (after,) = epochs(make(format)), epochs(make(format, {"source": layer}))
    assert (before["target"] == after["target"]).all()
    assert (before["source"] != after["source"]).any(axis=(2, 3, 4)).mean() > 0.9


def test_batches_have_static_shapes():
    pytest.importorskip("tensorflow")
    pair = make("tf", datasets.RandomAffine())
    assert pair.train.element_spec["source"].shape == (10, 8, 8, 1)
    assert pair.train.element_spec["target"].shape == (10, 6, 6, 1)
    assert pair.train.cardinality() == 4


def test_a_program_can_exit_in_the_middle_of_an_epoch():
    pytest.importorskip("tensorflow")
    script = """
        import time
        import numpy as np
        from keras_latent import datasets
        rows = np.zeros((3000, 28, 28, 1), "float32")
        begun = []
        for augment in (datasets.RandomAffine(), lambda images: time.sleep(0.3) or images):
            pair = datasets.pair_from_arrays(
                rows, rows, batch_size=50, augment=augment, format="tf"
            )
            begun.append(iter(pair.train))
            next(begun[-1]), next(begun[-1])
        """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        check=True,
        timeout=120,
        env=os.environ | {"KERAS_BACKEND": "tensorflow"},  # Used by the dataset in any case.
    )


def nan_in_one(images):
    images[3] = np.nan
    return images


class Wrong(Dimmed):
    def factors(self, rng, count):
        return rng.random(count - 1)


@pytest.mark.parametrize(
    "augment,message",
    [
        (3, r"`augment` must be a function.*Received for the source: 3"),
        (True, r"`augment` must be a function.*Received for the source: True"),
        ({"target": "flip"}, r"`augment` must be a function.*Received for the target: 'flip'"),
        ({"x": None, "source": None}, r"`augment` as a dict must have no other keys.*\['x'\]"),
        (lambda images: images[:, 1:], r"must keep the shape.*\(10, 7, 8, 1\) for \(10, 8, 8, 1\)"),
        (lambda images: images[:5], r"the augmentation of the source, .*\(5, 8, 8, 1\) for"),
        (keras.layers.Flatten(), r"must keep the shape.*\(10, 64\) for \(10, 8, 8, 1\)"),
        ({"target": nan_in_one}, r"must return finite.*in 1 of 10 images of the target"),
        (lambda images: images / 0, r"must return finite images"),
        (Wrong(), r"must draw one row of factors for each of 10 images.*\(9,\)"),
    ],
)
def test_bad_augmentations(format, augment, message):
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=message):
        make(format, augment)


def test_images_of_another_rank():
    with pytest.raises(ValueError, match=r"`images` must have shape.*\(10, 8, 8\)"):
        datasets.pair_from_arrays(
            *[arrays()[..., 0]] * 2, batch_size=10, augment=datasets.RandomAffine()
        )


def test_a_shape_that_changes_later(format):
    calls = []

    def moody(images):
        calls.append(True)
        return images if len(calls) == 1 else images[:1]

    pair = make(format, {"source": moody})
    with pytest.raises(Exception, match="must keep the shape"):
        next(iter(pair.train))


def test_default_augmentation_is_for_some_pairs_only():
    with pytest.raises(ValueError, match=r"`augment=True` is only for 'mnist_usps'.*RandomAffine"):
        datasets.load_pair("digits_transpose", augment=True)


def test_load_pair(format):
    pair = datasets.load_pair("digits_transpose", augment=datasets.RandomAffine(), format=format)
    plain = datasets.load_pair("digits_transpose", format=format)
    batch, before = next(iter(pair.train)), next(iter(plain.train))
    assert (np.asarray(batch["source"]) != np.asarray(before["source"])).any()


def test_given_images_are_not_modified():
    """A function that modifies its argument gets a copy."""

    def blacken(images):
        images[:] = 0.0
        return images

    images = np.ones((3, 4, 4, 1), "float32")
    augmentation = Augmentation(blacken, "source")
    made = augmentation.transform(images, augmentation.factors(np.random.default_rng(0), 3))
    assert not made.any() and images.all()
