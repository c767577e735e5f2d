"""Lift: an effect relative to the control's level, with intervals that agree with the effect itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regulars.stats.compare import Comparison
from regulars.stats.effect import Effect, Inference, Numbers
from regulars.stats.inference import infer, quantile
from regulars.stats.moments import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """A relative effect, 0.04 for 4 % more, and every lift that the data do not contradict.

    That set is mostly one interval. Where the control's level cannot be told from 0 it has no end: `low` or `high` are
    infinite then, and what lies between `gap_low` and `gap_high` is contradicted though it is inside them. NaN: no gap.
    Where the control is 0 beyond doubt and the variant is not, no number is a lift: both ends are the same infinity.
    """

    inference: Inference
    gap_low: Array
    gap_high: Array

    def holds(self, lift: float) -> NDArray[np.bool_]:
        """Whether the data do not contradict a lift; False also where they say nothing at all."""
        inside = (self.inference.low <= lift) & (lift <= self.inference.high)
        held: NDArray[np.bool_] = inside & ~((self.gap_low < lift) & (lift < self.gap_high))
        return held


def fieller(
    comparison: Comparison, *, alpha: float = 0.05, floor: float = -np.inf, reach: Numbers | None = None
) -> Lift:
    """Lifts by Fieller's theorem: those for which variant less (1 + lift) times control is not surprising.

    The p-value is that of the effect itself, and 0 is held exactly where that test does not reject: absolute and
    relative answer alike, always.

    Args:
        comparison: Effect, control's level and their covariance.
        alpha: 1 less the confidence.
        floor: The least lift there can be: -1 for a metric that is never negative. It can close a set on one side.
        reach: Half the width of the effect's own interval in standard errors, where another rule than `alpha` says it,
            as a sequence does: the lift then agrees with that interval. NaN where there is none.

    Source: Fieller (1954), Some problems in interval estimation; with the effect's Welch degrees of freedom.

    """
    effect, base, spread, tie = _parts(comparison)
    absolute = infer(comparison.effect, alpha=alpha)
    wide = quantile(1 - alpha / 2, np.asarray(comparison.effect.degrees)) if reach is None else np.asarray(reach)
    square = wide**2
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # lift is held where a lift^2 - 2 b lift + c <= 0, all in standard errors of the effect
        variance = np.asarray(comparison.effect.variance)
        error = np.sqrt(np.where(variance > 0, variance, np.nan))
        a = (base / error) ** 2 - square * (spread / variance)
        b = base / error * (effect / error) - square * (tie / variance)
        c = (effect / error) ** 2 - square
        root = np.sqrt(b**2 - a * c)
        # The root that adds equal signs first, so that nothing cancels
        far = b + np.where(b < 0, -root, root)
        one, other = far / a, np.where(far == 0, -root / a, c / far)
        ends = np.sort(np.stack([one, other]), axis=0)
        value = effect / np.where(base == 0, np.nan, base)
    known = np.isfinite(a + b + c) & ~np.isnan(absolute.p)
    bounded = known & ((a > 0) | ((a == 0) & (b != 0)))
    endless = known & (a == 0) & (b == 0) & (c > 0)
    split = known & (a < 0) & ~np.isnan(root)
    low = np.where(bounded, ends[0], np.where(endless, np.copysign(np.inf, effect), -np.inf))
    high = np.where(bounded, ends[1], np.where(endless, np.copysign(np.inf, effect), np.inf))
    gap_low, gap_high = np.where(split, ends[0], np.nan), np.where(split, ends[1], np.nan)
    closed = split & (gap_low < floor)
    low = np.where(closed, np.maximum(gap_high, floor), np.maximum(low, floor))
    return Lift(
        inference=Inference(
            value=np.where(known & np.isfinite(value), value, np.nan), low=np.where(known, low, np.nan),
            high=np.where(known, high, np.nan), p=absolute.p,
        ),
        gap_low=np.where(closed, np.nan, gap_low), gap_high=np.where(closed, np.nan, gap_high),
    )


def log_ratio(comparison: Comparison, *, alpha: float = 0.05) -> Inference:
    """Lifts by the delta method on the logarithm of variant over control; NaN unless both levels are above 0.

    Never below -1, and nearly as even in its tails as Fieller's; its test differs from the absolute one in a few cases
    of a thousand. Source: Katz, Baptista, Azen & Pike (1978), for ratios of levels of any kind.
    """
    effect, base, spread, tie = _parts(comparison)
    top = base + effect
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        above = (top > 0) & (base > 0)
        value = np.where(above, np.log(np.where(above, top, 1.0) / np.where(above, base, 1.0)), np.nan)
        # d log(top / base) = d effect / top + (1 / top - 1 / base) d base
        slope = 1 / top - 1 / base
        variance = np.asarray(comparison.effect.variance) / top**2 + 2 * slope * tie / top + slope**2 * spread
    found = infer(Effect(value=value, variance=variance, degrees=comparison.effect.degrees), alpha=alpha)
    with np.errstate(over="ignore"):                   # an end beyond all numbers is infinite
        value, low, high = (np.expm1(end) for end in (found.value, found.low, found.high))
    return Inference(value=value, low=low, high=high, p=found.p)


def delta(comparison: Comparison, *, at: Numbers | None = None) -> Effect:
    """The lift as an effect with a variance to first order: only to agree with tools that do it so.

    Its interval is symmetric where the truth is not: it misses on one side, and its test disagrees with the absolute
    one, most where the control's level is badly known. Source: Deng, Knoblich & Lu (2018).

    Args:
        comparison: Effect, control's level and their covariance.
        at: The lift at which the slope is taken, by default the one found; some take the unadjusted one.

    """
    effect, base, spread, tie = _parts(comparison)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        base = np.where(base == 0, np.nan, base)
        value = effect / base
        slope = value if at is None else np.asarray(at)
        variance = (np.asarray(comparison.effect.variance) - 2 * slope * tie + slope**2 * spread) / base**2
    return Effect(value=value, variance=variance, degrees=comparison.effect.degrees)


def _parts(comparison: Comparison) -> tuple[Array, Array, Array, Array]:
    effect = np.asarray(comparison.effect.value, dtype=np.float64)
    base = np.broadcast_to(np.asarray(comparison.control.value, dtype=np.float64), effect.shape)
    spread = np.broadcast_to(np.asarray(comparison.control.variance, dtype=np.float64), effect.shape)
    return effect, base, spread, comparison.covariance
