"""What every book promises about numbers that a provider was asked about: believed for thirty days, by hash alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from regulars.campaigns.line import Line
from regulars.storage.book import Book

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
ANN, BEN = "a" * 64, "b" * 64
MOBILE = Line(is_valid=True, kind="mobile", carrier="AT&T", country="US")


def test_an_answer_is_believed_for_thirty_days_and_no_longer(book: Book) -> None:
    book.number_answers.keep({ANN: MOBILE, BEN: Line(is_valid=False)}, at=NOW)
    last = NOW + timedelta(days=30, seconds=-1)

    assert book.number_answers.find([ANN, BEN, "c" * 64], at=last) == {ANN: MOBILE, BEN: Line(is_valid=False)}
    assert book.number_answers.has_any(at=last)
    assert book.number_answers.find([ANN, BEN], at=NOW + timedelta(days=30)) == {}
    assert not book.number_answers.has_any(at=NOW + timedelta(days=30))


def test_another_answer_takes_the_place_of_the_first_and_what_is_old_goes(book: Book) -> None:
    book.number_answers.keep({ANN: MOBILE, BEN: MOBILE}, at=NOW)
    landline = Line(is_valid=True, kind="landline")

    book.number_answers.keep({ANN: landline}, at=NOW + timedelta(days=1))
    book.number_answers.keep({ANN: landline}, at=NOW + timedelta(days=1))
    book.number_answers.keep({}, at=NOW + timedelta(days=30))

    assert book.number_answers.find([ANN, BEN], at=NOW + timedelta(days=2)) == {ANN: landline}


def test_a_forgotten_persons_number_goes_and_others_stay(book: Book) -> None:
    book.number_answers.keep({ANN: MOBILE, BEN: MOBILE}, at=NOW)

    told = book.known.of(["c_ann"], addresses=[ANN])["number_answers"]
    gone = book.forgetting.forget(["c_ann"], known_as="e_1", addresses=[ANN])

    assert [(row["address_hash"], row["kind"], row["asked_at"]) for row in told] == [(ANN, "mobile", NOW)]
    assert gone["number_answers"] == 1
    assert book.number_answers.find([ANN, BEN], at=NOW) == {BEN: MOBILE}
