"""Rows that could not be taken, each with its reason and what repairs it; a row leaves when a later version reads.

A row is repaired by correcting the declaration (`regulars rebuild` reads the landing again) or by the source sending
the record again; either way its key is touched and its old quarantine rows go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import ibis
import ibis.expr.types as ir

from regulars.records.border import Bench
from regulars.records.record import Stream

Stage = Literal["source", "reading", "families", "events", "money", "transfers"]

SCHEMA = ibis.schema({
    "source": "string", "stream": "string", "record_key": "string", "seq": "int64", "reason": "string",
    "field": "string", "value": "string", "message": "string", "payload": "string", "recorded_at": "timestamp",
})
"""The quarantine table: one row for each reason of each refused record."""

PROBLEMS = ibis.schema({
    "record_key": "string", "fingerprint": "string", "seq": "int64", "recorded_at": "timestamp", "payload": "string",
    "field": "string", "reason": "string", "value": "string",
})
"""What reading finds wrong, before it is put into the words of the quarantine."""

KEY = ("source", "stream", "record_key")
"""By these columns a newer delivery of a record clears its quarantine rows."""

ROW = (*KEY, "reason")
"""By these columns a stage replaces its own rows: a record may be refused for several reasons."""

VALUE_LENGTH = 200                           # characters kept of a refused value; the payload has all of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a row is held back."""

    code: str
    stage: Stage                             # which step refused it
    sentence: str
    repair: str
    is_alert: bool = False                   # somebody should look today


def _reasons(*rows: tuple[str, Stage, str, str]) -> Mapping[str, Reason]:
    return {code: Reason(code=code, stage=stage, sentence=sentence, repair=repair, is_alert=code in _ALERTS)
            for code, stage, sentence, repair in rows}


