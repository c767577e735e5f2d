"""Several workers on every book: each message once, no cap exceeded, and nobody reached who must not be."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
import sqlalchemy as sa

from regulars.clock import FixedClock
from regulars.consent.ledger import Entry
from regulars.consent.quiet_hours import EVERYWHERE, sending_hours
from regulars.consent.suppression import Suppression, address_hash
from regulars.destinations.sender import Accepted, Limits, Outcome, Outgoing
from regulars.pipeline.account import account
from regulars.pipeline.campaign import campaign_of
from regulars.pipeline.salt import salt_of
from regulars.pipeline.send import Worker
from regulars.project import Project
from regulars.storage.book import Book
from regulars.storage.book.campaigns import Occurrence
from regulars.testing.mailing import NAME, planned, recipients, write_mailing

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
CONTACTS = int(os.environ.get("REGULARS_CONTACTS", "160"))
"""How many messages two workers send under caps: 100000 for the whole claim."""

AREAS = {"254": "America/Chicago", "212": "America/New_York", "213": "America/Los_Angeles", "808": "Pacific/Honolulu"}


class Paper:
    """A provider that takes everything and keeps it."""

    name = "paper"
    limits = Limits(per_second=1_000_000, batch=50)

    def __init__(self) -> None:
        self.taken: list[Outgoing] = []

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        self.taken += messages
        return [Accepted(provider_id=f"p-{one.message_id}") for one in messages]


def on_paper(folder: Path, monkeypatch: pytest.MonkeyPatch, **written: str) -> tuple[Project, Paper]:
    paper = Paper()

    class Point:
        def load(self) -> object:
            return lambda name, data, *, at: paper

    monkeypatch.setattr("regulars.plugins.senders", lambda: {"paper": Point()})
    write_mailing(folder, url="x", **written)  # type: ignore[arg-type]  # further lines of YAML
    more = written.get("destination", "")
    (folder / "destinations" / "gateway.yaml").write_text(f'kind: paper\nfrom: "+12545550100"\n{more}\n', encoding="utf-8")
    return Project.load(folder), paper


def work(project: Project, book: Book, one: Occurrence, at: datetime, name: str) -> None:
    for _ in Worker(project=project, book=book, clock=FixedClock(at), one=one, name=name).work():
        pass


def test_workers_at_once_send_each_message_once_and_keep_a_cap(
    book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, paper = on_paper(tmp_path, monkeypatch, purpose="marketing",
                              campaign="caps: [{of: sender, limit: 150, window: 1 day, name: all}]")
    one = planned(project, book, 240, at=NOON)
    salt = salt_of(book, at=NOON)
    book.consent.append([
        agreed(address_hash(f"+1254{n:07d}", channel="sms", salt=salt), n) for n in range(240)
    ], addresses={}, at=NOON)

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda n: work(project, book, one, NOON, f"w{n}"), range(3)))

    names = [message.message_id for message in paper.taken]
    found = account(book, one)
    assert (len(names), len(set(names))) == (150, 150)
    assert (found.sent, found.waiting, found.is_balanced) == (150, 90, True)


def agreed(hashed: str, n: int) -> Entry:
    return Entry(address_hash=hashed, channel="sms", purpose="marketing", action="grant", method="web_form",
                 at=NOON - timedelta(hours=1), source="form", evidence=f"form {n}")


def test_two_workers_exceed_neither_a_frequency_cap_nor_a_daily_limit(
    book_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, occurrences, days = CONTACTS // 4, 4, 6
    daily, most, window = people + people // 2, 2, timedelta(days=2)
    project, paper = on_paper(
        tmp_path, monkeypatch, purpose="marketing", campaign=f"caps: [{{of: customer, limit: {most}, window: 2 days}}]",
        destination=f"daily_limit: {daily}",
    )
    books = [Book.open(book_url, home=tmp_path, environment={}) for _ in range(2)]
    campaign, salt = campaign_of(project, NAME), salt_of(books[0], at=NOON)
    books[0].consent.append([
        agreed(address_hash(f"+1254{n:07d}", channel="sms", salt=salt), n) for n in range(people)
    ], addresses={}, at=NOON)
    ones = []
    for n in range(occurrences):
        one = books[0].campaigns.begin(NAME, f"no-{n}", channel="sms", purpose="marketing", destination="gateway",
                                       version=campaign.version, starts_at=NOON, at=NOON)
        books[0].messages.plan(one.campaign_id, recipients(people, due_at=NOON), at=NOON)
        books[0].campaigns.move(one.campaign_id, "sending", at=NOON)
        ones.append(one)
    sent: list[tuple[int, str]] = []

    for day in range(days):
        before, at = len(paper.taken), NOON + timedelta(days=day)
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda n, at=at: [work(project, books[n], one, at, f"w{n}") for one in ones], range(2)))
        sent += [(day, message.to) for message in paper.taken[before:]]

    by_day, by_person = Counter(day for day, _ in sent), Counter(to for _, to in sent)
    in_window = Counter((to, first) for day, to in sent for first in range(day - window.days + 1, day + 1))
    assert max(by_day.values()) == daily
    assert max(in_window.values()) == most
    assert set(by_person.values()) == {occurrences}
    for opened in books:
        opened.close()


def test_a_worker_never_reads_through_all_messages_of_a_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, _ = on_paper(tmp_path, monkeypatch)
    book = Book.open(project.config.stores.book, home=tmp_path)
    one, asked = planned(project, book, 700, at=NOON), dict[str, object]()
    sa.event.listen(book.database.engine, "before_cursor_execute",
                    lambda _, __, text, values, ___, many: asked.setdefault(text, values[0] if many else values))
    worker = Worker(project=project, book=book, clock=FixedClock(NOON), one=one, name="w").work()

    next(worker)
    worker.close()

    plans = {}
    with book.database.reading() as connection:
        for text, values in list(asked.items()):
            if "messages" in text:
                rows = connection.exec_driver_sql(f"explain query plan {text}", values)  # type: ignore[arg-type]  # its own
                plans[text] = " ".join(str(row[3]) for row in rows)
    through_all = [text for text, plan in plans.items() if "SCAN messages" in plan
                   or "messages USING PRIMARY KEY (tenant=? AND campaign_id=?)" in plan]
    assert len(plans) > 5
    assert through_all == []


@pytest.mark.parametrize("seed", range(3))
def test_nobody_is_reached_who_must_not_be(
    book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng = Random(seed)
    project, paper = on_paper(tmp_path, monkeypatch, purpose="marketing")
    campaign, people = campaign_of(project, NAME), recipients(200, due_at=NOON)
    numbers = [f"+1{rng.choice(list(AREAS))}55{n:05d}" for n in range(200)]
    one = book.campaigns.begin(NAME, "once", channel="sms", purpose="marketing", destination="gateway",
                               version=campaign.version, starts_at=NOON, at=NOON)
    book.messages.plan(one.campaign_id, people.set_column(1, "address", pa.array(numbers)), at=NOON)
    book.campaigns.move(one.campaign_id, "sending", at=NOON)
    salt = salt_of(book, at=NOON)
    hashes = {number: address_hash(number, channel="sms", salt=salt) for number in numbers}
    willing = set(rng.sample(numbers, 150))
    book.consent.append([agreed(hashes[number], n) for n, number in enumerate(numbers) if number in willing],
                        addresses={}, at=NOON)
    at = NOON + timedelta(hours=rng.randrange(24))
    for _ in range(12):
        # Somebody more is left alone before every round, and nobody of them is ever reached again.
        gone = rng.choice(numbers)
        willing.discard(gone)
        book.consent.suppress([Suppression(
            channel="sms", address_hash=hashes[gone], reason="do not contact", source="desk", since=at
        )])
        before = len(paper.taken)
        work(project, book, one, at, "w")

        assert {message.to for message in paper.taken[before:]} <= willing
        assert all(is_open(message.to, at) for message in paper.taken[before:])
        at += timedelta(hours=rng.choice([1, 2, 5]))
    found = account(book, one)
    assert found.is_balanced
    assert 100 < found.sent == len({message.to for message in paper.taken}) == len(paper.taken)


def is_open(number: str, at: datetime) -> bool:
    """The rule as it is said: on the clock of the number's own area, inside the hours of the whole country."""
    local = at.astimezone(ZoneInfo(AREAS[number[2:5]]))
    start, end = sending_hours()[EVERYWHERE][local.weekday()]
    return time(start // 60, start % 60) <= local.time() < time(end // 60, end % 60)


