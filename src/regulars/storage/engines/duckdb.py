"""DuckDB in this process: the default engine, and the one that reads the border whatever the engine."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.sql.datatypes import DuckDBType
from ibis.expr.operations import DatabaseTable, InMemoryTable, Namespace, SQLQueryResult
from ibis.formats.pyarrow import PyArrowTableProxy
from ibis.util import gen_name

from regulars.storage.engines.compiler import Compiler
from regulars.storage.engines.connection import answered, connected, reading
from regulars.storage.engines.cores import AtWork, Cores
from regulars.storage.engines.engine import FEW_ROWS, FILE, PLACE, ROW_GROUP, Question, Written, plain, rows_in
from regulars.storage.engines.lent import Lent
from regulars.storage.engines.marks import placed
from regulars.storage.engines.question import Statement, given_files
from regulars.storage.engines.shape import shape_of
from regulars.storage.engines.texts import Texts

_COMPILER = Compiler()


@dataclass(frozen=True, slots=True)
class DuckDBEngine:
    """DuckDB in memory; what does not fit goes to the scratch folder."""

    backend: Any                             # an ibis DuckDB backend
    lent: Lent                               # Arrow tables that expressions hold
    cores: Cores
    name: str = "duckdb"
    views: set[str] = field(default_factory=set)   # names of sets of files that were looked at before
    texts: Texts = field(default_factory=Texts)    # of what was compiled before

    @classmethod
    def open(cls, options: Mapping[str, str] | None = None, *, scratch: Path | None = None) -> DuckDBEngine:
        """Return a new engine with DuckDB's settings, such as threads and memory_limit.

        Raises StoreError when DuckDB does not know a setting.
        """
        connection = connected(options, scratch=scratch)
        # Ibis' merging of one select into the next costs a third of all compiling, and DuckDB merges them anyway.
        ibis.options.sql.fuse_selects = False
        return cls(ibis.duckdb.from_connection(connection), lent=Lent(connection), cores=Cores(connection))

    def share(self, sharers: int, at_work: AtWork | None = None) -> None:
        """Work beside others, several engines in the place of one: with its part of the memory, and of the threads.

        `at_work` says how many of them have something to do now; with nothing said threads are not shared.
        """
        if sharers > 1:
            limit, = self.con.execute("select current_setting('memory_limit')").fetchone()
            amount, unit = limit.split()     # "18.8 GiB"
            self.con.execute(f"set memory_limit = '{float(amount) / sharers:.2f} {unit}'")
        self.cores.at_work = at_work

    @property
    def con(self) -> Any:
        """Return the connection, for one statement that is carried out now."""
        self.cores.take()
        return self.backend.con

    def parquet(
        self, paths: Iterable[Path], schema: ibis.Schema, *, file: str | None = None, place: str | None = None,
        without: Path | None = None,
    ) -> ir.Table:
        """Return the rows of Parquet files with exactly these columns, but those that are marked as gone."""
        wanted, names = placed(schema, file=file, place=place), [str(path) for path in paths]
        # A view, so that a statement names a table instead of a hundred files and casts; called after what it shows,
        # so that the same files asked for again cost nothing.
        view = f"files_{sha256(repr((names, wanted, str(without))).encode()).hexdigest()[:32]}"
        if view not in self.views:
            self._look_at(view, names, schema, file=file, place=place, without=without)
            self.views.add(view)
        return DatabaseTable(name=view, schema=wanted, source=self.backend, namespace=Namespace()).to_expr()

    def _look_at(
        self, view: str, names: Sequence[str], schema: ibis.Schema, *, file: str | None, place: str | None,
        without: Path | None,
    ) -> None:
        """Make a view of files. Binding reads every footer: a missing or torn file is found here, not in a step."""
        source = (
            f"read_parquet({_list(names)}, union_by_name=true, filename='__path', file_row_number=true, "
            "hive_partitioning=false)"
        )
        if not names:
            source = "(select null::varchar as __path, null::bigint as file_row_number where false)"
        left = "" if without is None else (
            f"anti join (select {FILE}, {PLACE} from read_parquet({literal(str(without))})) as marks "
            f"on parse_filename(__path) = marks.{FILE} and file_row_number = marks.{PLACE}"
        )
        where = ((file, "parse_filename(__path)"), (place, "file_row_number"))
        last = [f"{said} as {_quoted(name)}" for name, said in where if name is not None]

        def make(there: Collection[str]) -> None:
            columns = [
                f"cast({_quoted(name) if name in there else 'null'} as {_type(kind)}) as {_quoted(name)}"
                for name, kind in schema.items()
            ]
            selected = ", ".join([*columns, *last])
            self.con.execute(f"create or replace temp view {view} as select {selected} from {source} {left}")

        with reading():
            try:
                make(schema if names else ())
            except duckdb.BinderException:       # files that are older than a column lack it
                make({row[0] for row in self.con.execute(f"describe select * from {source}").fetchall()})

    def files_given(self, place: str, schema: ibis.Schema, *, marks: str | None = None) -> ir.Table:
        """Return the rows of Parquet files that are said only when a question is asked, with exactly these columns.

        Args:
            place: Where the question is told a list of paths, at least one.
            schema: What is wanted; each column is in one of the files at least, and null where a file lacks it.
            marks: Where it is told a list of files of MARKS, whose rows are left out.

        """
        named = [(_quoted(name), _type(kind)) for name, kind in schema.items()]
        columns = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in named)
        where = "filename='__path', file_row_number=true, " if marks is not None else ""
        source = f"read_parquet({given_files(place)}, union_by_name=true, {where}hive_partitioning=false)"
        left = "" if marks is None else _left(marks, file="parse_filename(__path)", place="file_row_number")
        return self.text(f"select {columns} from {source}{left}", schema)

    def copies_given(
        self, place: str, schema: ibis.Schema, *, found: ibis.Schema, gone: str, marks: str | None = None
    ) -> ir.Table:
        """Return the rows of copied files, which say where each row lay, as `files_given`.

        `found`: the columns of each of the files; what they lack is null. `gone`: where the question is told a list of
        files whose rows are left out.
        """
        columns = ", ".join(
            f"cast({_quoted(name) if name in found else 'null'} as {_type(kind)}) as {_quoted(name)}"
            for name, kind in schema.items()
        )
        source = f"(select * from read_parquet({given_files(place)}, hive_partitioning=false)) as copied"
        left = "" if marks is None else _left(marks, file=f"copied.{FILE}", place=f"copied.{PLACE}")
        is_there = f"not list_contains({given_files(gone)}::varchar[], copied.{FILE})"
        return self.text(f"select {columns} from {source}{left} where {is_there}", schema)

    def nothing(self, schema: ibis.Schema) -> ir.Table:
        """Return a table of these columns without rows, as text."""
        columns = ", ".join(f"cast(null as {_type(kind)}) as {_quoted(name)}" for name, kind in schema.items())
        return self.text(f"select {columns} where false", schema)

    def statement(self, expr: ir.Table) -> Statement:
        """Return an expression as text, with places for values if it has any."""
        held = expr if expr.op().find(InMemoryTable) else None
        return Statement(text=self._select(expr), schema=expr.schema(), held=held)

    def lines(self, paths: Iterable[Path]) -> ir.Table:
        """Return the lines of text files as they are: path, n (counted from 1 over all files in order), payload.

        A line is never parsed here, so one that is not JSON is a row like any other. Lines are at most 16 MB of UTF-8.
        """
        # A control character that no text of ours contains (the landing sees to it) keeps the reader from splitting.
        source = (
            f"read_csv({_list([str(path) for path in paths])}, columns={{'payload': 'VARCHAR'}}, auto_detect=false, "
            "header=false, delim=E'\\x01', quote='', escape='', filename='path', "
            "max_line_size=16000000, buffer_size=32000000)"
        )
        schema = ibis.schema({"path": "string", "n": "int64", "payload": "string"})
        return self.text(f"select path, row_number() over () as n, payload from {source}", schema)

    def text(self, query: str, schema: ibis.Schema) -> ir.Table:
        """Return a select statement as an expression of these columns; nothing is carried out or compiled."""
        return self.backend.sql(query, schema=schema)

    def arrow(self, table: pa.Table) -> ir.Table:
        """Return an Arrow table as an expression of this engine."""
        # What ibis.memtable makes of an Arrow table, without its guessing at what other libraries' tables it might be.
        # It is forgotten with its last expression; a registered view would keep the rows until the end.
        table = plain(table)
        rows = InMemoryTable(name=gen_name("arrow"), schema=ibis.schema(table.schema), data=PyArrowTableProxy(table))
        return rows.to_expr()

    def fetch(self, expr: ir.Table) -> pa.Table:
        """Carry out an expression and return its rows."""
        with reading():
            found = self.con.execute(self._select(expr)).to_arrow_table()
        return plain(found).cast(expr.schema().to_pyarrow())

    def question(self, expr: ir.Table) -> Question:
        """Compile an expression with places for values; the answer has its columns."""
        return _Compiled(engine=self, statement=self.statement(expr))

    def write(
        self, expr: ir.Table, folder: Path, *, order_by: Sequence[str] = (), partition_by: str | None = None,
        row_group: int = ROW_GROUP,
    ) -> list[Written]:
        """Carry out an expression into Parquet files below a folder: one file per partition."""
        if partition_by is None:
            written = Written(path=folder / f"{uuid4().hex}.parquet", rows=0, partition=None)
            return self._copy(self._select(expr), [written], order_by, row_group=row_group)
        # Once apart, then each partition sorted: an expensive expression is carried out once, DuckDB's own partitioned
        # writing keeps no order within a file, and sorting a year at once takes far longer than sorting its months.
        apart = folder / uuid4().hex
        column = _quoted(partition_by)
        layout = f"format parquet, compression lz4, partition_by ({column}), write_partition_columns true"
        with reading():
            self.con.execute(f"copy ({self._select(expr)}) to {literal(str(apart))} ({layout})")
        sorted_: list[Written] = []
        for part in sorted(apart.glob("*")):
            source = f"read_parquet({_list([str(path) for path in part.iterdir()])}, hive_partitioning=false)"
            value, = self.con.execute(f"select {column}::varchar from {source} limit 1").fetchone()
            file = Written(path=folder / f"{uuid4().hex}.parquet", rows=0, partition=value)
            sorted_ += self._copy(f"select * from {source}", [file], order_by, row_group=row_group)
        shutil.rmtree(apart, ignore_errors=True)
        return sorted_

    def put_by(self, expr: ir.Table, folder: Path, *, order_by: Sequence[str]) -> list[Written]:
        """Carry out an expression into one Parquet file that is read seldom: half the room, a little slower to read."""
        written = Written(path=folder / f"{uuid4().hex}.parquet", rows=0, partition=None)
        return self._copy(self._select(expr), [written], order_by, compression="zstd")

    def spread(self, expr: ir.Table, folder: Path, *, order_by: Sequence[str], file_rows: int) -> list[Path]:
        """Carry out an expression into many Parquet files below a folder, each with rows that are close in an order."""
        spread, order = folder / uuid4().hex, ", ".join(map(_quoted, order_by))
        options = (
            f"format parquet, compression lz4, row_group_size {FEW_ROWS}, "
            f"row_groups_per_file {max(file_rows // FEW_ROWS, 1)}"
        )
        with reading():
            self.con.execute(
                f"copy ({self._select(expr)} order by {order}) to {literal(str(spread))} ({options})"
            )
        return [path for path in sorted(spread.glob("*")) if rows_in(path)]

    def gather(self, parts: Sequence[ir.Table], folder: Path, *, schema: ibis.Schema) -> list[Written]:
        """Carry out expressions into one Parquet file of exactly these columns."""
        types = [(_quoted(name), _type(kind)) for name, kind in schema.items()]
        # The empty first part gives every column its place; the statements are put together as text because each is
        # compiled in a time that grows faster than its length.
        nothing = f"select {', '.join(f'null::{kind} as {name}' for name, kind in types)} where false"
        whole = " union all by name ".join([f"({nothing})", *(f"({self.sql(part)})" for part in parts)])
        casts = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in types)
        written = Written(path=folder / f"{uuid4().hex}.parquet", rows=0, partition=None)
        return self._copy(f"select {casts} from ({whole})", [written], ())

    def digest(self, table: ir.Table, schema: ibis.Schema) -> tuple[int, int]:
        """Return the sum of the rows' MD5s (the low 8 bytes of each, as a number) and the number of rows."""
        parts = [f"coalesce(length({text}) || ':' || {text}, '-')" for text in map(_text, schema.names, schema.types)]
        digits = f"md5_number_lower(concat({', '.join(parts)}))"
        query = f"select sum({digits}), count(*) from ({self.sql(table)})"
        with reading():
            total, rows = self.con.execute(query).fetchone()
        return int(total or 0), int(rows)

    def sql(self, expr: ir.Table) -> str:
        """Return the text of an expression. What is text or a table already is not compiled: that takes no time."""
        op = expr.op()
        if isinstance(op, SQLQueryResult):
            return str(op.query)
        if isinstance(op, DatabaseTable | InMemoryTable):
            self.lent.lend(expr)
            return f"select * from {_quoted(op.name)}"
        shape = shape_of(op) if self.texts.is_open else None
        if shape is not None:
            for table in shape.in_memory:
                self.lent.lend(table.to_expr())
            return self.texts.text_of(expr, shape)
        self.lent.lend(expr)
        self.backend._register_udfs(expr)  # noqa: SLF001  ibis does this for each of its own statements
        # What `ibis.to_sql` does, without taking the tables out of the expression first and laying the text out after.
        return str(_COMPILER.to_sqlglot(expr).sql(dialect="duckdb"))

    @contextmanager
    def bench(self) -> Iterator[Bench]:
        """Give a bench for a `with`: a place for statements that are SQL text, and the tables they keep."""
        bench = Bench(self)
        try:
            yield bench
        finally:
            for name in bench.kept:
                self.con.execute(f"drop table if exists {name}")

    def close(self) -> None:
        """Close the database."""
        self.backend.disconnect()

    def _select(self, expr: ir.Table) -> str:
        """Return SQL giving exactly the expression's types, which DuckDB's own inference does not always do."""
        casts = [(_quoted(name), _type(kind)) for name, kind in expr.schema().items()]
        columns = [f"cast({name} as {kind}) as {name}" for name, kind in casts]
        return f"select {', '.join(columns)} from ({self.sql(expr)})"

    def _copy(
        self, select: str, files: Sequence[Written], order_by: Sequence[str], *, row_group: int = ROW_GROUP,
        compression: str = "lz4",
    ) -> list[Written]:
        order = f" order by {', '.join(_quoted(name) for name in order_by)}" if order_by else ""
        options = f"format parquet, compression {compression}, row_group_size {row_group}"
        written = []
        for file in files:
            with reading():
                self.con.execute(f"copy ({select}{order}) to {literal(str(file.path))} ({options})")
            rows = rows_in(file.path)
            if rows:
                written.append(Written(path=file.path, rows=rows, partition=file.partition))
            else:
                file.path.unlink()
        return written


