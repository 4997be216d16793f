"""The spread of generated data, which shows a collapse that shares of right classes do not show."""

from collections.abc import Mapping

import numpy as np

#: Below this spread, data count as collapsed. `callbacks.CollapseMonitor` has the same default.
COLLAPSED = 0.1
#: Classes with fewer rows are left out, because their variance would be noise.
ENOUGH_ROWS = 10

Spread = float | None


def spread(
    generated: np.ndarray,
    real: np.ndarray,
    generated_classes: np.ndarray,
    real_classes: np.ndarray,
    *,
    narrowest: bool = False,
) -> Spread:
    """The variance within a class, as a share of that of real data, for the class with the least.

    At 1, the rows of each class are as varied as real ones. Near 0, those of some class are all
    alike, although a classifier may assign every one of them to the right class. Blurry images of a
    good VAE have 0.5 to 0.8.

    Args:
        generated: Reconstructions or translations, `(rows, ...)`.
        real: Data of the domain that they should look like, `(rows, ...)`.
        generated_classes: The class of each generated row, `(rows,)`.
        real_classes: The class of each real row, `(rows,)`.
        narrowest: For data of few dimensions. Compares the variances along the direction in which
            their ratio is smallest: points on a line have 0. By default, variances are summed over
            all values.

    Returns:
        The share, or `None` if no class has at least ten rows of each kind.
    """
    shares = []
    for k in np.unique(real_classes):
        rows, of_real = generated[generated_classes == k], real[real_classes == k]
        if min(len(rows), len(of_real)) >= ENOUGH_ROWS:
            shares.append(_narrowest_share(rows, of_real) if narrowest else _share(rows, of_real))
    return round(min(shares), 4) if shares else None


def _share(rows, real):
    return float(rows.var(axis=0).sum() / real.var(axis=0).sum())


def _narrowest_share(rows, real):
    """The smallest `v' A v / v' B v` over directions `v`, with covariances `A` and `B`."""
    a, b = np.cov(rows, rowvar=False), np.cov(real, rowvar=False)
    return float(np.linalg.eigvals(np.linalg.solve(b, a)).real.min())


def shown(value: Spread) -> str:
    """The spread, for a report."""
    return "spread unknown" if value is None else f"spread {value:.2f}"


def collapsed(value: Spread) -> bool:
    """Whether a spread is known and that of collapsed data."""
    return value is not None and value < COLLAPSED


def warn_of_collapse(spreads: Mapping[str, Spread], advice: str) -> None:
    """Prints a warning that names everything that has collapsed."""
    found = [f"{name} ({shown(value)})" for name, value in spreads.items() if collapsed(value)]
    if found:
        print(
            f"WARNING: collapsed: {', '.join(found)}. Within a class, these results hardly differ, "
            f"which shares of right or kept classes do not show. {advice}"
        )
