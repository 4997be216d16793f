"""Pairs whose domains have only their classes in common."""

import os
from pathlib import Path

import numpy as np
import pytest

from keras_latent import datasets

REAL = Path(os.environ.get("TFDS_DATA_DIR", "-"))
NAMES = ("mnist_mnist", "mnist_fashion", "mnist_spoken_digit")


def images(rows, offset):
    """Images and labels; each pixel of an image of class k is 20 k + offset."""
    labels = np.arange(rows) % 10
    return np.full((rows, 28, 28), (20 * labels + offset)[:, None, None], "uint8"), labels


def sounds(rows):
    """Waveforms and labels; each one of class k is constant, from -1 to 0.8."""
    labels = np.arange(rows) % 10
    return np.repeat((labels / 5 - 1)[:, None], 8192, axis=1).astype("float32"), labels


@pytest.fixture
def data_dir(tmp_path):
    """Small `.npz` files of MNIST, of Fashion-MNIST and of spoken digits."""
    for name, make in (
        ("mnist", lambda rows: images(rows, 0)),
        ("fashion_mnist", lambda rows: images(rows, 1)),
        ("spoken_digit", sounds),
    ):
        sizes = (30, 10) if name == "spoken_digit" else (60, 20)
        (x_train, y_train), (x_test, y_test) = map(make, sizes)
        arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
        np.savez(tmp_path / f"{name}.npz", **arrays)
    return tmp_path


@pytest.fixture(params=("numpy", "tf"))
def format(request):
    if request.param == "tf":
        pytest.importorskip("tensorflow")
    return request.param


def load(name, data_dir, **kwargs):
    return datasets.load_pair(name, data_dir=data_dir, **{"batch_size": 20} | kwargs)


def epoch(pair):
    batches = [{key: np.asarray(value) for key, value in batch.items()} for batch in pair.train]
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


def test_mnist_and_mnist(data_dir, format):
    pair = load("mnist_mnist", data_dir, format=format)
    assert pair.train_sizes == (60, 60) and pair.test_sizes == (20, 20) and pair.num_paired == 0
    assert (pair.source_train == pair.target_train).all()
    batch = epoch(pair)
    assert not batch["paired"].any()
    source, target = (batch[domain][:, 0, 0, 0] for domain in ("source", "target"))
    # Every image once in each domain, in independent orders.
    assert (np.sort(source) == np.sort(target)).all() and (source == target).mean() < 0.5
    assert not any(np.asarray(test["paired"]).any() for test in pair.test)


def test_mnist_and_sounds(data_dir, format):
    pair = load("mnist_spoken_digit", data_dir, format=format)
    assert pair.source_shape == (28, 28, 1) and pair.target_shape == (8192, 1)
    assert pair.train_sizes == (60, 30) and pair.test_sizes == (20, 10)
    assert pair.num_paired == 0 and pair.steps_per_epoch == 3
    batch = epoch(pair)
    assert batch["source"].dtype == batch["target"].dtype == np.float32
    assert batch["source"].max() == np.float32(180) / 255 and not batch["paired"].any()
    # Each sound occurs twice, unchanged, with its negative values.
    wanted = np.sort(np.concatenate([pair.target_train[:, 0, 0]] * 2))
    np.testing.assert_allclose(np.sort(batch["target"][:, 4000, 0]), wanted, rtol=1e-6)
    assert wanted.min() == -1
    last = [{key: np.asarray(value) for key, value in test.items()} for test in pair.test][-1]
    assert last["target"].shape == (20, 8192, 1) and not last["paired"].any()
    # Each row has the class of its label.
    np.testing.assert_allclose(pair.target_train[:, 0, 0], pair.target_train_labels / 5 - 1, 1e-5)


def test_sounds_may_be_the_source(format):
    (waveforms, labels), (pictures, classes) = sounds(20), images(20, 0)
    pair = datasets.pair_from_arrays(
        waveforms[..., None],
        pictures[..., None],
        source_labels=labels,
        target_labels=classes,
        batch_size=10,
        format=format,
    )
    batch = epoch(pair)
    assert batch["source"].shape == (20, 8192, 1) and batch["source"].min() == -1
    assert batch["target"].shape == (20, 28, 28, 1)


