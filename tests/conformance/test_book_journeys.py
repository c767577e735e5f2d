"""What every book promises about journeys: one an occasion, each step once, and never back from an end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from regulars.flows.journey import JOURNEYS, TAKEN
from regulars.storage.book import Book
from regulars.storage.book.planned import PLANNED

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
DAY = date(2026, 1, 5)


def journey(customer: str, **changed: Any) -> dict[str, Any]:
    return {
        "customer_id": customer, "occasion": "2026-01-05", "occurrence": "2026-01-05", "anchor_day": DAY,
        "entered_at": NAIVE, "version": "v", "is_held_out": False, "step": "one", "since": NAIVE, "due_at": NAIVE,
        "ended_at": None, "ending": None, "reason": None, **changed,
    }


def journeys(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=JOURNEYS)


def taken(customer: str, outcome: str = "planned") -> pa.Table:
    return pa.Table.from_pylist([{
        "customer_id": customer, "occasion": "2026-01-05", "step": "one", "kind": "message", "outcome": outcome,
        "due_at": NAIVE, "at": NAIVE,
    }], schema=TAKEN)


def planned(*customers: str) -> pa.Table:
    return pa.Table.from_pylist([{
        "customer_id": one, "address": "+12548675301", "variant": "", "gaps": "{}", "state": "planned",
        "due_at": NAIVE, "expires_at": NAIVE + timedelta(days=2),
    } for one in customers], schema=PLANNED)


def occurrence(book: Book) -> str:
    return book.campaigns.begin(
        "welcome.one", "2026-01-05", channel="sms", purpose="transactional", destination="texts", version="v",
        starts_at=NOW, at=NOW,
    ).campaign_id


def test_an_occasion_has_one_journey_which_stays_as_it_was(book: Book) -> None:
    assert book.journeys.begin("welcome", journeys(journey("ann"), journey("bob", is_held_out=True))) == 2
    assert book.journeys.begin("welcome", journeys(journey("ann", step="two"))) == 0

    found = book.journeys.on_the_way("welcome")
    assert found.schema == JOURNEYS
    assert [(row["customer_id"], row["step"], row["is_held_out"]) for row in found.to_pylist()] == [
        ("ann", "one", False), ("bob", "one", True)
    ]


def test_a_step_and_its_message_come_together_and_once(book: Book) -> None:
    book.journeys.begin("welcome", journeys(journey("ann")))
    key = occurrence(book)

    for _ in range(2):
        book.journeys.go(
            "welcome", journeys(journey("ann", step="two")), taken("ann"), messages={key: planned("ann")}, at=NOW
        )

    assert book.journeys.outcomes("welcome") == [("one", "planned", 1)]
    assert book.journeys.on_the_way("welcome")["step"].to_pylist() == ["two"]
    assert book.messages.waiting(key) == ["ann"]
    assert book.campaigns.unsent("welcome.") == [key]
    assert book.campaigns.totals("welcome.") == ([("welcome.one", "planned", 1)], [])


def test_an_end_is_never_undone_and_a_step_stays_as_it_was_taken_first(book: Book) -> None:
    over = journey("ann", due_at=None, ended_at=NAIVE, ending="goal", reason="bought")
    book.journeys.begin("welcome", journeys(journey("ann")))
    book.journeys.go("welcome", journeys(over), taken("ann"), messages={}, at=NOW)

    book.journeys.go("welcome", journeys(journey("ann", step="two")), taken("ann", "late"), messages={}, at=NOW)

    assert book.journeys.of("welcome", ["ann"])["ending"].to_pylist() == ["goal"]
    assert book.journeys.outcomes("welcome") == [("one", "planned", 1)]
    assert book.journeys.on_the_way("welcome").num_rows == 0
    assert book.journeys.counts("welcome") == [("one", False, "goal", 1)]


def test_journeys_are_found_by_day_and_by_customer(book: Book) -> None:
    early = journey("ann", occasion="a", anchor_day=date(2026, 1, 1))
    book.journeys.begin("welcome", journeys(early, journey("bob")))

    assert book.journeys.begun_since("welcome", date(2026, 1, 2))["customer_id"].to_pylist() == ["bob"]
    assert book.journeys.begun_by("welcome", ["ann", "eve"])["occasion"].to_pylist() == ["a"]
    assert book.journeys.begun_by("other", ["ann"]).num_rows == 0


def test_what_waits_is_withdrawn_and_what_was_begun_is_not(book: Book) -> None:
    key = occurrence(book)
    book.messages.plan(key, planned("ann", "bob"), at=NOW)
    book.campaigns.move(key, "sending", at=NOW)
    claimed = book.messages.claim(key, "worker", now=NOW, lasts=timedelta(minutes=2), limit=1)

    assert book.messages.withdraw(key, ["ann", "bob"], reason="left", at=NOW) == 1

    assert [one.customer_id for one in claimed] == ["ann"]
    assert claimed[0].expires_at == NOW + timedelta(days=2)
    assert book.campaigns.counts(key) == {"claimed": 1, "skipped": 1}


def test_a_flow_runs_until_somebody_says_otherwise(book: Book) -> None:
    assert book.journeys.standing("welcome").state == "running"

    book.journeys.stand("welcome", "paused", reason="we wait", at=NOW)

    assert (book.journeys.standing("welcome").state, book.journeys.standing("welcome").reason) == ("paused", "we wait")
    assert book.journeys.standing("other").state == "running"


def test_what_became_of_journeys_is_told_in_the_order_in_which_it_was(book: Book) -> None:
    later = NOW + timedelta(hours=1)
    book.journeys.begin("welcome", journeys(journey("ann")))
    over = journey("ann", due_at=None, ended_at=later.replace(tzinfo=None), ending="finished", reason="")
    book.journeys.go("welcome", journeys(over), taken("ann"), messages={}, at=NOW)

    rows = [row for batch in book.sent.journeys(after=NOW - timedelta(hours=1), until=later) for row in batch]

    assert [(row["what"], row["step"], row["outcome"], row["at"]) for row in rows] == [
        ("entered", "", "", NOW), ("step", "one", "planned", NOW), ("exited", "", "finished", later)
    ]
    assert len({row["journey_id"] for row in rows}) == 3