_ALERTS = {"amount_out_of_bounds", "unknown_currency"}
_FORMATS = "add the way it is written to the field's `formats`, or have the source send it again"
REASONS = _reasons(
    ("unreadable", "reading", "the row is not a JSON object", "look at the file or answer it came in; send it again"),
    ("invalid-utf8", "source", "the bytes are not in the declared encoding",
     "declare `encoding`, or save the file as UTF-8"),
    ("ragged-row", "source", "the line has more or fewer cells than the header",
     "quote cells that hold the delimiter, and send the file again"),
    ("bad-json", "source", "the line is not JSON", "correct the line, and send the file again"),
    ("empty-file", "source", "the file is empty", "send it again; what it held before still stands"),
    ("too_large", "source", "the message or body is larger than the door takes",
     "have the sender say less at once, and send it again with `?repairs=`"),
    ("unknown_type", "source", "the message's type is none of the tracking API",
     "send it again as track, identify, page, screen, group or alias, with `?repairs=`"),
    ("wrong_type", "source", "the message is no object, or a member of it is of the wrong type",
     "correct it, and send it again with `?repairs=`"),
    ("missing_member", "source", "the pixel does not say who, what or of which product",
     "have the pixel give `sessionId`, `eventType` and `productId`; send it again with `?repairs=`"),
    ("unknown_event", "source", "the pixel names an event that there is not",
     "have it say IMPRESSION, ADD_TO_CART or PURCHASE; send it again with `?repairs=`"),
    ("unknown_shop", "source", "the pixel names a shop that is not declared",
     "declare the shop or its domain in shops/, and send it again with `?repairs=`"),
    ("no_person", "source", "the message says of nobody that it is theirs",
     "have the sender give `userId` or `anonymousId`; send it again with `?repairs=`"),
    ("no_event_name", "source", "the message does not say what happened",
     "have the sender give `event`; send it again with `?repairs=`"),
    ("no_group", "source", "the message does not say which group",
     "have the sender give `groupId`; send it again with `?repairs=`"),
    ("off_plan", "source", "the message is not as its tracking plan says",
     "correct the sender or the plan, and send it again with `?repairs=`"),
    ("unplanned", "source", "the tracking plan does not name the event",
     "add it to the plan or correct its name, and send it again with `?repairs=`"),
    ("no_consent", "source", "the person does not allow what the message is needed for",
     "keep it out: send it again only with the consent that the plan asks for"),
    ("missing", "reading", "a required value is missing",
     "fill it in the source, or declare the field without `required`"),
    ("not_integer", "reading", "the value is not a whole number",
     "declare the field as decimal or text, or correct it"),
    ("not_decimal", "reading", "the value is not a number", "declare the field as text, or correct it"),
    ("not_money", "reading", "the value is not an amount such as 1,234.50", "declare the field as text, or correct it"),
    ("not_boolean", "reading", "the value is not true or false", "declare the field as text, or correct it"),
    ("not_timestamp", "reading", "the value is not a time", _FORMATS),
    ("not_date", "reading", "the value is not a date", _FORMATS),
    ("not_json", "reading", "the value is not JSON", "declare the field as text, or correct it"),
    ("not_id", "reading", "the value is not an id", "correct it in the source"),
    ("not_text", "reading", "the value is not text", "correct it in the source"),
    ("no_such_time", "reading", "clocks skip this local time when summer time begins",
     "have the source send the offset, or declare the field's `zone`"),
    ("impossible_time", "reading", "the time lies before 1900 or after 2200",
     "correct it, or declare `formats: unix_ms`"),
    ("self_relation", "families", "somebody is named as their own family", "correct it in the source"),
    ("minor_guardian", "families", "the parent or guardian is a minor",
     "turn the relation round in the source, or correct the birthday"),
    ("younger_guardian", "families", "the parent or guardian is not older than the child",
     "turn the relation round in the source, or correct a birthday"),
    ("contradictory", "families", "two people are named as each other's parent or guardian",
     "take the wrong one away in the source; until then neither counts"),
    ("no_time", "events", "the event has no time", "say in `only_if` that records without it make no event"),
    ("future", "events", "the event lies more than a day in the future",
     "correct the source's clock, or declare `only_if`"),
    ("no_amount", "money", "the amount cannot be computed", "say in `only_if` that such records make no line"),
    ("negative_amount", "money", "the amount is negative, and only the kind gives the sign",
     "declare a `refund` line for returns, or write abs(…) in `amount`"),
    ("amount_out_of_bounds", "money", "the amount is beyond the bound of a believable line",
     "correct it in the source, or raise `largest_amount` in regulars.toml"),
    ("unknown_currency", "money", "the currency is not one of ISO 4217", "map it in the `currency` formula"),
    ("negative_quantity", "money", "a sale has a negative quantity",
     "declare a `refund` line for returns, or write abs(…) in `quantity`"),
    ("no_time_of_money", "money", "the line has no time", "say in `only_if` that such records make no line"),
    ("future_money", "money", "the line lies more than a day in the future", "correct the source's clock"),
    ("no_quantity", "money", "the quantity cannot be computed", "correct it, or leave `quantity` out"),
    ("no_pass", "transfers", "the text names who bought a pass, and no pass", "correct it in the source"),
    ("no_purchaser", "transfers", "the text does not name who bought the pass",
     "correct it in the source, or write the pass under `named_from` in transfers.yaml"),
    ("unread_remaining", "transfers", "how much remains of the pass is no number", "correct it in the source"),
)
"""Every reason by its code."""


