"""Landing rows become typed records, strictly: a value that does not read sends its row to quarantine, never to null.

This is the border: SQL text for DuckDB in process; what comes out is read by any engine.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from regulars.errors import DeclarationError
from regulars.records import quarantine, reading, versions
from regulars.records.border import Bench, json_path, listed, literal, path_parts, quoted, taken_apart
from regulars.records.reading import TYPES, Border
from regulars.records.record import Field, Stream
from regulars.records.versions import Keyed

RECORD = {
    "record_key": dt.string, "record_n": dt.int64, "fingerprint": dt.string, "recorded_at": dt.timestamp,
    "seq": dt.int64,
}
"""The columns that every table of typed records begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What landing rows of one stream came to. The tables can be read as long as the bench is there."""

    good: ir.Table                           # typed records, `typed_schema(stream)`: the latest that reads of each key
    bad: ir.Table                            # quarantine rows, `quarantine.SCHEMA`: where the latest does not read
    touched: ir.Table                        # record_key: new or changed; their older quarantine rows are answered
    replaced: ir.Table                       # record_key: whose records `good` replaces, be it by nothing
    kept: int                                # rows in good
    refused: int                             # records in bad, one that has no key counted by what it says
    changed: int                             # rows in touched


def typed_schema(stream: Stream) -> ibis.Schema:
    """Return the columns of a stream's typed records, by which formulas are checked without data."""
    columns = dict(RECORD)
    for field in stream.fields:
        columns[field.name] = TYPES[field.type]
        if field.type == "timestamp":
            columns[f"{field.name}_day"] = dt.date
    return ibis.schema(columns)


def take(
    keyed: Keyed, stream: Stream, *, border: Border, bench: Bench, parent: Stream | None = None,
    known: ir.Table | None = None,
) -> Taken:
    """Read landing rows of a stream, or of its parent stream, into typed records and quarantine rows.

    Args:
        keyed: landing rows of the stream (of the parent, for a child stream).
        stream: what to read.
        border: the business zone and currency digits.
        bench: where to carry it out.
        parent: the stream whose records hold these in a list; needed when `stream.parent` is set.
        known: record_key and fingerprint before these rows (see `versions.known`); rows that say the same are skipped.

    A newest version that does not read is quarantined, and the older good one stays current. Raises DeclarationError
    when the parent is missing.
    """
    if (stream.parent is None) != (parent is None):
        message = f"{stream.full_name} needs its parent stream {stream.parent!r} to be read"
        raise DeclarationError(message, path=("parent",))
    if not keyed.rows:
        return _nothing(stream, bench)
    changed = versions.present(versions.changes(keyed, known=known, bench=bench), keyed, bench=bench)
    if known is not None or parent is not None:
        changed = bench.keep(changed)
    if known is not None and not _count(changed, bench):
        return _nothing(stream, bench)
    if parent is not None:
        return _children(changed, stream, border=border, bench=bench)
    rows = bench.select(f"select *, 0 as record_n, {versions.OBJECT} as object from changed", _ROWS, changed=changed)
    flagged = bench.keep(_read(rows, stream, border=border, bench=bench))
    if keyed.repeated:
        flagged = bench.keep(_ranked(flagged, bench))
    return _sorted_out(flagged, stream, bench)


def _count(table: ir.Table, bench: Bench) -> int:
    counted = bench.select("select count(*) as n from counted", ibis.schema({"n": "int64"}), counted=table)
    return int(bench.fetch(counted)["n"][0].as_py())


def _nothing(stream: Stream, bench: Bench) -> Taken:
    """Return what rows that all say what is known come to, without planning how they would be read."""
    keys = _empty(versions.KEYS, bench)
    return Taken(
        good=_empty(typed_schema(stream), bench), bad=_empty(quarantine.SCHEMA, bench), touched=keys, replaced=keys,
        kept=0, refused=0, changed=0,
    )


