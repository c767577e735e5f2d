"""What every book promises about A/B tests of text messages: the log only grows, the first time counts, tenants are apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from regulars.errors import NotFound
from regulars.storage.book import Book
from regulars.storage.book.ab_tests import EVENTS, ABCampaign, ABCount, ABEvent
from regulars.storage.book.experiments import ASSIGNMENTS

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
HOUR = timedelta(hours=1)


def _campaign(name: str = "spring") -> ABCampaign:
    return ABCampaign(
        number=0, name=name, status="draft", template_a="Hi é", template_b="Hello", config="{}", zone="UTC", salt="s",
        created_at=NOW,
    )


def _event(unit: str, kind: str, *, at: datetime = NOW, **more: Any) -> ABEvent:
    return ABEvent(unit=unit, epoch=1, variant="A", kind=kind, at=at, **more)


def _assign(book: Book, experiment: str, *units: str) -> None:
    book.experiments.assign(experiment, pa.Table.from_pylist([
        {"unit": unit, "variant": "A", "epoch": 1, "propensity": 0.5, "assigned_at": NAIVE, "how": "quota"} for unit in units
    ], schema=ASSIGNMENTS))


def test_campaigns_are_numbered_from_1_and_come_back_as_they_were(book: Book) -> None:
    first, second = book.ab_tests.create(_campaign()), book.ab_tests.create(_campaign("summer"))

    assert (first.number, second.number) == (1, 2)
    assert book.ab_tests.campaigns() == [first, second]
    assert book.ab_tests.campaign(2) == second
    assert book.ab_tests.campaign(3) is None


def test_of_a_campaign_only_what_is_given_changes(book: Book) -> None:
    first, other = book.ab_tests.create(_campaign()), book.ab_tests.create(_campaign())

    changed = book.ab_tests.change(first.number, config='{"split_ratio": 70}')
    ended = book.ab_tests.change(first.number, status="complete")

    assert (changed.status, ended.config, ended.status) == ("draft", '{"split_ratio": 70}', "complete")
    assert book.ab_tests.campaign(other.number) == other
    with pytest.raises(NotFound, match="99"):
        book.ab_tests.change(99, status="complete")


def test_a_recipient_is_kept_once(book: Book) -> None:
    assert book.ab_tests.add_recipients(1, ["é", "2", "2"], at=NOW) == 2
    assert book.ab_tests.add_recipients(1, ["2", "10"], at=NOW) == 1

    assert book.ab_tests.recipients(1) == ["10", "2", "é"]
    assert book.ab_tests.recipients(2) == []


def test_an_experiment_without_events_has_all_columns(book: Book) -> None:
    assert book.ab_tests.record("t", []) == 0
    assert book.ab_tests.log("t").schema == book.ab_tests.touches("t").schema == EVENTS
    assert book.ab_tests.counts("t", without="r") == []


def test_the_log_keeps_all_events_in_the_order_they_were_told(book: Book) -> None:
    book.ab_tests.record("t", [_event("1", "opened"), _event("1", "opened")])
    book.ab_tests.record("t", [_event("1", "opened", at=NOW - HOUR)])

    log = book.ab_tests.log("t")

    assert log["number"].to_pylist() == [1, 2, 3]
    assert log["at"].to_pylist() == [NAIVE, NAIVE, NAIVE - HOUR]


def test_an_activity_is_told_once_also_within_one_call(book: Book) -> None:
    sent = _event("1", "sent", activity="7")

    assert book.ab_tests.record("t", [sent, sent, _event("2", "sent", activity="7")]) == 2
    assert book.ab_tests.record("t", [sent, _event("1", "replied", activity="7", reply="positive")]) == 1

    assert len(book.ab_tests.log("t")) == 3


def test_the_first_event_of_each_kind_is_the_earliest_with_what_was_told_of_it(book: Book) -> None:
    book.ab_tests.record("t", [
        _event("1", "clicked", link="late"), _event("1", "clicked", at=NOW - HOUR, link="early"), _event("2", "opened"),
    ])

    touches = book.ab_tests.touches("t").to_pylist()

    assert [(row["unit"], row["kind"], row["link"]) for row in touches] == [("1", "clicked", "early"), ("2", "opened", None)]
    assert book.ab_tests.touches("t", unit="2").num_rows == 1


def test_counts_are_of_different_recipients_and_replies_of_their_first(book: Book) -> None:
    _assign(book, "t", "1", "2", "3")
    _assign(book, "r", "3")
    book.ab_tests.record("t", [
        _event("1", "sent"), _event("1", "opened"), _event("1", "opened", at=NOW - HOUR), _event("2", "opened"),
        _event("1", "replied", reply="negative", at=NOW + HOUR), _event("1", "replied", reply="positive"),
    ])

    counts = book.ab_tests.counts("t", without="r")

    def count(kind: str, units: int, *, reply: str | None = None, at: datetime = NOW) -> ABCount:
        return ABCount(epoch=1, variant="A", kind=kind, reply=reply, units=units, first_at=at)

    assert counts == [
        count("assigned", 2), count("opened", 2, at=NOW - HOUR), count("replied", 1, reply="positive"), count("sent", 1),
    ]


def test_variants_of_those_who_are_gone_can_be_forgotten(book: Book) -> None:
    _assign(book, "t", "1", "2")
    _assign(book, "u", "1")

    assert book.ab_tests.forget_assignments("t", {"1", "9"}) == 1

    assert book.experiments.assignments("t")["unit"].to_pylist() == ["2"]
    assert book.experiments.assigned("t", "1") is None
    assert book.experiments.assigned("u", "1") is not None


def test_tenants_do_not_see_each_other(book: Book, book_url: str) -> None:
    other = Book.open(book_url, tenant="other", environment={})
    book.ab_tests.create(_campaign())
    book.ab_tests.add_recipients(1, ["1"], at=NOW)
    _assign(book, "t", "1")
    book.ab_tests.record("t", [_event("1", "sent")])

    seen = (
        other.ab_tests.campaigns(), other.ab_tests.recipients(1), other.ab_tests.log("t").num_rows,
        other.ab_tests.touches("t").num_rows, other.ab_tests.counts("t", without="r"),
        other.experiments.assigned("t", "1"), other.ab_tests.forget_assignments("t", {"1"}),
    )

    assert seen == ([], [], 0, 0, [], None, 0)
    assert other.ab_tests.create(_campaign()).number == 1
    assert other.ab_tests.record("t", [_event("1", "sent")]) == 1
    assert book.ab_tests.log("t").num_rows == 1
    other.close()
