"""Cells: mean and spread of the columns in every variant and stratum, as read from moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from regulars.stats.moments import Array, Moments

Divisor = Literal["n-1", "n"]
ROUNDING = np.finfo(np.float64).eps


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """What one unit is like, by (..., variants, strata); NaN where a cell has no unit, or one and no spread."""

    units: Array                                       # (..., variants, strata)
    means: Array                                       # (..., variants, strata, columns)
    spread: Array                                      # (..., variants, strata, columns, columns): covariance of a unit
    degrees: Array                                     # (..., variants, strata): of freedom, of the spread


def cells_of(moments: Moments, *, divisor: Divisor = "n-1", is_strict: bool = True) -> Cells:
    """Means and covariances of the columns of moments.

    Args:
        moments: Of any leading shape.
        divisor: `n-1` is unbiased for any outcome; `n` gives p (1 - p) for a share, as most calculators of shares do.
        is_strict: Whether a sum of squares that no units can have, being too small, makes its cell NaN. Without it
            such a column has a negative variance, and only a difference whose variance is not positive is NaN.

    A column that never changes has no spread at all, not the spread of rounding: the sum of its squares is exact only
    to the number of units times the rounding of one.

    """
    units = moments.units
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        means = moments.sums / np.where(units > 0, units, np.nan)[..., np.newaxis]
        scatter = moments.products - units[..., np.newaxis, np.newaxis] * _outer(means, means)
        blur = ROUNDING * (units[..., np.newaxis] + 4) * np.abs(_diagonal(moments.products))
        constant = np.abs(_diagonal(scatter)) <= blur
        scatter = np.where(constant[..., np.newaxis] | constant[..., np.newaxis, :], 0.0, scatter)
        impossible = (_diagonal(scatter) < 0) & is_strict | ~np.isfinite(_diagonal(scatter))
        scatter = np.where(impossible[..., np.newaxis] | impossible[..., np.newaxis, :], np.nan, scatter)
        size = units - 1 if divisor == "n-1" else units
        spread = scatter / np.where(units > 1, size, np.nan)[..., np.newaxis, np.newaxis]
    return Cells(units=units, means=means, spread=spread, degrees=np.where(units > 1, units - 1, np.nan))


def over_variants(cells: Cells, *, divisor: Divisor = "n-1") -> Cells:
    """All variants of a stratum as one crowd, by (..., strata); a cell without units adds nothing to it.

    The spread is that around the common mean, so a difference between the variants is part of it.
    """
    loss = 1.0 if divisor == "n-1" else 0.0
    units = cells.units.sum(axis=-2)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        known = np.where(cells.units[..., np.newaxis] > 0, cells.means, 0.0)
        sums = (cells.units[..., np.newaxis] * known).sum(axis=-3)
        means = sums / np.where(units > 0, units, np.nan)[..., np.newaxis]
        within = np.where(cells.units > 1, cells.units - loss, 0.0)[..., np.newaxis, np.newaxis] * np.where(
            (cells.units > 1)[..., np.newaxis, np.newaxis], cells.spread, 0.0
        )
        gap = np.where(cells.units[..., np.newaxis] > 0, cells.means - means[..., np.newaxis, :, :], 0.0)
        between = cells.units[..., np.newaxis, np.newaxis] * _outer(gap, gap)
        size = np.where(units > 1, units - loss, np.nan)[..., np.newaxis, np.newaxis]
        spread = (within + between).sum(axis=-4) / size
    return Cells(units=units, means=means, spread=spread, degrees=np.where(units > 1, units - 1, np.nan))


def ratios(cells: Cells) -> Cells:
    """Every two columns as one: the first over the second, to first order (delta method: Deng et al. 2018).

    The unit of the new column is the ratio of the cell's totals plus the unit's own part in it.
    """
    top, bottom = cells.means[..., 0::2], cells.means[..., 1::2]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        means = top / np.where(bottom == 0, np.nan, bottom)
        slope = ratio_slopes(cells.means)
        spread = np.swapaxes(slope, -1, -2) @ cells.spread @ slope
    return Cells(units=cells.units, means=means, spread=spread, degrees=cells.degrees)


def ratio_slopes(means: Array) -> Array:
    """How every ratio moves with every mean: (..., columns, columns / 2), for means (..., columns) taken in twos."""
    columns = means.shape[-1]
    slopes = np.zeros((*means.shape, columns // 2))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for place in range(columns // 2):
            top, bottom = means[..., 2 * place], means[..., 2 * place + 1]
            slopes[..., 2 * place, place] = 1 / np.where(bottom == 0, np.nan, bottom)
            slopes[..., 2 * place + 1, place] = -top / np.where(bottom == 0, np.nan, bottom) ** 2
    return slopes


def _outer(left: Array, right: Array) -> Array:
    return left[..., :, np.newaxis] * right[..., np.newaxis, :]


def _diagonal(matrix: Array) -> Array:
    return np.diagonal(matrix, axis1=-2, axis2=-1)
