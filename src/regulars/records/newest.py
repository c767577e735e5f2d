"""The newest of what landed, as it came: the border, as SQL text for DuckDB in process."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from regulars.records.border import Bench, json_path, literal, path_parts

LINE = ibis.schema({"told_at": "string", "payload": "string"})
"""A landed item and the moment that it says."""


def newest(
    landing: ir.Table, *, at: str, has: str, wanted: Mapping[str, str], limit: int, bench: Bench
) -> list[tuple[str, str]]:
    """Return moment and payload of the newest rows, the newest first.

    Args:
        landing: Rows of one stream.
        at: Dotted path of a payload's moment, which sorts as text.
        has: Dotted path where something has to stand.
        wanted: Dotted path -> the text that has to stand there.
        limit: How many.
        bench: Where to carry it out.

    """
    tests = [f"{_text(has)} is not null", *(f"{_text(path)} = {literal(text)}" for path, text in wanted.items())]
    query = f"""
        select {_text(at)} as told_at, payload
        from (select payload, case when json_valid(payload) then payload else '{{}}' end as object from landing)
        where {" and ".join(tests)}
        order by told_at desc nulls last, payload limit {limit}"""
    rows = bench.fetch(bench.select(query, LINE, landing=landing)).to_pylist()
    return [(row["told_at"] or "", row["payload"]) for row in rows]


def _text(path: str) -> str:
    return f"json_extract_string(object, {literal(json_path(path_parts(path)))})"
