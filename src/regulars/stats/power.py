"""How many units an experiment needs, what it can find with those it has, and how many days that takes.

A difference is always absolute and in the unit of the metric: a share that is to go from .05 to .06 differs by .01.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri

from regulars.stats import group_sequential, mixture, sequential
from regulars.stats.effect import Numbers
from regulars.stats.moments import Array

_HALVINGS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What the metric is without the change: its value, and the variance of one unit around it.

    `inflation` multiplies the variance: below 1 with a covariate, above 1 in clusters. Build one with `proportion`,
    `mean` or `ratio`.
    """

    value: Numbers
    variance: Numbers
    is_share: bool = False
    inflation: Numbers = 1.0

    def with_covariate(self, correlation: Numbers) -> "Baseline":
        """Return it as adjusted by what was known before the experiment (CUPED).

        `correlation` is that of the metric with its covariate. Source: Deng, Xu, Kohavi and Walker, WSDM 2013.
        """
        kept = 1 - np.asarray(correlation) ** 2
        if not np.all(kept > 0):
            raise ValueError(f"the correlation is {correlation}; one between -1 and 1, as 0.6, leaves a rest")
        return replace(self, inflation=self.inflation * kept)

    def in_clusters(self, size: Numbers, *, similarity: Numbers, variation: Numbers = 0.0) -> "Baseline":
        """Return it for units assigned by households, schools or companies together; n still counts units.

        `size` is the mean of units a cluster, `variation` the coefficient of variation of sizes, `similarity` the
        intraclass correlation. Source: Eldridge, Ashby and Kerry (2006), International Journal of Epidemiology 35.
        """
        likeness = np.asarray(similarity, dtype=np.float64)
        if not (np.all(np.asarray(size) >= 1) and np.all((likeness >= 0) & (likeness <= 1))):
            raise ValueError(f"clusters of {size} with similarity {similarity}; sizes start at 1, similarity is 0 to 1")
        grown = 1 + ((1 + np.asarray(variation) ** 2) * size - 1) * likeness
        return replace(self, inflation=self.inflation * grown)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneLook:
    """Look once, at the end: a two-sided test at level alpha."""

    alpha: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyTime:
    """Look as often as wanted, by a confidence sequence tuned to the size in question; ending early adds power."""

    alpha: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """Look when these fractions of the units are there, by a group sequential test."""

    fractions: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8, 1.0)
    alpha: float = 0.05
    spending: group_sequential.Spending = "obrien-fleming"


Plan: TypeAlias = OneLook | AnyTime | Looks


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """Whole units needed, as floats; infinite where no number is enough."""

    control: Numbers
    variant: Numbers


def proportion(share: Numbers) -> Baseline:
    """Baseline of a share of units. Raises ValueError unless it lies between 0 and 1."""
    value = np.asarray(share, dtype=np.float64)
    if not np.all((value > 0) & (value < 1)):
        raise ValueError(f"the share is {share}; one between 0 and 1, as 0.05 for five in a hundred, can move")
    return Baseline(value=value, variance=value * (1 - value), is_share=True)


def mean(value: Numbers, *, variance: Numbers) -> Baseline:
    """Baseline of a mean of units, with the variance of a unit. Raises ValueError unless the variance is positive."""
    if not np.all(np.asarray(variance) > 0):
        raise ValueError(f"the variance is {variance}; it is positive for a metric that differs from unit to unit")
    return Baseline(value=value, variance=variance)


def ratio(
    numerator: Numbers,
    denominator: Numbers,
    *,
    numerator_variance: Numbers,
    denominator_variance: Numbers,
    covariance: Numbers,
) -> Baseline:
    """Baseline of a ratio of two means, as orders per visit where customers are assigned: by the delta method.

    All moments are those of one unit of assignment. Raises ValueError for a denominator of 0 or moments that
    contradict.
    Source: Deng, Knoblich and Lu, KDD 2018, arXiv 1803.06336.
    """
    below = np.asarray(denominator, dtype=np.float64)
    if np.any(below == 0):
        raise ValueError("the denominator's mean is 0; a ratio needs something to be a ratio of")
    value = np.asarray(numerator) / below
    spread = np.asarray(numerator_variance) - 2 * value * covariance + value**2 * np.asarray(denominator_variance)
    return mean(value, variance=spread / below**2)


def sample_size(
    baseline: Baseline, difference: Numbers, *, power: float = 0.8, plan: Plan | None = None, allocation: float = 1.0
) -> SampleSize:
    """Units needed to find a difference with a chance of `power`; `allocation` is variant units for one of the control.

    For shares the variance under no effect is pooled. Raises ValueError for a share that would leave 0 to 1, or a power
    outside alpha to 1. Source: Fleiss, Levin and Paik (2003), chapter 4, without their continuity correction.
    """
    chosen = plan or OneLook()
    at_null, at_difference = _variances(baseline, difference, allocation=allocation)
    bound, beyond = _bound(chosen), needed_drift(chosen, power=power) - _bound(chosen)
    with np.errstate(divide="ignore"):
        units = ((bound * np.sqrt(at_null) + beyond * np.sqrt(at_difference)) / np.abs(difference)) ** 2
    # A size that is whole but for rounding is that size.
    control = np.ceil(units * (1 - 1e-12))
    return SampleSize(control=control, variant=np.ceil(units * allocation * (1 - 1e-12)))


