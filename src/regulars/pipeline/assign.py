"""Assign: everybody who has come into an experiment's audience gets a variant, for ever; the book keeps which."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from regulars.errors import DeclarationError
from regulars.experiments.assign import STORED, STRATA
from regulars.experiments.bandit import PARTS
from regulars.experiments.enrol import enrol
from regulars.experiments.experiment import Experiment
from regulars.experiments.merged import Inherited, inherited
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.tables import HOUSEHOLD_MEMBERS
from regulars.pipeline.workspace import Workspace
from regulars.runs.run import Checkpoint, Steps, Work
from regulars.storage.book.experiments import ASSIGNMENTS, EXPOSURES, Decision

ENDED = {"stopped", "tripped", "winner", "completed"}
"""Decisions after which nobody new gets in, until one is undone; after a completed one everybody keeps the variant."""

PLANNED = 10_000
"""Units a sequence is sharpest at where neither the declaration nor the audience says how many there will be."""


def assign_units(workspace: Workspace) -> Steps:
    """Enrol the audience of every running experiment; who is enrolled is exposed at once, to the control too."""
    experiments = [each for each in workspace.project.experiments if each.unit in {"customer", "household"}]
    day = as_of_now(workspace).day
    added = 0
    for n, experiment in enumerate(experiments):
        if is_running(workspace, experiment):
            added += enrol_audience(workspace, experiment)
        yield Checkpoint(done=n + 1, total=len(experiments), note=experiment.name)
    return Work(rows_in=len(experiments), rows_out=added, watermark=day.isoformat(), note=f"{added:,} new units")


def is_running(workspace: Workspace, experiment: Experiment) -> bool:
    """Return whether an experiment takes new units today: it has begun, not ended, and has not all it asked for."""
    day, book = as_of_now(workspace).day, workspace.book.experiments
    if not experiment.has_begun(day) or (experiment.ends is not None and day > experiment.ends):
        return False
    if experiment.stop.units is not None and book.size(experiment.name) >= experiment.stop.units:
        return False
    return ended_by(book.decisions(experiment.name)) is None


def ended_by(decisions: list[Decision]) -> Decision | None:
    """Return the decision that ended an experiment; None while none stands."""
    last = next((each for each in reversed(decisions) if each.kind in ENDED | {"undone"}), None)
    return last if last is not None and last.kind in ENDED else None


def enrol_audience(workspace: Workspace, experiment: Experiment) -> int:
    """Assign and expose whoever of the audience has no variant yet; return how many that were.

    Raises DeclarationError when the weights were changed after the start without a new epoch.
    """
    return enrol_units(workspace, experiment, audience(workspace, experiment))


def enrol_units(workspace: Workspace, experiment: Experiment, units: pa.Array) -> int:
    """Assign and expose those of some units that have no variant yet, in the same way."""
    now, book = workspace.clock.now(), workspace.book.experiments
    experiment = in_force(workspace, experiment)
    begin(workspace, experiment, at=now, planned=planned_units(workspace, experiment))
    known = assigned(workspace, experiment).rows
    found = enrol(
        units, experiment=experiment, day=as_of_now(workspace).day, holdouts=workspace.project.holdouts,
        stored=known.select(STORED.names), strata=_strata(workspace, experiment),
    )
    fresh = found.filter(pc.is_valid(found["how"]))
    moment = pa.scalar(now.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us"))
    fresh = fresh.append_column("assigned_at", pa.repeat(moment, len(fresh)))
    added = book.assign(experiment.name, fresh.select(ASSIGNMENTS.names))
    expose_assigned(workspace, experiment)
    return added


def in_force(workspace: Workspace, experiment: Experiment) -> Experiment:
    """Return an experiment as it assigns now: a bandit with the epoch and the weights of its latest shift."""
    epochs = workspace.book.experiments.epochs(experiment.name)
    if experiment.allocation != "bandit" or not epochs:
        return experiment
    setup = json.loads(epochs[-1].setup)
    weights = {name: Fraction(weight) for name, weight in setup["weights"].items()}
    return replace(experiment, epoch=setup["epoch"], variants=tuple(
        replace(variant, weight=weights.get(variant.name, variant.weight)) for variant in experiment.variants
    ))


def shift(workspace: Workspace, experiment: Experiment, shares: Mapping[str, float]) -> bool:
    """Give units to come the shares that a bandit has learnt, at most once a business day; return whether they moved.

    Whoever has a variant keeps it. The epoch that begins keeps the shares in the book: they are what its units are
    weighed by.
    """
    now = in_force(workspace, experiment)
    weights = {name: Fraction(round(share * PARTS), PARTS // 100) for name, share in shares.items()}
    began = workspace.book.experiments.epochs(experiment.name)[-1].since
    is_done = began.astimezone(ZoneInfo(workspace.zone)).date() >= as_of_now(workspace).day
    if is_done or weights == {variant.name: variant.weight for variant in now.variants}:
        return False
    moved = tuple(replace(variant, weight=weights[variant.name]) for variant in now.variants)
    begin(
        workspace, replace(now, epoch=now.epoch + 1, variants=moved), at=workspace.clock.now(),
        planned=planned_units(workspace, experiment),
    )
    return True


def expose_assigned(workspace: Workspace, experiment: Experiment) -> int:
    """Write down that everybody assigned was exposed when assigned; what is written already stays."""
    rows = workspace.book.experiments.assignments(experiment.name)
    seen = pa.table({
        "unit": rows["unit"], "variant": rows["variant"], "exposed_at": rows["assigned_at"],
        "by": pa.repeat("assignment", len(rows)),
    }, schema=EXPOSURES)
    known = workspace.book.experiments.exposures(experiment.name)["unit"]
    fresh = seen.filter(pc.invert(pc.is_in(seen["unit"], known.combine_chunks())))
    return workspace.book.experiments.expose(experiment.name, fresh) if len(fresh) else 0


def audience(workspace: Workspace, experiment: Experiment) -> pa.Array:
    """Return the units that may get in now, sorted: customers of the segment, or the households these live in.

    Whoever comes into a flow gets in then, and not from here.
    """
    if experiment.flow is not None:
        return pa.array([], pa.string())
    people = workspace.table("customers").select("customer_id")
    if experiment.audience is not None:
        memberships = workspace.table("memberships")
        people = memberships.filter(memberships.segment == experiment.audience).select("customer_id")
    units = people.select(unit=people.customer_id)
    if experiment.unit == "household":
        members = workspace.table(HOUSEHOLD_MEMBERS)
        units = members.semi_join(people, "customer_id").select(unit=members.household_id)
    return workspace.fetch(units.distinct().order_by("unit"))["unit"].combine_chunks()


def _strata(workspace: Workspace, experiment: Experiment) -> pa.Table | None:
    """Return in which of the declared segments each unit is now, as STRATA; None where none are declared.

    A household is in a segment when anybody of it is.
    """
    if not experiment.strata:
        return None
    memberships = workspace.table("memberships")
    rows = memberships.filter(memberships.segment.isin(experiment.strata)).select("segment", unit="customer_id")
    if experiment.unit == "household":
        members = workspace.table(HOUSEHOLD_MEMBERS).select(customer="customer_id", home="household_id")
        joined = rows.inner_join(members, rows.unit == members.customer)
        rows = joined.select("segment", unit=joined.home)
    # One thread, or the names of a unit's segments would come in any order.
    groups = workspace.fetch(rows.distinct().order_by("unit", "segment")).group_by("unit", use_threads=False)
    told = groups.aggregate([("segment", "list")])
    return pa.table({
        "unit": told["unit"], "stratum": pc.binary_join(told["segment_list"].combine_chunks(), " + "),
    }, schema=STRATA)


def planned_units(workspace: Workspace, experiment: Experiment) -> int:
    """Return how many units an experiment is planned for, as far as can be known before it begins."""
    return experiment.stop.units or len(audience(workspace, experiment)) or PLANNED


def begin(workspace: Workspace, experiment: Experiment, *, at: datetime, planned: int) -> dict[str, Any]:
    """Return how an experiment assigns, written down at its start and at each new epoch.

    `planned` units are what a sequence is tuned for: laid down before anybody's outcome is known, and never again.
    Raises DeclarationError when what assignment depends on was changed without a new epoch.
    """
    book = workspace.book.experiments
    epochs = book.epochs(experiment.name)
    setups = [json.loads(epoch.setup) for epoch in epochs]
    plan = setups[0]["planned"] if setups else planned
    setup = {
        "epoch": experiment.epoch, "planned": plan, "unit": experiment.unit, "control": experiment.control,
        "allocation": experiment.allocation, "key": experiment.key,
        "weights": {variant.name: str(variant.weight) for variant in experiment.variants},
    }
    if setups and setups[-1]["epoch"] == experiment.epoch and setups[-1] != setup:
        changed = sorted(key for key in setup if setups[-1].get(key) != setup[key])
        raise DeclarationError(
            f"{', '.join(changed)} of {experiment.name!r} changed after the start on {epochs[-1].since:%Y-%m-%d}",
            hint="put it back, or begin another experiment" if experiment.allocation == "bandit"
            else f"put it back, or say `epoch: {experiment.epoch + 1}`: who is in keeps the variant",
        )
    if not setups:
        book.decide(
            experiment.name, kind="started", by="regulars", reason="its first day has come", detail=json.dumps(setup),
            at=at,
        )
    book.begin_epoch(experiment.name, json.dumps(setup, sort_keys=True), at=at)
    return setup


def assigned(workspace: Workspace, experiment: Experiment) -> Inherited:
    """Return everybody's assignment by the ids in force now: of merged customers the first one counts."""
    rows = workspace.book.experiments.assignments(experiment.name)
    return inherited(rows, _merged(workspace, experiment), id_column=_id(experiment), moment="assigned_at")


def exposed(workspace: Workspace, experiment: Experiment) -> Inherited:
    """Return everybody's first exposure by the ids in force now."""
    rows = workspace.book.experiments.exposures(experiment.name)
    return inherited(rows, _merged(workspace, experiment), id_column=_id(experiment), moment="exposed_at")


def _merged(workspace: Workspace, experiment: Experiment) -> pa.Table:
    """Return the ids that were given up: few, where all that were ever given are as many as the business has units."""
    return (workspace.book.households if experiment.unit == "household" else workspace.book.identity).merged()


def _id(experiment: Experiment) -> str:
    return "household_id" if experiment.unit == "household" else "customer_id"
