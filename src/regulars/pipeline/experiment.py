"""Experiment: what one did, read from the timelines of its units; and what people decide about it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.check import did_you_mean
from regulars.errors import DeclarationError, NotFound
from regulars.experiments.aging import Aging, aging, weeks_told
from regulars.experiments.experiment import Experiment, Goal, Guardrail
from regulars.experiments.outcome import Subjects, by_week, cap_at, outcome_of, sums_by_day
from regulars.experiments.reading import Plan, course
from regulars.experiments.report import Measured, Report, report
from regulars.experiments.trust import Conduct
from regulars.experiments.verdict import Role
from regulars.pipeline.assign import assigned, ended_by, exposed, planned_units
from regulars.pipeline.resolve import with_customer
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.tables import HOUSEHOLD_MEMBERS
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.experiments import Decision

BEFORE_DAYS = 42
"""How long before the exposure a metric is looked at to adjust for what units are like: six whole weeks."""


def experiment_named(workspace: Workspace, name: str) -> Experiment:
    """Return a declared experiment. Raises NotFound with the closest name."""
    by_name = {each.name: each for each in workspace.project.experiments}
    if name not in by_name:
        raise NotFound(f"there is no experiment {name!r}", hint=did_you_mean(name, by_name))
    return by_name[name]


def experiment_report(workspace: Workspace, name: str) -> Report:
    """Return what an experiment says as of now. Raises NotFound while nobody is in it."""
    experiment = experiment_named(workspace, name)
    units = assigned(workspace, experiment)
    if not len(units.rows):
        begins = "it is a draft" if experiment.begins is None else f"it begins on {experiment.begins}"
        raise NotFound(f"nobody is in {name!r} yet: {begins}", hint="regulars run")
    days = _days(workspace, experiment, units.rows)
    sights = exposed(workspace, experiment)
    seen = _exposed(workspace, units.rows, sights.rows)
    subjects = subjects_of(workspace, experiment, seen)
    plan = plan_of(workspace, experiment, last=days[-1])
    measured = [
        _measured(workspace, each, role=role, experiment=experiment, subjects=subjects, days=days)
        for role, each in _asked(experiment)
    ]
    first = measured[0]
    measured += _grouped(workspace, experiment, subjects, days)
    crossed = pa.concat_arrays([units.crossed, sights.crossed])
    conduct = Conduct(
        **_by_epoch(workspace, experiment, units.rows),
        exposed_by_day=np.diff(first.course.units, axis=0, prepend=0.0), crossovers=len(pc.unique(crossed)),
        first_day=days[0], last_day=days[-1], last_event_day=_last_event_day(workspace),
        is_bandit=plan.chances is not None,
    )
    # Weeks are told from raw means, which a bandit bends.
    weeks = _weeks(workspace, experiment, subjects, seen, last=days[-1]) if plan.chances is None else ()
    return report(experiment, measured, conduct, plan=plan, weeks=weeks)


def experiment_list(workspace: Workspace, *, name: str | None = None) -> list[dict[str, Any]]:
    """Return every declared experiment, or one, with its days, how many units it has, and its last decision.

    Raises NotFound for one that there is not.
    """
    book, day = workspace.book.experiments, as_of_now(workspace).day
    rows = []
    for each in workspace.project.experiments if name is None else [experiment_named(workspace, name)]:
        decisions, units = book.decisions(each.name), book.size(each.name)
        rows.append({
            "experiment": each.name, "title": each.title, "unit": each.unit, "audience": each.audience,
            "begins": each.begins, "ends": each.ends, "state": _state(each, decisions, day, units=units),
            "units": units, "decision": decisions[-1].kind if decisions else None,
        })
    return rows


def decide(
    workspace: Workspace, name: str, *, kind: str, by: str, reason: str, variant: str | None = None
) -> Decision:
    """Write a person's decision into the log, with what the report says at this moment as its evidence.

    Args:
        workspace: whose experiment.
        name: Which experiment.
        kind: `winner`, `stopped`, or `undone`.
        by: Who decides.
        reason: Why; a decision without a reason is refused.
        variant: The winner.

    Raises:
        DeclarationError: No reason was given, or the variant is none of the experiment's.
        NotFound: There is no such experiment.

    """
    experiment = experiment_named(workspace, name)
    if not reason.strip():
        raise DeclarationError("a decision needs a reason", hint="--reason TEXT: whoever comes after you will ask")
    names = [each.name for each in experiment.variants]
    if kind == "winner" and variant not in names:
        raise DeclarationError(f"{variant!r} is no variant of {name}", hint=did_you_mean(str(variant), names))
    try:
        said = experiment_report(workspace, name).to_dict()
    except NotFound:
        said = {}                            # nobody is in it yet, or nothing was run: decided without evidence
    detail = {"variant": variant, "report": said}
    return workspace.book.experiments.decide(
        name, kind=kind, by=by, reason=reason.strip(), detail=json.dumps(detail), at=workspace.clock.now()
    )


def decisions(workspace: Workspace, name: str) -> list[Decision]:
    """Return an experiment's log, the oldest line first. Raises NotFound when there is no such experiment."""
    return workspace.book.experiments.decisions(experiment_named(workspace, name).name)


