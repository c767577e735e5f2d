"""Tracking plans of a project: read by themselves, for the door, and held against the sources they speak of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from regulars.check import Finding, did_you_mean
from regulars.errors import DeclarationError, NotFound
from regulars.project.declared import read_declarations, refused
from regulars.sources.door import DoorSource
from regulars.sources.tracking.plan import TrackingPlan, declare

if TYPE_CHECKING:
    from regulars.project import Project
    from regulars.sources.source import Source

FOLDER = "tracking_plans"


def door_of(project: Project, source: str) -> DoorSource:
    """Return a door that is declared. Raises NotFound when there is no such source, or it takes no messages."""
    sources = {one.name: one for one in project.sources}
    if source not in sources:
        raise NotFound(f"there is no source {source!r}", hint=did_you_mean(source, sources))
    found = sources[source]
    if not isinstance(found, DoorSource):
        raise NotFound(f"{source!r} takes no messages", hint="a plan is of a source of `kind: door`")
    return found


def plan_of(project: Project, source: str) -> TrackingPlan:
    """Return the tracking plan of a door. Raises NotFound when it has none, or there is no such door."""
    for plan in project.tracking_plans:
        if plan.source == source:
            return plan
    door_of(project, source)
    raise NotFound(f"{source!r} has no tracking plan", hint=f"regulars plan infer {source} --apply")


def read_tracking_plans(folder: Path) -> Mapping[str, TrackingPlan]:
    """Return the tracking plan of each source that has one, whatever else is wrong in a project.

    Raises DeclarationError with every problem of a plan: a door does not open that would let in what it should not.
    """
    reading = read_declarations(folder, folders=(FOLDER,), beside=())
    problems: list[Finding] = [one for one in reading.problems if one.where.startswith(f"{FOLDER}/")]
    plans: dict[str, TrackingPlan] = {}
    files = {one.name: one for one in reading.of(FOLDER)}
    for one in files.values():
        try:
            plan = one.made if one.made is not None else declare(one.name, one.data)
        except DeclarationError as error:
            problems.append(one.problem(error))
            continue
        assert isinstance(plan, TrackingPlan)
        plans[one.name] = plan
    problems += [files[plan.name].problem(error) for plan, error in _twice(plans.values())]
    if problems:
        raise refused(problems)
    return {plan.source: plan for plan in plans.values()}


def plan_errors(
    plans: Iterable[TrackingPlan], *, sources: Iterable[Source], declared: Collection[str]
) -> Iterator[tuple[TrackingPlan, DeclarationError]]:
    """Yield what plans say that is not so: of a source that is not there or no door, or of one that has a plan.

    `declared` names the sources that are declared, those with a mistake too.
    """
    plans, made = list(plans), {source.name: source for source in sources}
    for plan in plans:
        source = made.get(plan.source)
        if plan.source not in declared:
            hint = did_you_mean(plan.source, declared)
            yield plan, DeclarationError(f"there is no source {plan.source!r}", hint=hint, path=("source",))
        elif source is not None and not isinstance(source, DoorSource):
            hint = "a source of `kind: door`"
            yield plan, DeclarationError(f"{plan.source!r} takes no messages", hint=hint, path=("source",))
    yield from _twice(plans)


def _twice(plans: Iterable[TrackingPlan]) -> Iterator[tuple[TrackingPlan, DeclarationError]]:
    first: dict[str, TrackingPlan] = {}
    for plan in plans:
        other = first.setdefault(plan.source, plan)
        if other is not plan:
            hint = f"the other one is {FOLDER}/{other.name}.yaml"
            yield plan, DeclarationError(f"{plan.source!r} has a plan already", hint=hint, path=("source",))
