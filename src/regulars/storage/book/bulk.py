"""Many rows between Arrow and the book: columns in, batches of rows to the database, columns out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

BATCH = 50_000
"""Rows per statement: enough to forget its cost, few enough to keep the memory of one batch small."""


def write(connection: sa.Connection, statement: Any, table: pa.Table, **shared: Any) -> None:
    """Carry out a statement once per row of a table, with the shared values in every row."""
    for batch in table.to_batches(max_chunksize=BATCH):
        columns = {name: batch.column(name).to_pylist() for name in batch.schema.names}
        if not batch.num_rows:
            continue
        rows = zip(*columns.values(), strict=True)
        connection.execute(statement, [{**shared, **dict(zip(columns, row, strict=True))} for row in rows])


def read(connection: sa.Connection, query: sa.Select[Any], schema: pa.Schema, *, order_by: Sequence[str]) -> pa.Table:
    """Return a query's rows, sorted, as a table of a schema whose fields stand in the query's order."""
    result = connection.execution_options(yield_per=BATCH).execute(query)
    batches = [_batch(rows, schema) for rows in _partitions(result)]
    # Sorted here and not by the database: PostgreSQL's order of text depends on where it was installed.
    return pa.Table.from_batches(batches, schema=schema).sort_by([(name, "ascending") for name in order_by])


def moment(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Return a moment's column as the naive UTC that tables hold."""
    return sa.type_coerce(column, sa.DateTime).label(column.name)


def _partitions(result: sa.CursorResult[Any]) -> Iterator[list[Any]]:
    return (list(rows) for rows in result.partitions(BATCH))


def _batch(rows: list[Any], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(zip(*rows, strict=True), schema.types, strict=True)
    return pa.record_batch([pa.array(values, kind) for values, kind in columns], schema=schema)


def texts(*names: str) -> list[pa.Field]:
    """Return fields of text, for schemas that are mostly that."""
    return [pa.field(name, pa.string()) for name in names]
