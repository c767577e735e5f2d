"""Typed records become events: one expression over a stream's table, the same on every engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from regulars.events.event import EVENT, MONEY, TRANSFERS, EventType
from regulars.records import quarantine

AHEAD = timedelta(days=1)
"""How far in the future an event may lie: clocks of sources run fast, and zones differ."""


DRAFT = ibis.schema({
    "_name": "string", "event_type": "string", "source": "string", "stream": "string", "record_key": "string",
    "_record_n": "int64", "_who_source": "string", "profile_id": "string", "occurred_at": "timestamp",
    "business_day": "date", "until_day": "date", "is_interval": "boolean", "_may_be_future": "boolean",
    "_when_field": "string", "recorded_at": "timestamp", "_seq": "int64",
})
"""What each event type alone says of a record, before its attributes, which may be called `name` and `seq` too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What records came to."""

    events: ir.Table                         # EVENT columns, then every attribute: one row per event
    bad: ir.Table                            # quarantine rows of the stage "events"


def drafts(records: ir.Table, types: Iterable[EventType], *, source: str, stream: str) -> list[ir.Table]:
    """Return what each event type makes of a stream's records: columns of DRAFT and its own attributes.

    A column that says nothing is left out: gathered as one table, it is null in those rows.

    Args:
        records: typed records of the stream, or `of_money(ledger)`, or `of_transfers(transfers)`.
        types: the event types that read this stream.
        source: the stream's source; of money lines the line's own source is taken.
        stream: the stream's name.

    """
    return [_draft(records, each, source=source, stream=stream) for each in types]


def derived(draft: ir.Table, *, attributes: ibis.Schema, now: datetime) -> Derived:
    """Make events of gathered drafts.

    Args:
        draft: columns of DRAFT, then every attribute.
        attributes: all attributes of the project (see `event.attributes`).
        now: the moment of the run, aware; events more than a day later are held back unless the type allows them.

    The event's id is md5 of stream, record key, position and declaration: doing it twice equals doing it once. A date
    stands at midnight. Pre-opening events are kept: what counts from the opening is the reader's to say.
    """
    latest = ibis.literal((now + AHEAD).replace(tzinfo=None))
    identity = [draft.source, draft.stream, draft.record_key, draft["_record_n"].cast("string"), draft["_name"]]
    found = draft.mutate(
        event_id=_joined(identity).hexdigest("md5"),
        profile_source=ibis.ifelse(draft.profile_id.notnull(), draft["_who_source"], ibis.null("string")),
        _reason=ibis.cases(
            (draft.occurred_at.isnull(), "no_time"),
            ((draft.occurred_at > latest) & ~draft["_may_be_future"], "future"),
        ),
    )
    held = found.filter(found["_reason"].notnull())
    return Derived(
        events=found.filter(found["_reason"].isnull()).select(*EVENT, *attributes.names),
        bad=quarantine.shaped(
            held.mutate(payload=ibis.null("string"), fingerprint=held.event_id, seq=held["_seq"]),
            source=held.source, stream=held.stream, reason=held["_reason"], field=held["_when_field"],
            value=held.occurred_at.cast("date").cast("string"),
        ),
    )


def of_money(ledger: ir.Table) -> ir.Table:
    """Return the money ledger in the shape of a stream's records, so that events can be declared `from: money`."""
    return ledger.mutate(
        record_key=ledger.line_id, record_n=ibis.literal(0, "int64"), seq=ibis.null("int64"),
        occurred_at_day=ledger.business_day,
    )


def with_month(table: ir.Table) -> ir.Table:
    """Add `month`, "2025-01" of the business day: the partition of events and money."""
    return table.mutate(month=table.business_day.cast("string").substr(0, 7))


def _draft(records: ir.Table, each: EventType, *, source: str, stream: str) -> ir.Table:
    """Return one event type's rows. Ids and refusals are worked out once for all types, in `derived`."""
    rows = records if each.only_if is None else records.filter(each.only_if.column(records))
    is_money = each.stream == MONEY
    when = rows[each.when]
    columns: dict[str, ir.Value] = {
        "_name": ibis.literal(each.name), "event_type": ibis.literal(each.event),
        "source": rows.source if is_money else ibis.literal(source),
        "stream": rows.stream if is_money else ibis.literal(stream),
        "record_key": rows.record_key, "_record_n": rows.record_n,
        "occurred_at": when if when.type().is_timestamp() else when.cast("timestamp"),
        "business_day": rows[f"{each.when}_day"] if when.type().is_timestamp() else when,
        # A period that begins in the future is a plan, not a broken clock.
        "_may_be_future": ibis.literal(each.may_be_future or each.is_interval),
        "is_interval": ibis.literal(each.is_interval), "_when_field": ibis.literal(each.when),
        "recorded_at": rows.recorded_at, "_seq": rows.seq,
    }
    if each.who is not None:
        by_default = rows.profile_source if each.stream in {MONEY, TRANSFERS} else ibis.literal(source)
        columns["_who_source"] = by_default if each.who_source is None else ibis.literal(each.who_source)
        columns["profile_id"] = each.who.column(rows)
    if each.until is not None:
        columns["until_day"] = each.until.column(rows)
    what = {name: formula.column(rows) for name, formula in each.what.items()}
    return rows.select(**columns, **{name: value for name, value in what.items() if not value.type().is_null()})


def _joined(parts: list[ir.Value]) -> ir.Value:
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + "|" + part
    return joined
