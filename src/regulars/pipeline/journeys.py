"""Journeys: who comes into which flow, who leaves, who goes on, as of now; decided first, then written down.

Killed anywhere and done again it comes to the same: a journey is begun once an occasion, and a message is written down
in the transaction that says its step was taken, under an id that says flow, step, occasion and customer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.campaigns.campaign import DOT
from regulars.destinations.send import brake_by_receipts
from regulars.experiments.enrol import enrol
from regulars.experiments.merged import in_force as in_force_of
from regulars.flows.advance import Advanced, advance
from regulars.flows.declare import HELD_OUT
from regulars.flows.due import at_local
from regulars.flows.enter import CONSIDERED, OCCASIONS, consider, entry_window, journeys_of
from regulars.flows.flow import Flow, OnDate, OnSegment
from regulars.flows.journey import TAKEN
from regulars.flows.leave import ended, leaving
from regulars.flows.merged import Followed, followed, placed
from regulars.flows.occasions import occasions
from regulars.pipeline.assign import assigned, enrol_units, in_force, is_running
from regulars.pipeline.flow_answers import Known, units_of
from regulars.pipeline.flow_messages import (
    Batch,
    Kind,
    composed,
    gaps_of,
    happened,
    happenings,
    kinds_of,
    permitted_kinds,
)
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.workspace import Workspace
from regulars.rules.evaluate import Tables
from regulars.runs.run import Checkpoint, Steps, Work

AT_ONCE = 20_000
"""Journeys written down in one transaction: others who write to the book wait no longer than for these."""

TOLD_WITHIN = timedelta(days=7)
"""The window in which bounces and complaints of a message are counted."""

WITHDRAWN = "left the flow: {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a run decides by what is to become of one flow."""

    flow: Flow
    at: datetime                             # aware
    tables: Tables
    considered: pa.Table                     # CONSIDERED: occasions that have no journey yet
    followed: Followed                       # journeys by the ids in force now
    begun: pa.Table                          # JOURNEYS
    every: pa.Table                          # JOURNEYS: those on the way, and those begun
    asked: pa.Array                          # customers of whom it must be known whether they may be written to


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a run is to make of one flow."""

    flow: Flow
    at: datetime                             # aware
    considered: pa.Table                     # CONSIDERED: occasions that have no journey yet
    followed: Followed                       # journeys by the ids in force now
    begun: pa.Table                          # JOURNEYS
    ended: pa.Table                          # JOURNEYS that end before their last step
    advanced: Advanced
    permitted: Mapping[Kind, pa.Table]       # PERMITTED of whoever may get a message, of every kind the flow has
    events: ir.Table                         # what happened, as it was looked at


def carry_flows(workspace: Workspace) -> Steps:
    """Let every flow that runs go on as of now; the messages it plans wait in the ledger for whoever sends."""
    flows, begun, planned, moved = workspace.project.flows, 0, 0, 0
    with happenings(workspace, flows) as events:
        for flow in flows:
            _brake(workspace, flow)
        going = [_found(workspace, flow, events) for flow in flows if rests(workspace, flow) is None]
        permitted = permitted_kinds(workspace, [(found.flow, found.asked) for found in going])
        for n, found in enumerate(going):
            yield Checkpoint(done=n, total=len(going), note=found.flow.name)
            decided = _decided(workspace, found, permitted)
            write(workspace, decided)
            begun += decided.begun.num_rows
            planned += decided.advanced.sends.num_rows
            moved += decided.advanced.journeys.num_rows + decided.ended.num_rows
    return Work(
        rows_in=len(flows), rows_out=begun + moved, watermark=as_of_now(workspace).day.isoformat(),
        note=f"{begun:,} began, {planned:,} messages planned",
        facts={"begun": begun, "messages": planned},
    )


def rests(workspace: Workspace, flow: Flow) -> str | None:
    """Return why a flow does nothing now; None while it runs.

    A message that paused itself, for what providers or receipts say, lets the whole flow rest.
    """
    standing = workspace.book.journeys.standing(flow.name)
    if standing.state == "paused":
        return standing.reason or "paused"
    for name in workspace.book.campaigns.names(f"{flow.name}{DOT}"):
        for one in workspace.book.campaigns.occurrences(name):
            if one.state == "paused":
                return f"{name} ({one.occurrence}) is paused: {one.reason}"
    return None


def _brake(workspace: Workspace, flow: Flow) -> None:
    """Let a flow rest for what receipts say of a message's last week: those of one day are too few to tell."""
    book, now = workspace.book, workspace.clock.now()
    for step in flow.messages:
        told = book.campaigns.told_of(step.campaign.name, now=now, within=TOLD_WITHIN)
        standing = book.journeys.standing(flow.name)
        # Whoever let it go on has seen what was told until then.
        was_seen = standing.changed_at is not None and standing.changed_at > now - TOLD_WITHIN
        why = None if was_seen else brake_by_receipts(told, step.campaign.brake)
        if why is not None:
            book.journeys.stand(flow.name, "paused", reason=f"{step.name}: {why}", at=now)
            return