def _state(experiment: Experiment, decisions: list[Decision], day: date, *, units: int) -> str:
    if experiment.begins is None:
        return "draft"
    if ended := ended_by(decisions):
        return ended.kind
    if day < experiment.begins:
        return "waits"
    is_full = experiment.stop.units is not None and units >= experiment.stop.units
    return "ended" if is_full or (experiment.ends is not None and day > experiment.ends) else "runs"


def _asked(experiment: Experiment) -> list[tuple[Role, Goal | Guardrail]]:
    return [
        *(("primary", each) for each in experiment.primary), *(("secondary", each) for each in experiment.secondary),
        *(("guardrail", each) for each in experiment.guardrails),
    ]


def _grouped(
    workspace: Workspace, experiment: Experiment, subjects: Subjects, days: list[date]
) -> list[Measured]:
    """What decides first, of the units in each segment of `by` when they were exposed, and of the others."""
    found = []
    for segment in experiment.by:
        is_in = _in_segment(workspace, segment, subjects)
        for group, units in (
            (f"in {segment}", subjects.exposed.semi_join(is_in, "unit")),
            (f"not in {segment}", subjects.exposed.anti_join(is_in, "unit")),
        ):
            told = _measured(
                workspace, experiment.primary[0], role="primary", experiment=experiment, days=days,
                subjects=replace(subjects, exposed=units),
            )
            found.append(replace(told, group=group))
    return found


def _weeks(
    workspace: Workspace, experiment: Experiment, subjects: Subjects, seen: pa.Table, *, last: date
) -> tuple[Aging, ...]:
    """What decides first, by week since the exposure."""
    metrics = {metric.name: metric for metric in workspace.project.metrics}
    outcome = outcome_of(metrics[experiment.primary[0].metric], metrics)
    if outcome.denominator is not None or not weeks_told(seen["exposed_day"].combine_chunks(), last):
        return ()
    return aging(
        seen, workspace.fetch(by_week(outcome, subjects)), variants=[each.name for each in experiment.variants],
        control=experiment.control, last_day=last, alpha=float(experiment.analysis.alpha),
    )


def _in_segment(workspace: Workspace, segment: str, subjects: Subjects) -> ir.Table:
    """Units of which anybody was in a segment when the unit was exposed: unit."""
    ledger = workspace.table("transitions")
    moves = ledger.filter(ledger.segment == segment).inner_join(subjects.owners, "customer_id")
    moves = moves.inner_join(subjects.exposed.select("unit", "exposed_at"), "unit")
    before = moves.filter(moves["at"] <= moves.exposed_at)
    # Who entered once more than they left is in.
    steps = before.mutate(step=ibis.ifelse(before.change == "entered", 1, -1))
    people = steps.group_by("unit", "customer_id").agg(standing=steps.step.sum())
    return people.filter(people.standing > 0).select("unit").distinct()


def _measured(
    workspace: Workspace, asked: Goal | Guardrail, *, role: Role, experiment: Experiment, subjects: Subjects,
    days: list[date],
) -> Measured:
    metrics = {metric.name: metric for metric in workspace.project.metrics}
    outcome = outcome_of(
        metrics[asked.metric], metrics, within=asked.within,
        before=timedelta(days=BEFORE_DAYS) if experiment.is_adjusted else None,
    )
    if experiment.analysis.winsor is not None and not outcome.is_share:
        cap = workspace.value(cap_at(outcome, subjects, share=float(experiment.analysis.winsor)))
        outcome = replace(outcome, cap=float(cap))
    rows = workspace.fetch(sums_by_day(outcome, subjects, by=("epoch",)))
    return Measured(
        metric=asked.metric, role=role, has_denominator=outcome.denominator is not None,
        has_covariate=outcome.before is not None, is_never_negative=outcome.numerator.take in {"count", "distinct"},
        guardrail=asked if isinstance(asked, Guardrail) else None,
        course=course(rows, variants=[each.name for each in experiment.variants], days=days),
    )


def _exposed(workspace: Workspace, units: pa.Table, seen: pa.Table) -> pa.Table:
    """Everybody who was exposed, by assignment: whoever saw another variant in between still counts for the own one."""
    at = pc.index_in(units["unit"].combine_chunks(), seen["unit"].combine_chunks())
    moments = seen["exposed_at"].combine_chunks().take(at)
    return pa.table({
        "unit": units["unit"], "variant": units["variant"], "epoch": units["epoch"], "exposed_at": moments,
        "exposed_day": _business_days(moments, workspace.zone),
    }).filter(pc.is_valid(moments))


