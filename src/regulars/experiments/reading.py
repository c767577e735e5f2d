"""Reading: from the sums of the units to what each variant did to a metric, by the method the experiment declared.

Which looks count is the method's: a sequence is valid at every one, a group sequential test at its planned ones, a
fixed test at the end alone. Where a method has nothing to say yet, everything is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from regulars.experiments.bandit import weighed
from regulars.experiments.experiment import Method
from regulars.experiments.outcome import SUMS
from regulars.stats import bayes, group_sequential, sequential
from regulars.stats.compare import Comparison, compare
from regulars.stats.effect import Effect, Inference
from regulars.stats.inference import infer
from regulars.stats.lift import Lift, fieller
from regulars.stats.moments import Moments
from regulars.stats.z_score import standard_error

Floats = NDArray[np.float64]

USUAL = bayes.Prior(mean=0.0, variance=0.05**2)
"""Lifts of most changes to a running business: of four in a hundred and less, up and down alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One metric over the days of an experiment; each day holds everything until its end.

    Epochs are strata: who came under other weights is compared with those who came under the same. Those of a bandit,
    which follow from what came before, are weighed by their chances instead.
    """

    days: tuple[date, ...]
    sums: Floats                             # (days, variants, epochs, SUMS)
    epochs: tuple[int, ...] = (1,)

    @property
    def units(self) -> Floats:
        """Return how many units had been exposed: (days, variants)."""
        return np.asarray(self.sums[..., 0].sum(axis=-1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was laid down before anybody looked."""

    method: Method
    alpha: float
    planned: float                           # units of all variants together
    weights: Floats                          # (variants,), adding up to 1
    control: int                             # which of the variants
    looks: int | None = None                 # of group_sequential
    chances: Mapping[int, Floats] | None = None        # of a bandit: what each variant's was, by epoch; each above 0
    is_over: bool = False                    # the planned end has come

    @property
    def others(self) -> list[int]:
        """Return the variants that are compared with the control."""
        return [n for n in range(len(self.weights)) if n != self.control]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a metric says on every day of the course; arrays of (days, variants without the control)."""

    effect: Inference                        # differences to the control, by the plan's method
    lift: Lift                               # the same, relative to the control's level
    evidence: Floats                         # e-values against no effect; NaN where the method makes none
    levels: Floats                           # (days, variants): each variant's own
    chance_to_win: Floats                    # of each variant against the control; NaN unless bayesian
    loss: Floats                             # expected, if the variant were chosen; the same


def course(rows: pa.Table, *, variants: Sequence[str], days: Sequence[date]) -> Course:
    """Return the course out of `outcome.sums_by_day` by epoch, over days without anything too.

    Rows of other variants, or after the last day, are left out; what lies before the first day counts on it.
    """
    epochs = sorted(set(rows["epoch"].to_pylist())) or [1]
    sums = np.zeros((len(days), len(variants), len(epochs), len(SUMS)))
    place = {name: n for n, name in enumerate(variants)}
    first, last = days[0], days[-1]
    for row in rows.to_pylist():
        if row["variant"] in place and row["day"] <= last:
            day = max((row["day"] - first).days, 0)
            sums[day, place[row["variant"]], epochs.index(row["epoch"])] += [row[name] for name in SUMS]
    return Course(days=tuple(days), sums=np.cumsum(sums, axis=0), epochs=tuple(epochs))


def moments(sums: Floats, *, has_denominator: bool, has_covariate: bool) -> Moments:
    """Return the moments of sums of the shape (..., variants, epochs, SUMS)."""
    names = ["y", *(["d"] if has_denominator else []), *(["x"] if has_covariate else [])]
    at = {name: n for n, name in enumerate(SUMS)}
    products = [[sums[..., at[_product(one, other)]] for other in names] for one in names]
    return Moments(
        units=sums[..., at["n"]], sums=sums[..., [at[name] for name in names]],
        products=np.moveaxis(np.array(products), (0, 1), (-2, -1)),
        has_denominator=has_denominator,
    )


def read(
    found: Course, *, plan: Plan, has_denominator: bool, has_covariate: bool, floor: float = -np.inf,
    alpha: Floats | None = None,
) -> Reading:
    """Return what a metric says, by the plan's method.

    `floor` is the least lift there can be, -1 for what is never negative; `alpha` (variants without the control) draws
    the intervals of a sequence anew.
    """
    comparison = compared(found, plan=plan, has_denominator=has_denominator, has_covariate=has_covariate)
    effect = comparison.effect
    level = np.full(len(plan.others), plan.alpha) if alpha is None else alpha
    pairs = found.units[:, plan.others] + found.units[:, [plan.control]]
    share = plan.weights[plan.others] + plan.weights[plan.control]
    evidence = np.full(pairs.shape, np.nan)
    chance, loss = evidence, evidence
    match plan.method:
        case "sequential":
            planned = plan.planned * share
            inferred = sequential.confidence_sequence(effect, pairs, planned=planned, alpha=level)
            evidence = sequential.evidence(effect, pairs, planned=planned)
        case "group_sequential":
            inferred = _at_looks(effect, found, plan)
        case "fixed":
            inferred = infer(_only(effect, [len(found.days) - 1] if plan.is_over else []), alpha=plan.alpha)
        case "bayesian":
            inferred, evidence, chance, loss = _believed(comparison, plan)
    return Reading(
        effect=inferred, lift=_lift(comparison, inferred, plan, floor), evidence=evidence,
        levels=np.asarray(comparison.levels.value), chance_to_win=chance, loss=loss,
    )


def compared(found: Course, *, plan: Plan, has_denominator: bool, has_covariate: bool) -> Comparison:
    """Return how far each variant is from the control on each day: effects of (days, variants without the control)."""
    if plan.chances is not None:
        chances = np.stack([plan.chances[epoch] for epoch in found.epochs])
        return weighed(found.sums, chances, control=plan.control, has_denominator=has_denominator)
    return compare(
        moments(found.sums, has_denominator=has_denominator, has_covariate=has_covariate), control=plan.control
    )


def look_days(units: Floats, plan: Plan) -> list[int]:
    """Return on which days of a course the planned looks of a group sequential test fall, the last one at its end."""
    assert plan.looks is not None
    total = units.sum(axis=-1)
    days = [int(np.argmax(total >= plan.planned * look / plan.looks)) for look in range(1, plan.looks + 1)
            if total[-1] >= plan.planned * look / plan.looks]
    if plan.is_over and (not days or len(set(days)) < plan.looks):
        days.append(len(total) - 1)
    return sorted(set(days))


def _at_looks(effect: Effect, found: Course, plan: Plan) -> Inference:
    """What the latest look says, on its own day; nothing on days that are no look."""
    days = look_days(found.units, plan)
    empty = infer(_only(effect, []), alpha=plan.alpha)
    if not days:
        return empty
    fractions = found.units.sum(axis=-1)[days] / plan.planned
    at = days[-1]
    here = Effect(**{name: np.asarray(getattr(effect, name))[at] for name in ("value", "variance", "degrees")})
    told = group_sequential.at_last_look(
        here, fractions[np.newaxis, :], alpha=plan.alpha,
        is_final=plan.is_over and at == len(found.days) - 1,
    )
    for name in ("value", "low", "high", "p"):
        np.asarray(getattr(empty, name))[at] = np.asarray(getattr(told, name))
    return empty


def _believed(comparison: Comparison, plan: Plan) -> tuple[Inference, Floats, Floats, Floats]:
    """Beliefs are one thing and when to stop is another: p is that of the rule that may be looked at for ever.

    The prior speaks of lifts and is brought to the metric's unit by the control's level, which is known well before
    anything is decided; the rule's promise is exact for a level known beforehand.
    """
    prior = USUAL.scaled(np.abs(np.asarray(comparison.control.value)) + np.finfo(float).tiny)
    belief = bayes.believe(comparison.effect, prior=prior, alpha=plan.alpha)
    evidence = bayes.bayes_factor(comparison.effect, prior=prior)
    with np.errstate(divide="ignore"):
        p = np.minimum(1.0, 1 / evidence)
    inferred = Inference(value=belief.value, low=belief.low, high=belief.high, p=p)
    return inferred, evidence, np.asarray(belief.chance_to_win), np.asarray(belief.loss_if_chosen)


def _lift(comparison: Comparison, inferred: Inference, plan: Plan, floor: float) -> Lift:
    """Relative to the control, as wide as the absolute interval: both leave out no effect, or neither does."""
    if plan.method == "bayesian":
        base = np.abs(np.asarray(comparison.control.value))
        base = np.where(base == 0, np.nan, base)
        nothing = np.full(np.asarray(inferred.value).shape, np.nan)
        scaled = {name: np.asarray(getattr(inferred, name)) / base for name in ("value", "low", "high")}
        return Lift(inference=Inference(**scaled, p=inferred.p), gap_low=nothing, gap_high=nothing)
    error = standard_error(comparison.effect)
    with np.errstate(invalid="ignore", divide="ignore"):
        reach = (np.asarray(inferred.high) - np.asarray(inferred.low)) / 2 / error
    lift = fieller(comparison, reach=reach, floor=floor)
    return replace(lift, inference=replace(lift.inference, p=inferred.p))


def _only(effect: Effect, days: Sequence[int]) -> Effect:
    """The effect on some days, without variance on the others."""
    kept = np.zeros(np.asarray(effect.value).shape[0], dtype=bool)
    kept[list(days)] = True
    return replace(effect, variance=np.where(kept[:, np.newaxis], effect.variance, np.nan))


def _product(one: str, other: str) -> str:
    return {frozenset("yd"): "yd", frozenset("xy"): "xy", frozenset("xd"): "xd"}.get(
        frozenset({one, other}), one + other
    )
