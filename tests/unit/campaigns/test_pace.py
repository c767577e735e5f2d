"""Nobody is written to too often, no number sends too fast, and a window fills evenly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.campaigns.pace import DAY, Cap, Message, free_before, paced, seats, spaced, spread, within
from regulars.consent.channel import CHANNELS

NOON = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
WEEKLY = Cap(name="twice a week", of="customer", limit=2, window=timedelta(days=7))
DAILY = Cap(name="daily limit", of="sender", limit=3, window=DAY, is_of_all=True)
ZONE = "America/New_York"


def test_a_message_takes_a_seat_under_each_cap_that_counts_it() -> None:
    offer = Message(channel="sms", purpose="marketing", subjects={"customer": "c_1", "sender": "+12545550100"})

    assert [(s.cap, s.subject) for s in seats([WEEKLY, DAILY], offer, at=NOON, zone=ZONE)] == [
        ("twice a week", "customer:c_1"), ("daily limit", "sender:+12545550100")
    ]


def test_a_receipt_is_held_back_by_no_courtesy_but_by_the_limit_of_a_number() -> None:
    receipt = Message(channel="sms", purpose="transactional", subjects={"customer": "c_1", "sender": "n"})

    assert [s.cap for s in seats([WEEKLY, DAILY], receipt, at=NOON, zone=ZONE)] == ["daily limit"]


def test_a_cap_of_one_channel_does_not_count_the_other() -> None:
    texts = Cap(name="texts", of="customer", limit=1, window=DAY, channels=("sms",))

    assert seats([texts], Message(channel="email", purpose="marketing", subjects={"customer": "c"}), at=NOON, zone=ZONE) == []


def test_a_cap_that_names_no_channel_counts_all_of_them_together() -> None:
    text, mail = (
        seats([WEEKLY], Message(channel=channel, purpose="marketing", subjects={"customer": "c"}), at=NOON, zone=ZONE)
        for channel in CHANNELS
    )

    assert text == mail != []


def test_a_day_begins_at_local_midnight() -> None:
    midnight = datetime(2026, 5, 4, 4, 0, tzinfo=UTC)

    assert within(DAILY, [midnight - timedelta(seconds=1)] * 9, at=NOON, zone=ZONE).allowed
    found = within(DAILY, [midnight] * 3, at=NOON, zone=ZONE)
    assert (found.allowed, found.until) == (False, midnight + timedelta(days=1))


@given(st.lists(st.integers(0, 20 * 86_400), max_size=30), st.integers(1, 4))
def test_no_window_ever_holds_more_than_its_cap(asked: list[int], limit: int) -> None:
    cap = Cap(name="cap", of="customer", limit=limit, window=timedelta(days=2))
    sent: list[datetime] = []
    for second in sorted(asked):
        at = NOON + timedelta(seconds=second)
        if within(cap, sent, at=at, zone="UTC").allowed:
            sent.append(at)

    assert all(
        sum(one <= other < one + timedelta(days=2) for other in sent) <= limit for one in sent
    )


def test_a_refusal_says_from_when_on_it_is_none() -> None:
    taken = [NOON - timedelta(days=6), NOON - timedelta(days=1)]

    found = within(WEEKLY, taken, at=NOON, zone=ZONE)

    assert found.until is not None
    assert within(WEEKLY, taken, at=found.until, zone=ZONE).allowed
    assert not within(WEEKLY, taken, at=found.until - timedelta(seconds=1), zone=ZONE).allowed


def test_a_cap_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="limit"):
        Cap(name="none", of="customer", limit=0, window=DAY)


def test_a_rolling_window_ends_where_it_began() -> None:
    assert free_before(WEEKLY, at=NOON, zone=ZONE) == NOON - timedelta(days=7)


@given(st.lists(st.integers(0, 20_000_000), min_size=1, max_size=40), st.sampled_from([1, 3, 10]), st.integers(1, 5))
def test_a_rate_is_kept_as_a_bucket_of_tokens_would(ready: list[int], per_second: int, burst: int) -> None:
    gap, free, expected = -(-1_000_000 // per_second), 0, []
    last = 0
    for at in ready:
        last = max(last, at, free - (burst - 1) * gap)
        free = max(free, at) + gap
        expected.append(last)

    found = paced(np.array(ready, "datetime64[us]"), per_second=per_second, burst=burst)

    assert found.astype(np.int64).tolist() == expected
    windows = [found[n + burst] - found[n] for n in range(len(found) - burst)]
    assert all(width >= np.timedelta64(gap, "us") for width in windows)


def test_messages_are_strewn_over_a_window_and_stay_where_they_are() -> None:
    end = NOON + timedelta(hours=2)
    keys = [f"m{n}" for n in range(4_000)]

    found = spread(keys, start=NOON, end=end, salt="c1")

    assert spread(keys[::-2], start=NOON, end=end, salt="c1").tolist() == found[::-2].tolist()
    assert found.min() >= np.datetime64(NOON.replace(tzinfo=None))
    assert found.max() < np.datetime64(end.replace(tzinfo=None))
    per_quarter, _ = np.histogram((found - found.min()).astype(np.int64), 8)
    assert np.all(np.abs(per_quarter - 500) < 5 * np.sqrt(500))


def test_a_message_keeps_its_distance_from_the_last_one() -> None:
    before = [NOON - timedelta(hours=5), NOON - timedelta(hours=30)]

    assert spaced(before, at=NOON, least=timedelta(hours=8)) == NOON + timedelta(hours=3)
    assert spaced([], at=NOON, least=timedelta(hours=8)) == NOON
