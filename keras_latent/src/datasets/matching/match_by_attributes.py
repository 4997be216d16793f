"""Matching of faces by their attributes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_latent.src.datasets.sources.names import CELEBA_ATTRIBUTES
from keras_latent.src.training.inputs import one_array
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Rows


def match_by_attributes(
    men: Rows,
    women: Rows,
    *,
    exclude: Sequence[str | int] = (),
    names: Sequence[str] | None = None,
    seed: int = 0,
    chunk: int = 512,
) -> np.ndarray:
    """Find for each man the woman whose attributes agree most with his.

    The agreement of a man and a woman is the number of attributes, excluded ones aside, that both
    have or both lack. An attribute that is missing on either side does not agree. The search is
    exact.

    Often many women agree equally well with a man, and men with the same attributes have the same
    best women. For each man, one of his best women is drawn uniformly. So no woman becomes the
    partner of all similar men, and row numbers do not matter.

    Rows with the same attributes are compared once. For time and memory on all of CelebA (84,434
    men, 118,165 women), see `benchmarks/results/speed_match_by_attributes.json`.

    Args:
        men: Array `(N_men, attributes)` of integers or bools: 1 or True where a man has the
            attribute, 0 or False where he lacks it, -1 where it is missing.
        women: Array `(N_women, attributes)`, likewise.
        exclude: Attributes to ignore, as names or column numbers. `"Male"` need not be excluded:
            it differs in all pairs and so does not affect the ranking.
        names: Names of the columns. Defaults to `CELEBA_ATTRIBUTES` if there are 40 columns.
        seed: Seed for breaking ties, 0 or more.
        chunk: How many distinct men to compare with all women at a time. It affects time and
            memory (5 bytes per distinct man and woman, plus some for the best matches), but not
            the result.

    Returns:
        int64 array `(N_men,)`: the row of `women` for each man. To get the best man for each
        woman, swap the arguments.

    Raises:
        ValueError: If the arrays are invalid or have different columns, there are no women,
            `exclude` contains an unknown column or excludes all, `names` does not match, or
            `seed` or `chunk` is invalid. Also for arrays of 1 and -1 without 0: CelebA's text
            file uses -1 where this function expects 0.

    Source: "Variational Bi-domain Triplet Autoencoder", section 5.2. The paper does not say how
    ties are broken, or whether attributes are excluded.

    Example:

    >>> from keras_latent import datasets
    >>> men = [[1, 0, 1], [0, 0, -1]]
    >>> women = [[1, 1, 0], [1, 0, 1], [0, 0, 0]]
    >>> datasets.match_by_attributes(men, women)
    array([1, 2])
    >>> datasets.match_by_attributes(men, women, names=["Smiling", "Hat", "Bald"], exclude=["Hat"])
    array([1, 2])
    """
    men, women = _check_table("men", men), _check_table("women", women)
    if men.shape[1] != women.shape[1]:
        raise ValueError(
            "`men` and `women` must have the same attributes. Received: "
            f"men.shape={men.shape}, women.shape={women.shape}"
        )
    if len(women) == 0:
        raise ValueError(f"`women` must have at least one row. Received: women.shape={women.shape}")
    _reject_celeba_coding(men, women)
    kept = _kept_columns(men.shape[1], exclude, names)
    seed = checks.integer("seed", seed, at_least=0)
    chunk = checks.integer("chunk", chunk)

    his, man_of, first_man, man_counts = _distinct(men[:, kept])
    hers, woman_of, first_woman, woman_counts = _distinct(women[:, kept])
    his, hers = _factors(his, hers)
    # Draw once per man, before the chunks, so that the result does not depend on their size.
    draws = np.random.default_rng(seed).random(len(men))
    best = np.empty(len(men), dtype=np.int64)
    for start in range(0, len(his), chunk):
        agreement = his[start : start + chunk] @ hers
        most = agreement == agreement.max(axis=1, keepdims=True)
        # The best kinds of women for each kind of men, ordered by the latter. A kind is a set of
        # rows with the same attributes.
        kind, tied = np.divmod(np.flatnonzero(most), hers.shape[1])
        ends = np.cumsum(woman_counts[tied])
        totals = np.bincount(kind, weights=woman_counts[tied]).astype(np.int64)
        stop = start + len(totals)
        # For each man of these kinds, draw the number of a woman among the best of his kind.
        rows = man_of[first_man[start] : first_man[stop - 1] + man_counts[stop - 1]]
        kind = np.repeat(np.arange(len(totals)), man_counts[start:stop])
        number = (draws[rows] * totals[kind]).astype(np.int64) + (np.cumsum(totals) - totals)[kind]
        place = np.searchsorted(ends, number, side="right")
        her_kind = tied[place]
        among_her_kind = number - (ends[place] - woman_counts[her_kind])
        best[rows] = woman_of[first_woman[her_kind] + among_her_kind]
    return best


def _distinct(table: np.ndarray) -> tuple[np.ndarray, ...]:
    """Distinct rows; row numbers sorted by kind; where each kind starts there; sizes of kinds."""
    kinds, kind_of, counts = np.unique(table, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(kind_of.ravel(), kind="stable")
    return kinds, order, np.cumsum(counts) - counts, counts


def _factors(his: np.ndarray, hers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Matrices whose product ranks the women for each man by agreement; exact in float32."""
    if (hers == -1).any():
        his, hers = (np.concatenate([t == 1, t == 0], axis=1) for t in (his, hers))
    else:
        # Agreements minus disagreements. Their sum is the same for all women: the number of his
        # attributes that are not missing. This takes half as many products.
        his, hers = np.where(his == -1, 0, 2 * his - 1), 2 * hers - 1
    return his.astype(np.float32), np.ascontiguousarray(hers.T, dtype=np.float32)


