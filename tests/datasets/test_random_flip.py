"""`RandomFlip` by itself and in the batches of a pair."""

import numpy as np
import pytest

from keras_latent import datasets


def images(rng, number=6):
    return rng.random((number, 8, 5, 3), dtype="float32")


def test_mirrors_the_chosen_rows(rng):
    x = images(rng)
    which = np.array([True, False, False, True, False, True])
    got = datasets.RandomFlip().transform(x, which)
    expected = np.stack([np.fliplr(row) if w else row for row, w in zip(x, which, strict=True)])
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == np.float32 and not np.shares_memory(got, x)


def test_tensorflow_does_the_same(rng):
    tf = pytest.importorskip("tensorflow")
    x, flip = images(rng, 50), datasets.RandomFlip()
    which = flip.factors(rng, 50)
    got = tf.function(flip.transform_in_graph)(tf.constant(x), tf.constant(which))
    np.testing.assert_array_equal(got.numpy(), flip.transform(x, which))


def test_half_of_the_images(rng):
    assert datasets.RandomFlip().factors(rng, 20_000).mean() == pytest.approx(0.5, abs=0.02)


def test_each_call_draws_new_factors_from_the_seed(rng):
    x = images(rng, 40)
    flip = datasets.RandomFlip(seed=3)
    first, second = flip(x), flip(x)
    assert (first != second).any()
    assert (datasets.RandomFlip(seed=3)(x) == first).all()
    assert (datasets.RandomFlip(seed=4)(x) != first).any()
    assert repr(flip) == "RandomFlip(seed=3)"


@pytest.mark.parametrize("format", ["numpy", "tf"])
def test_in_the_batches_of_a_pair(format, rng):
    """Draws differ by domain and epoch, and `skip_epochs` reproduces them."""
    if format == "tf":
        pytest.importorskip("tensorflow")
    x = images(rng, 20)

    def epochs(number, skip=0, **options):
        pair = datasets.pair_from_arrays(x, x, batch_size=10, format=format, **options)
        pair.skip_epochs(skip)
        for _ in range(number):
            batches = [{k: np.asarray(v) for k, v in b.items()} for b in pair.train]
            yield {k: np.concatenate([b[k] for b in batches]) for k in ("source", "target")}

    def mirrored(plain, flipped):
        """Which rows are mirrored; the others must be unchanged."""
        same = (plain == flipped).all(axis=(1, 2, 3))
        assert (same | (plain[:, :, ::-1] == flipped).all(axis=(1, 2, 3))).all()
        return ~same

    augment = datasets.RandomFlip()
    flipped = list(epochs(2, augment=augment))
    found = [
        mirrored(plain[domain], after[domain])
        for plain, after in zip(epochs(2), flipped, strict=True)
        for domain in ("source", "target")
    ]
    for number, (first, rest) in enumerate(zip(found, found[1:], strict=False)):
        assert first.any() and not first.all()
        assert (first != rest).any(), number
    (resumed,) = epochs(1, skip=1, augment=augment)
    assert all((resumed[d] == flipped[1][d]).all() for d in resumed)


@pytest.mark.parametrize(
    "shape,factors,message",
    [
        ((4, 8, 8), [True] * 4, r"`images` must have shape.*\(4, 8, 8\)"),
        ((4, 8, 8, 1), [True] * 3, r"`factors` must have shape \(4,\).*\(3,\)"),
    ],
)
def test_bad_input(shape, factors, message):
    with pytest.raises(ValueError, match=message):
        datasets.RandomFlip().transform(np.zeros(shape), factors)
    with pytest.raises(ValueError, match=r"`seed` must be an integer of 0 or more.*seed=-1"):
        datasets.RandomFlip(seed=-1)
