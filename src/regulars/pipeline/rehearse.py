"""Rehearse: what an experiment could find, how long it would take and how often it would err, on the own past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from regulars.errors import DeclarationError
from regulars.experiments.experiment import Experiment
from regulars.experiments.outcome import outcome_of, totals
from regulars.experiments.reading import Plan
from regulars.experiments.rehearsal import Rehearsal, for_units, rehearse
from regulars.pipeline.assign import audience
from regulars.pipeline.experiment import BEFORE_DAYS, experiment_named, plan_of, subjects_of
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.tables import HOUSEHOLD_MEMBERS
from regulars.pipeline.workspace import Workspace
from regulars.stats import power as stats_power

Floats = NDArray[np.float64]

WINDOW_DAYS = 28
"""How long the past is looked at for a metric that counts to the end of the experiment."""

LEAST = 100
"""Units, for their past to say anything."""

LIFTS = (0.02, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What it takes to find a lift."""

    lift: float
    units: float                             # of all variants together; infinite where no number is enough
    days: int | None                         # until they have come; None: never at this pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What an experiment can hope for."""

    experiment: str
    metric: str
    basis: str                               # whose past it is
    level: float                             # of the metric in the past, a unit
    variance: float                          # of one unit, after what is adjusted for
    explained: float                         # share of the variance that the time before explains, 0 to 1
    waiting: int                             # units of the audience now
    daily: tuple[float, ...]                 # new units a day, the last four weeks
    power: float
    needed: tuple[Needed, ...]
    detectable: float | None                 # the least lift found with the units planned


def prospect(workspace: Workspace, name: str, *, power: float = 0.8, lifts: Sequence[float] = LIFTS) -> Prospect:
    """Return how many units and days each lift takes, by the method the experiment declares."""
    experiment = experiment_named(workspace, name)
    found = past(workspace, experiment)
    outcome, explained = found.outcome, _explained(found.outcome, found.earlier)
    level, variance = float(outcome.mean()), float(outcome.var(ddof=1)) * (1 - explained)
    plan, weights = plan_of(workspace, experiment), np.array([float(each.weight) for each in experiment.variants])
    weights = weights / weights.sum()
    other = int(np.argmin(np.where(np.arange(len(weights)) == plan.control, np.inf, weights)))
    allocation = float(weights[other] / weights[plan.control])
    baseline, design = stats_power.mean(level, variance=variance), _design(plan)
    daily = _daily(workspace, experiment)
    waiting = len(audience(workspace, experiment))
    needed = []
    for lift in lifts:
        size = stats_power.sample_size(baseline, level * lift, power=power, plan=design, allocation=allocation)
        units = float(np.asarray(size.control)) / float(weights[plan.control])
        days = stats_power.days_until(max(units - waiting, 0.0), daily) if np.isfinite(units) else None
        needed.append(Needed(lift=lift, units=units, days=days))
    planned = plan.planned * float(weights[plan.control])
    least = stats_power.minimum_detectable(baseline, planned, power=power, plan=design, allocation=allocation)
    return Prospect(
        experiment=name, metric=experiment.primary[0].metric, basis=found.basis, level=level, variance=variance,
        explained=explained, waiting=waiting, daily=tuple(daily), power=power, needed=tuple(needed),
        detectable=None if np.isnan(least) or level == 0 else float(least) / level,
    )


