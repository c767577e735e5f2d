"""What every book promises about a model's answers: found by text, model and question; counted against the budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from regulars.storage.book import Book
from regulars.storage.book.readings import Answered, Spent

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
ONE = Answered(kind="offer", content_hash="aa", model="small-1", prompt_version="p1", answer="{}", tokens=120, at=NOW)


def found(book: Book, *hashes: str, model: str = "small-1", prompt_version: str = "p1") -> dict[str, Answered]:
    return book.readings.find("offer", hashes, model=model, prompt_version=prompt_version)


def test_an_answer_is_found_by_its_text_model_and_question(book: Book) -> None:
    nothing = replace(ONE, content_hash="bb", answer=None)
    book.readings.keep(ONE)
    book.readings.keep(nothing)

    assert found(book, "aa", "bb", "cc") == {"aa": ONE, "bb": nothing}
    assert found(book, "aa", model="large-1") == found(book, "aa", prompt_version="p2") == {}


def test_another_answer_takes_the_place_of_the_first(book: Book) -> None:
    book.readings.keep(ONE)
    book.readings.keep(ONE)
    book.readings.keep(replace(ONE, answer='{"offer":null}'))

    assert found(book, "aa")["aa"].answer == '{"offer":null}'
    assert book.readings.spent(since=NOW) == Spent(requests=1, tokens=120)


def test_only_what_was_asked_since_counts(book: Book) -> None:
    book.readings.keep(ONE)
    book.readings.keep(replace(ONE, content_hash="bb", at=NOW + timedelta(hours=2), tokens=30))

    assert book.readings.spent(since=NOW + timedelta(hours=1)) == Spent(requests=1, tokens=30)
    assert book.readings.spent(since=NOW + timedelta(days=1)) == Spent(requests=0, tokens=0)