def decide(workspace: Workspace, flow: Flow, *, events: ir.Table | None = None) -> Decided:
    """Return what is to become of a flow as of now; nothing is written down. Raises NotFound before the first run.

    `events`: what happened, where it was gathered for several flows before.
    """
    found = _found(workspace, flow, happened(workspace) if events is None else events)
    return _decided(workspace, found, permitted_kinds(workspace, [(flow, found.asked)]))


def _found(workspace: Workspace, flow: Flow, events: ir.Table) -> Found:
    now, zone = workspace.clock.now(), workspace.zone
    merged = workspace.book.identity.merged()
    going = workspace.book.journeys.on_the_way(flow.name)
    own = followed(flow, going, merged, over=_over(workspace, flow, going, merged), at=now)
    tables = _tables(workspace, flow, events)
    considered, known = _considered(workspace, flow, tables, merged)
    fresh = considered.filter(pc.is_null(considered["refusal"])).select(OCCASIONS.names)
    begun = journeys_of(
        flow, fresh, known, held_out=_held_out(workspace, flow, fresh["customer_id"].combine_chunks()), now=now,
        zone=zone,
    )
    every = pa.concat_tables([_placed(workspace, flow, own.going), begun])
    # Whoever may leave by an opt-out is asked about once, for that and for the messages.
    asked = every if flow.is_left_by_opt_out else _due(every, now)
    return Found(
        flow=flow, at=now, tables=tables, considered=considered, followed=own, begun=begun, every=every,
        asked=asked["customer_id"].combine_chunks(),
    )


def _decided(workspace: Workspace, found: Found, told: Mapping[Kind, pa.Table]) -> Decided:
    flow, every, answers = found.flow, found.every, Known(workspace=workspace, now=found.at)
    permitted = {kind: told[kind] for kind in kinds_of(flow) & told.keys()}
    over = ended(every, leaving(
        flow, every, answers, gone=_gone(workspace, flow, found.tables, every),
        opted_out=_opted_out(flow, every, permitted),
    ), at=found.at)
    stay = every.filter(pc.invert(pc.is_in(_keys(every), _keys(over))))
    return Decided(
        flow=flow, at=found.at, considered=found.considered, followed=found.followed, begun=found.begun, ended=over,
        advanced=advance(flow, _due(stay, found.at), answers, now=found.at, zone=workspace.zone), permitted=permitted,
        events=found.tables.events,
    )


