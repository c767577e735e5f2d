"""A campaign through the real sender to a real HTTP provider: who was planned is who was sent to, and nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from regulars.cli.main import main
from regulars.clock import FixedClock
from regulars.consent.ledger import Entry
from regulars.consent.suppression import Suppression, address_hash
from regulars.destinations.sender import Receipt
from regulars.pipeline.account import Account, account
from regulars.pipeline.receipts import take_into_ledger
from regulars.pipeline.salt import salt_of
from regulars.pipeline.send import Worker
from regulars.project import Project
from regulars.storage.book import Book
from regulars.storage.book.campaigns import Occurrence
from regulars.testing.mailing import planned, write_mailing
from regulars.testing.sandbox.gateway import RunningGateway, gateway

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)       # noon in Texas
NIGHT = datetime(2026, 5, 5, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
Made = Callable[..., "Mailing"]


@dataclass(slots=True, kw_only=True)
class Clock:
    """A clock that is moved by waiting."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=max(seconds, 1))


@dataclass(frozen=True, kw_only=True)
class Mailing:
    """A campaign of some people, ready to be sent."""

    project: Project
    book: Book
    one: Occurrence
    clock: Clock

    def send(self, *, patience: timedelta = timedelta(0), name: str = "worker", stop_after: int | None = None) -> Account:
        worker = Worker(
            project=self.project, book=self.book, clock=self.clock, one=self.one, patience=patience,
            pause=self.clock.wait, name=name,
        )
        for checkpoint in worker.work():
            if stop_after is not None and checkpoint.done >= stop_after:
                break
        return account(self.book, self.one)

    def hashed(self, number: int) -> str:
        return address_hash(f"+1254{number:07d}", channel="sms", salt=salt_of(self.book, at=NOON))

    def allow(self, *numbers: int) -> None:
        self.book.consent.append([
            Entry(address_hash=self.hashed(number), channel="sms", purpose="marketing", action="grant",
                  method="web_form", at=NOON - HOUR, source="form", evidence=f"form {number}") for number in numbers
        ], addresses={}, at=NOON - HOUR)

    def forbid(self, number: int) -> None:
        self.book.consent.append([
            Entry(address_hash=self.hashed(number), channel="sms", purpose="any", action="revoke", method="reply",
                  at=self.clock.now(), source="reply", wording="STOP", evidence="m1")
        ], addresses={}, at=self.clock.now())


@pytest.fixture(scope="module")
def healthy() -> Iterator[RunningGateway]:
    with gateway() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def mailing(request: pytest.FixtureRequest) -> Iterator[Callable[..., Mailing]]:
    """Makes campaigns with a book of either kind."""
    where = {} if request.param == "sqlite" else {"book": request.getfixturevalue("new_database")()}
    opened: list[Book] = []

    def made(folder: Path, url: str, people: int, **written: Any) -> Mailing:
        project = Project.load(write_mailing(folder, url=url, **where, **written))
        book, clock = Book.open(project.config.stores.book, home=folder, environment={}), Clock()
        opened.append(book)
        return Mailing(project=project, book=book, one=planned(project, book, people, at=NOON), clock=clock)

    yield made
    for book in opened:
        book.close()


def took(provider: RunningGateway, mailing: Mailing) -> dict[str, int]:
    mine = f"{mailing.one.campaign_id}."
    return {name.removeprefix(mine): number for name, number in provider.taken().items() if name.startswith(mine)}


@pytest.fixture
def fresh() -> Iterator[RunningGateway]:
    with gateway() as running:
        yield running


def balanced(found: Account, **expected: int) -> None:
    assert found.is_balanced
    assert {name: number for name in ("sent", "failed", "skipped", "unknown", "waiting")
            if (number := getattr(found, name))} == expected


def test_everybody_gets_their_message_once_however_often_it_is_sent(mailing: Made, tmp_path: Path, fresh: RunningGateway) -> None:
    news = mailing(tmp_path, fresh.url, 1_200)

    balanced(news.send(), sent=1_200)
    balanced(news.send(), sent=1_200)

    assert fresh.summary() == {"messages": 1_200, "repeated": 0}


