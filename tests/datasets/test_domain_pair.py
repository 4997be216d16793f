import numpy as np
import pytest

from keras_latent import datasets

FORMATS = ("numpy", "tf")


def to_numpy(batch):
    return {name: np.asarray(value) for name, value in batch.items()}


def epochs(pair, number=1):
    """Batches of `number` epochs: one dict of stacked arrays per epoch."""
    result = []
    for _ in range(number):
        batches = [to_numpy(batch) for batch in pair.train]
        result.append({name: np.stack([batch[name] for batch in batches]) for name in batches[0]})
    return result


def ramp(rows, scale=1.0):
    """Recognizable rows: every pixel of row i is i * scale."""
    return (np.arange(rows)[:, None, None, None] * scale * np.ones((1, 2, 3, 1))).astype("float32")


def same(first, second):
    return all((first[name] == second[name]).all() for name in first)


@pytest.fixture(params=FORMATS)
def format(request):
    if request.param == "tf":
        pytest.importorskip("tensorflow")
    return request.param


def test_digits_transposed(format):
    pair = datasets.load_pair("digits_transpose", format=format)
    assert pair.format == format and pair.num_paired == 1437
    assert pair.source_train.dtype == pair.target_test.dtype == np.uint8
    assert (pair.target_train == pair.source_train.swapaxes(1, 2)).all()
    assert (pair.source_train_labels == pair.target_train_labels).all()
    assert (pair.source_test_labels == pair.target_test_labels).all()
    (epoch,) = epochs(pair)
    assert epoch["source"].shape == (28, 50, 8, 8, 1) and epoch["source"].dtype == np.float32
    assert epoch["source"].min() == 0 and epoch["source"].max() == 1
    assert (epoch["source"] == epoch["target"].swapaxes(2, 3)).all()
    assert epoch["paired"].all() and epoch["paired"].dtype == bool


def test_test_batches_are_in_order_and_complete(format):
    pair = datasets.load_pair("digits_transpose", paired=0, format=format)
    batches = [to_numpy(batch) for batch in pair.test]
    assert len(pair.test) == len(batches) == 8 and len(batches[-1]["paired"]) == 10
    source = np.concatenate([batch["source"] for batch in batches])
    target = np.concatenate([batch["target"] for batch in batches])
    assert (source == pair.source_test / np.float32(255)).all()
    assert (target == pair.target_test / np.float32(255)).all()
    assert all(batch["paired"].all() for batch in batches)


def test_known_pairs_come_first_and_other_rows_are_shuffled_independently():
    pair = datasets.load_pair("digits_transpose", paired=100, format="numpy")
    aligned = (pair.source_train == pair.target_train.swapaxes(1, 2)).all(axis=(1, 2, 3))
    assert aligned[:100].all() and aligned[100:].sum() < 10
    agree = pair.source_train_labels == pair.target_train_labels
    assert agree[:100].all() and 0.05 < agree[100:].mean() < 0.15
    # Labels stay with their images.
    whole = datasets.load_pair("digits_transpose", format="numpy")
    labels = {image.tobytes(): y for image, y in zip(*_source(whole), strict=True)}
    assert all(labels[image.tobytes()] == y for image, y in zip(*_source(pair), strict=True))
    assert sorted(map(bytes, pair.source_train)) == sorted(map(bytes, whole.source_train))

    other = datasets.load_pair("digits_transpose", paired=100, seed=1, format="numpy")
    assert (other.source_train != pair.source_train).any()
    again = datasets.load_pair("digits_transpose", paired=100, format="numpy")
    assert (again.source_train == pair.source_train).all()


def _source(pair):
    return pair.source_train, pair.source_train_labels


@pytest.mark.parametrize("per_batch", [None, 3])
def test_flags_mark_exactly_the_known_pairs(format, per_batch):
    pair = datasets.pair_from_arrays(
        ramp(60), ramp(40, 2.0), paired=8, paired_per_batch=per_batch, batch_size=10, format=format
    )
    (epoch,) = epochs(pair)
    source, target = epoch["source"][..., 0, 0, 0], epoch["target"][..., 0, 0, 0] / 2
    assert (source == target)[epoch["paired"]].all()
    assert (source[epoch["paired"]] < 8).all()
    assert epoch["paired"].sum() == (8 if per_batch is None else 3 * pair.steps_per_epoch)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_views_become_contiguous(dtype):
    images = ramp(20).astype(dtype)
    views = images.swapaxes(1, 2)
    pair = datasets.pair_from_arrays(
        images, views, test_source=images, test_target=views[::-1], batch_size=10
    )
    for array in (pair.source_train, pair.target_train, pair.source_test, pair.target_test):
        assert array.flags.c_contiguous


def test_epochs_differ_and_seeds_decide(format):
    def make(seed):
        return datasets.load_pair("digits_transpose", paired=10, seed=seed, format=format)

    first, second = epochs(make(0), 2)
    assert not same(first, second)
    assert same(epochs(make(0))[0], first)
    assert not same(epochs(make(1))[0], first)


def test_both_formats_deliver_the_same():
    pytest.importorskip("tensorflow")
    by_format = [
        epochs(datasets.load_pair("digits_transpose", paired=10, format=format), 2)
        for format in FORMATS
    ]
    assert all(same(*pair) for pair in zip(*by_format, strict=True))