@dataclass(frozen=True, slots=True)
class Bench:
    """Where SQL text is carried out over expressions; what is kept here lasts as long as the bench."""

    engine: DuckDBEngine
    kept: list[str] = field(default_factory=list)          # names of temporary tables
    held: list[ir.Table] = field(default_factory=list)     # Arrow tables that a text names and nothing else refers to

    def select(self, query: str, schema: ibis.Schema, **tables: ir.Table) -> ir.Table:
        """Return a select statement as an expression of these columns; it calls the tables as they are called here.

        Nothing is carried out, and nothing is compiled.
        """
        self.held.extend(tables.values())
        # Each is read where it is named: DuckDB would otherwise store what a statement names twice.
        named = [f"{_quoted(name)} as not materialized ({self.engine.sql(table)})" for name, table in tables.items()]
        return self.engine.text(f"with {', '.join(named)} select * from ({query})" if named else query, schema)

    def keep(self, table: ir.Table) -> ir.Table:
        """Carry an expression out and keep its rows, so that several statements read them."""
        name = gen_name("kept")
        with reading():
            self.engine.con.execute(f"create temp table {name} as {self.engine._select(table)}")  # noqa: SLF001  the other half of the same idea
        self.kept.append(name)
        return DatabaseTable(
            name=name, schema=table.schema(), source=self.engine.backend, namespace=Namespace()
        ).to_expr()

    def fetch(self, table: ir.Table) -> pa.Table:
        """Carry an expression out and return its rows."""
        return self.engine.fetch(table)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compiled:
    """A question as text; see `regulars.storage.engines.question`."""

    engine: DuckDBEngine
    statement: Statement

    def __call__(self, values: Mapping[str, object]) -> pa.Table:
        schema = self.statement.schema.to_pyarrow()
        return answered(self.engine.con, self.statement.text, values, schema=schema)


@cache
def _type(kind: dt.DataType) -> str:
    """Return the SQL of a type; there are few, and ibis takes its time for each."""
    return str(DuckDBType.to_string(kind))


def _left(marks: str, *, file: str, place: str) -> str:
    """Return what leaves out the rows that are marked as gone."""
    told = f"(select {FILE}, {PLACE} from read_parquet({given_files(marks)}))"
    return f" anti join {told} as marks on {file} = marks.{FILE} and {place} = marks.{PLACE}"


def _text(name: str, kind: dt.DataType) -> str:
    """Return SQL for a value's one and only text."""
    if isinstance(kind, dt.Timestamp):
        return f"epoch_us({_quoted(name)})::varchar"
    return f"{_quoted(name)}::varchar"


def _list(names: Sequence[str]) -> str:
    return f"[{', '.join(literal(name) for name in names)}]"


def literal(text: str | None) -> str:
    """Return a text as SQL."""
    return "null" if text is None else "'" + text.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
