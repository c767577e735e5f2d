"""Comparison: how far every variant is from its control, for many metrics at once, from moments alone.

Mean, share, ratio, adjusted for covariates or not, stratified or not, are one path: cells, adjusted cells, levels,
difference. A mean skips what it has no use for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from regulars.stats.adjust import Slope, adjusted
from regulars.stats.cells import Divisor, cells_of, ratios
from regulars.stats.effect import Effect
from regulars.stats.levels import Levels, level_ratios, levels_of
from regulars.stats.moments import Array, Moments

Against = Literal["adjusted", "observed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Differences between the variants and their control, and the level of the control that a lift is relative to."""

    effect: Effect                                     # (..., variants - 1): variants in order, without the control
    control: Effect                                    # (..., 1): its level
    covariance: Array                                  # (..., variants - 1): between the effect and the control's level
    levels: Effect                                     # (..., variants): each one's own, the control among them


@np.errstate(over="ignore", divide="ignore", invalid="ignore")
def compare(
    moments: Moments, *, control: int = 0, divisor: Divisor = "n-1", slope: Slope = "shared",
    against: Against = "adjusted",
) -> Comparison:
    """Every variant of every metric against the control.

    A metric with a denominator is the ratio of its totals per variant, so its units may bring several observations each
    (sessions of a person). Covariates are used up first, each outcome on all of them; strata are weighed by their size.

    Args:
        moments: Of any leading shape.
        control: Which variant is the control.
        divisor: `n` for shares where p (1 - p) / n is wanted instead of the unbiased variance.
        slope: How covariates are used, see `adjust.adjusted`.
        against: The level of the control that a lift is relative to: as adjusted (its chance imbalance taken out, the
            numerator's counterpart), or as observed.

    Returns:
        Effects whose degrees of freedom are Welch's (1947), by Satterthwaite (1946) over all cells.
        NaN where a variant has no units, or its control has no level; the other variants keep their answer.

    """
    cells = cells_of(moments, divisor=divisor)
    after = adjusted(
        cells, outcomes=moments.outcomes, slope=slope, divisor=divisor, keep_observed=against == "observed"
    )
    levels = levels_of(after)
    return differences(level_ratios(levels) if moments.has_denominator else levels, control=control)


def compare_by_ratio(
    moments: Moments, *, control: int = 0, slope: Slope = "averaged", against: Against = "observed"
) -> Comparison:
    """Every variant against the control, where the covariates too are numerators and denominators by turns.

    The ratio before the experiment is the covariate of the ratio in it (Deng et al. 2013, appendix B). It is what other
    tools report; `compare` adjusts numerator and denominator by all covariates and is at least as precise.
    Strata are taken together.
    """
    if not moments.has_denominator or moments.sums.shape[-1] % 2:
        raise ValueError("a ratio with ratios for covariates has an even number of columns")
    cells = ratios(cells_of(moments.over_strata()))
    after = adjusted(cells, outcomes=1, slope=slope, keep_observed=against == "observed")
    return differences(levels_of(after), control=control)


def differences(levels: Levels, *, control: int) -> Comparison:
    """The first column of every variant less that of the control; the last column is what a lift is relative to."""
    others = _others(levels.means.shape[-2], control=control)
    own = np.diagonal(levels.parts, axis1=-2, axis2=-1)                         # (..., variants, strata, columns)
    linked = np.diagonal(levels.shared, axis1=-4, axis2=-3)                     # (..., columns, columns, variants)
    beside = np.moveaxis(levels.shared[..., control, :, :], -3, -1)             # the same, of each with the control
    variance = own.sum(axis=-2) + np.diagonal(linked, axis1=-3, axis2=-2)       # (..., variants, columns)
    value = levels.means[..., 0] - levels.means[..., control, np.newaxis, 0]
    total = variance[..., 0] + variance[..., control, np.newaxis, 0] - 2 * beside[..., 0, 0, :]
    cross = levels.parts[..., control, :, 0, -1].sum(axis=-1) + linked[..., 0, -1, control]
    with np.errstate(divide="ignore", invalid="ignore"):
        certain = np.where(own > 0, own**2 / levels.degrees[..., np.newaxis], 0.0).sum(axis=-2)
        degrees = total**2 / (certain[..., 0] + certain[..., control, np.newaxis, 0])
        alone = variance**2 / certain
    return Comparison(
        effect=Effect(value=value[..., others], variance=total[..., others], degrees=degrees[..., others]),
        control=Effect(
            value=levels.means[..., control, -1:], variance=variance[..., control, -1:],
            degrees=alone[..., control, -1:],
        ),
        covariance=(beside[..., 0, -1, :] - cross[..., np.newaxis])[..., others],
        levels=Effect(value=levels.means[..., 0], variance=variance[..., 0], degrees=alone[..., 0]),
    )


def apart(levels: Effect, *, control: int = 0) -> Comparison:
    """The comparison of levels (..., variants) that have nothing in common; degrees by Satterthwaite (1946)."""
    value, variance, degrees = np.broadcast_arrays(
        *(np.asarray(field, dtype=np.float64) for field in (levels.value, levels.variance, levels.degrees))
    )
    others = _others(value.shape[-1], control=control)
    base, spread = value[..., [control]], variance[..., [control]]
    with np.errstate(divide="ignore", invalid="ignore"):
        certain = variance[..., others] ** 2 / degrees[..., others] + spread**2 / degrees[..., [control]]
        total = variance[..., others] + spread
        freedom = np.where(certain == 0, np.inf, total**2 / certain)
    return Comparison(
        effect=Effect(value=value[..., others] - base, variance=total, degrees=freedom),
        control=Effect(value=base, variance=spread, degrees=degrees[..., [control]]),
        covariance=np.broadcast_to(-spread, total.shape), levels=levels,
    )


def _others(variants: int, *, control: int) -> list[int]:
    if not 0 <= control < variants:
        raise ValueError(f"the control must be one of the variants 0 to {variants - 1}, not {control}")
    return [variant for variant in range(variants) if variant != control]
