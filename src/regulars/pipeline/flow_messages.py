"""The messages of a flow's steps, as the ledger keeps them: who gets it, where, with which words, who not and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns.audience import candidates, doubles
from regulars.campaigns.campaign import Campaign, campaign_id
from regulars.campaigns.filled import Words
from regulars.consent.channel import Channel, Purpose
from regulars.events.vocabulary import OF_EVERY_EVENT
from regulars.flows.flow import Flow, Message, OnDate, OnEvent
from regulars.flows.occasions import facts
from regulars.pipeline.campaign import words
from regulars.pipeline.compose import people_of, variants_of
from regulars.pipeline.permitted import permitted_people
from regulars.pipeline.resolve import with_customer
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.workspace import Workspace
from regulars.sources.json_text import rows_as_json
from regulars.storage.book.planned import PLANNED

MOMENT = pa.timestamp("us")
Kind = tuple[Channel, Purpose]
"""What a message is permitted by: its channel and its purpose."""

OF_OCCASION, OF_TOTAL = "occasion", "total"
"""What words call what is known of the occasion, and totals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Messages of one step that are of one occurrence."""

    campaign: Campaign
    occurrence: str
    starts_at: datetime                      # aware; when the first of them was meant to go
    rows: pa.Table                           # PLANNED, sorted by customer

    @property
    def campaign_id(self) -> str:
        """Return the id of the occurrence."""
        return campaign_id(self.campaign.name, self.occurrence)


def kinds_of(flow: Flow) -> set[Kind]:
    """Return the channels and purposes of a flow's messages."""
    return {(step.campaign.channel, step.campaign.purpose) for step in flow.messages}


def permitted_kinds(workspace: Workspace, asked: Sequence[tuple[Flow, pa.Array]]) -> dict[Kind, pa.Table]:
    """Return PERMITTED as of now, for every kind of message of some flows, of all customers that these ask about.

    Each kind is asked about once, however many flows have it; one that is asked of nobody is left out.
    """
    told = {}
    for channel, purpose in sorted(set().union(*(kinds_of(flow) for flow, _ in asked))):
        parts = [customers for flow, customers in asked if (channel, purpose) in kinds_of(flow)]
        everybody = pc.unique(pa.chunked_array(parts, pa.string()))
        if len(everybody):
            only = workspace.stores.engine.arrow(pa.table({"customer_id": everybody}))
            told[channel, purpose] = permitted_people(
                workspace, channel=channel, purpose=purpose, at=workspace.clock.now(), only=only
            )
    return told


def composed(
    workspace: Workspace, flow: Flow, sends: pa.Table, *, permitted: Mapping[Kind, pa.Table], events: ir.Table
) -> list[Batch]:
    """Return the messages of SENDS, by step and occurrence; nothing is written down.

    Args:
        workspace: Whose.
        flow: Whose steps they are.
        sends: SENDS.
        permitted: PERMITTED of everybody in SENDS as of now, of every kind the flow's messages have.
        events: What happened, as `happened` or `happenings` gives it.

    """
    batches = []
    for step in flow.messages:
        mine = sends.filter(pc.equal(sends["step"], step.name))
        if not mine.num_rows:
            continue
        told = permitted[step.campaign.channel, step.campaign.purpose]
        rows = _rows(workspace, flow, step, mine, permitted=told, events=events)
        for occurrence in sorted(pc.unique(rows["occurrence"]).to_pylist()):
            own = rows.filter(pc.equal(rows["occurrence"], occurrence))
            batches.append(Batch(
                campaign=step.campaign, occurrence=occurrence,
                starts_at=pc.min(own["target"]).as_py().replace(tzinfo=UTC),
                rows=_without_doubles(workspace, step.campaign, occurrence, own).select(PLANNED.names).cast(PLANNED),
            ))
    return batches


