"""Winsorising: the few largest amounts are counted as the cap, so that one buyer does not decide an experiment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from regulars.stats.moments import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Capped:
    """Values brought between two caps, and how many that changed."""

    values: Array                                      # as they came in: (units,) or (metrics, units)
    low: Array                                         # () or (metrics,), -inf where there is no lower cap
    high: Array                                        # the same, inf where there is no upper cap
    share: Array                                       # of the units, how many were outside, 0 to 1


def capped(
    values: ArrayLike, *, upper: float = 0.99, lower: float = 0.0, of_buyers: bool = False
) -> Capped:
    """Values with the tails brought in to their quantiles; quantiles are values that occurred, the next above.

    Args:
        values: (units,) or (metrics, units) of all variants together: caps of one variant's own would hide its effect.
        upper: Quantile that caps from above; 1 for none.
        lower: Quantile that caps from below; 0 for none.
        of_buyers: Whether quantiles are those of the values other than 0, for amounts that most units do not have.

    Raises ValueError for values that are not finite. Source: Tukey (1962), after C. P. Winsor.

    """
    if not 0 <= lower < upper <= 1:
        raise ValueError(f"quantiles must rise from 0 to 1; they are {lower} and {upper}")
    column = np.asarray(values, dtype=np.float64)
    if not np.isfinite(column).all():
        raise ValueError(f"{int((~np.isfinite(column)).sum())} values are not finite: leave out or fill in")
    rows = np.atleast_2d(column)
    caps = [_caps(row[row != 0] if of_buyers else row, lower=lower, upper=upper) for row in rows]
    low, high = (np.array(side, dtype=np.float64) for side in zip(*caps, strict=True))
    inside = np.clip(rows, low[:, np.newaxis], high[:, np.newaxis])
    share = np.array([float((before != after).mean()) if len(before) else np.nan
                      for before, after in zip(rows, inside, strict=True)])
    if column.ndim == 1:
        return Capped(values=inside[0], low=low[0], high=high[0], share=share[0])
    return Capped(values=inside, low=low, high=high, share=share)


def capped_ratio(
    outcomes: ArrayLike, denominators: ArrayLike, *, upper: float = 0.99, of_buyers: bool = False
) -> tuple[Capped, Capped]:
    """Outcome and denominator of a ratio, each with its own cap from above.

    The ratio of the capped totals stays a ratio of totals, so it is compared like any other; capping each unit's own
    ratio would weigh a unit with one visit like one with a thousand.
    """
    return (
        capped(outcomes, upper=upper, of_buyers=of_buyers), capped(denominators, upper=upper, of_buyers=of_buyers)
    )


def _caps(values: Array, *, lower: float, upper: float) -> tuple[float, float]:
    if not len(values):
        return -np.inf, np.inf
    low = -np.inf if lower == 0 else float(np.quantile(values, lower, method="inverted_cdf"))
    high = np.inf if upper == 1 else float(np.quantile(values, upper, method="inverted_cdf"))
    return low, high