def test_consent_suppression_and_hours_are_asked_at_the_moment_of_sending(
    mailing: Made, tmp_path: Path, fresh: RunningGateway
) -> None:
    news = mailing(tmp_path, fresh.url, 5, purpose="marketing")
    news.allow(0, 1, 2, 3)
    news.forbid(1)
    news.book.consent.suppress([Suppression(
        channel="sms", address_hash=news.hashed(2), reason="complained", source="staff", since=NOON - HOUR
    )])

    found = news.send()

    balanced(found, sent=2, skipped=3)
    assert took(fresh, news) == {"c_0000000": 1, "c_0000003": 1}
    assert found.reasons == [
        ("skipped", "no consent on record", 1), ("skipped", "opted out on 2026-05-04", 1),
        ("skipped", "suppressed: complained", 1),
    ]


def test_an_opt_out_holds_for_what_was_planned_before_it(mailing: Made, tmp_path: Path, fresh: RunningGateway) -> None:
    news = mailing(tmp_path, fresh.url, 12, purpose="marketing", destination="per_second: 4")
    news.allow(*range(12))
    news.send(stop_after=4)

    news.forbid(11)

    balanced(news.send(), sent=11, skipped=1)
    assert "c_0000011" not in took(fresh, news)


def test_in_quiet_hours_nothing_is_sent_and_nothing_is_lost(mailing: Made, tmp_path: Path, fresh: RunningGateway) -> None:
    news = mailing(tmp_path, fresh.url, 3, purpose="marketing")
    news.allow(0, 1, 2)
    news.clock.at = NIGHT

    night = news.send()
    news.clock.at = NIGHT + 10 * HOUR
    morning = news.send()

    balanced(night, waiting=3)
    assert night.reasons == [("deferred", "quiet hours", 3)]
    balanced(morning, sent=3)


def test_a_message_that_would_come_too_late_is_not_sent(mailing: Made, tmp_path: Path, fresh: RunningGateway) -> None:
    news = mailing(tmp_path, fresh.url, 1, purpose="marketing", campaign="expires: 2 hours")
    news.allow(0)
    news.clock.at = NIGHT

    balanced(news.send(), skipped=1)


def test_a_daily_limit_lets_the_rest_go_on_the_next_day(mailing: Made, tmp_path: Path, fresh: RunningGateway) -> None:
    news = mailing(tmp_path, fresh.url, 5, destination="daily_limit: 3")

    first, same_day = news.send(), news.send()
    news.clock.at = NOON + timedelta(days=1)
    next_day = news.send()

    balanced(first, sent=3, waiting=2)
    balanced(same_day, sent=3, waiting=2)
    balanced(next_day, sent=5)
    assert fresh.summary() == {"messages": 5, "repeated": 0}


def test_pause_and_resume_lose_nobody(mailing: Made, tmp_path: Path, fresh: RunningGateway) -> None:
    news = mailing(tmp_path, fresh.url, 10, destination="per_second: 4")
    news.send(stop_after=2)

    news.book.campaigns.move(news.one.campaign_id, "paused", at=NOON)
    paused = news.send()
    news.book.campaigns.move(news.one.campaign_id, "sending", at=NOON)

    balanced(paused, sent=2, waiting=8)
    balanced(news.send(), sent=10)
    assert list(took(fresh, news).values()) == [1] * 10


def test_a_provider_that_fails_in_every_way_loses_and_repeats_nothing(mailing: Made, tmp_path: Path) -> None:
    with gateway(busy=0.1, broken=0.1, broken_after=0.1, cut=0.1, refuses=0.05, retry_after=1) as provider:
        news = mailing(tmp_path, provider.url, 400)

        found = news.send(patience=HOUR)

        failed = [number for state, reason, number in found.reasons if (state, reason) == ("failed", "a landline")]
        balanced(found, sent=400 - failed[0], failed=failed[0])
        assert provider.summary() == {"messages": found.sent, "repeated": 0}


def test_what_a_provider_cannot_be_asked_for_is_shown_and_never_sent_again(mailing: Made, tmp_path: Path) -> None:
    with gateway(cut=0.3) as provider:
        news = mailing(tmp_path, provider.url, 40, can_be_asked=False)

        found = news.send(patience=HOUR)

        assert found.unknown > 0
        assert found.is_balanced
        assert (found.sent + found.unknown, provider.summary()) == (40, {"messages": 40, "repeated": 0})