def gaps_of(
    workspace: Workspace, flow: Flow, step: Message, journeys: pa.Table, *, events: ir.Table
) -> pa.Table:
    """Return what a message says of each journey. One row each, in order: customer_id, occasion, gaps (JSON)."""
    ready = words(workspace.project, step.campaign)
    asked = workspace.stores.engine.arrow(journeys.select(["customer_id"]))
    people = people_of(workspace, step.campaign, only=asked)
    told = workspace.fetch(people.select("customer_id", **_said(people, ready)))
    gaps = _gaps(workspace, flow, ready, journeys, told, events=events)
    return pa.table({"customer_id": journeys["customer_id"], "occasion": journeys["occasion"], "gaps": gaps})


def _said(people: ir.Table, ready: Words) -> dict[str, ir.Value]:
    """Return what words say of customers, as columns of their own."""
    return {f"said_{name}": people[name] for name in ready.gaps if name not in (OF_OCCASION, OF_TOTAL)}


def _gaps(
    workspace: Workspace, flow: Flow, ready: Words, journeys: pa.Table, told: pa.Table, *, events: ir.Table
) -> pa.Array:
    """Return the gaps of each journey (JSON), in order. `told`: customer_id and the columns of `_said`."""
    place = pc.index_in(journeys["customer_id"].combine_chunks(), told["customer_id"].combine_chunks())
    own = {name.removeprefix("said_"): told[name] for name in told.column_names if name.startswith("said_")}
    gaps = rows_as_json(told.select([]) if not own else pa.table(own)).combine_chunks().take(place)
    used = {name for one in ready.parsed.values() for name in one.variables}
    for root, values in _of_occasions(workspace, flow, journeys, used, events=events).items():
        inner = rows_as_json(values).combine_chunks()
        opened = pc.if_else(pc.equal(gaps, "{}"), "{", pc.binary_join_element_wise(
            pc.utf8_slice_codeunits(gaps, 0, -1), ",", ""
        ))
        gaps = pc.binary_join_element_wise(opened, f'"{root}":', inner, "}", "")
    return gaps


def happened(workspace: Workspace) -> ir.Table:
    """Return what happened so far, with whose it is; what a source says of the future has not happened."""
    events, now = workspace.table("events"), as_of_now(workspace).moment
    return with_customer(workspace, events.filter(events.occurred_at <= now))


@contextmanager
def happenings(workspace: Workspace, flows: Iterable[Flow]) -> Iterator[ir.Table]:
    """Hold what flows begin with and count of what happened, found once for all of them, for a `with`."""
    types = sorted({name for flow in flows for name in flow.occasion_events})
    events = happened(workspace)
    declared = {name for each in workspace.project.events if each.event in types for name in each.what}
    rows = events.filter(events.event_type.isin(types)).select(
        "customer_id", "event_id", "event_type", *sorted(OF_EVERY_EVENT | declared)
    )
    with workspace.lake.gathered([rows] if types else [], schema=rows.schema()) as found:
        yield found


def _rows(
    workspace: Workspace, flow: Flow, step: Message, sends: pa.Table, *, permitted: pa.Table, events: ir.Table
) -> pa.Table:
    """PLANNED with occurrence and target. One row a send, sorted by customer and occasion."""
    engine, campaign = workspace.stores.engine, step.campaign
    sends = sends.sort_by([("customer_id", "ascending"), ("occasion", "ascending")])
    asked = engine.arrow(pa.table({"customer_id": pc.unique(sends["customer_id"])}))
    people = people_of(workspace, campaign, only=asked)
    variants = variants_of(workspace, campaign, enrols=False)
    ready = words(workspace.project, campaign)
    found = workspace.fetch(candidates(
        people.select("customer_id", "household_id", "region", **_said(people, ready)), engine.arrow(permitted),
        None if variants is None else engine.arrow(variants),
        silent=[name for name, template in campaign.templates.items() if template is None],
    ))
    place = pc.index_in(sends["customer_id"].combine_chunks(), found["customer_id"].combine_chunks())
    told = found.take(place)
    reason = pc.if_else(pc.is_null(place), "no customer any more", told["reason"].combine_chunks())
    until = told["until"].combine_chunks().cast(MOMENT)
    return pa.table({
        "customer_id": sends["customer_id"],
        **{name: told[name] for name in ("address", "household_id", "region", "is_own")},
        "variant": pc.fill_null(told["variant"], ""), "gaps": pc.fill_null(
            _gaps(workspace, flow, ready, sends, found, events=events), "{}"
        ),
        "reason": reason, "due_at": pc.max_element_wise(sends["due_at"].combine_chunks(), until),
        "expires_at": sends["expires_at"], "occurrence": sends["occurrence"], "target": sends["target"],
    })


