"""The migrations give exactly the tables the code expects, on every database."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from regulars.errors import StoreError
from regulars.storage.book import Book
from regulars.storage.book.tables import HEAD, metadata


def test_the_migrations_give_the_tables_of_the_code(book: Book) -> None:
    with book.database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})

        assert compare_metadata(context, metadata) == []


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
