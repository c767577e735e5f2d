"""What is appended fresh is told by the book as what is filed, before it is filed and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.storage.book import Book
from regulars.storage.book import memberships as rows_of_memberships
from regulars.storage.book.memberships import TRANSITIONS, MembershipBook

FIRST = datetime(2026, 1, 1)                 # noqa: DTZ001  as in tables
WHO, SEGMENTS = ("ann", "bo", "cy", "di"), ("regulars", "lapsed")

changes = st.lists(
    st.tuples(st.sampled_from(SEGMENTS), st.sampled_from(WHO), st.sampled_from(["entered", "left"])),
    min_size=1, max_size=6, unique=True,
)
batches = st.lists(st.tuples(changes, st.sampled_from(["append", "append_fresh", "file"])), max_size=8)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[MembershipBook]]:
    """Books that nobody used before: tenants of one database."""
    url, opened = f"sqlite:///{tmp_path_factory.mktemp('book')}/book.db", []

    def new() -> Iterator[MembershipBook]:
        n = 0
        while True:
            n += 1
            opened.append(Book.open(url, environment={}, tenant=f"t{n}"))
            yield opened[-1].memberships
            opened.pop().close()

    yield new()
    for book in opened:
        book.close()


def table(rows: Sequence[tuple[str, str, str]], day: int) -> pa.Table:
    at = FIRST + timedelta(days=day)
    return pa.Table.from_pylist([
        {"segment": segment, "customer_id": who, "at": at, "business_day": at.date(), "change": change, "reason": "so"}
        for segment, who, change in rows
    ], schema=TRANSITIONS)


def told(book: MembershipBook) -> dict[str, Any]:
    """Everything a book says of who is in which segment."""
    pages, after = [], None
    while page := book.newest("regulars", limit=1, after=after):
        pages += page
        after = (page[-1].entered_at, page[-1].customer_id)
    return {
        "memberships": book.memberships(), "transitions": book.transitions(), "counts": book.counts(), "pages": pages,
        "of": book.transitions_of(["ann", "bo"], segments=["lapsed"]), "since": book.since(2),
        "stays": [book.stays_of(who, segments=SEGMENTS) for who in WHO], "last": book.last_batch(),
    }


@settings(max_examples=12, deadline=None)
@given(batches)
def test_what_is_fresh_is_told_as_what_is_filed(
    books: Iterator[MembershipBook], batches: list[tuple[list[tuple[str, str, str]], str]]
) -> None:
    filed = next(books)
    for day, (rows, _) in enumerate(batches):
        filed.append(table(rows, day))
    expected = told(filed)

    fresh = next(books)
    for day, (rows, how) in enumerate(batches):
        fresh.append(table(rows, day)) if how == "append" else fresh.append_fresh(table(rows, day))
        if how == "file":
            fresh.file()
    before = told(fresh)
    fresh.file()

    assert before == expected
    assert told(fresh) == expected


def test_fresh_changes_are_filed_some_customers_at_a_time(
    books: Iterator[MembershipBook], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_of_memberships, "FILED", 1)
    book = next(books)
    book.append_fresh(table([(segment, who, "entered") for segment in SEGMENTS for who in WHO], 0))
    before = told(book)

    book.file()

    assert told(book) == before
    stay = book.stays_of("di", segments=["lapsed"])[0]
    assert (stay.entered_at, stay.entered_day) == (FIRST.replace(tzinfo=UTC), date(2026, 1, 1))
