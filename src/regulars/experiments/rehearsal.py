"""Rehearsal: an experiment carried out many times on a business's own past, where what is true is known.

Units come in at random, look by look, each with a variant by chance and the outcome it really had; for a lift, the
variant's outcomes are raised by it. What is counted is how often a method would have named a difference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from regulars.experiments.outcome import SUMS
from regulars.experiments.reading import Plan, moments
from regulars.stats import group_sequential, sequential
from regulars.stats.compare import compare
from regulars.stats.effect import Effect
from regulars.stats.inference import infer

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Shares of the runs in which some variant was said to differ from the control, of 1."""

    runs: int
    looks: int
    units: int
    lift: float
    declared: float                          # by the method declared, looked at every time it allows
    single: float                            # by a plain test looked at once, at the end
    peeked: float                            # by a plain test looked at every time and stopped at the first alarm


def rehearse(
    outcome: Floats, earlier: Floats, *, plan: Plan, lift: float = 0.0, runs: int = 500, looks: int = 20,
    rng: np.random.Generator,
) -> Rehearsal:
    """Return how often a difference is found that is there (a lift), or is not (0).

    Args:
        outcome: What each unit did, of any length; `earlier` the same before.
        earlier: Zeros where nothing is adjusted for.
        plan: As declared; planned for the units there are.
        lift: What every variant but the control adds, relative.
        runs: How many times.
        looks: How often people look, evenly over the units.
        rng: Chance.

    """
    sums = np.stack([_drawn(outcome, earlier, plan=plan, lift=lift, looks=looks, rng=rng) for _ in range(runs)])
    has_covariate = bool(np.var(earlier) > 0)
    comparison = compare(moments(sums, has_denominator=False, has_covariate=has_covariate), control=plan.control)
    plain = np.asarray(infer(comparison.effect, alpha=plan.alpha).p)           # (runs, looks, variants - 1)
    level = plan.alpha / plain.shape[-1]
    return Rehearsal(
        runs=runs, looks=looks, units=len(outcome), lift=lift,
        declared=_share(_alarms(comparison.effect, sums, plan, plain)),
        single=_share(plain[:, -1] <= level), peeked=_share((plain <= level).any(axis=1)),
    )


def _drawn(
    outcome: Floats, earlier: Floats, *, plan: Plan, lift: float, looks: int, rng: np.random.Generator
) -> Floats:
    """One run: sums of (looks, variants, 1 epoch, SUMS), each look with everything before it."""
    variant = rng.choice(len(plan.weights), size=len(outcome), p=plan.weights)
    raised = np.where(variant == plan.control, outcome, outcome * (1 + lift))
    cell = rng.integers(0, looks, len(outcome)) * len(plan.weights) + variant
    columns = {
        "n": np.ones(len(outcome)), "y": raised, "yy": raised**2, "x": earlier, "xx": earlier**2,
        "xy": earlier * raised,
    }
    shape = (looks, len(plan.weights))
    sums = np.zeros((*shape, len(SUMS)))
    for name, values in columns.items():
        sums[..., SUMS.index(name)] = np.bincount(cell, weights=values, minlength=shape[0] * shape[1]).reshape(shape)
    return np.cumsum(sums, axis=0)[:, :, np.newaxis, :]


def _alarms(effect: Effect, sums: Floats, plan: Plan, plain: Floats) -> NDArray[np.bool_]:
    """Return (runs, looks that count, variants - 1): where the declared method names a difference."""
    others = plan.others
    level = plan.alpha / len(others)
    units = sums[:, :, :, 0, 0]
    match plan.method:
        case "group_sequential":
            assert plan.looks is not None
            at = [round(units.shape[1] * n / plan.looks) - 1 for n in range(1, plan.looks + 1)]
            fractions = np.arange(1, plan.looks + 1) / plan.looks
            bounds = group_sequential.boundaries(fractions, alpha=level)
            score = np.abs(np.asarray(effect.value)) / np.sqrt(np.asarray(effect.variance))
            return np.asarray(score[:, at] >= np.reshape(bounds, (1, -1, 1)))
        case "fixed":
            return np.asarray(plain[:, -1:] <= level)
        case _:
            pairs = units[..., others] + units[..., [plan.control]]
            share = plan.weights[others] + plan.weights[plan.control]
            planned = plan.planned * share
            found = sequential.confidence_sequence(effect, pairs, planned=planned, alpha=level)
            return np.asarray(found.p) <= level


def for_units(plan: Plan, units: int) -> Plan:
    """Return the plan for so many units, as if the experiment had been planned for them."""
    return replace(plan, planned=float(units))


def _share(alarms: NDArray[np.bool_]) -> float:
    return float(alarms.reshape(len(alarms), -1).any(axis=1).mean())
