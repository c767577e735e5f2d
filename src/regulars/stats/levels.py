"""Levels: what every variant comes to over all strata, how sure that is, and how the variants hang together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regulars.stats.adjust import Adjusted
from regulars.stats.cells import ratio_slopes
from regulars.stats.moments import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Means of the columns by variant, with the covariance of those means."""

    means: Array                                       # (..., variants, columns)
    parts: Array                                       # (..., variants, strata, columns, columns): each cell's own
    degrees: Array                                     # (..., variants, strata): of freedom, of each part
    shared: Array                                      # (..., variants, variants, columns, columns): through others


def levels_of(adjusted: Adjusted) -> Levels:
    """Levels over the strata, each stratum as heavy as its share of all units: post-stratification.

    Source: Miratrix, Sekhon & Yu (2013). The variance is that of a new sample, in which the strata have other sizes
    too: to the variance at the sizes met comes that of a mean over strata whose sizes are a multinomial draw.
    """
    cells = adjusted.cells
    columns, strata = cells.means.shape[-1], cells.means.shape[-2]
    in_stratum = cells.units.sum(axis=-2)
    total = in_stratum.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = in_stratum / total[..., np.newaxis]
        means = np.where((weight > 0)[..., np.newaxis, :, np.newaxis], cells.means, 0.0)
        per_unit = (weight[..., np.newaxis, :] ** 2 / cells.units)[..., np.newaxis, np.newaxis]
        parts = np.where((weight > 0)[..., np.newaxis, :, np.newaxis, np.newaxis], per_unit * cells.spread, 0.0)
    level = (weight[..., np.newaxis, :, np.newaxis] * means).sum(axis=-2)
    shared = np.zeros((*level.shape[:-1], level.shape[-2], columns, columns))
    if adjusted.shared is not None:
        shared += np.einsum("...s,...vwspr->...vwpr", weight**2, adjusted.shared)
    if strata > 1:
        products = np.einsum("...s,...vsp,...wsr->...vwpr", weight, means, means)
        square_of_mean = np.einsum("...vp,...wr->...vwpr", level, level)
        shared += (products - square_of_mean) / total[..., np.newaxis, np.newaxis, np.newaxis, np.newaxis]
    return Levels(means=level, parts=parts, degrees=cells.degrees, shared=shared)


def level_ratios(levels: Levels) -> Levels:
    """Every two columns as one, the first over the second: delta method on the means (Deng et al. 2018)."""
    slopes = ratio_slopes(levels.means)
    turned = np.swapaxes(slopes, -1, -2)
    bottom = levels.means[..., 1::2]
    return Levels(
        means=levels.means[..., 0::2] / np.where(bottom == 0, np.nan, bottom),
        parts=turned[..., np.newaxis, :, :] @ levels.parts @ slopes[..., np.newaxis, :, :],
        degrees=levels.degrees,
        shared=turned[..., :, np.newaxis, :, :] @ levels.shared @ slopes[..., np.newaxis, :, :, :],
    )
