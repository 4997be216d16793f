import numpy as np
import pytest

from keras_latent.src.datasets.batches.order import EpochOrder, cycle


def diagonal(n):
    return np.repeat(np.arange(n)[:, None], 2, axis=1)


def test_all_paired_is_a_permutation():
    rows = EpochOrder(40, 40, diagonal(40), 8, None, 0).rows()
    assert sorted(rows.source.ravel()) == list(range(40))
    assert (rows.source == rows.target).all() and rows.paired.all()


def test_remainder_of_an_epoch_is_dropped():
    order = EpochOrder(43, 43, diagonal(43), 8, None, 0)
    rows = order.rows()
    assert order.steps == 5 and rows.source.shape == (5, 8)
    assert len(np.unique(rows.source)) == 40


def test_known_pairs_are_shuffled_in_and_others_carry_no_pairing():
    rows = EpochOrder(2000, 2000, diagonal(200), 50, None, 0).rows()
    assert rows.paired.sum() == 200
    assert (rows.source == rows.target)[rows.paired].all()
    assert sorted(rows.source.ravel()) == sorted(rows.target.ravel()) == list(range(2000))
    # Independent orders agree in about one of 1,800 positions.
    assert (rows.source == rows.target)[~rows.paired].sum() < 8
    per_batch = rows.paired.sum(axis=1)
    assert per_batch.min() < 5 < per_batch.max()


def test_unpaired_rows_meet_other_rows_each_epoch():
    order = EpochOrder(500, 500, diagonal(0), 50, None, 0)
    meetings = set()
    for epoch in range(3):
        order.restart(epoch)
        rows = order.rows()
        meetings |= set(zip(rows.source.ravel(), rows.target.ravel(), strict=True))
    assert len(meetings) > 1450


@pytest.mark.parametrize("sizes", [(90, 25), (25, 90)])
def test_larger_domain_once_smaller_in_rounds(sizes):
    rows = EpochOrder(*sizes, diagonal(0), 10, None, 0).rows()
    larger, smaller = (rows.source, rows.target) if sizes[0] > 25 else (rows.target, rows.source)
    assert sorted(larger.ravel()) == list(range(90))
    counts = np.bincount(smaller.ravel(), minlength=25)
    assert counts.min() == 3 and counts.max() == 4


def test_if_a_domain_is_completely_paired_its_rows_meet_unpaired_rows():
    rows = EpochOrder(20, 60, diagonal(20), 10, None, 0).rows()
    assert rows.paired.sum() == 20
    assert sorted(rows.target.ravel()) == list(range(60))
    assert set(rows.source[~rows.paired]) == set(range(20))


@pytest.mark.parametrize("known,number", [(10, 10), (7, 5), (100, 3), (3, 0), (1, 1)])
def test_paired_per_batch(known, number):
    order = EpochOrder(200, 120, diagonal(known), 20, number, 0)
    rows = order.rows()
    assert (rows.paired.sum(axis=1) == number).all()
    assert (rows.source == rows.target)[rows.paired].all()
    assert (rows.source[rows.paired] < known).all()
    assert order.steps == 200 // (20 - number)
    others = rows.source[~rows.paired]
    assert len(np.unique(others)) == len(others)
    # Each round uses all pairs, and no batch has a pair twice.
    counts = np.bincount(rows.source[rows.paired], minlength=known)
    assert counts.max() - counts.min() <= 1
    for batch, flags in zip(rows.source, rows.paired, strict=True):
        assert len(np.unique(batch[flags])) == number


def test_batches_of_only_pairs():
    order = EpochOrder(100, 80, diagonal(30), 10, 10, 0)
    assert order.steps == 10 and order.rows().paired.all()


def test_rows_in_several_pairs():
    pairs = np.array([[0, 5], [1, 5], [2, 6]])
    rows = EpochOrder(10, 10, pairs, 5, None, 0).rows()
    found = set(zip(rows.source[rows.paired], rows.target[rows.paired], strict=True))
    assert found == {(0, 5), (1, 5), (2, 6)}


def test_order_is_a_function_of_seed_and_epoch():
    def epoch(seed, number, per_batch):
        order = EpochOrder(100, 60, diagonal(10), 10, per_batch, seed)
        order.restart(number)
        return np.stack(order.rows())

    for per_batch in (None, 4):
        assert (epoch(3, 2, per_batch) == epoch(3, 2, per_batch)).all()
        assert (epoch(3, 2, per_batch) != epoch(3, 1, per_batch)).any()
        assert (epoch(3, 2, per_batch) != epoch(4, 2, per_batch)).any()


def test_cycle_repeats_no_row_within_a_window():
    for seed in range(20):
        drawn = cycle(np.random.default_rng(seed), np.arange(7), 60, window=5)
        assert all(len(set(part)) == 5 for part in drawn.reshape(-1, 5))
        assert sorted(np.bincount(drawn)) == [8] * 3 + [9] * 4


@pytest.mark.parametrize("per_batch", [None, 0])
def test_fewer_rows_than_a_batch(per_batch):
    with pytest.raises(ValueError, match=r"`batch_size` must not exceed.*batch_size=50 with 40"):
        EpochOrder(40, 30, diagonal(0), 50, per_batch, 0)


def test_no_row_is_twice_in_a_batch():
    """Among the rows that are not known pairs, even if a small domain is repeated in an epoch."""
    for seed in range(3):
        rows = EpochOrder(60, 7, diagonal(5), 8, 3, seed).rows()
        for source, target, paired in zip(*rows, strict=True):
            for batch in (source, target):
                assert len(set(batch[paired])) == 3
                assert len(set(batch[~paired])) == 5
