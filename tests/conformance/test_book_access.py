"""Who may ask over HTTP: keys that end, answers given once, and an audit of every change, in every book."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from regulars.errors import RegularsError
from regulars.pipeline.access import known_key, new_key
from regulars.storage.book import Book
from regulars.storage.book.api_answers import KEPT, Begun
from regulars.storage.book.tables import api_keys

NOW = datetime(2026, 1, 5, 22, tzinfo=UTC)


def test_a_key_is_known_until_it_expires_or_is_revoked(book: Book) -> None:
    lasting, shown = new_key(book, "till", scope="read", by="ann", at=NOW)
    _, short = new_key(book, "till", scope="read", by="ann", at=NOW, lasts=timedelta(days=1))

    known = [known_key(book, text, at=NOW + timedelta(hours=n)) is not None for n in (1, 25) for text in (shown, short)]
    book.keys.revoke(lasting.key_id, at=NOW, by="ann")

    assert known == [True, True, True, False]
    assert known_key(book, shown, at=NOW) is None


def test_two_keys_of_a_name_are_valid_at_once_and_no_more(book: Book) -> None:
    first, _ = new_key(book, "till", scope="read", by="ann", at=NOW)
    new_key(book, "till", scope="read", by="ann", at=NOW)

    with pytest.raises(RegularsError, match="2 keys named 'till'"):
        new_key(book, "till", scope="read", by="ann", at=NOW)
    book.keys.revoke(first.key_id, at=NOW, by="ann")

    assert new_key(book, "till", scope="read", by="ann", at=NOW)


def test_the_book_does_not_hold_what_a_program_shows(book: Book) -> None:
    key, shown = new_key(book, "till", scope="read", by="ann", at=NOW)

    with book.database.reading() as connection:
        rows = connection.execute(sa.select(api_keys)).all()

    assert key.key_id in str(rows)
    assert shown.removeprefix(f"rk_{key.key_id}_") not in str(rows)


@pytest.mark.parametrize("change", [lambda text: text.upper(), lambda text: text[:-1], lambda text: f"{text}a", lambda text: text[3:]])
def test_what_is_nearly_a_key_is_none(book: Book, change: Callable[[str], str]) -> None:
    _, shown = new_key(book, "till", scope="read", by="ann", at=NOW)

    assert known_key(book, change(shown), at=NOW) is None


def test_making_and_revoking_keys_stands_in_the_audit(book: Book) -> None:
    key, _ = new_key(book, "till", scope="admin", by="ann", at=NOW)
    book.keys.revoke(key.key_id, at=NOW, by="ben")
    book.keys.revoke(key.key_id, at=NOW, by="ben")

    assert [(line.number, line.what, line.by) for line in book.audit.lines(limit=9)] == [
        (2, "key.revoke", "ben"), (1, "key.new", "ann")
    ]


def test_a_request_is_begun_once_and_its_answer_kept(book: Book) -> None:
    begun = [book.answers.begin("k", "7f3a", request_digest=digest, at=NOW) for digest in ("a", "b")]
    book.answers.finish("k", "7f3a", status=201, body="{}")

    assert begun == [None, Begun(request_digest="a", began_at=NOW, status=None, body=None)]
    assert book.answers.begin("k", "7f3a", request_digest="a", at=NOW) == Begun(
        request_digest="a", began_at=NOW, status=201, body="{}"
    )


def test_answers_are_apart_by_key_and_forgotten_in_time(book: Book) -> None:
    book.answers.begin("k", "7f3a", request_digest="a", at=NOW)

    assert book.answers.begin("other", "7f3a", request_digest="b", at=NOW) is None
    assert book.answers.begin("k", "7f3a", request_digest="b", at=NOW + KEPT + timedelta(seconds=1)) is None


def test_runs_are_read_a_page_at_a_time(book: Book) -> None:
    made = [book.runs.start_run("run", NOW + timedelta(seconds=n // 2)) for n in range(5)]

    pages: list[str] = []
    while found := book.runs.last_runs(2, before=pages[-1] if pages else None):
        pages += [each.run_id for each in found]

    assert sorted(pages) == sorted(made)
    assert pages == [each.run_id for each in book.runs.last_runs(9)]
