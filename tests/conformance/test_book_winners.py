"""What every book promises about the winner of a test: decided once, all of it or nothing, and only who waits is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
import sqlalchemy as sa

from regulars.campaigns.subset import REST
from regulars.storage.book import Book
from regulars.storage.book.message_list import Wanted
from regulars.storage.book.planned import PLANNED
from regulars.storage.book.winners import Winner
from regulars.testing.mailing import recipients

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


def planned(book: Book) -> str:
    """Plan six messages, of which four wait for a winner and one of these was skipped; return the occurrence's id."""
    one = book.campaigns.begin(
        "tested", "once", channel="sms", purpose="marketing", destination="d", version="v1", starts_at=NOW, at=NOW
    )
    rows = recipients(6, due_at=NOW).to_pylist()
    for n, row in enumerate(rows):
        row["variant"] = REST if n >= 2 else "ab"[n]
        row["due_at"] = None if n >= 2 else row["due_at"]
        row["state"] = "skipped" if n == 5 else "planned"
    book.messages.plan(one.campaign_id, pa.Table.from_pylist(rows, schema=PLANNED), at=NOW)
    book.campaigns.move(one.campaign_id, "sending", at=NOW)
    return one.campaign_id


def winner(campaign: str, variant: str) -> Winner:
    return Winner(campaign_id=campaign, variant=variant, by="test", measure="clicked", reason="best", evidence="[]",
                  decided_at=NOW + timedelta(hours=4))


def variants(book: Book) -> list[str]:
    return [row.variant for row in book.message_list.page(Wanted(campaign="tested"), limit=9)]


def test_nobody_who_waits_for_a_winner_can_be_claimed(book: Book) -> None:
    campaign = planned(book)

    claimed = book.messages.claim(campaign, "w", now=NOW + timedelta(days=9), lasts=timedelta(minutes=1), limit=9)

    assert [one.variant for one in claimed] == ["a", "b"]
    assert book.winners.is_open(campaign)


def test_a_winner_is_decided_once_and_makes_those_who_wait_due(book: Book) -> None:
    campaign = planned(book)

    first = book.winners.crown(winner(campaign, "b"), due={"c_0000003": NOW + timedelta(hours=9)})
    again = book.winners.crown(winner(campaign, "a"), due={})

    assert first == again == book.winners.find(campaign)
    assert variants(book) == ["a", "b", "b", "b", "b", REST]
    due = {row.customer_id: row.due_at for row in book.message_list.page(Wanted(campaign="tested"), limit=9)}
    assert due["c_0000002"] == NOW + timedelta(hours=4)
    assert due["c_0000003"] == NOW + timedelta(hours=9)
    assert not book.winners.is_open(campaign)


def test_killed_in_between_nothing_was_decided(book: Book) -> None:
    campaign = planned(book)

    def dies(connection: sa.Connection) -> None:
        raise KeyboardInterrupt

    sa.event.listen(book.database.engine, "commit", dies)
    with pytest.raises(KeyboardInterrupt):
        book.winners.crown(winner(campaign, "b"), due={})
    sa.event.remove(book.database.engine, "commit", dies)

    assert book.winners.find(campaign) is None
    assert book.winners.is_open(campaign)
    assert book.winners.crown(winner(campaign, "a"), due={}).variant == "a"