def rehearsals(
    workspace: Workspace, name: str, *, lifts: Sequence[float] = (0.0, 0.1), runs: int = 500, looks: int = 20,
    seed: int = 1,
) -> list[Rehearsal]:
    """Return how often the experiment would name a difference on the own past, with none and with some lifts."""
    experiment = experiment_named(workspace, name)
    found = past(workspace, experiment)
    plan = for_units(plan_of(workspace, experiment), len(found.outcome))
    rng = np.random.default_rng(seed)
    return [
        rehearse(found.outcome, found.earlier, plan=plan, lift=lift, runs=runs, looks=looks, rng=rng) for lift in lifts
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What units did that are like those to come, and what they did before."""

    outcome: Floats                          # one a unit; of a ratio its numerator
    earlier: Floats
    basis: str                               # who they are, in words


def past(workspace: Workspace, experiment: Experiment) -> Past:
    """Return the past of whoever entered the audience long enough ago, or of everybody where these are too few.

    Raises DeclarationError when there are too few either way, or they are all alike.
    """
    metrics = {metric.name: metric for metric in workspace.project.metrics}
    goal = experiment.primary[0]
    days = goal.within or WINDOW_DAYS
    outcome = outcome_of(
        metrics[goal.metric], metrics, within=days,
        before=timedelta(days=BEFORE_DAYS) if experiment.is_adjusted else None,
    )
    candidates = [(_everybody, f"everybody {days + 1} days ago")]
    if experiment.audience is not None:
        candidates.insert(0, (_entered, f"who entered {experiment.audience}"))
    for who, basis in candidates:
        units = who(workspace, experiment, days=days)
        rows = workspace.fetch(totals(outcome, subjects_of(workspace, experiment, units)))
        told = rows["y"].to_numpy()
        if len(told) >= LEAST and np.ptp(told) > 0:
            return Past(outcome=told, earlier=rows["x"].to_numpy(), basis=basis)
    raise DeclarationError(
        f"{len(told)} {experiment.unit}s did nothing that moves {goal.metric!r} in {days} days",
        hint=f"a rehearsal needs {LEAST} of them, and a metric that is not alike for all",
    )


def _entered(workspace: Workspace, experiment: Experiment, *, days: int) -> pa.Table:
    """Units as if exposed when they entered the audience, those whose days are over since."""
    last = as_of_now(workspace).day - timedelta(days=days + 1)
    moves = workspace.table("transitions")
    entered = moves.filter(moves.segment == experiment.audience, moves.change == "entered", moves.business_day <= last)
    rows = entered.select("customer_id", exposed_at=entered["at"], exposed_day=entered.business_day)
    return _as_units(workspace, experiment, rows)


def _everybody(workspace: Workspace, experiment: Experiment, *, days: int) -> pa.Table:
    """Units as if all were exposed at the same midnight so many days ago."""
    day = as_of_now(workspace).day - timedelta(days=days + 1)
    at = datetime.combine(day, time(), ZoneInfo(workspace.zone)).astimezone(UTC).replace(tzinfo=None)
    people = workspace.table("customers")
    known = people.filter(people.first_seen <= day)
    rows = known.select("customer_id", exposed_at=ibis.literal(at, "timestamp"), exposed_day=ibis.literal(day, "date"))
    return _as_units(workspace, experiment, rows)


def _as_units(workspace: Workspace, experiment: Experiment, rows: ir.Table) -> pa.Table:
    """One row a unit, exposed when the first of its customers was."""
    units = rows.rename(unit="customer_id")
    if experiment.unit == "household":
        members = workspace.table(HOUSEHOLD_MEMBERS).select("customer_id", unit="household_id")
        units = rows.inner_join(members, "customer_id").drop("customer_id")
    first = units.group_by("unit").agg(exposed_at=units.exposed_at.min(), exposed_day=units.exposed_day.min())
    return workspace.fetch(
        first.mutate(variant=ibis.literal("past"), epoch=ibis.literal(1, "int64")).order_by("unit")
    )


def _daily(workspace: Workspace, experiment: Experiment) -> list[float]:
    """Return how many units came into the audience on each of the last 28 days."""
    last = as_of_now(workspace).day
    if experiment.audience is None:
        people = workspace.table("customers")
        rows = people.group_by(day=people.first_seen).agg(units=people.count())
    else:
        moves = workspace.table("transitions")
        entered = moves.filter(moves.segment == experiment.audience, moves.change == "entered")
        rows = entered.group_by(day=entered.business_day).agg(units=entered.count())
    by_day: dict[date, int] = {row["day"]: row["units"] for row in workspace.rows(rows)}
    return [float(by_day.get(last - timedelta(days=n), 0)) for n in range(WINDOW_DAYS, 0, -1)]


def _design(plan: Plan) -> stats_power.Plan:
    level = plan.alpha / max(len(plan.others), 1)
    match plan.method:
        case "fixed":
            return stats_power.OneLook(alpha=level)
        case "group_sequential":
            assert plan.looks is not None
            fractions = tuple(float(n) / plan.looks for n in range(1, plan.looks + 1))
            return stats_power.Looks(fractions=fractions, alpha=level)
        case _:
            return stats_power.AnyTime(alpha=level)


def _explained(outcome: Floats, earlier: Floats) -> float:
    if outcome.var() == 0 or earlier.var() == 0:
        return 0.0
    return float(np.corrcoef(outcome, earlier)[0, 1] ** 2)
