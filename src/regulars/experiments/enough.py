"""Enough: whether an experiment has the power it was planned for, by the variance it has shown and nothing else.

What the variants did to the metric plays no part: to end an experiment by that would be another test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from regulars.experiments.reading import USUAL, Course, Plan, compared
from regulars.stats import group_sequential
from regulars.stats.effect import Effect
from regulars.stats.power import OneLook
from regulars.stats.remaining import Credible, Rule, Sequence, chance_to_find


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """The chance to find a lift of the metric that decides first, with the units so far."""

    lift: float                              # relative to the control
    wanted: float                            # the chance that was planned, in (0, 1)
    reached: float | None                    # of the variant that has least; None while nothing is known

    @property
    def is_enough(self) -> bool:
        """Return whether the experiment has what it was planned to have."""
        return self.reached is not None and self.reached >= self.wanted


def power_reached(
    found: Course, *, plan: Plan, lift: float, wanted: float, has_denominator: bool, has_covariate: bool
) -> Power:
    """Return the power that the last day of a course gives the plan's method, with its error shared by the variants."""
    comparison = compared(found, plan=plan, has_denominator=has_denominator, has_covariate=has_covariate)
    variance = np.asarray(comparison.effect.variance)[-1]
    degrees = np.broadcast_to(np.asarray(comparison.effect.degrees), np.shape(comparison.effect.value))[-1]
    level = float(np.abs(np.asarray(comparison.control.value)[-1, 0]))
    units = found.units[-1]
    chances = []
    for k, variant in enumerate(plan.others):
        effect = Effect(value=0.0, variance=variance[k], degrees=degrees[k])
        pair = float(units[variant] + units[plan.control])
        rule = _rule(plan, float(plan.weights[variant] + plan.weights[plan.control]), level)
        # One that takes no units any more is waited for by nobody.
        if plan.weights[variant] > 0:
            chances.append(float(chance_to_find(effect, pair, lift * level, rule=rule)))
    least = min(chances, default=np.nan)
    return Power(lift=lift, wanted=wanted, reached=None if np.isnan(least) or level == 0 else least)


def _rule(plan: Plan, share: float, level: float) -> Rule:
    alpha = plan.alpha / max(len(plan.others), 1)
    match plan.method:
        case "sequential":
            return Sequence(planned=plan.planned * share, alpha=alpha)
        case "group_sequential":
            assert plan.looks is not None
            bounds = group_sequential.boundaries(np.arange(1, plan.looks + 1) / plan.looks, alpha=alpha)
            return OneLook(alpha=float(2 * ndtr(-bounds[-1])))
        case "fixed":
            return OneLook(alpha=alpha)
        case "bayesian":
            return Credible(prior=USUAL.scaled(level + np.finfo(float).tiny), alpha=plan.alpha)