def test_skip_epochs_continues_exactly(format):
    arguments = {"paired": 30, "batch_size": 10, "format": format}
    make = [
        lambda: datasets.pair_from_arrays(ramp(95), ramp(70), **arguments),
        lambda: datasets.pair_from_arrays(ramp(95), ramp(70), paired_per_batch=4, **arguments),
    ]
    for build in make:
        straight = epochs(build(), 4)
        resumed = build()
        resumed.skip_epochs(2)
        assert all(same(*two) for two in zip(epochs(resumed, 2), straight[2:], strict=True))
        resumed.skip_epochs(1)
        assert same(epochs(resumed)[0], straight[1])


def test_taking_a_batch_does_not_advance_the_order(format):
    build = lambda: datasets.pair_from_arrays(  # noqa: E731
        ramp(200), ramp(200), batch_size=10, format=format
    )
    looked, straight = build(), build()
    next(iter(looked.train))
    assert same(epochs(looked)[0], epochs(straight)[0])


def test_uint8_is_scaled_and_float_is_not(format):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 5), dtype="uint8")
    pair = datasets.pair_from_arrays(
        images, images.astype("float64"), paired="all", batch_size=5, format=format
    )
    assert pair.source_train.dtype == np.uint8 and pair.target_train.dtype == np.float32
    (epoch,) = epochs(pair)
    assert (epoch["source"] == epoch["target"] / np.float32(255)).all()


@pytest.mark.parametrize("shape", [(12,), (12, 3), (12, 4, 4, 2, 3)])
def test_any_rank_and_bool(format, shape):
    images = np.ones(shape, bool)
    pair = datasets.pair_from_arrays(images, images, batch_size=4, format=format)
    (epoch,) = epochs(pair)
    assert epoch["source"].shape == (3, 4, *shape[1:]) and epoch["source"].dtype == np.float32


def test_unequal_test_sets_start_over(format):
    pair = datasets.pair_from_arrays(
        ramp(9), ramp(9), test_source=ramp(5), test_target=ramp(3), batch_size=4, format=format
    )
    batches = [to_numpy(batch) for batch in pair.test]
    rows = np.concatenate([batch["target"] for batch in batches])[:, 0, 0, 0]
    assert list(rows) == [0, 1, 2, 0, 1]
    assert not any(batch["paired"].any() for batch in batches)


def test_pairs_by_row_numbers(format):
    pairs = [[0, 3], [1, 3], [2, 0]]
    pair = datasets.pair_from_arrays(ramp(8), ramp(8), paired=pairs, batch_size=3, format=format)
    assert pair.num_paired == 3 and (pair.known_pairs == pairs).all()
    (epoch,) = epochs(pair)
    found = {
        (int(s), int(t))
        for s, t, paired in zip(
            epoch["source"][..., 0, 0, 0].ravel(),
            epoch["target"][..., 0, 0, 0].ravel(),
            epoch["paired"].ravel(),
            strict=True,
        )
        if paired
    }
    assert found <= {(0, 3), (1, 3), (2, 0)}


def test_repr_and_sizes():
    pair = datasets.pair_from_arrays(ramp(8), ramp(9), batch_size=3, format="numpy", name="ramps")
    assert repr(pair) == (
        "<DomainPair 'ramps': source (2, 3, 1), target (2, 3, 1); train 8 + 9 rows, 0 known pairs, "
        "3 batches of 3; no test rows; format='numpy'>"
    )
    assert pair.train_sizes == (8, 9) and pair.test_sizes == (0, 0) and pair.test is None
    digits = datasets.load_pair("digits_transpose", format="numpy")
    assert digits.test_sizes == (360, 360) and "test 360 + 360 rows" in repr(digits)


def test_paper_split_of_sixty_thousand(tmp_path):
    images = np.zeros((60_000, 2, 2), "uint8")
    images[:, 0, 1] = np.arange(60_000) % 256
    labels = np.arange(60_000) % 10
    np.savez(
        tmp_path / "mnist.npz", x_train=images, y_train=labels, x_test=images[:5], y_test=labels[:5]
    )
    load = lambda split: datasets.load_pair(  # noqa: E731
        "mnist_transpose", split=split, data_dir=tmp_path, format="numpy"
    )
    assert load("keras").train_sizes == (60_000, 60_000) and load("keras").test_sizes == (5, 5)
    paper = load("paper")
    assert paper.train_sizes == (50_000, 50_000) and paper.test_sizes == (10_000, 10_000)
    assert (paper.source_test[..., 0] == images[50_000:]).all()
    assert (paper.target_test_labels == labels[50_000:]).all()
    with pytest.raises(ValueError, match=r"`split='paper'` splits 60,000 training images.*1437"):
        datasets.load_pair("digits_transpose", split="paper")


@pytest.mark.parametrize("sizes", [(3, 5), (5, 3)])
def test_the_smaller_domain_starts_over_among_test_rows(format, sizes):
    pair = datasets.pair_from_arrays(
        ramp(8),
        ramp(8),
        test_source=ramp(sizes[0]),
        test_target=ramp(sizes[1]),
        batch_size=2,
        format=format,
    )
    batches = [to_numpy(batch) for batch in pair.test]
    for domain, rows in zip(("source", "target"), sizes, strict=True):
        found = np.concatenate([batch[domain][:, 0, 0, 0] for batch in batches])
        np.testing.assert_array_equal(found, np.arange(5) % rows)
