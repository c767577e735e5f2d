"""Tokens that vendors rotate outlive the process."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from regulars.clock import FixedClock
from regulars.errors import StoreError
from regulars.pipeline.tokens import BookTokens
from regulars.storage.book import Book

CLOCK = FixedClock(datetime(2026, 1, 5, tzinfo=UTC))


def test_a_rotated_token_is_there_after_the_book_was_closed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'book.db'}"
    book = Book.open(url)
    BookTokens(CLOCK, book).save("books.refresh", "second")
    book.close()

    assert BookTokens(CLOCK, Book.open(url)).load("books.refresh") == "second"


def test_a_token_asked_for_before_the_book_is_open_says_so() -> None:
    with pytest.raises(StoreError, match="not open"):
        BookTokens(CLOCK).load("books.refresh")
