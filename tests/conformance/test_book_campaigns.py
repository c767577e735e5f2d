"""What every book promises about messages: nobody has one twice, nothing is forgotten, an attempt is written first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from regulars.destinations.sender import Receipt
from regulars.storage.book import Book
from regulars.storage.book.messages import Attempt, Claimed, Doubtful, Settled
from regulars.testing.mailing import recipients

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
LASTS = timedelta(minutes=2)


def begun(book: Book, people: int, *, occurrence: str = "once") -> str:
    one = book.campaigns.begin(
        "news", occurrence, channel="sms", purpose="marketing", destination="texts", version="v1", starts_at=NOW, at=NOW
    )
    book.messages.plan(one.campaign_id, recipients(people, due_at=NOW), at=NOW)
    book.campaigns.move(one.campaign_id, "sending", at=NOW)
    return one.campaign_id


def claim(book: Book, campaign: str, worker: str, limit: int = 10, *, at: datetime = NOW) -> list[Claimed]:
    return book.messages.claim(campaign, worker, now=at, lasts=LASTS, limit=limit)


def attempt(book: Book, campaign: str, worker: str, claimed: list[Claimed], *, at: datetime = NOW) -> set[str]:
    return book.messages.begin(campaign, worker, [
        Attempt(customer_id=one.customer_id, n=one.attempts + 1, provider="http", sender="+12545550100", text="Hi",
                attempted_at=at) for one in claimed
    ], at=at)


def doubtful(book: Book, campaign: str) -> list[Doubtful]:
    return book.messages.doubtful(campaign, "asks", now=NOW, again_at=NOW + LASTS, limit=10)


def sent(customer: str, n: int = 1) -> Settled:
    return Settled(customer_id=customer, n=n, state="sent", outcome="accepted", provider_id=f"p-{customer}")


def test_no_two_workers_have_the_same_message(book: Book) -> None:
    campaign = begun(book, 5)

    mine, yours = claim(book, campaign, "a", 3), claim(book, campaign, "b", 3)

    assert [one.customer_id for one in mine + yours] == [f"c_000000{n}" for n in range(5)]


def test_a_plan_written_down_twice_is_there_once(book: Book) -> None:
    campaign = begun(book, 5)

    book.messages.plan(campaign, recipients(6, due_at=NOW), at=NOW)

    assert book.campaigns.counts(campaign) == {"planned": 6}


def test_a_draft_is_planned_anew_and_nothing_else_is(book: Book) -> None:
    one = book.campaigns.begin(
        "news", "once", channel="sms", purpose="marketing", destination="texts", version="v1", starts_at=NOW, at=NOW
    )
    book.messages.plan(one.campaign_id, recipients(5, due_at=NOW), at=NOW)
    book.messages.forget_plan(one.campaign_id)
    assert book.campaigns.counts(one.campaign_id) == {}

    campaign = begun(book, 3)
    book.messages.forget_plan(campaign)

    assert book.campaigns.counts(campaign) == {"planned": 3}


@pytest.mark.parametrize("state", ["paused", "stopped"])
def test_nothing_is_claimed_or_begun_of_a_campaign_that_does_not_send(book: Book, state: str) -> None:
    campaign = begun(book, 5)
    held = claim(book, campaign, "a", 2)

    book.campaigns.move(campaign, state, at=NOW)  # type: ignore[arg-type]  # one of the states

    assert claim(book, campaign, "b") == []
    assert attempt(book, campaign, "a", held) == set()


def test_what_is_not_due_waits_and_the_deferred_go_first(book: Book) -> None:
    campaign = begun(book, 2)
    first = claim(book, campaign, "a", 1)[0]
    later = NOW + timedelta(hours=1)
    put_off = Settled(customer_id=first.customer_id, n=0, state="deferred", reason="quiet hours", due_at=later)
    book.messages.settle(campaign, [put_off], worker="a", at=NOW)

    assert [one.customer_id for one in claim(book, campaign, "a")] == ["c_0000001"]
    assert claim(book, campaign, "a", at=later)[0].customer_id == first.customer_id


def test_of_a_worker_that_ended_only_what_was_attempted_is_unknown(book: Book) -> None:
    campaign = begun(book, 5)
    held = claim(book, campaign, "gone", 4)
    attempt(book, campaign, "gone", held[:2])
    book.messages.settle(campaign, [sent(held[0].customer_id)], worker="gone", at=NOW)

    taken = book.messages.reclaim(campaign, now=NOW, is_gone=lambda worker: worker == "gone")

    assert taken == 3
    assert book.campaigns.counts(campaign) == {"planned": 3, "sent": 1, "unknown": 1}
    assert [one.message.customer_id for one in doubtful(book, campaign)] == [held[1].customer_id]


def test_nobody_takes_from_a_worker_that_lives_until_its_time_is_up(book: Book) -> None:
    campaign = begun(book, 2)
    held = claim(book, campaign, "slow", 2)

    assert book.messages.reclaim(campaign, now=NOW, is_gone=lambda _: False) == 0
    assert book.messages.reclaim(campaign, now=NOW + LASTS, is_gone=lambda _: False) == 2
    assert attempt(book, campaign, "slow", held, at=NOW + LASTS) == set()


def test_two_workers_do_not_ask_for_the_same_message(book: Book) -> None:
    campaign = begun(book, 2)
    attempt(book, campaign, "gone", claim(book, campaign, "gone"))
    book.messages.reclaim(campaign, now=NOW, is_gone=lambda _: True)

    assert (len(doubtful(book, campaign)), len(doubtful(book, campaign))) == (2, 0)


def test_what_a_worker_was_asking_for_when_it_ended_is_asked_for_at_once(book: Book) -> None:
    campaign = begun(book, 2)
    attempt(book, campaign, "gone", claim(book, campaign, "gone"))
    book.messages.reclaim(campaign, now=NOW, is_gone=lambda _: True)
    doubtful(book, campaign)

    book.messages.reclaim(campaign, now=NOW, is_gone=lambda worker: worker != "asks")
    assert doubtful(book, campaign) == []
    book.messages.reclaim(campaign, now=NOW, is_gone=lambda worker: worker == "asks")
    assert len(doubtful(book, campaign)) == 2


def test_an_answer_that_comes_late_settles_what_was_unknown(book: Book) -> None:
    campaign = begun(book, 1)
    held = claim(book, campaign, "slow")
    attempt(book, campaign, "slow", held)
    book.messages.reclaim(campaign, now=NOW + LASTS, is_gone=lambda _: False)

    book.messages.settle(campaign, [sent(held[0].customer_id)], worker="slow", at=NOW + LASTS)

    assert book.campaigns.counts(campaign) == {"sent": 1}


def test_what_somebody_else_has_by_now_stays_as_it_is(book: Book) -> None:
    campaign = begun(book, 1)
    held = claim(book, campaign, "slow")
    book.messages.reclaim(campaign, now=NOW + LASTS, is_gone=lambda _: False)
    claim(book, campaign, "quick", at=NOW + LASTS)

    put_off = Settled(customer_id=held[0].customer_id, n=0, state="skipped", reason="too late")
    book.messages.settle(campaign, [put_off], worker="slow", at=NOW + LASTS)

    assert book.campaigns.counts(campaign) == {"claimed": 1}


def test_an_occurrence_does_not_see_the_messages_of_another(book: Book) -> None:
    monday, tuesday = begun(book, 2, occurrence="2026-01-05"), begun(book, 3, occurrence="2026-01-06")

    claim(book, monday, "a")

    assert book.campaigns.counts(tuesday) == {"planned": 3}
    assert [one.occurrence for one in book.campaigns.occurrences("news")] == ["2026-01-06", "2026-01-05"]


def delivered(**more: object) -> Receipt:
    return Receipt(provider="http", provider_id="p-c_0000000", stage="delivered", at=NOW, **more)  # type: ignore[arg-type]  # of a receipt


def test_a_receipt_counts_once_and_finds_its_message(book: Book) -> None:
    campaign = begun(book, 1)
    attempt(book, campaign, "a", claim(book, campaign, "a"))
    book.messages.settle(campaign, [sent("c_0000000")], worker="a", at=NOW)

    first, again = (book.receipts.keep([delivered()], at=NOW) for _ in range(2))

    assert [(one.campaign_id, one.customer_id) for one in first] == [(campaign, "c_0000000")]
    assert again == []
    assert book.campaigns.stages(campaign) == {"delivered": 1}


def test_a_receipt_settles_what_was_unknown(book: Book) -> None:
    campaign = begun(book, 1)
    attempt(book, campaign, "gone", claim(book, campaign, "gone"))
    book.messages.reclaim(campaign, now=NOW, is_gone=lambda _: True)

    book.receipts.keep([delivered(message_id=f"{campaign}.c_0000000")], at=NOW)

    assert book.campaigns.counts(campaign) == {"sent": 1}


def test_a_receipt_of_a_message_nobody_sent_is_kept_and_changes_nothing(book: Book) -> None:
    kept = book.receipts.keep([delivered(message_id="000000000000.c_x")], at=NOW)

    assert [(one.campaign_id, one.customer_id) for one in kept] == [(None, None)]


@pytest.mark.parametrize(("path", "allowed"), [
    (("paused", "sending"), True), (("stopped", "sending"), False), (("done", "paused"), False),
])
def test_a_campaign_moves_only_as_it_may(book: Book, path: tuple[str, str], allowed: bool) -> None:  # noqa: FBT001  parameter
    campaign = begun(book, 1)

    for state in path:
        book.campaigns.move(campaign, state, at=NOW)  # type: ignore[arg-type]  # one of the states

    one = book.campaigns.get(campaign)
    assert one is not None
    assert (one.state == path[1]) is allowed
