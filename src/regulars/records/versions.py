"""Which landed row is the one that counts: keys, fingerprints, repeats, and what is gone.

A record delivered again unchanged is the same record: of each run of equal deliveries the first counts. So a day-by-day
history and one run over everything end in the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir

from regulars.records.border import Bench, json_path, literal, path_parts, quoted, taken_apart
from regulars.records.reading import normal_id, trimmed
from regulars.records.record import WHOLE, Stream

LANDING = ibis.schema({
    "seq": "int64", "set_id": "string", "recorded_at": "timestamp", "file": "string", "line": "int64",
    "payload": "string",
})
"""What storage gives: one row per raw item; `seq` grows for ever, `line` is the position in the file or segment."""

KEYED = ibis.schema({**LANDING, "is_object": "boolean", "record_key": "string", "fingerprint": "string"})
"""Landing rows with their key: its values joined with "|", null when one is missing."""

CHANGES = ibis.schema({**KEYED, "is_repeated": "boolean"})
"""Keyed rows that count, and whether their key comes more than once among those that came."""

WHOLES = ibis.schema({"whole_of": "string", "set_id": "string", "seq": "int64"})
"""Of whom a set has all: first part of their record keys, and where in the set that is said."""

KEYS = ibis.schema({"record_key": "string"})
KNOWN = ibis.schema({"record_key": "string", "fingerprint": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """Landing rows of one stream with their keys, kept for the statements that follow."""

    table: ir.Table                          # KEYED
    stream: Stream                           # whose keys they are
    rows: int
    sets: int                                # page sets among them
    repeated: int                            # keys that come more than once
    wholes: ir.Table | None = None           # WHOLES, of a `snapshot_each`

    @property
    def tables(self) -> dict[str, ir.Table]:
        """Return the tables that statements over these rows name: `keyed`, and `wholes` where there are any."""
        return {"keyed": self.table} | ({} if self.wholes is None else {"wholes": self.wholes})


def keyed(landing: ir.Table, stream: Stream, *, bench: Bench, current: ir.Table | None = None) -> Keyed:
    """Work out the key and fingerprint of landing rows, once.

    `current`: records as they stand, read under the same declaration; a snapshot's row that says what one of them says
    has its key, and is not taken apart again.
    """
    own = {name: (stream.field(name).path, False) for name in stream.key if name not in {"file", "line"}}
    is_each = stream.mode == "snapshot_each"
    if is_each:
        own[WHOLE] = (WHOLE, False)
    whole, raw = taken_apart("case when is_object and known_key is null then payload else '{}' end", own, whole="own")
    printed, tables = _UNKNOWN, {"landing": landing}
    # A key that says the place of a row is not in what the row says.
    if current is not None and stream.mode == "snapshot" and {"file", "line"}.isdisjoint(stream.key):
        printed, tables = _PRINTED, tables | {"current": current}
    query = f"""
        select {_names(LANDING)}, is_object, coalesce(known_key, {_key(stream, raw)}) as record_key, fingerprint
            {_whole_of(stream, raw) if is_each else ""}
        from (
            select *, {whole} as own
            from (
                select *, case when known_key is not null then true
                    else coalesce(regexp_matches(payload, {_BRACE}) and json_valid(payload), false) end as is_object
                from ({printed})
            )
        )"""
    every = bench.keep(bench.select(query, _TOLD if is_each else KEYED, **tables))
    table, wholes = _told_apart(every, bench) if is_each else (every, None)
    facts = bench.fetch(bench.select(
        """
        select sum(deliveries)::bigint as n_rows, max(n_sets) as n_sets,
            count(*) filter (deliveries > 1 and record_key is not null) as n_repeated
        from (select record_key, count(*) as deliveries from keyed group by record_key),
            (select count(distinct set_id) as n_sets from every)""",
        ibis.schema({"n_rows": "int64", "n_sets": "int64", "n_repeated": "int64"}), keyed=table, every=every,
    )).to_pylist()[0]
    return Keyed(
        table=table, stream=stream, rows=facts["n_rows"] or 0, sets=facts["n_sets"] or 0, repeated=facts["n_repeated"],
        wholes=wholes,
    )


_UNKNOWN = "select *, md5(payload) as fingerprint, null::varchar as known_key from landing"
_PRINTED = """
    select * from (select *, md5(payload) as fingerprint from landing) left join (
        select fingerprint, any_value(record_key) as known_key from current group by fingerprint
    ) using (fingerprint)"""
"""Landing rows and the key of the record that says the same: one payload has one key."""

VERSION = "door.version"
"""Where a payload says which version of its record it is, in the order of time: a field that is read from there."""


def version_field(stream: Stream) -> str | None:
    """Return the name of the field by which a stream's records tell their versions; None: the last that came counts."""
    return next((field.name for field in stream.fields if field.path == VERSION), None)


