"""An answer that a run worked out is found again while what it was made of is the same, on every book."""

from __future__ import annotations

from datetime import UTC, datetime

from regulars.storage.book import Book

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)


def test_an_answer_is_found_by_its_question_and_what_it_was_made_of(book: Book) -> None:
    book.kept_answers.keep("how many", b"\x00two", made_of="a", at=NOON)

    assert book.kept_answers.find("how many", made_of="a") == b"\x00two"
    assert book.kept_answers.find("how many", made_of="b") is None
    assert book.kept_answers.find("how much", made_of="a") is None


def test_a_later_answer_takes_the_place_of_the_one_before(book: Book) -> None:
    book.kept_answers.keep("how many", b"two", made_of="a", at=NOON)
    book.kept_answers.keep("how many", b"three", made_of="b", at=NOON)

    assert book.kept_answers.find("how many", made_of="a") is None
    assert book.kept_answers.find("how many", made_of="b") == b"three"


def test_a_person_who_is_forgotten_takes_all_answers_along(book: Book) -> None:
    book.kept_answers.keep("how many", b"c_1", made_of="a", at=NOON)

    found = book.forgetting.forget(["c_1"], known_as="e_1", addresses=[])

    assert found["kept_answers"] == 1
    assert book.kept_answers.find("how many", made_of="a") is None
