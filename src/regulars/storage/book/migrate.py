"""Brings a book to the tables this version of Regulars expects."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files

import sqlalchemy as sa

from regulars.errors import StoreError
from regulars.storage.book.database import Database
from regulars.storage.book.tables import HEAD, metadata

LOCK = 7_346_285
"""Any number; two processes that open a new PostgreSQL book at once agree on it."""

_VERSION = sa.Table(
    "alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""As Alembic makes it."""


def migrate(database: Database) -> None:
    """Make the tables of a new book, or run the migrations that one still lacks, in one transaction.

    Raises StoreError when the book was written by a newer Regulars.
    """
    with database.reading() as connection:
        if _revision(connection) == HEAD:
            return
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        # Asked again: another process may have migrated while this one waited for the lock.
        revision = _revision(connection)
        if revision is None and not sa.inspect(connection).get_table_names():
            _make(connection)
        elif revision != HEAD:
            _upgrade(connection, revision)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("select version_num from alembic_version")).scalar_one_or_none()


def _make(connection: sa.Connection) -> None:
    """Make the tables of HEAD at once: from the first migration to the last takes a quarter of a second."""
    for statement in _statements(connection.dialect.name):
        connection.exec_driver_sql(statement)
    connection.execute(_VERSION.insert().values(version_num=HEAD))


@cache
def _statements(dialect: str) -> tuple[str, ...]:
    """Return what makes all tables, as a database's own text: to make the text takes as long as to carry it out."""
    kind = sa.make_url(f"{dialect}://").get_dialect()()
    made: list[sa.schema.ExecutableDDLElement] = []
    for table in (*metadata.sorted_tables, _VERSION):
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        made += [sa.schema.CreateTable(table), *map(sa.schema.CreateIndex, indexes)]
    return tuple(str(each.compile(dialect=kind)) for each in made)


def _upgrade(connection: sa.Connection, revision: str | None) -> None:
    # Imported only when there is something to do: opening a book is part of every command's start.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from alembic.util.exc import CommandError  # noqa: PLC0415

    with as_file(files("regulars.storage.migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        try:
            if revision is not None:
                ScriptDirectory.from_config(config).get_revision(revision)
            command.upgrade(config, HEAD)
        except CommandError as error:
            raise StoreError(
                f"the book is at {revision!r}, which this Regulars does not know",
                hint="install the newer Regulars again",
            ) from error