def _empty(schema: ibis.Schema, bench: Bench) -> ir.Table:
    return bench.select(f"select {listed(dict.fromkeys(schema.names, 'null'))} where false", schema)


def _sorted_out(flagged: ir.Table, stream: Stream, bench: Bench, *, keys: ir.Table | None = None) -> Taken:
    """Tell good rows from bad ones. Of a child stream, `keys` are the parents whose elements were read."""
    good = 'not "is:bad" and "newest:good" = 1'
    bad = '"is:bad" and ("newest:any" = 1 or record_key is null)'
    facts = bench.fetch(bench.select(
        f"""
        select count(*) filter ({good}) as n_good, count(*) as n_rows,
            count(distinct coalesce(record_key, fingerprint)) filter ({bad}) as n_bad
        from flagged""",
        ibis.schema({"n_good": "int64", "n_bad": "int64", "n_rows": "int64"}), flagged=flagged,
    )).to_pylist()[0]
    schema = typed_schema(stream)
    names = ", ".join(quoted(name) for name in schema.names)
    touched = bench.select("select distinct record_key from flagged", versions.KEYS, flagged=flagged)
    replaced = bench.select(f"select record_key from flagged where {good}", versions.KEYS, flagged=flagged)
    return Taken(
        good=bench.select(f"select {names} from flagged where {good}", schema, flagged=flagged),
        bad=_refused(flagged, bad, stream, bench) if facts["n_bad"] else _empty(quarantine.SCHEMA, bench),
        touched=touched if keys is None else keys, replaced=replaced if keys is None else keys,
        kept=facts["n_good"], refused=facts["n_bad"],
        changed=facts["n_rows"] if keys is None else _count(keys, bench),
    )


def _children(changed: ir.Table, stream: Stream, *, border: Border, bench: Bench) -> Taken:
    """Read the list elements of each parent's latest version; a parent without a key is its own stream's to report."""
    latest = bench.select(
        """
        select * from changed where not is_repeated and record_key is not null
        union all
        select * from changed where is_repeated
        qualify row_number() over (partition by record_key order by seq desc, line desc) = 1""",
        versions.CHANGES, changed=changed,
    )
    place = json_path([*path_parts(stream.each or ""), "*"]).replace('."*"', "[*]")
    rows = bench.select(
        f"""
        select * exclude (element, is_object), element::varchar as object,
            coalesce(json_type(element) = 'OBJECT', false) as is_object
        from (
            select *, {versions.OBJECT} as "outer", unnest(elements) as element,
                generate_subscripts(elements, 1) - 1 as record_n
            from (select *, json_extract({versions.OBJECT}, {literal(place)}) as elements from latest)
        )""",
        _ROWS, latest=latest,
    )
    flagged = bench.keep(_read(rows, stream, border=border, bench=bench))
    keys = bench.select("select distinct record_key from latest", versions.KEYS, latest=latest)
    return _sorted_out(flagged, stream, bench, keys=keys)


_ROWS = ibis.schema({**versions.CHANGES, "record_n": "int64", "object": "string"})
"""Rows to be read: `object` is JSON text; a child's have `outer` too, their parent's."""


def _read(rows: ir.Table, stream: Stream, *, border: Border, bench: Bench) -> ir.Table:
    """Return rows with their typed columns, `is:bad`, and what is wrong with the bad ones."""
    apart, raw = _raw(stream)
    fields, own_key = stream.fields, () if stream.parent else stream.key
    why = reading.reasons(fields, key=own_key)
    is_bad = " or ".join(["not is_object", "record_key is null", *(f"{quoted(name)} is not null" for name in why)])
    layers = [
        apart, reading.texts(fields, raw), reading.written_times(fields), reading.moments(fields, border=border),
        reading.values(fields, border=border), why, {"is:bad": is_bad},
    ]
    query = "read"
    for layer in layers:
        query = f"(select *, {listed(layer)} from {query})" if layer else query
    columns = {name: quoted(name) for name in RECORD}
    for field in fields:
        columns[field.name] = quoted(f"value:{field.name}")
        if field.type == "timestamp":
            columns[f"{field.name}_day"] = quoted(f"day:{field.name}")
    bad = {
        "is:bad": quoted("is:bad"), "is:repeated": "is_repeated", "line:": "line",
        "newest:any": "1", "newest:good": "1",
        # Only bad rows carry their text on: for the others it would be a second copy of the landing.
        "payload:": 'case when "is:bad" then payload end',
        "problems:": f'case when "is:bad" then {_problems(stream, why)} end',
    }
    schema = ibis.schema({**typed_schema(stream), **_FLAGS})
    return bench.select(f"select {listed(columns | bad)} from {query}", schema, read=rows)