def without_older(keyed: Keyed, current: ir.Table | None, *, bench: Bench) -> Keyed:
    """Leave out rows that came behind a newer version of their record: outside systems do not keep the order.

    `current`: records as they stand, with `version_field(keyed.stream)`; None at first. Rows that say no version are
    older than those that do. What is left ends in the same rows whether it came day by day or at once.
    """
    name = version_field(keyed.stream)
    if name is None:
        return keyed
    tables = {"keyed": keyed.table} | ({} if current is None else {"current": current})
    old = "select null::varchar as record_key, null::varchar as newest where false" if current is None else f"""
        select record_key, max({_moment_of(quoted(name))}) as newest from current
        where record_key in (select record_key from keyed) group by record_key"""
    said = _moment_of(f"json_extract_string({OBJECT}, {literal(json_path(path_parts(VERSION)))})")
    query = f"""
        select {_names(KEYED)}
        from (
            select *, max(version) over (
                partition by record_key order by seq, line rows between unbounded preceding and 1 preceding
            ) as before
            from (select *, {said} as version from keyed)
        ) left join ({old}) as old using (record_key)
        where record_key is null or version >= greatest(coalesce(before, ''), coalesce(newest, ''))"""
    return replace(keyed, table=bench.keep(bench.select(query, KEYED, **tables)))


def _moment_of(version: str) -> str:
    """Return SQL of the moment in a version; what stands behind it tells apart what is of one moment."""
    return f"coalesce(split_part({version}, ' ', 1), '')"


_TOLD = ibis.schema({**KEYED, "is_whole": "boolean", "whole_of": "string"})


def _told_apart(every: ir.Table, bench: Bench) -> tuple[ir.Table, ir.Table]:
    """Return the records among rows, and of whom their sets are the whole."""
    wholes = """
        select whole_of, set_id, max(seq) as seq from told where is_whole and whole_of is not null
        group by whole_of, set_id"""
    return (
        bench.keep(bench.select(f"select {_names(KEYED)} from told where not is_whole", KEYED, told=every)),
        bench.keep(bench.select(wholes, WHOLES, told=every)),
    )


def _whole_of(stream: Stream, raw: dict[str, str]) -> str:
    """Return SQL of the columns by which rows are told from what says that a set is the whole of somebody."""
    return f""",
            coalesce({raw[WHOLE]} = 'true', false) as is_whole,
            {_escaped(normal_id(trimmed(raw[stream.key[0]])))} as whole_of"""


_BRACE = r"'^[ \t\r\n]*[{]'"
"""How an object begins: JSON that begins so is one, and looking is quicker than parsing it a second time."""

OBJECT = "case when is_object then payload else '{}' end"
"""The payload where that is a JSON object, and an empty one where it is not."""


def changes(keyed: Keyed, *, known: ir.Table | None, bench: Bench) -> ir.Table:
    """Return the keyed rows that differ from the delivery before them: CHANGES.

    `known`: record_key and fingerprint as they stand before these rows, or None at first. Rows without a key all count.
    In a snapshot, of all or of each, a key that was absent in between has come back, and counts as changed.
    """
    if known is None and not keyed.repeated:
        return bench.select(f"select {_names(KEYED)}, false as is_repeated from keyed", CHANGES, keyed=keyed.table)
    tables = keyed.tables | ({"known": known} if known is not None else {})
    last = "before"
    if known is not None:
        last = "case when skipped is null and sets_before = 0 then old.fingerprint else before end"
    # Of what is known only these keys matter, however much that is; a child's records repeat their parent's.
    old = "" if known is None else """left join (
            select distinct record_key, fingerprint from known
            where record_key in (select record_key from keyed)
        ) as old using (record_key)"""
    query = f"""
        with ranked as ({_ranked(keyed)}), marked as ({_marked(keyed)})
        select {_names(KEYED, "marked")}, is_repeated
        from marked {old}
        where not coalesce(
            {last} = marked.fingerprint and coalesce(skipped, 0) <= 0 and marked.record_key is not null, false
        )"""
    return bench.select(query, CHANGES, **tables)


def standing(keyed: Keyed) -> str | None:
    """Return SQL of the keys that still stand after these rows (`keyed`): `record_key`; None when none can go.

    A snapshot's keys are those of its newest set, and so for each whom a set is the whole of. The SQL reads
    `keyed.tables`. A file dropped again replaces its older version, line by line.
    """
    if keyed.stream.mode == "snapshot":
        return "select record_key from keyed where set_id = (select arg_max(set_id, seq) from keyed)"
    if keyed.stream.mode == "snapshot_each":
        return f"""
            select record_key from keyed left join (
                select whole_of, arg_max(set_id, seq) as newest_set, max(seq) as newest_seq from wholes
                group by whole_of
            ) on whole_of = {_WHOSE}
            where newest_set is null or set_id = newest_set or seq > newest_seq"""
    if "file" not in keyed.stream.key:
        return None
    return """
        select record_key from keyed join (
            select file as newest_file, arg_max(set_id, seq) as newest_set from keyed group by file
        ) on file is not distinct from newest_file and set_id = newest_set"""


