"""Which landed row is the one that counts: keys, fingerprints, repeats, and what is gone.

A record delivered again unchanged is the same record: of each run of equal deliveries the first counts. So a day-by-day
history and one run over everything end in the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from regulars.records.border import Bench, quoted, taken_apart
from regulars.records.reading import normal_id, trimmed
from regulars.records.record import Stream

LANDING = ibis.schema({
    "seq": "int64", "set_id": "string", "recorded_at": "timestamp", "file": "string", "line": "int64",
    "payload": "string",
})
"""What storage gives: one row per raw item; `seq` grows for ever, `line` is the position in the file or segment."""

KEYED = ibis.schema({**LANDING, "is_object": "boolean", "record_key": "string", "fingerprint": "string"})
"""Landing rows with their key: its values joined with "|", null when one is missing."""

CHANGES = ibis.schema({**KEYED, "is_repeated": "boolean"})
"""Keyed rows that count, and whether their key comes more than once among those that came."""

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


def keyed(landing: ir.Table, stream: Stream, *, bench: Bench) -> Keyed:
    """Work out the key and fingerprint of landing rows, once."""
    own = {name: (stream.field(name).path, False) for name in stream.key if name not in {"file", "line"}}
    whole, raw = taken_apart(OBJECT, own, whole="own")
    query = f"""
        select {_names(LANDING)}, is_object, {_key(stream, raw)} as record_key, md5(payload) as fingerprint
        from (
            select *, {whole} as own
            from (
                select *, coalesce(regexp_matches(payload, {_BRACE}) and json_valid(payload), false) as is_object
                from landing
            )
        )"""
    table = bench.keep(bench.select(query, KEYED, landing=landing))
    facts = bench.fetch(bench.select(
        """
        select sum(deliveries)::bigint as n_rows, max(n_sets) as n_sets,
            count(*) filter (deliveries > 1 and record_key is not null) as n_repeated
        from (select record_key, count(*) as deliveries from keyed group by record_key),
            (select count(distinct set_id) as n_sets from keyed)""",
        ibis.schema({"n_rows": "int64", "n_sets": "int64", "n_repeated": "int64"}), keyed=table,
    )).to_pylist()[0]
    return Keyed(
        table=table, stream=stream, rows=facts["n_rows"] or 0, sets=facts["n_sets"] or 0, repeated=facts["n_repeated"],
    )


_BRACE = r"'^[ \t\r\n]*[{]'"
"""How an object begins: JSON that begins so is one, and looking is quicker than parsing it a second time."""

OBJECT = "case when is_object then payload else '{}' end"
"""The payload where that is a JSON object, and an empty one where it is not."""


def changes(keyed: Keyed, *, known: ir.Table | None, bench: Bench) -> ir.Table:
    """Return the keyed rows that differ from the delivery before them: CHANGES.

    `known`: record_key and fingerprint as they stand before these rows, or None at first. Rows without a key all count.
    In a snapshot a key that was absent in between has come back, and counts as changed.
    """
    if known is None and not keyed.repeated:
        return bench.select(f"select {_names(KEYED)}, false as is_repeated from keyed", CHANGES, keyed=keyed.table)
    tables = {"keyed": keyed.table} | ({"known": known} if known is not None else {})
    last = "before"
    if known is not None:
        last = "case when skipped is null and set_rank = 1 then old.fingerprint else before end"
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
            {last} = marked.fingerprint and coalesce(skipped, 1) <= 1 and marked.record_key is not null, false
        )"""
    return bench.select(query, CHANGES, **tables)


def standing(keyed: Keyed) -> str | None:
    """Return SQL of the keys that still stand after these rows (`keyed`): `record_key`; None when none can go.

    A snapshot's keys are those of its newest set. A file dropped again replaces its older version, line by line.
    """
    if keyed.stream.mode == "snapshot":
        return "select record_key from keyed where set_id = (select arg_max(set_id, seq) from keyed)"
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
    return bench.select(query, CHANGES, changes=rows, keyed=keyed.table)


def gone(keyed: Keyed, current: ir.Table, *, bench: Bench) -> ir.Table:
    """Return the keys of current records that the newest complete set or file no longer has: `record_key`.

    Args:
        keyed: new landing rows; in a snapshot at least all of the newest set. Of a stream that is a snapshot or has
            `file` in its key; of others nothing is ever gone.
        current: records as they stand, with `record_key`.
        bench: where to carry it out.

    """
    here, stream = standing(keyed), keyed.stream
    if here is None:
        return bench.select("select record_key from current where false", KEYS, current=current)
    query = f"""
        select distinct record_key from current
        where record_key not in (select record_key from ({here}) where record_key is not null)"""
    if stream.mode != "snapshot":
        place = stream.key.index("file") + 1
        query += f"""
            and split_part(record_key, '|', {place}) in (select {_escaped("coalesce(file, set_id)")} from keyed)"""
    return bench.select(query, KEYS, current=current, keyed=keyed.table)


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
    """Return SQL of keyed rows with `is_repeated` and, in a snapshot, the rank of their set among those that came."""
    repeated = "false" if not keyed.repeated else """coalesce(record_key in (
            select record_key from keyed where record_key is not null group by record_key having count(*) > 1
        ), false)"""
    if keyed.stream.mode != "snapshot" or keyed.sets <= 1:
        return f"select *, {repeated} as is_repeated, 1 as set_rank from keyed"
    return f"""
        select *, {repeated} as is_repeated
        from keyed left join (
            select set_id, row_number() over (order by min(seq)) as set_rank from keyed group by set_id
        ) using (set_id)"""


def _marked(keyed: Keyed) -> str:
    """Return SQL of ranked rows with the fingerprint `before` them, and how many sets were `skipped` since."""
    once = "select *, null::varchar as before, null::bigint as skipped from ranked where not is_repeated"
    if not keyed.repeated:
        return once
    # Most keys come once; only the others are put in order, which is the dear part.
    return f"""{once}
        union all
        select *, lag(fingerprint) over by_key, set_rank - lag(set_rank) over by_key
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
