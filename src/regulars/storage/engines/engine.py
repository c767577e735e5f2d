"""The seam between expressions and what carries them out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

if TYPE_CHECKING:
    import ibis
    import ibis.expr.types as ir

Question = Callable[[Mapping[str, object]], pa.Table]
"""Gives the answer of a question for values by name; an Arrow table is the value of a given table."""

PARTITION = "__partition"
"""Name of the folder level, and of the helping column, that carries a partition's value while writing."""

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""How engines write the partition of rows whose partition column is null."""

ROW_GROUP = 30_720
"""Rows per row group of what is read in bulk: many columns of many rows."""

FEW_ROWS = 8_192
"""Rows per row group of what is read a few rows at a time: see docs/decisions/point-reads.md."""


FILE, PLACE = "__file", "__place"
"""Columns that say where a row is, while rows are looked for: in which file (its name's last part), and where there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One Parquet file an engine wrote."""

    path: Path
    rows: int
    partition: str | None                    # text of the partition column; None: not partitioned, or null


class Engine(Protocol):
    """Carries out Ibis expressions. Every implementation passes tests/conformance/test_engines.py.

    - All moments are UTC without a zone (`timestamp[us]`), in files, tables and answers, whatever the engine's habits;
    - a file that is missing or torn raises an error: never an empty table;
    - writing gives columns of exactly the types of the expression's schema, and text never changes;
    - reading names the columns wanted: one that an older file lacks is null, one that is not wanted is not read;
    - an expression without rows gives no files, and reading no files gives an empty table with the schema.
    """

    @property
    def name(self) -> str:
        """Return the engine's name: duckdb, spark."""
        ...

    def parquet(
        self, paths: Iterable[Path], schema: ibis.Schema, *, file: str | None = None, place: str | None = None,
        without: Path | None = None,
    ) -> ir.Table:
        """Return the rows of Parquet files with exactly these columns.

        Args:
            paths: The files.
            schema: The columns wanted.
            file: Name of a further string column, with the name of the file (its last part) a row is in.
            place: Name of a further int64 column, with the place of the row in its file, counted from 0.
            without: A Parquet file of MARKS; the rows that it names are left out.

        """
        ...

    def arrow(self, table: pa.Table) -> ir.Table:
        """Return an Arrow table as an expression of this engine."""
        ...

    def fetch(self, expr: ir.Table) -> pa.Table:
        """Carry out an expression and return its rows."""
        ...

    def question(self, expr: ir.Table) -> Question:
        """Return an expression with places for values (`regulars.storage.engines.question`), to be asked often."""
        ...

    def write(
        self, expr: ir.Table, folder: Path, *, order_by: Sequence[str] = (), partition_by: str | None = None,
        row_group: int = ROW_GROUP,
    ) -> list[Written]:
        """Carry out an expression into Parquet files (LZ4: twice as fast to read as Zstandard) below a folder.

        Each file holds rows of one partition, sorted by `order_by` within the file. The files are not yet durable:
        `FileStore.publish` makes them so.
        """
        ...

    def gather(self, parts: Sequence[ir.Table], folder: Path, *, schema: ibis.Schema) -> list[Written]:
        """Carry out several expressions into Parquet files below an existing folder, as one table of these columns.

        A column that a part lacks is null in its rows. Each part is planned for itself: many small expressions cost
        far less than their union.
        """
        ...

    def close(self) -> None:
        """Give back memory and processes."""
        ...


def rows_in(path: Path) -> int:
    """Return how many rows a Parquet file holds, from its footer."""
    from pyarrow.parquet import read_metadata  # noqa: PLC0415  who only asks needs no writer

    return int(read_metadata(path).num_rows)


def plain(table: pa.Table) -> pa.Table:
    """Return an Arrow table in the types every engine takes: no dictionaries, views, zones or foreign time units."""
    return table.cast(pa.schema([pa.field(f.name, _plain(f.type)) for f in table.schema]))


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us")            # a zoned moment keeps its instant: Arrow counts both from 1970 in UTC
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_null(kind):
        return pa.string()
    return kind