def _due(journeys: pa.Table, at: datetime) -> pa.Table:
    moment = pa.scalar(at.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us"))
    return journeys.filter(pc.less_equal(journeys["due_at"], moment))


def write(workspace: Workspace, decided: Decided) -> list[Batch]:
    """Write down what was decided and return the messages that are due by it."""
    flow, at, book = decided.flow, decided.at, workspace.book
    _enrol(workspace, decided)
    book.journeys.begin(flow.name, pa.concat_tables([decided.followed.begun, decided.begun]))
    for journeys in (decided.followed.ended, decided.ended):
        _withdraw(workspace, flow, journeys, at)
        book.journeys.go(flow.name, journeys, TAKEN.empty_table(), messages={}, at=at)
    _reword(workspace, flow, decided.events)
    batches = composed(
        workspace, flow, decided.advanced.sends, permitted=decided.permitted, events=decided.events
    )
    for one in batches:
        book.campaigns.begin(
            one.campaign.name, one.occurrence, channel=one.campaign.channel, purpose=one.campaign.purpose,
            destination=one.campaign.destination, version=one.campaign.version, starts_at=one.starts_at, at=at,
        )
        book.campaigns.reword(one.campaign_id, one.campaign.version)
    for journeys, taken, messages in _parts(decided.advanced, batches):
        book.journeys.go(flow.name, journeys, taken, messages=messages, at=at)
    for campaign_id in book.campaigns.unsent(f"{flow.name}{DOT}"):
        book.campaigns.move(campaign_id, "sending", at=at)
    return batches


def _over(workspace: Workspace, flow: Flow, going: pa.Table, merged: pa.Table) -> pa.Table:
    """Return the journeys that have ended of those on the way who were merged with somebody, as BEGUN."""
    ids, former = going["customer_id"].combine_chunks(), merged["customer_id"].combine_chunks()
    heirs = in_force_of(former, merged, id_column="customer_id")
    touched = pc.unique(pc.drop_null(pc.if_else(
        pc.or_(pc.is_in(ids, former), pc.is_in(ids, heirs)), in_force_of(ids, merged, id_column="customer_id"), None
    )))
    theirs = [*touched.to_pylist(), *former.filter(pc.is_in(heirs, touched)).to_pylist()]
    found = workspace.book.journeys.begun_by(flow.name, theirs)
    return found.filter(pc.is_valid(found["ended_at"]))


def _placed(workspace: Workspace, flow: Flow, going: pa.Table) -> pa.Table:
    """Let those who rest at a step that the flow has no more go on with one that it has."""
    names = pa.array([*(step.name for step in flow.steps), ""], pa.string())
    is_lost = pc.invert(pc.is_in(going["step"], names))
    lost = going.filter(is_lost)
    if not lost.num_rows:
        return going
    taken = workspace.book.journeys.steps_of(flow.name, lost["customer_id"].to_pylist())
    found = placed(flow, lost, taken, zone=workspace.zone)
    return pa.concat_tables([going.filter(pc.invert(is_lost)), found])


def _considered(
    workspace: Workspace, flow: Flow, tables: Tables, merged: pa.Table
) -> tuple[pa.Table, pa.Table]:
    """Return occasions that have no journey yet as CONSIDERED, and all journeys of their customers as BEGUN."""
    first, last = entry_window(flow, as_of_now(workspace).day)
    book = workspace.book.journeys
    nobody = book.begun_by(flow.name, [])
    if first > last:
        return CONSIDERED.empty_table(), nobody
    found = _in_force(workspace.fetch(occasions(flow, tables, first=first, last=last)), merged)
    days = found["anchor_day"].cast(pa.date32())
    midnights = at_local(days.to_numpy().astype("datetime64[D]"), zone=workspace.zone)
    moments = pc.coalesce(found["anchor_at"].combine_chunks().cast(pa.timestamp("us")), pa.array(
        midnights, pa.timestamp("us")
    ))
    rows = pa.table({
        "customer_id": found["customer_id"], "occasion": found["occasion"], "anchor_day": days, "anchor_at": moments,
    }, schema=OCCASIONS)
    rows = _known_customers(workspace, rows)
    recent = _in_force(book.begun_since(flow.name, first), merged)
    rows = rows.filter(pc.invert(pc.is_in(_keys(rows), _keys(recent))))
    customers = pc.unique(rows["customer_id"])
    former = merged.filter(pc.is_in(in_force_of(
        merged["customer_id"].combine_chunks(), merged, id_column="customer_id"
    ), customers))["customer_id"]
    known = _in_force(book.begun_by(flow.name, [*customers.to_pylist(), *former.to_pylist()]), merged)
    return consider(flow, rows, known), known


def _tables(workspace: Workspace, flow: Flow, events: ir.Table) -> Tables:
    """Return what occasions are found in; what is in the future has not happened."""
    ledger = workspace.table("transitions") if isinstance(flow.trigger, OnSegment) else None
    return Tables(customers=workspace.table("customers"), events=events, transitions=ledger)


def _in_force(rows: pa.Table, merged: pa.Table) -> pa.Table:
    """Call everybody by the id in force; of several rows of one occasion the first counts."""
    ids = in_force_of(rows["customer_id"].combine_chunks().cast(pa.string()), merged, id_column="customer_id")
    rows = rows.set_column(rows.column_names.index("customer_id"), "customer_id", ids)
    if not pc.any(pc.is_in(ids, merged["merged_into"].combine_chunks())).as_py():
        return rows
    keys = _keys(rows)
    _, first = np.unique(keys.dictionary_encode().indices.to_numpy(zero_copy_only=False), return_index=True)
    return rows.take(np.sort(first))


def _known_customers(workspace: Workspace, rows: pa.Table) -> pa.Table:
    if not rows.num_rows:
        return rows
    asked = workspace.stores.engine.arrow(pa.table({"customer_id": pc.unique(rows["customer_id"])}))
    there = workspace.fetch(workspace.table("customers").semi_join(asked, "customer_id").select("customer_id"))
    return rows.filter(pc.is_in(rows["customer_id"], there["customer_id"].combine_chunks()))


def _held_out(workspace: Workspace, flow: Flow, customers: pa.Array) -> NDArray[np.bool_]:
    """Return who goes the way without messages: known before anything is written, and the same when it is."""
    experiment = flow.holdout
    if experiment is None or not len(customers):
        return np.zeros(len(customers), np.bool_)
    units = units_of(workspace, customers, unit=experiment.unit)
    found = enrol(
        units.drop_null(), experiment=in_force(workspace, experiment), day=as_of_now(workspace).day,
        holdouts=workspace.project.holdouts, stored=assigned(workspace, experiment).rows.select(
            ["unit", "variant", "epoch"]
        ),
    )
    variant = found["variant"].combine_chunks().take(pc.index_in(units, found["unit"].combine_chunks()))
    held: NDArray[np.bool_] = pc.fill_null(pc.equal(variant, HELD_OUT), fill_value=False).to_numpy(zero_copy_only=False)
    return held


def _enrol(workspace: Workspace, decided: Decided) -> None:
    experiment = decided.flow.holdout
    if experiment is None or not decided.begun.num_rows or not is_running(workspace, experiment):
        return
    units = units_of(workspace, decided.begun["customer_id"].combine_chunks(), unit=experiment.unit)
    enrol_units(workspace, experiment, units.drop_null())


def _gone(workspace: Workspace, flow: Flow, tables: Tables, journeys: pa.Table) -> NDArray[np.bool_]:
    """Return whose occasion was called off: a party that is no more, or on another day."""
    if not isinstance(flow.trigger, OnDate) or not journeys.num_rows:
        return np.zeros(journeys.num_rows, np.bool_)
    days = pc.min_max(journeys["anchor_day"])
    found = workspace.fetch(occasions(flow, tables, first=days["min"].as_py(), last=days["max"].as_py()))
    gone: NDArray[np.bool_] = pc.invert(pc.is_in(_keys(journeys), _keys(found))).to_numpy(zero_copy_only=False)
    return gone


def _opted_out(flow: Flow, journeys: pa.Table, permitted: Mapping[Kind, pa.Table]) -> NDArray[np.bool_]:
    """Return who said no to every channel and purpose that the flow's messages have."""
    customers, none = journeys["customer_id"].combine_chunks(), np.zeros(journeys.num_rows, np.bool_)
    if not flow.is_left_by_opt_out or not permitted:
        return none
    said = ~none
    for told in permitted.values():
        reason = told["reason"].combine_chunks()
        is_no = pc.or_(pc.starts_with(reason, "opted out"), pc.starts_with(reason, "suppressed"))
        those = told["customer_id"].combine_chunks().filter(pc.and_(is_no, pc.invert(told["allowed"].combine_chunks())))
        said = said & pc.is_in(customers, those).to_numpy(zero_copy_only=False)
    return said


def _withdraw(workspace: Workspace, flow: Flow, journeys: pa.Table, at: datetime) -> None:
    """Take back the messages of journeys that end which still wait, of steps that the flow has no more too."""
    if not journeys.num_rows:
        return
    ledger = workspace.book
    for name in ledger.campaigns.names(f"{flow.name}{DOT}"):
        known = {one.occurrence: one.campaign_id for one in ledger.campaigns.occurrences(name)}
        for occurrence in pc.unique(journeys["occurrence"]).to_pylist():
            if occurrence not in known:
                continue
            mine = journeys.filter(pc.equal(journeys["occurrence"], occurrence))
            waiting = set(ledger.messages.waiting(known[occurrence]))
            for reason in pc.unique(mine["reason"]).to_pylist():
                whose = mine.filter(pc.equal(mine["reason"], reason))["customer_id"].to_pylist()
                ledger.messages.withdraw(
                    known[occurrence], sorted(waiting.intersection(whose)), reason=WITHDRAWN.format(reason), at=at
                )


def _reword(workspace: Workspace, flow: Flow, events: ir.Table) -> None:
    """Give those whose message waits the words of now."""
    book, at = workspace.book, workspace.clock.now()
    for step in flow.messages:
        for one in book.campaigns.occurrences(step.campaign.name):
            if one.version == step.campaign.version or one.state in {"done", "stopped"}:
                continue
            waiting = book.messages.waiting(one.campaign_id)
            journeys = book.journeys.of(flow.name, waiting)
            mine = journeys.filter(pc.equal(journeys["occurrence"], one.occurrence))
            rows = gaps_of(workspace, flow, step, mine, events=events)
            book.messages.fill(one.campaign_id, rows.filter(pc.is_valid(rows["gaps"])), at=at)
            book.campaigns.reword(one.campaign_id, step.campaign.version)


def _parts(
    advanced: Advanced, batches: list[Batch]
) -> Iterator[tuple[pa.Table, pa.Table, dict[str, pa.Table]]]:
    """Cut what is to be written into parts of whole customers."""
    customers = pc.unique(advanced.journeys["customer_id"])
    customers = customers.take(pc.sort_indices(customers))
    for start in range(0, len(customers), AT_ONCE):
        some = customers.slice(start, AT_ONCE)
        journeys, taken = (_of(rows, some) for rows in (advanced.journeys, advanced.taken))
        yield journeys, taken, {one.campaign_id: _of(one.rows, some) for one in batches}


def _of(rows: pa.Table, customers: pa.Array) -> pa.Table:
    return rows.filter(pc.is_in(rows["customer_id"], customers))


def _keys(rows: pa.Table) -> pa.Array:
    return pc.binary_join_element_wise(
        rows["customer_id"].combine_chunks(), rows["occasion"].combine_chunks(), "\0"
    )

