"""Purged: which messages of a door go by their name, their time or without one of their properties, and what stays.

This is the border: SQL text for DuckDB in process.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import ibis
import ibis.expr.types as ir

from regulars.records.border import Bench, json_path, literal, path_parts, quoted
from regulars.records.record import Field

CHANGED = ibis.schema({"seq": "int64", "file": "string", "line": "int64", "payload": "string"})
"""Landing rows as they are to be: where each lies, and what it says from now on; null: it goes."""

KEYS = ibis.schema({"record_key": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which messages go, or what goes out of which messages.

    A message counts by when it happened, or by when it came if that was before: clocks of senders run ahead.
    """

    event: str | None                        # the name they were sent under; None: whatever they are
    path: str | None                         # dotted path of what goes out of each; None: they go whole
    since: datetime | None                   # aware; None: from the first one on
    until: datetime                          # aware; exclusive

    def sentence(self) -> str:
        """Return what is meant in words."""
        what = "everything" if self.event is None else repr(self.event)
        from_ = "" if self.since is None else f" from {self.since:%Y-%m-%d %H:%M}"
        return f"{what if self.path is None else f'{self.path} of {what}'}{from_} to {self.until:%Y-%m-%d %H:%M}"


def messages(landing: ir.Table, wanted: Wanted, *, bench: Bench) -> ir.Table:
    """Return the stored messages of some landing rows that are meant, as CHANGED.

    One that says a member twice on the way to a property goes whole when it holds the property's name: nobody can tell
    which of the two is meant.
    """
    parts = path_parts(wanted.path) if wanted.path is not None else []
    told = f"""
        select seq, file, line, said, said as told, payload as raw, {_is_twofold(parts)} as is_torn,
            false as is_other, said ->> '$.door.name' as name, try_cast(said ->> '$.door.at' as timestamp) as happened,
            try_cast(said ->> '$.door.received_at' as timestamp) as came
        from (select *, case when json_valid(payload) then payload::json else '{{}}'::json end as said from landing)"""
    return bench.select(_changed(told, wanted, whole="{patched}::varchar"), CHANGED, landing=landing)


def rejects(landing: ir.Table, wanted: Wanted, *, bench: Bench) -> ir.Table:
    """Return what was set aside of some landing rows and is meant, as CHANGED.

    It counts by when its sender says that it happened, else by when it came. What is no JSON, is no single message (a
    batch set aside whole) or says a member twice goes whole when it holds the name that is looked for in quotation
    marks: nobody can take a property out of it.
    """
    parts = path_parts(wanted.path) if wanted.path is not None else ["event"]
    told = f"""
        select *, coalesce(try_cast(said ->> '$.timestamp' as timestamp), came) as happened,
            said is null or {_is_twofold(parts)} as is_torn,
            coalesce(name, said ->> '$.type') is null as is_other
        from (
            select *, coalesce(said ->> '$.event', said ->> '$.name', said ->> '$.eventType') as name
            from (
                select seq, file, line, payload::json as told, payload ->> '$.raw' as raw, recorded_at as came,
                    case when json_valid(payload ->> '$.raw') and json_type(payload ->> '$.raw') = 'OBJECT'
                        then (payload ->> '$.raw')::json end as said
                from landing where json_valid(payload) and (payload ->> '$.reason') <> 'answered'
            )
        )"""
    whole = "json_merge_patch(told, json_object('raw', {patched}::varchar))::varchar"
    return bench.select(_changed(told, wanted, whole=whole), CHANGED, landing=landing)


def _is_twofold(parts: Sequence[str]) -> str:
    """Return SQL that says whether an object on the way to a property has a member twice: others read the last one."""
    places = [json_path(parts[:n]) if n else "$" for n in range(len(parts))]
    twice = [f"len(json_keys(said, {literal(place)})) > len(list_distinct(json_keys(said, {literal(place)})))"
             for place in places]
    return f"coalesce({' or '.join(twice)}, false)" if twice else "false"


def records(table: ir.Table, wanted: Wanted, fields: Mapping[str, Field], *, bench: Bench) -> ir.Table:
    """Return the keys of typed records of a door that are meant: KEYS. `fields`: those that `touched` gives."""
    where = _within('least("at", received_at)', wanted)
    where += [f"name = {literal(wanted.event)}"] if wanted.event is not None else []
    if wanted.path is not None:
        where.append(f"({' or '.join(_holds(name, field, wanted.path) for name, field in fields.items()) or 'false'})")
    return bench.select(f"select record_key from records where {' and '.join(where)}", KEYS, records=table)


def touched(fields: Iterable[Field], path: str) -> dict[str, Field]:
    """Return the fields that read what stands at a path, anything in it, or what it stands in, by name."""
    mine = path_parts(path)
    found = {}
    for field in fields:
        parts = path_parts(field.path)
        if parts[: len(mine)] == mine[: len(parts)]:
            found[field.name] = field
    return found


def _holds(name: str, field: Field, path: str) -> str:
    """Return SQL that says whether a record's column still says what stands at a path."""
    inside = path_parts(path)[len(path_parts(field.path)):]
    if not inside:
        return f"{quoted(name)} is not null"
    return f"json_exists(try_cast({quoted(name)} as json), {literal(json_path(inside))})"


def _changed(told: str, wanted: Wanted, *, whole: str) -> str:
    """Return SQL of CHANGED from what rows tell: seq, file, line, said, told, raw, name, happened, came and two more.

    is_torn: nobody can say what it says; is_other: it may be something else than one message.
    """
    where = _within("least(happened, came)", wanted)
    if wanted.event is not None:
        where.append(_or_held(f"name = {literal(wanted.event)}", wanted.event))
    payload = "null"
    if wanted.path is not None:
        parts = path_parts(wanted.path)
        has = f"coalesce(json_exists(said, {literal(json_path(parts))}), false)"
        where.append(_or_held(has, parts[-1]))
        patch: object = None
        for part in reversed(parts):
            patch = {part: patch}
        # A null in a merge patch takes the member out and leaves all others as they are (RFC 7396).
        patched = f"json_merge_patch(said, {literal(json.dumps(patch, ensure_ascii=False))}::json)"
        payload = f"case when {has} and not is_torn then {whole.format(patched=patched)} end"
    return f"select seq, file, line, {payload} as payload from ({told}) where {' and '.join(where)}"


def _within(moment: str, wanted: Wanted) -> list[str]:
    since = [] if wanted.since is None else [f"{moment} >= {_moment(wanted.since)}"]
    return [*since, f"{moment} < {_moment(wanted.until)}"]


def _or_held(claim: str, name: str) -> str:
    held = " or ".join(f"contains(raw, {literal(text)})" for text in sorted(_written(name)))
    return f"(coalesce({claim}, false) or ((is_torn or is_other) and ({held})))"


def _written(name: str) -> set[str]:
    """Return how a name may stand in a body: as it is, or beyond ASCII as escapes, in small letters or capitals."""
    escaped = json.dumps(name)
    capitals = re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), escaped)
    return {json.dumps(name, ensure_ascii=False), escaped, capitals}


def _moment(at: datetime) -> str:
    return f"timestamp '{at.astimezone(UTC).replace(tzinfo=None)}'"
