"""Derive: typed records become lines of money and events; only what changed is made again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack

import ibis
import ibis.expr.types as ir

from regulars.connections.purchaser import TRANSFER
from regulars.connections.transfer_events import of_transfers
from regulars.events.derive import DRAFT, derived, drafts, of_money, with_month
from regulars.events.event import MONEY, OWN, TRANSFERS, EventType, attributes
from regulars.events.money import LINE
from regulars.pipeline.changed import KEY, at_hand, changed, mark
from regulars.pipeline.money import changed_money
from regulars.pipeline.read import digest, quarantine_rows, refused_at
from regulars.pipeline.workspace import Workspace
from regulars.records.intake import typed_schema
from regulars.runs.run import Checkpoint, Steps, Work

EVENTS = "events"
BY_PROFILE = ("profile_source", "profile_id", "occurred_at")
"""Rows lie by profile within a file, so that one customer's timeline is a small read."""


def derive_facts(workspace: Workspace) -> Steps:
    """Bring the money ledger and the events up to date with the records; who is who they do not ask."""
    yield Checkpoint(done=0, total=2, note="money")
    lines = changed_money(workspace)
    yield Checkpoint(done=1, total=2, note="events")
    events = changed_events(workspace)
    return Work(
        rows_in=lines + events, rows_out=lines + events,
        note=f"{workspace.lake.rows(EVENTS):,} events, {workspace.lake.rows(MONEY):,} lines of money",
    )


def changed_events(workspace: Workspace) -> int:
    """Bring the events up to date; return how many were made.

    The table says how far of each stream it reaches, in the same version as its rows: killed anywhere, the next run
    makes the same events of the same records.
    """
    declared = _declared(workspace)
    meta = workspace.lake.meta(EVENTS)
    since = meta["marks"] if meta.get("declared") == declared else None
    parts, replaced, marks = list[ir.Table](), list[ir.Table](), dict[str, object]()
    with ExitStack() as stack:
        for name, types in _by_stream(workspace.project.events).items():
            if name in (MONEY, TRANSFERS):
                marks[name] = _version(workspace, name)
                came, gone = _made_changes(workspace, name, None if since is None else since[name], types, stack=stack)
                if came is not None:
                    rows = of_money(came) if name == MONEY else of_transfers(came)
                    parts += drafts(rows, types, source=OWN, stream=name)
                replaced += gone
                continue
            stream = workspace.project.stream(name)
            marks[name] = mark(workspace, stream)
            change = changed(
                workspace, stream, since=None if since is None else since[name],
                made=lambda: workspace.lake.table(EVENTS).select(*KEY.names).distinct(),
            )
            if change is not None:
                change = stack.enter_context(at_hand(workspace, change))
                parts += drafts(change.new, types, source=stream.source, stream=stream.name)
                replaced += change.replaced()
        if since is not None and not parts and not replaced:
            return 0
        meta = {"declared": declared, "marks": marks}
        return _publish(workspace, parts, None if since is None else replaced, meta=meta)


def event_attributes(workspace: Workspace) -> ibis.Schema:
    """Return the wide part of the events table: every attribute any event type declares."""
    schemas = {name: typed_schema(stream) for name, stream in workspace.project.streams.items()}
    schemas[MONEY] = of_money(ibis.table(LINE, name=MONEY)).schema()
    schemas[TRANSFERS] = of_transfers(ibis.table(TRANSFER, name=TRANSFERS)).schema()
    return attributes(workspace.project.events, schemas)


