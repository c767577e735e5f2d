"""Subgroups: whether a variant does more for some segments than for others, asked so that chance finds few answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from regulars.stats.adjust import Slope
from regulars.stats.cells import Divisor
from regulars.stats.compare import compare
from regulars.stats.effect import Effect, Inference
from regulars.stats.inference import infer
from regulars.stats.moments import Array, Moments

Correct = Callable[[Array], Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgroups:
    """A variant's effect in every segment, and whether the segments differ in it.

    The second question comes first: an effect in one segment and none in the next is no difference between the two.
    """

    effects: Inference                                 # (..., segments, variants - 1)
    adjusted_p: Array                                  # the same, corrected for how many segments were looked at
    interaction_p: Array                               # (..., variants - 1): that all segments have the same effect


def subgroups(
    moments: Moments, *, correct: Correct, control: int = 0, divisor: Divisor = "n-1", slope: Slope = "shared",
    alpha: float = 0.05,
) -> Subgroups:
    """Effects by segment, where the strata of the moments are the segments and every unit is in one.

    `correct` turns all p-values of one variant of one metric, (segments,), into those corrected for their number (Holm,
    Benjamini-Hochberg); it is not given those that are NaN. Segments must have been fixed before the experiment.
    """
    found = compare(moments.by_stratum(), control=control, divisor=divisor, slope=slope).effect
    effects = infer(found, alpha=alpha)
    return Subgroups(
        effects=effects, adjusted_p=_corrected(np.asarray(effects.p), correct=correct), interaction_p=interaction(found)
    )


def interaction(effect: Effect) -> Array:
    """p-values that the effects (..., segments, variants - 1) of all segments are one, by variant.

    Segments whose effect is unknown are left out; NaN with fewer than two others.
    Source: Welch (1951), for means of unlike variance; here the means are effects with their degrees of freedom.
    """
    value, variance, degrees = np.broadcast_arrays(
        *(np.asarray(field, dtype=np.float64) for field in (effect.value, effect.variance, effect.degrees))
    )
    known = np.isfinite(value) & (variance > 0) & (degrees > 0)
    weight = np.where(known, 1 / np.where(known, variance, 1.0), 0.0)
    groups = known.sum(axis=-2)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = weight / weight.sum(axis=-2, keepdims=True)
        mean = (share * np.where(known, value, 0.0)).sum(axis=-2, keepdims=True)
        spread = (weight * np.where(known, value - mean, 0.0) ** 2).sum(axis=-2) / (groups - 1)
        uncertain = np.where(known, (1 - share) ** 2 / np.where(known, degrees, 1.0), 0.0).sum(axis=-2)
        statistic = spread / (1 + 2 * (groups - 2) / (groups**2 - 1) * uncertain)
        # Infinite degrees of freedom make it a chi-square over its own
        rest = np.where(uncertain > 0, (groups**2 - 1) / (3 * uncertain), 1e15)
    enough = groups > 1
    p = special.fdtrc(np.where(enough, groups - 1, 1), rest, np.where(enough, statistic, 0.0))
    return np.where(enough, p, np.nan)


def against_the_rest(moments: Moments, *, control: int = 0, divisor: Divisor = "n-1") -> Effect:
    """How much more a variant does in a segment than outside it: (..., segments, variants - 1)."""
    inside = moments.by_stratum()
    everywhere = moments.over_strata().by_stratum()
    outside = Moments(
        units=everywhere.units - inside.units, sums=everywhere.sums - inside.sums,
        products=everywhere.products - inside.products, has_denominator=moments.has_denominator,
    )
    here = compare(inside, control=control, divisor=divisor).effect
    there = compare(outside, control=control, divisor=divisor).effect
    variance = np.asarray(here.variance) + np.asarray(there.variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        certain = np.asarray(here.variance) ** 2 / here.degrees + np.asarray(there.variance) ** 2 / there.degrees
        degrees = variance**2 / certain
    return Effect(value=np.asarray(here.value) - np.asarray(there.value), variance=variance, degrees=degrees)


def _corrected(p: Array, *, correct: Correct) -> Array:
    lines = np.moveaxis(p, -2, -1)
    corrected = np.full(lines.shape, np.nan)
    for place in np.ndindex(lines.shape[:-1]):
        known = ~np.isnan(lines[place])
        corrected[place][known] = correct(lines[place][known])
    return np.moveaxis(corrected, -1, -2)
