"""The reference's A/B service over a real book, and campaigns that already have their replies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from regulars.clock import FixedClock
from regulars.compat.ab_tests import ABTestingService, ABTestRepository
from regulars.compat.ab_tests.campaign import experiment_of
from regulars.storage.book import Book
from regulars.storage.book.ab_tests import ABEvent

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


class Fate(NamedTuple):
    """What became of the recipients of one variant; the rest of the sent stay silent."""

    sent: int
    positive: int = 0
    negative: int = 0


@pytest.fixture(scope="module")
def one_book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """One SQLite book for a file of tests: each makes campaigns of its own."""
    book = Book.open(f"sqlite:///{tmp_path_factory.mktemp('book')}/book.db", environment={})
    yield book
    book.close()


@pytest.fixture
def service(one_book: Book) -> ABTestingService:
    return ABTestingService.of(one_book, clock=FixedClock(NOW))


@pytest.fixture
def repository(one_book: Book) -> ABTestRepository:
    return ABTestRepository.of(one_book, clock=FixedClock(NOW))


@pytest.fixture
def new(service: ABTestingService) -> Callable[..., int]:
    """Creates a campaign with a ratio and whatever else its config has, and returns its id."""

    def create(ratio: int = 50, **config: Any) -> int:
        data = {"name": "spring", "template_a": "Hi", "template_b": "Hello", "ab_config": {"split_ratio": ratio, **config}}
        return int(service.create_ab_campaign(data).unwrap()["id"])

    return create


@pytest.fixture
def replied(service: ABTestingService, new: Callable[..., int]) -> Callable[..., int]:
    """Creates a campaign whose recipients were sent to and replied, as A and B say, and returns its id.

    A and B are (sent, positive, negative), all of it two days before now.
    """

    def create(a: tuple[int, ...], b: tuple[int, ...], *, assigned: int | None = None, **config: Any) -> int:
        campaign = new(**config)
        count = max(a[0], b[0]) * 2 if assigned is None else assigned
        rows = service.assign_recipients_to_variants(campaign, list(range(1, count + 1))).unwrap()
        at = NOW - timedelta(days=2)
        events: list[ABEvent] = []
        for name, fate in (("A", Fate(*a)), ("B", Fate(*b))):
            units = [str(row["contact_id"]) for row in rows if row["variant"] == name][:fate.sent]
            told = [("sent", None, units), ("replied", "positive", units[:fate.positive]),
                    ("replied", "negative", units[fate.positive:fate.positive + fate.negative])]
            events += [
                ABEvent(unit=unit, epoch=1, variant=name, kind=kind, at=at, reply=reply)
                for kind, reply, some in told for unit in some
            ]
        service.store.record(experiment_of(campaign), events)
        return campaign

    return create