_FLAGS = ibis.schema({
    "is:bad": "boolean", "is:repeated": "boolean", "line:": "int64", "newest:any": "int64", "newest:good": "int64",
    "payload:": "string", "problems:": "array<struct<field: string, reason: string, value: string>>",
})
"""What is known of a row that was read, beside its record; the colon keeps these apart from fields."""


def _raw(stream: Stream) -> tuple[dict[str, str], dict[str, str]]:
    """Return the columns that take payloads apart, and each field's value as SQL over them."""
    def asked(fields: list[Field]) -> dict[str, tuple[str, bool]]:
        return {f.name: (f.path.removeprefix("^").removeprefix("."), reading.wants_json(f)) for f in fields}

    above = [field for field in stream.fields if field.path.startswith("^")]
    own = [field for field in stream.fields if not field.path.startswith("^")]
    element = "case when is_object then object else '{}' end" if stream.parent else "object"
    apart, found = {}, dict[str, str]()
    for name, payload, fields in (("own:", element, own), ("above:", '"outer"', above)):
        if fields:
            apart[name], values = taken_apart(payload, asked(fields), whole=name)
            found |= values
    return apart, found


def _ranked(flagged: ir.Table, bench: Bench) -> ir.Table:
    """Say of repeated keys which row is their latest, and which the latest of those that read."""
    return bench.select(
        """
        select * from flagged where not "is:repeated"
        union all
        select * replace (
            row_number() over (partition by record_key order by seq desc, "line:" desc) as "newest:any",
            row_number() over (partition by record_key, "is:bad" order by seq desc, "line:" desc) as "newest:good"
        )
        from flagged where "is:repeated"
        """,
        flagged.schema(), flagged=flagged,
    )


def _problems(stream: Stream, why: dict[str, str]) -> str:
    """Return SQL of a bad row's problems, a list of field, reason and value."""
    where = "''" if stream.parent is None else f"{literal(f'{stream.each}[')} || record_n || '].'"
    fields = [
        f"{{'field': {where} || {literal(name)}, 'reason': {quoted(f'why:{name}')}, 'value': {quoted(f'text:{name}')}}}"
        for name in (field.name for field in stream.fields) if f"why:{name}" in why
    ]
    # A row that is no object has no fields: that they are missing too would only be noise.
    unreadable = f"[{{'field': {where}, 'reason': 'unreadable', 'value': payload}}]"
    return f"case when is_object then [{', '.join(fields)}] else {unreadable} end" if fields else unreadable


def _refused(flagged: ir.Table, bad: str, stream: Stream, bench: Bench) -> ir.Table:
    """Return a quarantine row for each reason of each bad row."""
    problems = bench.select(
        f"""
        select record_key, fingerprint, recorded_at, seq, "payload:" as payload, problem.field as field,
            problem.reason as reason, problem.value as value
        from (select *, unnest("problems:") as problem from flagged where {bad})
        where problem.reason is not null""",
        quarantine.PROBLEMS, flagged=flagged,
    )
    return quarantine.shaped(
        problems, source=stream.source, stream=stream.name, reason=problems.reason, field=problems.field,
        value=problems["value"],
    )
