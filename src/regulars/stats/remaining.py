"""How many more units an experiment under way needs, by the variance it has shown."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri

from regulars.stats import mixture, sequential
from regulars.stats.bayes import Prior
from regulars.stats.effect import Effect, Numbers
from regulars.stats.moments import Array
from regulars.stats.power import OneLook
from regulars.stats.z_score import standard_error

_FARTHEST = 2.0**27                          # times the units so far; an experiment that needs more will never end
_HALVINGS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """A confidence sequence under way, tuned to `planned` units of variant and control together."""

    planned: float
    alpha: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Credible:
    """A credible interval that is to exclude zero, with this prior."""

    prior: Prior
    alpha: float = 0.05


Rule: TypeAlias = OneLook | Sequence | Credible


def growth_needed(effect: Effect, n: Numbers, difference: Numbers, *, rule: Rule, power: float = 0.8) -> Array:
    """How many times the units so far must be added to find `difference` with a chance of `power`; 0: there are enough.

    Only the effect's variance is used, never its value: planning again by the effect seen would be peeking. `n`
    counts the units so far. NaN without variance, infinite where 2 ** 27 times are not enough.
    """
    low = np.zeros(np.broadcast_shapes(np.shape(effect.variance), np.shape(n), np.shape(difference)))
    high = np.full(low.shape, _FARTHEST)
    is_enough = chance_to_find(effect, n, difference, rule=rule, growth=0.0) >= power
    is_reachable = chance_to_find(effect, n, difference, rule=rule, growth=_FARTHEST) >= power
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_found = chance_to_find(effect, n, difference, rule=rule, growth=middle) >= power
        low, high = np.where(is_found, low, middle), np.where(is_found, middle, high)
    needed = np.where(is_enough, 0.0, np.where(is_reachable, high, np.inf))
    return np.where(np.isnan(standard_error(effect)), np.nan, needed)


def chance_to_find(effect: Effect, n: Numbers, difference: Numbers, *, rule: Rule, growth: Numbers = 0.0) -> Array:
    """Chance that the rule finds `difference`, in either direction, once `growth` times the units so far were added.

    Sources as in `power`, `sequential` and `bayes`: the estimate is normal around the difference, its variance
    shrinks with the units, and the rule says how far it must be from zero.
    """
    error = standard_error(effect) / np.sqrt(1 + np.asarray(growth))
    units = np.asarray(n, dtype=np.float64) * (1 + np.asarray(growth))
    upper, lower = _bounds(rule, error, units)
    drift = np.abs(difference) / error
    return np.asarray(ndtr(drift - upper) + ndtr(-drift - lower))


def _bounds(rule: Rule, error: Array, units: Array) -> tuple[Array, Array]:
    """Return how many standard errors above and below zero the estimate must lie."""
    match rule:
        case OneLook():
            bound = np.broadcast_to(-ndtri(rule.alpha / 2), error.shape)
            return bound, bound
        case Sequence():
            clock = sequential.information_clock(units, planned=rule.planned, tuned_for=rule.alpha)
            bound = mixture.bound(clock, alpha=rule.alpha)
            return bound, bound
        case Credible():
            # The posterior mean must be so many posterior deviations from zero; solved for the estimate.
            precision = 1 / error**2 + 1 / np.asarray(rule.prior.variance)
            width, pull = -ndtri(rule.alpha / 2) * np.sqrt(precision), rule.prior.mean / np.asarray(rule.prior.variance)
            return error * (width - pull), error * (width + pull)
