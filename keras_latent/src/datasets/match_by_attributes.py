"""Pairs of faces that no one has paired: those whose attributes agree most."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_latent.src.datasets.celeba_attributes import CELEBA_ATTRIBUTES
from keras_latent.src.datasets.checks import check_integer


def match_by_attributes(
    men: Any,
    women: Any,
    *,
    exclude: Sequence[str | int] = (),
    names: Sequence[str] | None = None,
    seed: int = 0,
    chunk: int = 512,
) -> np.ndarray:
    """Find for each man the woman whose attributes agree most with his.

    The agreement of a man and a woman is the number of attributes that both have, or that
    neither has, among those that are not excluded. An attribute that is missing on either side
    does not agree. The search is exact.

    Many women agree equally well with a man, and men with the same attributes have the same
    best women. One of these is drawn for each man, all of them equally likely: no woman
    becomes the partner of all alike men, and row numbers play no part.

    Rows with the same attributes are compared once. `benchmarks/results/` has the time and memory
    of the whole of CelebA (84,434 men, 118,165 women): `speed_match_by_attributes.json`.

    Args:
        men: Array `(N_men, attributes)` of integers or bools: 1 or True where a man has the
            attribute, 0 or False where not, -1 where it is missing.
        women: Array `(N_women, attributes)`, likewise.
        exclude: Attributes that do not count, as names or as column numbers. `"Male"` may be
            left in where it differs in every pair: it changes no order.
        names: Names of the columns. Defaults to `CELEBA_ATTRIBUTES` where there are 40 columns.
        seed: Seed of the draws among equals, 0 or more.
        chunk: How many different men are compared with all women at a time. It changes time
            and memory (5 bytes for each of them and each different woman, and some for those
            that agree most), and not the result.

    Returns:
        int64 array `(N_men,)`: row of `women` for each man. The roles may be exchanged, for the
        best man of each woman.

    Raises:
        ValueError: If the arrays are not of this kind or differ in columns, there are no women,
            `exclude` names no column or leaves none, `names` does not fit, or `seed` or `chunk`
            is no such integer; and for arrays of 1 and -1 without any 0, which CelebA's text
            file means otherwise (-1 is its 0).

    Source: "Variational Bi-domain Triplet Autoencoder", section 5.2. How ties are broken and
    whether attributes are excluded, the paper does not say.

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
            f"men.shape={men.shape}, women.shape={women.shape}."
        )
    if len(women) == 0:
        raise ValueError(f"`women` must have one row or more. Received: {women.shape}.")
    _refuse_other_coding(men, women)
    kept = _kept_columns(men.shape[1], exclude, names)
    seed = check_integer("seed", seed, at_least=0)
    chunk = check_integer("chunk", chunk, at_least=1)

    his, man_of, first_man, man_counts = _distinct(men[:, kept])
    hers, woman_of, first_woman, woman_counts = _distinct(women[:, kept])
    his, hers = _factors(his, hers)
    # One draw for each man, before the chunks: they shall not depend on how large those are.
    draws = np.random.default_rng(seed).random(len(men))
    best = np.empty(len(men), dtype=np.int64)
    for start in range(0, len(his), chunk):
        agreement = his[start : start + chunk] @ hers
        most = agreement == agreement.max(axis=1, keepdims=True)
        # The best women of each kind of men, kind after kind, as kinds of women.
        kind, tied = np.divmod(np.flatnonzero(most), hers.shape[1])
        ends = np.cumsum(woman_counts[tied])
        totals = np.bincount(kind, weights=woman_counts[tied]).astype(np.int64)
        stop = start + len(totals)
        # Each man of these kinds draws the number of a woman among the best ones of his kind.
        rows = man_of[first_man[start] : first_man[stop - 1] + man_counts[stop - 1]]
        kind = np.repeat(np.arange(len(totals)), man_counts[start:stop])
        number = (draws[rows] * totals[kind]).astype(np.int64) + (np.cumsum(totals) - totals)[kind]
        place = np.searchsorted(ends, number, side="right")
        her_kind = tied[place]
        among_her_kind = number - (ends[place] - woman_counts[her_kind])
        best[rows] = woman_of[first_woman[her_kind] + among_her_kind]
    return best


def _distinct(table: np.ndarray) -> tuple[np.ndarray, ...]:
    """Different rows; all row numbers, sorted by these; where each begins there; how many."""
    kinds, kind_of, counts = np.unique(table, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(kind_of.ravel(), kind="stable")
    return kinds, order, np.cumsum(counts) - counts, counts


def _factors(his: np.ndarray, hers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Matrices whose product orders each man's women by agreement; exact in float32."""
    if (hers == -1).any():
        his, hers = (np.concatenate([t == 1, t == 0], axis=1) for t in (his, hers))
    else:
        # Agreements less disagreements: among all women alike, as many as he has attributes
        # that are not missing. Half as many products.
        his, hers = np.where(his == -1, 0, 2 * his - 1), 2 * hers - 1
    return his.astype(np.float32), np.ascontiguousarray(hers.T, dtype=np.float32)


def _check_table(argument: str, value: Any) -> np.ndarray:
    table = np.asarray(value)
    if table.ndim != 2 or not (table.dtype == bool or np.issubdtype(table.dtype, np.integer)):
        raise ValueError(
            f"`{argument}` must be an array (rows, attributes) of integers or bools. Received: "
            f"{argument}.shape={table.shape}, {argument}.dtype={table.dtype}."
        )
    if table.size and (table.min() < -1 or table.max() > 1):
        raise ValueError(
            f"`{argument}` must hold 1, 0, and -1 where an attribute is missing. "
            f"Received values from {table.min()} to {table.max()}."
        )
    return table.astype(np.int8)


def _refuse_other_coding(*tables: np.ndarray) -> None:
    holds = {value: any((table == value).any() for table in tables) for value in (-1, 0, 1)}
    if holds[-1] and holds[1] and not holds[0]:
        raise ValueError(
            "`men` and `women` must hold 0 where an attribute is absent, and -1 where it is "
            "missing. Received: -1 and 1 alone, as in CelebA's text file, where -1 is absent. Pass "
            "`men > 0` and `women > 0`."
        )


def _kept_columns(
    columns: int, exclude: Sequence[str | int], names: Sequence[str] | None
) -> np.ndarray:
    if names is None and columns == len(CELEBA_ATTRIBUTES):
        names = CELEBA_ATTRIBUTES
    if names is not None and (len(names) != columns or len(set(names)) != columns):
        raise ValueError(
            f"`names` must be {columns} different names, one for each column. Received: {names!r}."
        )
    if isinstance(exclude, str):
        raise ValueError(
            f"`exclude` must be a sequence of names or column numbers. Received: {exclude!r}. "
            f"Pass [{exclude!r}]."
        )
    kept = np.ones(columns, dtype=bool)
    for item in exclude:
        if isinstance(item, str):
            if names is None or item not in names:
                known = "no names were given" if names is None else f"the names are {list(names)}"
                raise ValueError(
                    f"`exclude` must hold names that are in `names`. Received: {item!r}; {known}."
                )
            kept[list(names).index(item)] = False
        else:
            column = check_integer("exclude", item, at_least=0)
            if column >= columns:
                raise ValueError(
                    f"`exclude` must hold column numbers from 0 to {columns - 1}. "
                    f"Received: {column}."
                )
            kept[column] = False
    if not kept.any():
        raise ValueError(
            f"`exclude` must leave an attribute. Received: all of {columns} columns excluded."
        )
    return np.flatnonzero(kept)