def present(rows: ir.Table, keyed: Keyed, *, bench: Bench) -> ir.Table:
    """Return those of the changes whose keys still stand after all of the keyed rows."""
    here = standing(keyed)
    # All rows of a single set are of the newest one.
    if here is None or keyed.sets <= 1:
        return rows
    query = f"select * from changes where record_key is null or record_key in ({here})"
    return bench.select(query, CHANGES, changes=rows, **keyed.tables)


def gone(keyed: Keyed, current: ir.Table, *, bench: Bench) -> ir.Table:
    """Return the keys of current records that the newest complete set, answer or file no longer has: `record_key`.

    Args:
        keyed: new landing rows; in a snapshot at least all of the newest set. Of a stream that is a snapshot, of
            all or of each, or has `file` in its key; of others nothing is ever gone.
        current: records as they stand, with `record_key`.
        bench: where to carry it out.

    """
    here, stream = standing(keyed), keyed.stream
    if here is None:
        return bench.select("select record_key from current where false", KEYS, current=current)
    query = f"""
        select distinct record_key from current
        where record_key not in (select record_key from ({here}) where record_key is not null)"""
    if stream.mode == "snapshot_each":
        query += f" and {_WHOSE} in (select whole_of from wholes)"
    elif stream.mode != "snapshot":
        place = stream.key.index("file") + 1
        query += f"""
            and split_part(record_key, '|', {place}) in (select {_escaped("coalesce(file, set_id)")} from keyed)"""
    return bench.select(query, KEYS, current=current, **keyed.tables)


_WHOSE = "split_part(record_key, '|', 1)"


def known(current: ir.Table, quarantined: ir.Table | None = None, *, bench: Bench) -> ir.Table:
    """Return what was last delivered of each key: record_key, fingerprint; a key may come several times.

    Args:
        current: typed records with record_key and fingerprint.
        quarantined: quarantine rows of the same stream that reading refused; they are newer than the current record.
        bench: where to carry it out.

    """
    if quarantined is None:
        return bench.select("select record_key, fingerprint from current", KNOWN, current=current)
    query = """
        select record_key, fingerprint from current
        where record_key not in (select record_key from refused where record_key is not null)
        union all
        select record_key, max(md5(payload)) as fingerprint from refused group by record_key"""
    return bench.select(query, KNOWN, current=current, refused=quarantined)


def _ranked(keyed: Keyed) -> str:
    """Return SQL of keyed rows with `is_repeated`, and how many sets that are the whole came before theirs and with it.

    Those are `sets_before` and `sets_until`: a key that is not in such a set is gone until it comes again.
    """
    repeated = "false" if not keyed.repeated else """coalesce(record_key in (
            select record_key from keyed where record_key is not null group by record_key having count(*) > 1
        ), false)"""
    if keyed.stream.mode == "append" or keyed.sets <= 1:
        return f"select *, {repeated} as is_repeated, 0 as sets_before, 0 as sets_until from keyed"
    if keyed.stream.mode == "snapshot_each":
        return f"""
        select keyed.*, {repeated} as is_repeated,
            coalesce(until - n, 0) as sets_before, coalesce(until, 0) as sets_until
        from keyed left join (
            select *, sum(n) over (partition by whose order by place)::bigint as until
            from (
                select whose, set_id, min(seq) as place, max(n) as n
                from (
                    select {_WHOSE} as whose, set_id, seq, 0 as n from keyed where record_key is not null
                    union all select whole_of, set_id, seq, 1 from wholes
                )
                group by whose, set_id
            )
        ) as told on whose = {_WHOSE} and keyed.set_id = told.set_id"""
    return f"""
        select *, {repeated} as is_repeated, sets_until - 1 as sets_before
        from keyed left join (
            select set_id, row_number() over (order by min(seq)) as sets_until from keyed group by set_id
        ) using (set_id)"""


def _marked(keyed: Keyed) -> str:
    """Return SQL of ranked rows with the fingerprint `before` them, and how many whole sets were `skipped` since."""
    once = "select *, null::varchar as before, null::bigint as skipped from ranked where not is_repeated"
    if not keyed.repeated:
        return once
    # Most keys come once; only the others are put in order, which is the dear part.
    return f"""{once}
        union all
        select *, lag(fingerprint) over by_key, sets_before - lag(sets_until) over by_key
        from ranked where is_repeated
        window by_key as (partition by record_key order by seq, line)"""


def _key(stream: Stream, raw: dict[str, str]) -> str:
    parts = []
    for name in stream.key:
        if name == "line":
            parts.append("line::varchar")
        elif name == "file":
            parts.append(_escaped("coalesce(file, set_id)"))
        else:
            parts.append(_escaped(normal_id(trimmed(raw[name]))))
    return " || '|' || ".join(parts)


def _escaped(part: str) -> str:
    """Keep a "|" in a value apart from the "|" between values."""
    return f"replace({part}, '|', '%7C')"


def _names(schema: ibis.Schema, table: str | None = None) -> str:
    before = "" if table is None else f"{table}."
    return ", ".join(before + quoted(name) for name in schema.names)
