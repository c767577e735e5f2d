"""The mark of the book: the same while nobody writes, another one after every commit."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from regulars.storage.book import Book

NOW = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)


def write(book: Book, name: str = "news") -> None:
    book.campaigns.begin(name, "once", channel="sms", purpose="marketing", destination="d", version="1",
                         starts_at=NOW, at=NOW)


def test_the_mark_is_the_same_while_nobody_writes(book: Book) -> None:
    write(book)
    if book.database.engine.dialect.name == "postgresql":
        pytest.skip("a server's mark is of all its databases, and other tests write into theirs")
    before = book.marks.now()

    book.campaigns.occurrences()

    assert book.marks.now() == before


def test_whatever_this_process_writes_changes_the_mark(book: Book) -> None:
    before = book.marks.now()

    write(book)

    assert book.marks.now() != before


def test_whatever_another_one_writes_changes_the_mark(book: Book, book_url: str, tmp_path: Path) -> None:
    before = book.marks.now()
    other = Book.open(book_url, home=tmp_path)

    write(other)
    other.close()

    assert book.marks.now() != before


def test_what_is_not_committed_yet_changes_it_when_it_is(book: Book) -> None:
    with book.database.writing() as connection:
        book.database.next_number(connection, "of a test")
        during = book.marks.now()

    assert book.marks.now() != during
