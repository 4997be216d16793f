"""Men and women of CelebA as a pair, with synthetic faces in an `.npz` file."""

import os
from pathlib import Path

import numpy as np
import pytest

from keras_latent import datasets
from keras_latent.src.datasets.pairs.men_women import reorder_in_place

REAL = Path(os.environ.get("TFDS_DATA_DIR", "-"))
MALE = datasets.CELEBA_ATTRIBUTES.index("Male")


def write(folder, name="celeb_a_64", train=60, test=20, male=None):
    """Write faces whose first pixels give the split and the row; return the attributes."""
    rng = np.random.default_rng(0)
    arrays = {"attribute_names": np.array(datasets.CELEBA_ATTRIBUTES)}
    for tag, (split, count) in enumerate((("train", train), ("test", test))):
        images = np.zeros((count, 64, 64, 3), np.uint8)
        images[:, 0, 0, 0], images[:, 0, 0, 1] = tag, np.arange(count)
        values = rng.integers(0, 2, (count, 40))
        if male is not None:
            values[:, MALE] = male
        arrays |= {f"x_{split}": images, f"attributes_{split}": values}
    np.savez(folder / f"{name}.npz", **arrays)
    return arrays["attributes_train"], arrays["attributes_test"]


@pytest.fixture
def load(tmp_path):
    values = write(tmp_path)

    def pair(*args, **kwargs):
        return datasets.load_pair(
            "celeba_64_men_women",
            *args,
            **{"data_dir": tmp_path, "batch_size": 10, "format": "numpy"} | kwargs,
        )

    pair.train_values, pair.test_values = values
    return pair


def test_domains_are_men_and_women_in_their_order(load):
    pair = load()
    for tag, split, values in ((0, "train", load.train_values), (1, "test", load.test_values)):
        for domain, male in (("source", 1), ("target", 0)):
            rows = np.flatnonzero(values[:, MALE] == male)
            images = getattr(pair, f"{domain}_{split}")
            assert images.dtype == np.uint8 and images.shape == (len(rows), 64, 64, 3)
            np.testing.assert_array_equal(images[:, 0, 0, 1], rows)
            assert (images[:, 0, 0, 0] == tag).all()
            labels = getattr(pair, f"{domain}_{split}_labels")
            assert labels.dtype == np.int32
            np.testing.assert_array_equal(labels, values[rows])


def test_known_pairs_are_the_best_of_both_sides(load):
    pair = load(seed=4)
    men, women = pair.source_train_labels, pair.target_train_labels
    options = {"exclude": [MALE], "seed": 4}
    best_women = datasets.match_by_attributes(men, women, **options)
    best_men = datasets.match_by_attributes(women, men, **options)
    wanted = {*enumerate(best_women), *((man, woman) for woman, man in enumerate(best_men))}
    assert list(map(tuple, pair.known_pairs)) == sorted(wanted)
    assert set(pair.known_pairs[:, 0]) == set(range(len(men)))
    assert set(pair.known_pairs[:, 1]) == set(range(len(women)))
    np.testing.assert_array_equal(load("all", seed=4).known_pairs, pair.known_pairs)


def test_some_pairs_are_drawn_by_the_seed(load):
    every = set(map(tuple, load().known_pairs))
    some = load(12)
    found = list(map(tuple, some.known_pairs))
    assert len(found) == 12 and set(found) <= every and found == sorted(found)
    np.testing.assert_array_equal(load(12).known_pairs, some.known_pairs)
    assert load(12, seed=1).known_pairs.tolist() != some.known_pairs.tolist()
    none = load(0)
    assert none.num_paired == 0 and none.known_pairs.shape == (0, 2)
    np.testing.assert_array_equal(none.source_train, some.source_train)


@pytest.mark.parametrize("format", ["numpy", "tf"])
def test_batches(load, format):
    if format == "tf":
        pytest.importorskip("tensorflow")
    pair = load(paired_per_batch=4, format=format)
    known = {
        (int(pair.source_train[man, 0, 0, 1]), int(pair.target_train[woman, 0, 0, 1]))
        for man, woman in pair.known_pairs
    }
    for batch in pair.train:
        batch = {name: np.asarray(value) for name, value in batch.items()}
        assert batch["source"].shape == batch["target"].shape == (10, 64, 64, 3)
        assert batch["source"].dtype == np.float32 and batch["source"].max() <= 1
        np.testing.assert_array_equal(batch["paired"], [True] * 4 + [False] * 6)
        rows = np.rint(255 * np.stack([batch["source"], batch["target"]])[:, :4, 0, 0, 1])
        assert set(zip(*rows.astype(int).tolist(), strict=True)) <= known
    for batch in pair.test:
        assert not np.asarray(batch["paired"]).any()


def test_the_full_dataset(tmp_path):
    write(tmp_path, "celeb_a", train=30)
    options = {"data_dir": tmp_path, "batch_size": 5, "format": "numpy"}
    pair = datasets.load_pair("celeba_men_women", paired=3, **options)
    assert pair.num_paired == 3 and pair.name == "celeba_men_women" and sum(pair.train_sizes) == 30


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"matched": True},
            r"`matched` is not available for 'celeba_64_men_women'.*Omit",
        ),
        ({"disjoint": True, "paired": 3}, r"`disjoint` is not available for.*disjoint=True"),
        (
            {"split": "paper"},
            r"`split` is not available.*no split but the official one.*'paper'",
        ),
        ({"paired": "some"}, r"`paired` must be None, 'all' or a number.*'some'"),
        ({"paired": True}, r"`paired` must be None, 'all' or a number.*paired=True"),
        ({"paired": [[0, 1]]}, r"`paired` must be None, 'all' or a number"),
        ({"paired": 61}, r"`paired` must not exceed the number of pairs found by.*paired=61"),
        ({"augment": True}, r"`augment=True` is only for"),
        ({"mapping": range(10)}, r"`mapping` is only for 'mnist_fashion'"),
    ],
)
def test_errors(load, arguments, message):
    with pytest.raises(ValueError, match=message):
        load(**arguments)


@pytest.mark.parametrize("male", [0, 1])
def test_faces_of_one_sex(tmp_path, male):
    write(tmp_path, male=male)
    with pytest.raises(ValueError, match=f"must have men and women. Received: {60 * male} men"):
        datasets.load_pair("celeba_64_men_women", data_dir=tmp_path, format="numpy")


@pytest.mark.parametrize("count", [1, 2, 50])
def test_reorder_in_place(rng, count):
    rows = rng.random((count, 3))
    for order in (rng.permutation(count), np.arange(count), np.roll(np.arange(count), 1)):
        ours = rows.copy()
        reorder_in_place(ours, order)
        np.testing.assert_array_equal(ours, rows[order])


@pytest.mark.skipif(
    not (REAL / "celeb_a_64").is_dir(), reason="TFDS_DATA_DIR does not offer faces of CelebA"
)
def test_real_faces():
    pair = datasets.load_pair("celeba_64_men_women", paired_per_batch=10, format="numpy")
    assert pair.source_shape == (64, 64, 3) and pair.batch_size == 50
    assert pair.source_train_labels[:, MALE].all() and not pair.target_train_labels[:, MALE].any()
    # Out of the 39 other attributes; random pairs agree in about 27.
    equal = (
        pair.source_train_labels[pair.known_pairs[:, 0]]
        == (pair.target_train_labels[pair.known_pairs[:, 1]])
    )
    assert equal.sum(axis=1).mean() > 34
    assert max(pair.train_sizes) <= pair.num_paired <= sum(pair.train_sizes)
