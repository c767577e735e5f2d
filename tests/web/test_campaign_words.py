"""A campaign in words: when it goes, how often, to whom at most; and its account as parts of one bar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.campaigns.pace import Cap
from regulars.campaigns.recurrence import Recurrence
from regulars.pipeline.account import Account
from regulars.storage.book.campaigns import Occurrence
from regulars.web.campaigns.campaign_words import cap_words, hours, often
from regulars.web.campaigns.outcome import PARTS, parts_of

NOON = datetime(2026, 5, 4, 17, tzinfo=UTC)
ONE = Occurrence(
    campaign_id="1", campaign="news", occurrence="once", state="sending", reason=None, channel="sms",
    purpose="marketing", destination="texts", version="1", starts_at=NOON, planned_at=NOON, changed_at=NOON,
)


@pytest.mark.parametrize(("week", "words"), [
    ((), ""), (("",) * 7, ""), (("09:00-18:00",) * 7, "Mon to Sun 09:00-18:00"),
    (("09:00-18:00",) * 5 + ("10:00-16:00", ""), "Mon to Fri 09:00-18:00, Sat 10:00-16:00"),
    (("", "09:00-12:00", "", "", "", "", "09:00-12:00"), "Tue 09:00-12:00, Sun 09:00-12:00"),
])
def test_days_that_are_open_alike_are_said_together(week: tuple[str, ...], words: str) -> None:
    assert hours(week) == words


@pytest.mark.parametrize(("repeat", "words"), [
    (Recurrence(kind="daily"), "every day"), (Recurrence(kind="monthly", interval=3), "every 3 months"),
    (Recurrence(kind="weekly", days_of_week=(0, 4), end_date=date(2026, 6, 30)), "every week on Mon, Fri, until 2026-06-30"),
])
def test_how_often_a_campaign_goes_is_said_as_one_would(repeat: Recurrence, words: str) -> None:
    assert often(repeat) == words


@pytest.mark.parametrize(("cap", "words"), [
    (Cap(name="c", of="customer", limit=2, window=timedelta(days=7)), "2 to a customer in 7 days"),
    (Cap(name="c", of="sender", limit=1250, window="day", is_of_all=True), "1,250 from a sender a business day"),
    (Cap(name="c", of="household", limit=1, window=timedelta(hours=4), channels=("sms",)), "1 to a household by sms in 4 hours"),
])
def test_a_cap_is_said_with_whom_it_counts_and_how_long(cap: Cap, words: str) -> None:
    assert cap_words(cap) == words


@given(st.lists(st.integers(0, 10_000), min_size=len(PARTS), max_size=len(PARTS)))
def test_the_parts_of_an_account_lie_one_after_the_other_and_make_it_whole(numbers: list[int]) -> None:
    found = parts_of(Account(
        occurrence=ONE, planned=sum(numbers), reasons=[], variants=[], stages={}, **dict(zip(PARTS, numbers, strict=True)),
    ))

    assert [part.messages for part in found] == numbers
    assert sum(part.share for part in found) == pytest.approx(100 if sum(numbers) else 0, abs=0.05)
    for before, after in pairwise(found):
        assert after.begins == pytest.approx(before.begins + before.share, abs=0.02)
