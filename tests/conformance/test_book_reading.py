"""Several questions asked of the book at once: one look, whatever others write in between."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from regulars.storage.book import Book
from regulars.storage.book.tables import todos

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


def test_what_others_write_between_two_questions_is_not_seen(book: Book) -> None:
    count = sa.select(sa.func.count()).select_from(todos)
    with book.database.reading() as looking:
        first = looking.execute(count).scalar_one()
        with book.database.writing() as other:
            other.execute(sa.insert(todos).values(
                tenant=book.tenant, number=1, title="Call Ann", description="", is_completed=False, priority="low",
                user_id="u", made_at=NOW, changed_at=NOW,
            ))
        second = looking.execute(count).scalar_one()

    with book.database.reading() as looking:
        assert (first, second, looking.execute(count).scalar_one()) == (0, 0, 1)