def _made_changes(
    workspace: Workspace, name: str, since: int | None, types: Sequence[EventType], *, stack: ExitStack
) -> tuple[ir.Table | None, list[ir.Table]]:
    """Return the rows of money or transfers that came since a version (None: none), and the keys of events to go.

    When that version is no longer kept, everything came, and every event of the table goes before it comes again.
    """
    lake = workspace.lake
    if not lake.exists(name):
        return None, []
    if since is None:
        return lake.table(name), []
    if since == _version(workspace, name) or lake.moved(name, since=since) == (0, 0):
        return None, []
    changes = lake.changes(name, since=since)
    if changes is not None:
        # A file that was rewritten holds mostly the rows it held before; told apart once, not for every event type.
        came, went = changes
        new = stack.enter_context(lake.gathered([came.difference(went)], schema=lake.schema(name)))
        return new, [_made_keys(name, new), _made_keys(name, went.difference(came))]
    there = lake.table(EVENTS)
    own = there.filter(there.event_type.isin(sorted({each.event for each in types})))
    return lake.table(name), [_made_keys(name, lake.table(name)), own.select(*KEY.names)]


def _version(workspace: Workspace, table: str) -> int:
    current = workspace.book.versions.current_version(table)
    return 0 if current is None else current.number


def _made_keys(name: str, rows: ir.Table) -> ir.Table:
    """Return the keys that events of money lines or transfers have."""
    if name == MONEY:
        return rows.select("source", "stream", record_key=rows.line_id)
    return rows.select(source=ibis.literal(OWN), stream=ibis.literal(name), record_key=rows.checkin_id)


def _publish(
    workspace: Workspace, parts: Sequence[ir.Table], replaced: Sequence[ir.Table] | None, *, meta: dict[str, object]
) -> int:
    """Quarantine first, events last: the events say how far they reach. `replaced` None: every event is made anew."""
    lake, wide = workspace.lake, event_attributes(workspace)
    with lake.gathered(parts, schema=ibis.schema({**DRAFT, **wide})) as draft:
        found = derived(draft, attributes=wide, now=workspace.clock.now())
        bad = workspace.fetch(found.bad)
        quarantine_rows(
            workspace, workspace.stores.border.arrow(bad) if len(bad) else None,
            answered=refused_at(workspace, "events") if replaced is None else None,
        )
        events = with_month(found.events)
        if replaced is None:
            lake.replace(EVENTS, events, partition_by="month", order_by=BY_PROFILE, meta=meta, allow_shrink=True)
        else:
            _merge(workspace, events, replaced, meta=meta)
        return workspace.count(draft)


def _merge(
    workspace: Workspace, events: ir.Table, replaced: Sequence[ir.Table], *, meta: dict[str, object]
) -> None:
    """Put events in the place of those their records had before; what comes out the same is left where it lies.

    A membership's next bill changes its record every month, and none of its events: rewriting the months these lie in
    would cost more than everything else of a day.
    """
    lake = workspace.lake
    said = [name for name in events.columns if name != "recorded_at"]
    with lake.gathered([events], schema=events.schema()) as made, lake.gathered(replaced, schema=KEY) as keys:
        own = lake.table(EVENTS).semi_join(keys.distinct(), KEY.names)
        with lake.gathered([own], schema=lake.schema(EVENTS)) as before:
            same = made.select(*said).intersect(before.select(*said)).select("event_id")
            lake.merge(
                EVENTS, made.anti_join(same, "event_id"), key=("event_id",),
                gone=before.anti_join(same, "event_id").select("event_id"), meta=meta,
            )


def _declared(workspace: Workspace) -> str:
    """Return a fingerprint of everything that says what events are here."""
    project = workspace.project
    fields = [[n, str(k)] for s in project.streams.values() for n, k in typed_schema(s).items()]
    return digest([_said(each) for each in project.events], fields)


def _by_stream(types: Iterable[EventType]) -> dict[str, list[EventType]]:
    """Return the event types by the stream they read."""
    found: dict[str, list[EventType]] = {}
    for each in types:
        found.setdefault(each.stream, []).append(each)
    return found


def _said(each: EventType) -> list[object]:
    """Return what an event type says, as plain values."""
    formulas = [each.who, each.until, each.only_if, *each.what.values()]
    return [
        each.name, each.event, each.stream, each.who_source, each.when, each.is_interval, each.may_be_future,
        sorted(each.what), [formula.text if formula else None for formula in formulas],
    ]
