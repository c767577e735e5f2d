"""Standing statements: compiled once and carried out often, over small tables whose rows change and whose names do not.

To compile an expression costs far more than to carry it out over a few rows. Whoever asks the same thing again and
again puts the rows of the moment into a standing table, and runs the text that was made for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.expr.operations import DatabaseTable, Namespace

from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.storage.engines.engine import plain
from regulars.storage.engines.question import Statement

PARSED = 128
"""Texts whose meaning is remembered; those with a number in them pass through and are forgotten."""


@dataclass(slots=True)
class Standing:
    """Tables in memory and the statements over them, on one engine.

    One thread uses it; `beside` gives another thread its own way to the same tables, and `ask` is for all threads.
    """

    engine: DuckDBEngine
    schemas: dict[str, ibis.Schema] = field(default_factory=dict)
    connection: Any = None                   # None: the engine's own
    parsed: Callable[[str], Any] = field(init=False, repr=False)     # what was asked before is not read again

    def __post_init__(self) -> None:
        """Remember what texts say: to read a long one again takes as long as to carry out a short one."""
        self.parsed = lru_cache(maxsize=PARSED)(self._con.extract_statements)

    @classmethod
    def of(cls, engine: DuckDBEngine) -> Standing:
        """Return tables on an engine that nobody else uses.

        Each statement is carried out by the thread that asks: to divide so little work costs more than to do it.
        """
        engine.backend.con.execute("set threads = 1")
        return cls(engine)

    def beside(self) -> Standing:
        """Return the same tables for another thread, which compiles nothing: that is the engine's own thread's."""
        return Standing(self.engine, self.schemas, self._con.cursor())

    def table(self, name: str, schema: ibis.Schema) -> ir.Table:
        """Make a table of these columns, empty, in the place of the one that had the name before."""
        empty = self.statement(self.engine.arrow(schema.to_pyarrow().empty_table()))
        self._con.execute(f"create or replace table {name} as {empty.text}")
        self.schemas[name] = schema
        return self.there(name)

    def there(self, name: str) -> ir.Table:
        """Return a standing table as an expression."""
        op = DatabaseTable(
            name=name, schema=self.schemas[name], source=self.engine.backend, namespace=Namespace()
        )
        return op.to_expr()

    def statement(self, expr: ir.Table) -> Statement:
        """Compile an expression over standing tables, and over files of the lake."""
        return self.engine.statement(expr)

    def all_of(self, name: str) -> Statement:
        """Return the statement of all rows of a standing table."""
        return Statement(text=f"select * from {name}", schema=self.schemas[name])

    def fetch(self, statement: Statement) -> pa.Table:
        """Carry a statement out and return its rows."""
        found = self._con.execute(self.parsed(statement.text)[0]).to_arrow_table()
        return plain(found).cast(statement.schema.to_pyarrow())

    def put(self, name: str, rows: Statement | pa.Table) -> int:
        """Put rows in the place of those a table has, at once for whoever asks; return how many."""
        self._con.execute("begin")
        try:
            self.clear(name)
            added = self.add(name, rows)
        except BaseException:
            self._con.execute("rollback")
            raise
        self._con.execute("commit")
        return added

    def add(self, name: str, rows: Statement | pa.Table, *, number: int | None = None) -> int:
        """Add rows to a table, and return how many. They have its columns, in any order; or `number` is given here."""
        if isinstance(rows, pa.Table):
            self._con.register("standing_rows", plain(rows))
            try:
                return self._inserted(name, "select * from standing_rows")
            finally:
                self._con.unregister("standing_rows")
        return self._inserted(name, rows.text if number is None else f"select *, {number} as number from ({rows.text})")

    def clear(self, name: str, *, until: int | None = None) -> None:
        """Take all rows out of a table, or those whose column `number` is no larger than a number."""
        self._con.execute(f"delete from {name}" + ("" if until is None else f" where number <= {until}"))

    def remove(self, name: str, keys: Statement, *, key: str) -> None:
        """Take the rows out of a table whose key is among those of a statement."""
        self._con.execute(f"delete from {name} where {key} in (select {key} from ({keys.text}))")

    def ask(self, statement: Statement, **values: object) -> pa.Table:
        """Carry out a statement with values for its `$names`, from any thread, while another one writes."""
        cursor = self._con.cursor()          # a connection of its own to the same tables
        try:
            found = cursor.execute(statement.text, values).to_arrow_table()
        finally:
            cursor.close()
        return plain(found).cast(statement.schema.to_pyarrow())

    def _inserted(self, name: str, text: str) -> int:
        return int(self._con.execute(self.parsed(f"insert into {name} by name ({text})")[0]).fetchone()[0])

    @property
    def _con(self) -> Any:
        return self.engine.backend.con if self.connection is None else self.connection