def test_both_formats_deliver_the_same(data_dir):
    pytest.importorskip("tensorflow")
    for name in NAMES:
        first, other = (epoch(load(name, data_dir, format=f, seed=3)) for f in ("numpy", "tf"))
        assert all((first[key] == other[key]).all() for key in first)


def test_digit_k_is_class_k_of_fashion_mnist(data_dir):
    pair = load("mnist_fashion", data_dir, format="numpy")
    for part in ("train", "test"):
        labels = getattr(pair, f"target_{part}_labels")
        assert (getattr(pair, f"target_{part}")[:, 0, 0, 0] == 20 * labels + 1).all()
        labels = getattr(pair, f"source_{part}_labels")
        assert (getattr(pair, f"source_{part}")[:, 0, 0, 0] == 20 * labels).all()


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_mapping(data_dir, kind):
    # This is not its own inverse: digit 0 is class 3, digit 3 is class 5, digit 5 is class 0.
    mapping = kind([3, 1, 2, 5, 4, 0, 6, 7, 9, 8])
    pair = load("mnist_fashion", data_dir, format="numpy", mapping=mapping)
    for part in ("train", "test"):
        images, digits = (getattr(pair, f"target_{part}{end}") for end in ("", "_labels"))
        assert (images[:, 0, 0, 0] == 20 * np.asarray(mapping)[digits] + 1).all()
        assert digits.dtype == np.int32 and set(digits) == set(range(10))
    assert list(pair.source_train_labels[:4]) == [0, 1, 2, 3]
    same = load("mnist_fashion", data_dir, format="numpy", mapping=range(10))
    plain = load("mnist_fashion", data_dir, format="numpy")
    assert (same.target_train_labels == plain.target_train_labels).all()


@pytest.mark.parametrize(
    "mapping",
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8],
        [*range(9), 8],
        [*range(1, 11)],
        [*range(9), 9.0],
        {digit: 9 - digit for digit in range(10)},
        [[k] for k in range(10)],
        "0123456789",
        7,
    ],
)
def test_invalid_mapping(mapping):
    message = r"`mapping` must be the class .*ten integers from 0 to 9, each once\. Received"
    with pytest.raises(ValueError, match=message):
        datasets.load_pair("mnist_fashion", mapping=mapping)


@pytest.mark.parametrize("name", ["mnist_mnist", "mnist_usps", "digits_transpose"])
def test_mapping_for_another_pair(name):
    with pytest.raises(ValueError, match=rf"`mapping` is only for 'mnist_fashion'.*name='{name}'"):
        datasets.load_pair(name, mapping=range(10))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "arguments",
    [{"paired": "all"}, {"paired": 5}, {"matched": True}, {"disjoint": True}, {"split": "paper"}],
)
def test_no_known_pairs(name, arguments):
    (argument,) = arguments
    message = rf"`{argument}` is not available for '{name}'.*no known pairs.*: {argument}="
    with pytest.raises(ValueError, match=message):
        datasets.load_pair(name, **arguments)


@pytest.mark.parametrize("name", NAMES)
def test_no_default_augmentation(name):
    with pytest.raises(ValueError, match=rf"is only for 'mnist_usps'. Received: name='{name}'"):
        datasets.load_pair(name, augment=True)


@pytest.mark.skipif(
    not all((REAL / name).is_dir() for name in ("mnist", "fashion_mnist", "spoken_digit")),
    reason="TFDS_DATA_DIR does not offer MNIST, Fashion-MNIST and spoken_digit",
)
def test_real_data():
    pair = datasets.load_pair("mnist_spoken_digit", batch_size=128, format="numpy")
    assert pair.train_sizes == (60_000, 2_700) and pair.test_sizes == (10_000, 300)
    batch = pair.train[0]
    assert batch["source"].shape == (128, 28, 28, 1) and batch["target"].shape == (128, 8192, 1)
    assert batch["target"].min() < -0.5 and np.abs(batch["target"]).max() == 1
    pair = datasets.load_pair("mnist_fashion", format="numpy", mapping=[*range(9, -1, -1)])
    assert list(np.bincount(pair.target_train_labels)) == [6000] * 10
    (_, labels), _ = datasets.load_arrays("fashion_mnist")
    assert (pair.target_train_labels == 9 - labels).all()