def _without_doubles(workspace: Workspace, campaign: Campaign, occurrence: str, rows: pa.Table) -> pa.Table:
    """Skip whose message somebody else gets for them: of this run, or of one before."""
    before = workspace.book.messages.places(campaign_id(campaign.name, occurrence))
    customers, reason = rows["customer_id"].combine_chunks(), rows["reason"].combine_chunks()
    of_others = before.filter(pc.invert(pc.is_in(before["customer_id"], customers)))
    shared = [("address", "shares an address with")]
    if campaign.one_per == "household":
        shared.append(("household_id", "their household's message goes to"))
    for column, why in shared:
        held = of_others.filter(pc.is_valid(of_others[column]))
        place = pc.index_in(rows[column].combine_chunks(), held[column].combine_chunks())
        other = held["customer_id"].combine_chunks().take(place)
        reason = pc.coalesce(reason, pc.binary_join_element_wise(why, other, " "))
    rows = rows.set_column(rows.column_names.index("reason"), "reason", reason)
    would = rows.filter(pc.is_null(reason)).select(["customer_id", "address", "is_own", "household_id"])
    if any(_comes_twice(would[column]) for column, _ in shared):
        told = workspace.fetch(doubles(workspace.stores.engine.arrow(would), one_per=campaign.one_per))
        place = pc.index_in(customers, told["customer_id"].combine_chunks())
        reason = pc.coalesce(reason, told["reason"].combine_chunks().take(place))
    state = pc.if_else(pc.is_null(reason), "planned", "skipped")
    return rows.set_column(rows.column_names.index("reason"), "reason", reason).append_column("state", state)


def _comes_twice(column: pa.ChunkedArray) -> bool:
    there = column.drop_null()
    return bool(pc.count_distinct(there).as_py() < len(there))


def _of_occasions(
    workspace: Workspace, flow: Flow, journeys: pa.Table, used: set[str], *, events: ir.Table
) -> dict[str, pa.Table]:
    """What words say of the occasion and of totals, a row a journey in order, by what they call it."""
    named = {root: sorted(name.partition(".")[2] for name in used if name.startswith(f"{root}.")) for root in (
        OF_OCCASION, OF_TOTAL
    )}
    found: dict[str, dict[str, pa.Array]] = {root: {} for root, names in named.items() if names}
    attributes = [name for name in named[OF_OCCASION] if name != "day"]
    if OF_OCCASION in found and "day" in named[OF_OCCASION]:
        found[OF_OCCASION]["day"] = pc.utf8_slice_codeunits(journeys["occurrence"].combine_chunks(), 0, 10)
    if (attributes or named[OF_TOTAL]) and isinstance(flow.trigger, OnEvent | OnDate):
        wanted = workspace.stores.engine.arrow(journeys.select(["customer_id", "occasion"]))
        told = workspace.fetch(facts(flow, events, wanted, attributes=attributes, totals=named[OF_TOTAL]))
        place = pc.index_in(_keys(journeys), _keys(told))
        for name in attributes:
            found[OF_OCCASION][name] = told[f"o_{name}"].combine_chunks().take(place)
        for name in named[OF_TOTAL]:
            found[OF_TOTAL][name] = told[f"t_{name}"].combine_chunks().take(place)
    return {root: pa.table(columns) for root, columns in found.items()}


def _keys(rows: pa.Table) -> pa.Array:
    return pc.binary_join_element_wise(rows["customer_id"].combine_chunks(), rows["occasion"].combine_chunks(), "\0")