def _check_table(argument: str, value: Any) -> np.ndarray:
    table = one_array(argument, value)
    if table.ndim != 2 or not (table.dtype == bool or np.issubdtype(table.dtype, np.integer)):
        raise ValueError(
            f"`{argument}` must be an array (rows, attributes) of integers or bools. Received: "
            f"{argument}.shape={table.shape}, {argument}.dtype={table.dtype}"
        )
    if table.size and (table.min() < -1 or table.max() > 1):
        raise ValueError(
            f"`{argument}` must contain only 1, 0, and -1 where an attribute is missing. "
            f"Received: values from {table.min()} to {table.max()}"
        )
    return table.astype(np.int8)


def _reject_celeba_coding(*tables: np.ndarray) -> None:
    holds = {value: any((table == value).any() for table in tables) for value in (-1, 0, 1)}
    if holds[-1] and holds[1] and not holds[0]:
        raise ValueError(
            "`men` and `women` must be 0 where an attribute is absent and -1 where its value is "
            "missing. Received: only -1 and 1, as in CelebA's text file, where -1 means absent. "
            "Pass `men > 0` and `women > 0`."
        )


def _kept_columns(
    columns: int, exclude: Sequence[str | int], names: Sequence[str] | None
) -> np.ndarray:
    if names is None and columns == len(CELEBA_ATTRIBUTES):
        names = CELEBA_ATTRIBUTES
    if names is not None:
        names = checks.names("names", names, columns)
    kept = np.ones(columns, dtype=bool)
    for item in checks.items("exclude", exclude):
        if isinstance(item, str):
            if names is None or item not in names:
                known = "no names were given" if names is None else f"the names are {list(names)}"
                raise ValueError(
                    f"`exclude` must contain names from `names`. Received: {item!r}; {known}"
                )
            kept[list(names).index(item)] = False
        else:
            column = checks.integer("exclude", item, at_least=0, at_most=columns - 1)
            kept[column] = False
    if not kept.any():
        raise ValueError(
            f"`exclude` must leave an attribute. Received: all {columns} columns excluded"
        )
    return np.flatnonzero(kept)
