"""Matches by attributes, compared with an exhaustive search."""

import numpy as np
import pytest
from scipy import stats

from keras_latent import datasets

NAMES = ["bald", "smiling", "hat", "young", "glasses"]


def agreements(men, women):
    """The number of attributes that agree, one man at a time."""
    return np.array([((man == women) & (man != -1)).sum(axis=1) for man in men])


@pytest.mark.parametrize("missing", ["nowhere", "men", "women", "both"])
def test_every_man_has_one_of_his_best(rng, missing):
    low = {who: -1 if missing in (who, "both") else 0 for who in ("men", "women")}
    men = rng.integers(low["men"], 2, (83, 7))
    women = rng.integers(low["women"], 2, (59, 7))
    table = agreements(men, women)
    for seed in range(5):
        best = datasets.match_by_attributes(men, women, seed=seed)
        assert best.dtype == np.int64 and best.shape == (83,)
        np.testing.assert_array_equal(table[np.arange(83), best], table.max(axis=1))


def test_chunks_and_dtypes_change_nothing_and_the_seed_does(rng):
    men, women = rng.integers(0, 2, (200, 5)), rng.integers(0, 2, (150, 5))
    first = datasets.match_by_attributes(men, women, seed=1)
    for chunk in (1, 3, 31, 1000):
        again = datasets.match_by_attributes(men, women, seed=1, chunk=chunk)
        np.testing.assert_array_equal(again, first)
    of_bools = datasets.match_by_attributes(men.astype(bool), women.astype("int8"), seed=1)
    np.testing.assert_array_equal(of_bools, first)
    assert (datasets.match_by_attributes(men, women, seed=2) != first).mean() > 0.3


def test_ties_are_broken_uniformly():
    # Women 0, 2, 3 and 5 agree with each man in two of three attributes; three of them are equal.
    women = np.array([[1, 1, 0], [0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 0, 1], [1, 1, 0]])
    men = np.ones((40_000, 3), int)
    best = datasets.match_by_attributes(men, women, seed=3)
    assert set(best) == {0, 2, 3, 5}
    assert stats.chisquare(np.bincount(best)[[0, 2, 3, 5]]).pvalue > 1e-3
    # Successive men draw independently.
    joint = np.histogram2d(best[::2], best[1::2], bins=[[0, 1, 3, 4, 6]] * 2)[0]
    assert stats.chi2_contingency(joint).pvalue > 1e-3


def test_excluded_attributes_do_not_count(rng):
    men, women = rng.integers(0, 2, (60, 5)), rng.integers(0, 2, (40, 5))
    kept = [1, 3, 4]
    wanted = datasets.match_by_attributes(men[:, kept], women[:, kept])
    for exclude in (["bald", "hat"], [0, 2], ["hat", 0, "hat"], (np.int64(2), "bald")):
        found = datasets.match_by_attributes(men, women, exclude=exclude, names=NAMES)
        np.testing.assert_array_equal(found, wanted)
    by_number = datasets.match_by_attributes(men, women, exclude=[0, 2])
    np.testing.assert_array_equal(by_number, wanted)


def test_forty_columns_have_the_names_of_celeba(rng):
    men, women = rng.integers(0, 2, (30, 40)), rng.integers(0, 2, (30, 40))
    assert datasets.CELEBA_ATTRIBUTES[20] == "Male" and len(datasets.CELEBA_ATTRIBUTES) == 40
    assert list(datasets.CELEBA_ATTRIBUTES) == sorted(datasets.CELEBA_ATTRIBUTES)
    np.testing.assert_array_equal(
        datasets.match_by_attributes(men, women, exclude=["Male"]),
        datasets.match_by_attributes(men, women, exclude=[20]),
    )


def test_no_men_and_only_one_woman():
    assert datasets.match_by_attributes(np.empty((0, 3), int), np.ones((2, 3), int)).shape == (0,)
    found = datasets.match_by_attributes(np.eye(3, dtype=int), np.zeros((1, 3), int))
    np.testing.assert_array_equal(found, [0, 0, 0])


ROWS = np.array([[1, 0, 1, 0, 1]])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"men": ROWS[0]}, r"`men` must be an array \(rows, attributes\).*\(5,\)"),
        ({"women": ROWS * 1.0}, r"`women` must be an array .*float64"),
        ({"women": ROWS + 1}, r"`women` must contain only 1, 0, and -1.*from 1 to 2"),
        ({"men": ROWS - 2}, r"`men` must contain only 1, 0, and -1.*from -2 to -1"),
        ({"women": ROWS[:, :4]}, r"the same attributes.*\(1, 5\), women.shape=\(1, 4\)"),
        ({"women": ROWS[:0]}, r"`women` must have at least one row.*\(0, 5\)"),
        ({"men": 2 * ROWS - 1, "women": 2 * ROWS - 1}, r"only -1 and 1.*`men > 0`"),
        ({"exclude": "hat"}, r"`exclude` must be a list or a tuple.*'hat'"),
        (
            {"exclude": ["hut"], "names": NAMES},
            r"`exclude` must contain names.*'hut'; the names",
        ),
        ({"exclude": ["hat"]}, r"`exclude` must contain names.*'hat'; no names were given"),
        ({"exclude": [5]}, r"`exclude` must be an integer from 0 to 4.*exclude=5"),
        ({"exclude": [-1]}, r"`exclude` must be an integer from 0 to 4.*exclude=-1"),
        ({"exclude": [1.0]}, r"`exclude` must be an integer from 0 to 4"),
        ({"exclude": range(5)}, r"`exclude` must leave an attribute.*all 5"),
        ({"names": NAMES[:4]}, r"`names` must be 5 different names"),
        ({"names": ["hat"] * 5}, r"`names` must be 5 different names"),
        ({"seed": -1}, r"`seed` must be an integer of 0 or more"),
        ({"chunk": 0}, r"`chunk` must be a positive integer"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        datasets.match_by_attributes(**{"men": ROWS, "women": 1 - ROWS} | arguments)
