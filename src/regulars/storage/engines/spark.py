"""Spark, for businesses that outgrow one machine; the same expressions, the same files."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.errors import StoreError
from regulars.storage.engines.engine import (
    FILE,
    NO_VALUE,
    PARTITION,
    PLACE,
    ROW_GROUP,
    Question,
    Written,
    plain,
    rows_in,
)
from regulars.storage.engines.marks import MARKS, placed
from regulars.storage.engines.question import spelled_out

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
    # Without this every timestamp literal, cast and column is "local" and is written with a zone other engines heed.
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.parquet.compression.codec": "lz4_raw",
    "spark.sql.ansi.enabled": "false",       # ibis' expressions expect null, not an error, where DuckDB gives null
}
"""What makes Spark's answers equal to DuckDB's, and keeps it quiet."""

ESCAPES = {"\v": "\\u000B", "\f": "\\u000C", "\a": "\\u0007"}
"""Characters that Spark has no short escape for: it reads `\\f` as the letter f, and strips it from "family"."""


@dataclass(frozen=True, slots=True)
class SparkEngine:
    """A Spark session, in this process or on a cluster; it must see the same folders as this process."""

    backend: Any                             # an ibis PySpark backend
    session: Any                             # its SparkSession
    name: str = "spark"

    @classmethod
    def open(cls, master: str, options: Mapping[str, str] | None = None) -> SparkEngine:
        """Return an engine on a master such as `local[2]`. Options are Spark's own settings.

        Raises StoreError when the extra or Java is missing.
        """
        if shutil.which("java") is None:
            raise StoreError("Spark needs Java, which is not installed", hint="apt-get install openjdk-17-jre-headless")
        try:
            spark = importlib.import_module("pyspark.sql").SparkSession
        except ImportError as error:
            raise StoreError("Spark's packages are not installed", hint='pip install "regulars[spark]"') from error
        builder = spark.builder.master(master).appName("regulars")
        for key, value in (SETTINGS | dict(options or {})).items():
            builder = builder.config(key, value)
        dialect = importlib.import_module("ibis.backends.sql.dialects").PySpark
        dialect.ESCAPED_SEQUENCES = {**dialect.ESCAPED_SEQUENCES, **ESCAPES}
        session = builder.getOrCreate()
        return cls(ibis.pyspark.connect(session), session)

    def parquet(
        self, paths: Iterable[Path], schema: ibis.Schema, *, file: str | None = None, place: str | None = None,
        without: Path | None = None,
    ) -> ir.Table:
        """Return the rows of Parquet files with exactly these columns, but those that are marked as gone."""
        names = [str(path) for path in paths]
        if not names:
            return self.arrow(placed(schema, file=file, place=place).to_pyarrow().empty_table())
        missing = [name for name in names if not Path(name).is_file()]
        if missing:
            raise StoreError(f"{missing[0]} is missing", hint="restore it from a backup, or type `regulars rebuild`")
        # A schema that is given, not inferred, makes columns an older file lacks null.
        frame = self.session.read.schema(_spark_schema(schema)).parquet(*names)
        where = {"_metadata.file_name": (FILE, file), "_metadata.row_index": (PLACE, place)}
        if without is not None:
            marks = self.session.read.schema(_spark_schema(MARKS)).parquet(str(without))
            frame = frame.selectExpr("*", *(f"{said} as `{name}`" for said, (name, _) in where.items()))
            frame = frame.join(marks, list(MARKS.names), "left_anti")
            where = {f"`{name}`": (name, asked) for name, asked in where.values()}
        told = [f"{said} as `{asked}`" for said, (_, asked) in where.items() if asked is not None]
        return self._table(frame.selectExpr(*(f"`{name}`" for name in schema.names), *told))

    def arrow(self, table: pa.Table) -> ir.Table:
        """Return an Arrow table as an expression of this engine."""
        table = plain(table)
        if not table.num_rows:
            return self._table(self.session.createDataFrame([], _spark_schema(ibis.schema(table.schema))))
        # As one chunk: behind two empty ones Spark takes nothing.
        return self._table(self.session.createDataFrame(table.combine_chunks()))

    def fetch(self, expr: ir.Table) -> pa.Table:
        """Carry out an expression and return its rows."""
        with _reading():
            found = self._frame(expr).toArrow()
        return plain(found).cast(expr.schema().to_pyarrow())

    def question(self, expr: ir.Table) -> Question:
        """Return an expression with places for values, planned whole each time."""
        return spelled_out(expr, self)

    def write(
        self, expr: ir.Table, folder: Path, *, order_by: Sequence[str] = (), partition_by: str | None = None,
        row_group: int = ROW_GROUP,
    ) -> list[Written]:
        """Carry out an expression into Parquet files below a folder: at least one file per partition."""
        frame = self._frame(expr)
        if partition_by is not None:
            # Spark takes the partition's column out of the files; a copy gives up its place instead.
            frame = frame.selectExpr("*", f"cast(`{partition_by}` as string) as `{PARTITION}`").repartition(PARTITION)
        if order_by:
            keys = [PARTITION, *order_by] if partition_by is not None else list(order_by)
            frame = (frame if partition_by is not None else frame.coalesce(1)).sortWithinPartitions(*keys)
        target = folder / uuid4().hex
        writer = frame.write.option("parquet.block.row.count.limit", str(row_group))
        with _reading():
            (writer if partition_by is None else writer.partitionBy(PARTITION)).parquet(str(target))
        files = [(path, rows_in(path)) for path in sorted(target.rglob("*.parquet"))]
        return [Written(path=path, rows=rows, partition=_partition(path)) for path, rows in files if rows]

    def gather(self, parts: Sequence[ir.Table], folder: Path, *, schema: ibis.Schema) -> list[Written]:
        """Carry out expressions into Parquet files of exactly these columns."""
        nullable = _spark_schema(schema)
        whole = self.session.createDataFrame([], nullable)
        for part in parts:
            whole = whole.unionByName(self._frame(part), allowMissingColumns=True)
        casts = [f"cast(`{field.name}` as {field.dataType.simpleString()}) as `{field.name}`" for field in nullable]
        target = folder / uuid4().hex
        with _reading():
            whole.selectExpr(*casts).write.parquet(str(target))
        files = [(path, rows_in(path)) for path in sorted(target.rglob("*.parquet"))]
        return [Written(path=path, rows=rows, partition=None) for path, rows in files if rows]

    def close(self) -> None:
        """Stop the session."""
        self.session.stop()

    def _table(self, frame: Any) -> ir.Table:
        name = f"frame_{uuid4().hex}"
        frame.createOrReplaceTempView(name)
        return self.backend.table(name)

    def _frame(self, expr: ir.Table) -> Any:
        """Return the expression as a frame of exactly its types: truncation, for one, gives zoned moments in Spark."""
        self.backend._register_udfs(expr)  # noqa: SLF001  ibis does this for every statement of its own, and so must we
        self.backend._register_in_memory_tables(expr)  # noqa: SLF001  the same
        frame = self.session.sql(ibis.to_sql(expr, dialect="pyspark"))
        casts = [(field.name, field.dataType.simpleString()) for field in _spark_schema(expr.schema())]
        return frame.selectExpr(*(f"cast(`{name}` as {kind}) as `{name}`" for name, kind in casts))


@contextmanager
def _reading() -> Iterator[None]:
    """Turn Spark's complaints about files into ours; its complaints about expressions are faults of the program."""
    spark = importlib.import_module("pyspark.errors").PySparkException
    java = importlib.import_module("py4j.protocol").Py4JJavaError
    try:
        yield
    except (spark, java) as error:
        if "FAILED_READ_FILE" not in str(error):
            raise
        text = str(error).splitlines()[0]
        raise StoreError(f"a stored file cannot be read: {text}", hint="type `regulars doctor`") from error


def _spark_schema(schema: ibis.Schema) -> Any:
    shapes = importlib.import_module("ibis.backends.pyspark.datatypes")
    nullable = ibis.schema({name: kind.copy(nullable=True) for name, kind in schema.items()})
    return shapes.PySparkSchema.from_ibis(nullable)


def _partition(path: Path) -> str | None:
    name, equals, value = path.parent.name.partition("=")
    if not equals or name != PARTITION or value == NO_VALUE:
        return None
    return unquote(value)