def subjects_of(workspace: Workspace, experiment: Experiment, units: pa.Table) -> Subjects:
    """Return exposed units (unit, variant, epoch, exposed_at, exposed_day) with all that happened to anybody."""
    rows = workspace.stores.engine.arrow(units)
    match experiment.unit:
        case "household":
            members = workspace.table(HOUSEHOLD_MEMBERS)
            owners = members.select("customer_id", unit=members.household_id).semi_join(rows, "unit")
        case "customer":
            owners = rows.select("unit", customer_id=rows.unit)
        case _:
            # A visitor is whoever a source knows by that id; who is known by none did nothing we know of.
            identity = workspace.table("identity")
            known = identity.select("customer_id", unit=identity.profile_id).distinct()
            owners = known.semi_join(rows, "unit")
    money = workspace.table("money") if workspace.lake.exists("money") else None
    return Subjects(
        exposed=rows, owners=owners, events=with_customer(workspace, workspace.table("events")),
        money=None if money is None else with_customer(workspace, money), as_of=as_of_now(workspace),
    )


def _business_days(moments: pa.Array, zone: str) -> pa.Array:
    aware = pc.assume_timezone(moments, "UTC").cast(pa.timestamp("us", zone))
    return pc.local_timestamp(aware).cast(pa.date32(), safe=False)


def _days(workspace: Workspace, experiment: Experiment, units: pa.Table) -> list[date]:
    """Every day from the first assignment until today, or until nothing more can come in."""
    first = pc.min(_business_days(units["assigned_at"].combine_chunks(), workspace.zone)).as_py()
    today = as_of_now(workspace).day
    waits = max((each.within or 0 for each in (*experiment.primary, *experiment.secondary)), default=0)
    last = today if experiment.ends is None else min(today, experiment.ends + timedelta(days=waits))
    last = max(last, first)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def plan_of(workspace: Workspace, experiment: Experiment, *, last: date | None = None) -> Plan:
    """Return what was laid down at the start, or would be now; over with its units, its power or its last day."""
    epochs = workspace.book.experiments.epochs(experiment.name)
    planned = json.loads(epochs[0].setup)["planned"] if epochs else planned_units(workspace, experiment)
    units = workspace.book.experiments.size(experiment.name)
    weights = np.array([float(each.weight) for each in experiment.variants])
    names = [each.name for each in experiment.variants]
    enough = experiment.stop.units is not None and units >= experiment.stop.units
    ended = ended_by(workspace.book.experiments.decisions(experiment.name))
    enough = enough or (ended is not None and ended.kind == "completed")
    return Plan(
        method=experiment.analysis.method, alpha=float(experiment.analysis.alpha), planned=float(planned),
        weights=weights / weights.sum(), control=names.index(experiment.control), looks=experiment.analysis.looks,
        is_over=enough or (experiment.ends is not None and last is not None and last >= experiment.ends),
        chances=_chances(workspace, experiment) if experiment.allocation == "bandit" else None,
    )


def _chances(workspace: Workspace, experiment: Experiment) -> dict[int, NDArray[np.float64]]:
    """Return the chance of each variant in each epoch of a bandit, as logged; as declared before it begins."""
    setups = [json.loads(epoch.setup) for epoch in workspace.book.experiments.epochs(experiment.name)]
    names = [each.name for each in experiment.variants]
    for setup in setups:
        if set(setup["weights"]) != set(names):
            raise DeclarationError(
                f"the variants of the bandit {experiment.name!r} changed after its start: one had no chance",
                hint="put them back, or begin another experiment", path=("variants",),
            )
    declared = {"epoch": 1, "weights": {each.name: each.weight for each in experiment.variants}}
    return {
        setup["epoch"]: np.array([float(Fraction(setup["weights"][name]) / 100) for name in names])
        for setup in setups or [declared]
    }


def _by_epoch(workspace: Workspace, experiment: Experiment, units: pa.Table) -> dict[str, Any]:
    """Units by epoch and variant, and what the weights were."""
    names = [each.name for each in experiment.variants]
    counts = units.group_by(["epoch", "variant"]).aggregate([([], "count_all")]).to_pylist()
    found, weights = [], []
    for epoch in workspace.book.experiments.epochs(experiment.name):
        setup = json.loads(epoch.setup)
        told = {row["variant"]: row["count_all"] for row in counts if row["epoch"] == setup["epoch"]}
        found.append([float(told.get(name, 0)) for name in names])
        each = np.array([float(Fraction(setup["weights"].get(name, "0"))) for name in names])
        weights.append(each / each.sum())
    return {"units": np.array(found), "weights": np.array(weights)}


def _last_event_day(workspace: Workspace) -> date | None:
    events = workspace.table("events")
    now: datetime = as_of_now(workspace).moment
    found = workspace.value(events.filter(~events.is_interval, events.occurred_at <= now).business_day.max())
    return found if isinstance(found, date) else None