def test_what_nobody_knows_of_is_ruled_by_a_person_and_sent_again_only_then(
    mailing: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def typed(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["campaign", "rule", *words, "--json", "-p", str(tmp_path)])
        return int(str(ended.value.code or 0)), capsys.readouterr().out

    with gateway(cut=0.3) as provider:
        news = mailing(tmp_path, provider.url, 40, can_be_asked=False)
        lost = news.send(patience=HOUR).unknown
        listed = [row["message"] for row in json.loads(typed()[1])]

        sent = json.loads(typed(listed[0], "--sent", "--reason", "their log has it")[1])
        again = json.loads(typed(listed[1], "--send-again", "--reason", "their log has it not")[1])
        nothing = [typed(listed[2], "--sent")[0], typed(listed[0], "--not-sent", "--reason", "changed my mind")[0]]

    assert (len(listed), len(set(listed)), lost > 2) == (lost, lost, True)
    assert [row["state"] for row in (*sent, *again)] == ["sent", "planned"]
    assert all(nothing)
    account_ = account(news.book, news.one)
    assert account_.is_balanced
    assert (account_.unknown, account_.waiting) == (lost - 2, 1)
    assert news.book.campaigns.get(news.one.campaign_id).state == "sending"  # type: ignore[union-attr]  # it is there


def test_a_provider_that_is_not_there_gets_everything_when_it_is(mailing: Made, tmp_path: Path, healthy: RunningGateway) -> None:
    nobody = mailing(tmp_path, "http://127.0.0.1:9", 3)

    balanced(nobody.send(), waiting=3)
    project = Project.load(write_mailing(tmp_path, url=healthy.url))
    nobody.clock.at = NOON + HOUR
    found = Mailing(project=project, book=nobody.book, one=nobody.one, clock=nobody.clock).send()

    balanced(found, sent=3)


def test_a_campaign_pauses_itself_when_the_provider_refuses_most(mailing: Made, tmp_path: Path) -> None:
    with gateway(refuses=1.0) as provider:
        news = mailing(tmp_path, provider.url, 700)

        found = news.send()

    assert news.book.campaigns.get(news.one.campaign_id).state == "paused"  # type: ignore[union-attr]  # it is there
    # Three batches, of 20, 40 and 80: with the third there are a hundred answers to judge by.
    balanced(found, failed=140, waiting=560)


def test_a_campaign_pauses_itself_when_too_many_bounce(mailing: Made, tmp_path: Path, healthy: RunningGateway) -> None:
    news = mailing(tmp_path, healthy.url, 700)
    news.send(stop_after=300)
    news.book.receipts.keep([
        Receipt(provider="http", provider_id=f"p-{news.one.campaign_id}.c_{n:07d}", stage="bounced", at=NOON)
        for n in range(10)
    ], at=NOON)

    found = news.send()

    assert found.stages == {"bounced": 10}
    balanced(found, sent=300, waiting=400)


def test_an_address_that_bounced_is_not_written_to_again_though_nobody_says_which_it_was(
    mailing: Made, tmp_path: Path, healthy: RunningGateway
) -> None:
    news = mailing(tmp_path, healthy.url, 1)
    news.send()
    bounce = Receipt(provider="http", provider_id=f"p-{news.one.campaign_id}.c_0000000", stage="bounced", at=NOON)

    first, again = (take_into_ledger(news.book, [bounce], clock=news.clock) for _ in range(2))

    assert (len(first), again) == (1, [])
    assert [stop.reason for stop in news.book.consent.of(news.hashed(0)).suppressions] == ["bounced"]


def test_words_that_were_changed_after_the_plan_are_not_sent(mailing: Made, tmp_path: Path, healthy: RunningGateway) -> None:
    news = mailing(tmp_path, healthy.url, 3)
    path = tmp_path / "campaigns" / "news.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("Elm", "Oak"), encoding="utf-8")

    with pytest.raises(Exception, match="says something else than when it was planned"):
        Mailing(project=Project.load(tmp_path), book=news.book, one=news.one, clock=news.clock).send()


def test_a_clock_that_stands_still_ends_the_work_all_the_same(mailing: Made, tmp_path: Path, healthy: RunningGateway) -> None:
    news = mailing(tmp_path, healthy.url, 3)

    worker = Worker(project=news.project, book=news.book, clock=FixedClock(NOON), one=news.one)

    assert [checkpoint.done for checkpoint in worker.work()] == [3]
