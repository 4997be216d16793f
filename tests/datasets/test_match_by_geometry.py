"""Pairs found without labels, compared with the true pairs."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from keras_latent import datasets
from keras_latent.src.datasets.matching.match_by_geometry import _mutual_neighbors

(DIGITS, LABELS), _ = datasets.load_arrays("digits")


def test_every_image_finds_its_own_transpose():
    digits, shuffled = DIGITS[:400], np.random.default_rng(0).permutation(400)
    pairs = datasets.match_by_geometry(digits, digits[shuffled].swapaxes(1, 2), starts=3)
    assert len(pairs) > 0.99 * len(digits)
    assert np.mean(shuffled[pairs[:, 1]] == pairs[:, 0]) == 1
    for column in pairs.T:
        assert len(np.unique(column)) == len(column)


def test_disjoint_images_find_images_of_their_class():
    # The function gets only pixels; the labels only evaluate it. Chance is 0.1.
    pairs = datasets.match_by_geometry(DIGITS[:718], 255 - DIGITS[718:].swapaxes(1, 2))
    agreement = LABELS[:718][pairs[:, 0]] == LABELS[718:][pairs[:, 1]]
    assert len(pairs) > 200 and agreement.mean() > 0.95


def test_known_pairs_come_first_and_are_not_matched_again():
    known = np.array([[5, 700], [9, 701], [9, 702]])
    pairs = datasets.match_by_geometry(
        DIGITS[:100], DIGITS[:800].swapaxes(1, 2), known_pairs=known, starts=2, iterations=3
    )
    np.testing.assert_array_equal(pairs[:3], known)
    assert not np.isin(pairs[3:, 0], known[:, 0]).any()
    assert not np.isin(pairs[3:, 1], known[:, 1]).any()
    everything = datasets.match_by_geometry(DIGITS[:50], DIGITS[:50], known_pairs="all")
    np.testing.assert_array_equal(everything, np.repeat(np.arange(50)[:, None], 2, axis=1))


def test_seed_and_shapes():
    wide = np.repeat(DIGITS[:90], 2, axis=2)  # another number of pixels
    options = {"starts": 2, "iterations": 3, "sample": 40}
    first = datasets.match_by_geometry(DIGITS[:80], wide, seed=3, **options)
    again = datasets.match_by_geometry(DIGITS[:80], wide, seed=3, **options)
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.int64 and first[:, 0].max() < 80 and first[:, 1].max() < 90
    pair = datasets.pair_from_arrays(DIGITS[:80], wide, paired=first, format="numpy")
    assert pair.num_paired == len(first)


def test_mutual_neighbors_are_scikit_learns():
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((rows, 7)).astype("float32") for rows in (57, 41))
    of_a, of_b = (
        NearestNeighbors(n_neighbors=1).fit(points).kneighbors(rows, return_distance=False)[:, 0]
        for points, rows in ((b, a), (a, b))
    )
    rows = np.flatnonzero(of_b[of_a] == np.arange(57))
    for chunk in (10, 57, 100):
        found = _mutual_neighbors(a, b, chunk)
        np.testing.assert_array_equal(found, np.stack([rows, of_a[rows]], axis=1))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"source": DIGITS[:1]}, "at least 2 rows"),
        ({"source": np.full((4, 8, 8, 1), np.nan)}, "`source` must be finite"),
        ({"components": 0}, "`components` must be a positive integer"),
        ({"starts": 0.5}, "`starts` must be a positive integer"),
        ({"seed": -1}, "`seed` must be an integer of 0 or more"),
        ({"known_pairs": 11}, "must not exceed the number of rows of the smaller domain"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        datasets.match_by_geometry(**{"source": DIGITS[:10], "target": DIGITS[:20]} | arguments)


def test_load_pair_disjoint_and_matched():
    pair = datasets.load_pair("digits_transpose", paired=10, disjoint=True, format="numpy")
    assert pair.train_sizes == (724, 723) and pair.num_paired == 10  # 10 + half of 1427
    source = {image.tobytes() for image in pair.source_train[10:]}
    target = {np.ascontiguousarray(image.swapaxes(0, 1)).tobytes() for image in pair.target_train}
    assert len(source & target) < 5  # digits holds a few images twice
    matched = datasets.load_pair("digits_transpose", paired=1100, matched=True, format="numpy")
    rows, columns = matched.known_pairs[1100:].T  # of 337 that are left
    labels = matched.source_train_labels[rows], matched.target_train_labels[columns]
    assert len(rows) > 300 and np.mean(labels[0] == labels[1]) > 0.99
    with pytest.raises(ValueError, match="`disjoint`"):
        datasets.load_pair("digits_transpose", disjoint=True)
