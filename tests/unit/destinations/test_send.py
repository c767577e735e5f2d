"""What becomes of a message after an attempt, and when a campaign stops itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.campaigns.campaign import Brake
from regulars.destinations.send import (
    BACKOFF,
    LONGEST,
    after_attempt,
    after_inquiry,
    brake_by_answers,
    brake_by_receipts,
    slices,
)
from regulars.destinations.sender import Accepted, Deferred, Outcome, Refused, Unknown

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
SOON = NOW + timedelta(minutes=1)
OK = Accepted(provider_id="p1")
NO = Refused(code="30006", reason="a landline")


def after(outcome: Outcome, n: int = 1) -> tuple[str, datetime | None]:
    found = after_attempt(outcome, n=n, at=NOW, tries=8, ask_at=SOON)
    return found.state, found.due_at


@pytest.mark.parametrize(("outcome", "state"), [
    (OK, ("sent", None)),
    (NO, ("failed", None)),
    (Refused(code="401", reason="the key", scope="account"), ("planned", NOW)),
    (Unknown(reason="cut"), ("unknown", SOON)),
    (Deferred(reason="busy", after=timedelta(minutes=9)), ("deferred", NOW + timedelta(minutes=9))),
    (Deferred(reason="down"), ("deferred", NOW + BACKOFF)),
])
def test_every_outcome_has_what_follows(outcome: Outcome, state: tuple[str, datetime | None]) -> None:
    assert after(outcome) == state


def test_each_wait_is_twice_the_last_until_it_is_long_enough() -> None:
    waits = [after_attempt(Deferred(reason="down"), n=n, at=NOW, tries=99, ask_at=None).due_at for n in range(1, 10)]

    assert [(due - NOW) / BACKOFF for due in waits if due is not None] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert waits[-1] == NOW + LONGEST


def test_a_message_that_is_never_taken_is_given_up() -> None:
    found = after_attempt(Deferred(reason="down"), n=8, at=NOW, tries=8, ask_at=None)

    assert (found.state, found.reason) == ("failed", "not taken in 8 attempts: down")


def test_what_cannot_be_asked_for_is_parked() -> None:
    assert after_attempt(Unknown(reason="cut"), n=1, at=NOW, tries=8, ask_at=None).due_at is None


@given(st.sampled_from([OK, NO, Unknown(reason="?")]), st.integers(1, 9), st.integers(0, 10_000))
def test_only_a_certain_no_lets_an_unknown_message_be_sent_again(outcome: Outcome, n: int, minutes: int) -> None:
    found = after_inquiry(
        outcome, n=n, at=NOW, attempted_at=NOW - timedelta(minutes=minutes), tries=8, ask_after=timedelta(minutes=1)
    )

    assert found.state not in {"planned", "deferred"}


def test_a_provider_is_not_asked_for_ever() -> None:
    old = NOW - timedelta(days=3)

    found = after_inquiry(Unknown(reason="?"), n=1, at=NOW, attempted_at=old, tries=8, ask_after=timedelta(minutes=1))

    assert (found.state, found.due_at) == ("unknown", None)


def test_an_account_that_is_refused_stops_the_campaign_at_once() -> None:
    assert brake_by_answers([OK, Refused(code="401", reason="no key", scope="account")], Brake()) is not None


def test_half_of_the_last_hundred_refused_stops_the_campaign_and_fewer_do_not() -> None:
    assert brake_by_answers([OK] * 50 + [NO] * 50, Brake()) == "50 of the last 100 messages were refused: a landline"
    assert brake_by_answers([OK] * 51 + [NO] * 49, Brake()) is None
    assert brake_by_answers([NO] * 99, Brake()) is None


@dataclass(frozen=True, kw_only=True)
class Receipts:
    sent: int
    bounced: int = 0
    complained: int = 0


@pytest.mark.parametrize(("told", "stops"), [
    (Receipts(sent=10_000, complained=9), False), (Receipts(sent=10_000, complained=10), True),
    (Receipts(sent=10_000, bounced=199), False), (Receipts(sent=10_000, bounced=200), True),
    (Receipts(sent=99, bounced=99), False), (Receipts(sent=100, complained=1), False),
])
def test_too_many_complaints_or_bounces_stop_the_campaign(told: Receipts, *, stops: bool) -> None:
    assert (brake_by_receipts(told, Brake()) is not None) is stops


@given(st.floats(0.1, 20_000), st.integers(1, 1000))
def test_a_worker_takes_whole_requests_for_half_a_second(per_second: float, batch: int) -> None:
    taken = slices(per_second, batch=batch, most=500)

    assert taken % batch == 0
    assert batch <= taken <= max(batch, 500)
    assert taken <= max(batch, per_second * batch / 2)
