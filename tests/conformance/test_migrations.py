"""The migrations give exactly the tables the code expects, on every database."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from regulars.errors import StoreError
from regulars.storage.book import Book
from regulars.storage.book.tables import HEAD, metadata


def migrated(book: Book, book_url: str) -> Book:
    """Return the book made again from the first migration on: one with a table is not new."""
    with book.database.writing() as connection:
        metadata.drop_all(connection)
        connection.execute(sa.text("delete from alembic_version"))
    return Book.open(book_url, environment={})


def told(book: Book) -> dict[str, Any]:
    """Return everything that a database says of its tables, whatever order their columns are in."""
    with book.database.reading() as connection:
        said = sa.inspect(connection)
        tables = {
            name: {
                "columns": {
                    column["name"]: (str(column["type"]), column["nullable"], column["default"])
                    for column in said.get_columns(name)
                },
                "key": said.get_pk_constraint(name)["constrained_columns"],
                "indexes": {
                    index["name"]: (index["column_names"], bool(index["unique"])) for index in said.get_indexes(name)
                },
                "references": said.get_foreign_keys(name),
            }
            for name in said.get_table_names()
        }
        if connection.dialect.name == "sqlite":
            for _, name, _, _, has_no_rowid, is_strict in connection.exec_driver_sql("pragma table_list"):
                tables.get(name, {}).update(has_no_rowid=has_no_rowid, is_strict=is_strict)
    return tables


def test_a_new_book_has_the_tables_that_the_migrations_give(book: Book, book_url: str) -> None:
    at_once = told(book)

    again = migrated(book, book_url)

    assert told(again) == at_once
    again.close()


def test_the_migrations_give_the_tables_of_the_code(book: Book, book_url: str) -> None:
    again = migrated(book, book_url)

    with again.database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})

        assert compare_metadata(context, metadata) == []
    again.close()


def test_the_code_expects_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(files("regulars.storage.migrations")))

    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_every_row_of_every_table_says_whose_it_is() -> None:
    assert [table.name for table in metadata.tables.values() if not table.c.tenant.primary_key] == []


def test_a_book_is_opened_as_often_as_one_likes(book: Book, book_url: str) -> None:
    Book.open(book_url, environment={}).close()
    Book.open(book_url, environment={}).close()


def test_a_book_of_a_newer_regulars_is_refused_and_left_alone(book: Book, book_url: str) -> None:
    with book.database.writing() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))

    with pytest.raises(StoreError, match="9999"):
        Book.open(book_url, environment={})


def test_an_sqlite_book_is_safe_against_power_cuts(tmp_path: Path) -> None:
    book = Book.open(f"sqlite:///{tmp_path}/folder of mine/book.db")

    with book.database.reading() as connection:
        settings = [connection.exec_driver_sql(f"pragma {name}").scalar() for name in ("journal_mode", "synchronous")]

    assert settings == ["wal", 2]
    book.close()