def shaped(
    rows: ir.Table, *, source: str | ir.Value, stream: str | ir.Value, reason: ir.Value, field: ir.Value,
    value: ir.Value,
) -> ir.Table:
    """Return quarantine rows of rows that have record_key, fingerprint, seq, recorded_at and payload.

    A record without a key is known by its fingerprint, behind a "?".
    """
    sentences = [(reason == code, ibis.literal(found.sentence)) for code, found in REASONS.items()]
    table = rows.select(
        source=ibis.literal(source) if isinstance(source, str) else source,
        stream=ibis.literal(stream) if isinstance(stream, str) else stream,
        record_key=rows.record_key.fill_null(ibis.literal("?") + rows.fingerprint),
        seq=rows.seq.cast("int64"),
        reason=reason.cast("string"),
        field=field.cast("string"),
        value=value.cast("string").substr(0, VALUE_LENGTH),
        message=ibis.cases(*sentences, else_=reason.cast("string")),
        payload=rows.payload.cast("string"),
        recorded_at=rows.recorded_at.cast("timestamp"),
    )
    return table.cast(SCHEMA)


def rejected(rows: ir.Table, stream: Stream, *, delivered: ir.Table, bench: Bench) -> ir.Table:
    """Return quarantine rows of what a source's reader could not make a record of.

    `rows` are landing rows whose payload is a JSON object of file, line, reason, raw and maybe field; their set is
    `<set>.rejects` beside the `<set>` of the rows that could be read, which are in `delivered`. Of a file that was
    dropped again only the newest version's rejects stand; a row whose reason is `answered` says that what was wrong
    came again, corrected.
    """
    query = """
        with told as (
            select seq, set_id, recorded_at, payload ->> '$.file' as file, payload ->> '$.line' as line,
                payload ->> '$.reason' as reason, coalesce(payload ->> '$.field', '') as field,
                payload ->> '$.raw' as payload
            from landed
        ), newest as (
            select file as newest_file, arg_max(set_id, seq) as newest_set from told group by file
        ), good as (
            select file as good_file, arg_max(set_id, seq) || '.rejects' as good_set, max(seq) as good_seq
            from delivered where file in (select file from told) group by file
        )
        select distinct coalesce(file, set_id) || '|' || coalesce(line, '0') as record_key, null as fingerprint, seq,
            recorded_at, reason, field, payload as value, payload
        from told join newest on file is not distinct from newest_file and set_id = newest_set
            left join good on file = good_file
        where reason <> 'answered' and (good_file is null or good_set = set_id or good_seq < seq)"""
    told = bench.select(query, PROBLEMS, landed=rows, delivered=delivered)
    return shaped(
        told, source=stream.source, stream=stream.name, reason=told.reason, field=told.field, value=told["value"],
    )


def counts(quarantined: ir.Table) -> ir.Table:
    """Return how many records each reason holds back: source, stream, reason, field, message, records, first_seen.

    Most first. List positions are left out of the field.
    """
    plain = quarantined.mutate(field=quarantined.field.re_replace(r"\[[0-9]+\]", ""))
    grouped = plain.group_by("source", "stream", "reason", "field", "message").agg(
        records=plain.record_key.nunique(), first_seen=plain.recorded_at.min()
    )
    return grouped.order_by(grouped.records.desc(), "source", "stream", "reason", "field")


def codes(stage: Stage) -> list[str]:
    """Return the codes of the reasons for which a stage refuses."""
    return [code for code, found in REASONS.items() if found.stage == stage]


def of_stage(quarantined: ir.Table, stage: Stage) -> ir.Table:
    """Return the rows that one stage refused, so that running the stage again replaces those and no others."""
    return quarantined.filter(quarantined.reason.isin(codes(stage)))


def merged(quarantined: ir.Table, refused: ir.Table, *, touched: ir.Table, source: str, stream: str) -> ir.Table:
    """Return the quarantine after a delivery: rows of touched records are answered, the newly refused stand.

    `touched`: record_key. Doing it twice equals doing it once.
    """
    answered = touched.distinct().mutate(source=ibis.literal(source), stream=ibis.literal(stream))
    # Tables from outside carry their own scale of time; a union wants one.
    return quarantined.cast(SCHEMA).anti_join(answered, KEY).anti_join(refused, KEY).union(refused.cast(SCHEMA))


def repair(code: str) -> str:
    """Return what repairs a reason; empty for a code this version does not know."""
    return REASONS[code].repair if code in REASONS else ""