def power_of(
    baseline: Baseline, difference: Numbers, n: Numbers, *, plan: Plan | None = None, allocation: float = 1.0
) -> Array:
    """Chance to find a difference, and in its right direction, with `n` units in the control; NaN where n is 0."""
    chosen = plan or OneLook()
    at_null, at_difference = _variances(baseline, difference, allocation=allocation)
    units = np.where(np.asarray(n) > 0, n, np.nan)
    bound = _bound(chosen)
    drift = bound + (np.abs(difference) * np.sqrt(units) - bound * np.sqrt(at_null)) / np.sqrt(at_difference)
    return _power(chosen, drift)


def minimum_detectable(
    baseline: Baseline, n: Numbers, *, power: float = 0.8, plan: Plan | None = None, allocation: float = 1.0
) -> Array:
    """Smallest rise that `n` units in the control find with a chance of `power`; NaN where there is none."""
    chosen = plan or OneLook()
    units = np.where(np.asarray(n) > 0, np.asarray(n, dtype=np.float64), np.nan)
    if not baseline.is_share:
        at_null, _ = _variances(baseline, 0.0, allocation=allocation)
        return np.asarray(needed_drift(chosen, power=power) * np.sqrt(at_null / units))
    low = np.zeros(np.broadcast_shapes(np.shape(baseline.value), units.shape))
    high = np.broadcast_to(1 - np.asarray(baseline.value), low.shape)
    is_reachable = sample_size(baseline, high, power=power, plan=chosen, allocation=allocation).control <= units
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_found = sample_size(baseline, middle, power=power, plan=chosen, allocation=allocation).control <= units
        low, high = np.where(is_found, low, middle), np.where(is_found, middle, high)
    return np.where(is_reachable, high, np.nan)


def needed_drift(plan: Plan, *, power: float) -> float:
    """How many standard errors at full size the effect must be. Raises ValueError for a power outside alpha to 1."""
    if not plan.alpha < power < 1:
        raise ValueError(f"power is {power}; a chance between alpha ({plan.alpha}) and 1, as 0.8")
    if not isinstance(plan, Looks):
        return float(_bound(plan) + ndtri(power))
    low, high = 0.0, 2 * (_bound(plan) + float(ndtri(power)) + 1)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if float(_power(plan, np.asarray(middle))) < power else (low, middle)
    return high


def days_until(units: float, daily: Sequence[float], *, is_whole_weeks: bool = True) -> int | None:
    """Forecast on which day an experiment has its units, from the new units of each day to come; None if never.

    Days beyond the list go on as its last seven. Whole weeks by default: a week's days differ, and a test of part of
    a week speaks of that part only. Raises ValueError for an empty list or negative days.
    """
    coming = np.asarray(daily, dtype=np.float64)
    if coming.size == 0 or not np.all(coming >= 0):
        raise ValueError("daily holds the new units expected on each day, 0 or more, one at least")
    reached = np.cumsum(coming)
    if reached[-1] >= units:
        days = int(np.searchsorted(reached, units)) + 1
    else:
        pace = float(np.mean(coming[-7:]))
        if pace == 0 or not np.isfinite(units):
            return None
        days = coming.size + int(np.ceil((units - reached[-1]) / pace))
    return -(-days // 7) * 7 if is_whole_weeks else days


def _bound(plan: Plan) -> float:
    """Return the z-score that ends the test at its full size."""
    match plan:
        case OneLook():
            return float(-ndtri(plan.alpha / 2))
        case AnyTime():
            clock = sequential.information_clock(1.0, planned=1.0, tuned_for=plan.alpha)
            return float(mixture.bound(clock, alpha=plan.alpha))
        case Looks():
            bounds = group_sequential.boundaries(np.asarray(plan.fractions), alpha=plan.alpha, spending=plan.spending)
            return float(bounds[-1])


def _power(plan: Plan, drift: Array) -> Array:
    if not isinstance(plan, Looks):
        return np.asarray(ndtr(drift - _bound(plan)))
    crossed = group_sequential.crossing(
        np.asarray(plan.fractions), drift, alpha=plan.alpha, spending=plan.spending, is_upward=True
    )
    return crossed[..., -1]


def _variances(baseline: Baseline, difference: Numbers, *, allocation: float) -> tuple[Array, Array]:
    """Return the variance of the difference times the control's units, without an effect and with this one."""
    if not allocation > 0:
        raise ValueError(f"allocation is {allocation}; variant units for one of the control, as 1.0 for halves")
    before = np.asarray(baseline.variance, dtype=np.float64)
    factor = np.asarray(baseline.inflation, dtype=np.float64)
    if not baseline.is_share:
        both = factor * before * (1 + 1 / allocation)
        return both, both
    share = np.asarray(baseline.value, dtype=np.float64)
    after = share + difference
    if not np.all((after >= 0) & (after <= 1)):
        raise ValueError(f"a share of {baseline.value} with a difference of {difference} leaves 0 to 1")
    pooled = (share + allocation * after) / (1 + allocation)
    return factor * pooled * (1 - pooled) * (1 + 1 / allocation), factor * (before + after * (1 - after) / allocation)
