"""Marks: which rows of Parquet files are gone, though the files are as they were."""

from __future__ import annotations

import ibis

from regulars.storage.engines.engine import FILE, PLACE

MARKS = ibis.schema({FILE: "string", PLACE: "int64"})
"""Rows of Parquet files that are gone; places are counted from 0."""


def placed(schema: ibis.Schema, *, file: str | None, place: str | None) -> ibis.Schema:
    """Return columns with those behind them that say where a row is, as asked for; see `Engine.parquet`."""
    if file is None and place is None:
        return schema
    where = ((file, "string"), (place, "int64"))
    return ibis.schema({**schema, **{name: kind for name, kind in where if name is not None}})
