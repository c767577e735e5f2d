"""One door to the database: reading, writing in one transaction, and complaints in our own words."""

from __future__ import annotations

import importlib.util
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, OperationalError

from regulars.errors import StoreError, StoreUnavailable
from regulars.storage.book.tables import counters

BUSY_SECONDS = 30
"""How long a writer waits for another one before it gives up, where nobody says otherwise."""

DOCTOR = "type `regulars doctor`"
URLS = "sqlite:///book.db or postgresql://user@host/database"
"""Where a book can be."""

PRAGMAS = ("journal_mode = wal", "synchronous = full", "foreign_keys = on")
"""Readers never wait for the writer, and a commit is on disk when it returns."""


TENANT = "default"
"""Whose rows they are where there is one business alone."""


@dataclass(frozen=True, slots=True)
class Database:
    """A pool of connections, and whose rows they are for."""

    engine: sa.Engine
    tenant: str

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent look at the book: what others write meanwhile is not seen between two questions."""
        engine = self.engine
        if engine.dialect.name == "postgresql":              # else each statement would have a look of its own
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with _complaining(self.engine), engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction: all of it or nothing, on disk when the block ends."""
        # SQLite: the write lock is taken at the start, because a reader that becomes a writer can only fail.
        writer = self.engine.execution_options(regulars_begin="begin immediate")
        with _complaining(self.engine), writer.begin() as connection:
            yield connection

    def insert(self, table: sa.Table) -> Any:
        """Return an insert that can say `on conflict`, which both databases spell alike but SQLAlchemy keeps apart."""
        if self.engine.dialect.name != "postgresql":
            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415  a tenth of a second that SQLite's books do not need

        return postgresql.insert(table)

    def upsert(self, table: sa.Table) -> Any:
        """Return an insert that replaces the row with the same key. All columns must be given."""
        keys = [column.name for column in table.primary_key]
        statement = self.insert(table)
        changed = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
        return statement.on_conflict_do_update(index_elements=keys, set_=changed)

    def next_number(self, connection: sa.Connection, counter: str, *, count: int = 1) -> int:
        """Take numbers that were never given before and return the first of them; they begin at 1.

        The counter's row stays locked until the transaction ends: numbers become visible in their order.
        """
        statement = self.insert(counters).values(tenant=self.tenant, name=counter, value=count)
        statement = statement.on_conflict_do_update(
            index_elements=["tenant", "name"], set_={"value": counters.c.value + count}
        ).returning(counters.c.value)
        return int(connection.execute(statement).scalar_one()) - count + 1


def connect(url: str, *, patience: float = BUSY_SECONDS) -> sa.Engine:
    """Return the pool for `sqlite:///folder/book.db` or `postgresql://user@host/database`.

    `patience`: seconds that a writer of SQLite waits for another one; PostgreSQL lets them wait.
    Raises StoreError for another kind of database, or when PostgreSQL's driver is not installed.
    """
    try:
        parts = sa.make_url(url)
    except ArgumentError as error:
        raise StoreError(f"{url!r} is not a book", hint=URLS) from error
    if parts.get_backend_name() == "sqlite" and parts.database not in (None, "", ":memory:"):
        Path(str(parts.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(parts, connect_args={"timeout": patience})
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    if parts.get_backend_name() != "postgresql":
        raise StoreError(f"{parts.render_as_string()!r} is not a book", hint=URLS)
    if importlib.util.find_spec("psycopg") is None:
        raise StoreError("PostgreSQL's driver is not installed", hint='pip install "regulars[postgres]"')
    return sa.create_engine(parts.set(drivername="postgresql+psycopg"), pool_pre_ping=True)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None        # transactions are begun by us, DDL included
    for pragma in PRAGMAS:
        connection.execute(f"pragma {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql(str(connection.get_execution_options().get("regulars_begin", "begin")))


@contextmanager
def _complaining(engine: sa.Engine) -> Iterator[None]:
    place = engine.url.render_as_string()    # the password is masked
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise StoreUnavailable(f"the book at {place} did not answer: {error.orig}", hint=DOCTOR) from error
    except DatabaseError as error:
        # What is left is a file that is no database, or a statement of ours that breaks a rule of the tables.
        raise StoreError(f"the book at {place} refused: {error.orig}", hint=DOCTOR) from error
