"""Many rows between Arrow and the book: columns in, batches of rows to the database, columns out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from regulars.later import pa

BATCH = 5_000
"""Rows per statement: enough to forget its cost, few enough to keep the memory of one batch small."""

FETCHED = 500
"""Rows taken from a driver at once: with more of them alive Python looks for garbage among them, for as long again."""

_KINDS = {"boolean": "bool", "date": "date32", "timestamp": "timestamp[us]"}
"""What Arrow calls otherwise than expressions do."""

ASKED = 20_000
"""Values that are looked for in one statement; SQLite and PostgreSQL both take some more."""


def write(connection: sa.Connection, statement: Any, table: pa.Table, **shared: Any) -> int:
    """Carry out a statement once per row of a table, with the shared values in every row; return how many took effect.

    That is what the database says of this statement alone: a row in conflict of which nothing is done is not counted,
    and neither is what others write meanwhile.
    """
    counting, changed = connection.execution_options(preserve_rowcount=True), 0
    for batch in table.to_batches(max_chunksize=BATCH):
        columns = {name: batch.column(name).to_pylist() for name in batch.schema.names}
        if not batch.num_rows:
            continue
        rows = zip(*columns.values(), strict=True)
        told = [{**shared, **dict(zip(columns, row, strict=True))} for row in rows]
        changed += counting.execute(statement, told).rowcount
    return changed


def read(
    connection: sa.Connection, query: sa.Select[Any] | sa.CompoundSelect[Any], schema: pa.Schema, *,
    order_by: Sequence[str],
) -> pa.Table:
    """Return a query's rows, sorted if asked, as a table of a schema whose fields stand in the query's order."""
    result = connection.execute(query)
    # Straight from the driver: to make each row an object and each moment a datetime takes five times as long.
    batches = [_batch(rows, schema) for rows in iter(partial(result.cursor.fetchmany, FETCHED), [])]
    result.close()
    # Sorted here and not by the database: PostgreSQL's order of text depends on where it was installed.
    found = pa.Table.from_batches(batches, schema=schema).combine_chunks()
    return found.sort_by([(name, "ascending") for name in order_by]) if order_by else found


def read_some(
    connection: sa.Connection, query: sa.Select[Any], schema: pa.Schema, *, column: sa.ColumnElement[Any],
    values: pa.Array,
) -> pa.Table:
    """Return the rows of a query in which a column has one of some values, as `read` does, in no order."""
    batches = (values[start:start + ASKED].to_pylist() for start in range(0, len(values), ASKED))
    found = [read(connection, query.where(column.in_(batch)), schema, order_by=()) for batch in batches]
    return pa.concat_tables(found) if found else schema.empty_table()


def _batch(rows: Sequence[Any], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(zip(*rows, strict=True), schema.types, strict=True)
    return pa.record_batch([_array(values, kind) for values, kind in columns], schema=schema)


def _array(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    """Return a column; SQLite keeps days and moments as text, in UTC without a zone, and truth as a number."""
    first = next((value for value in values if value is not None), None)
    if pa.types.is_temporal(kind) and isinstance(first, str):
        return pa.array(values, pa.string()).cast(kind)
    if pa.types.is_boolean(kind):
        return pa.array([None if value is None else bool(value) for value in values], kind)
    return pa.array(values, kind)


def schema(columns: Mapping[str, str]) -> pa.Schema:
    """Return the schema of columns whose types stand by their names: string, int64, boolean, date, timestamp."""
    return pa.schema({name: _KINDS.get(kind, kind) for name, kind in columns.items()})


def texts(*names: str) -> list[pa.Field]:
    """Return fields of text, for schemas that are mostly that."""
    return [pa.field(name, pa.string()) for name in names]
