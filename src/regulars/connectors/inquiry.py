"""Which of the texts that a vendor lists is the one whose answer was lost: same person, same words, same minutes.

A vendor without idempotency keys is asked before anything is sent again. One such text: it was taken. None: it may be
sent, once so much time has passed that a request still under way is not missed. Several: nobody can tell which is
ours, so it stays unknown; certainly it is not sent again, as the person has read it at least once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from regulars.destinations.sender import Accepted, Answer, Deferred, Outcome, Stage, Unknown

CLOCKS_APART = timedelta(minutes=1)
"""How far a vendor's clock and ours may be apart."""

SETTLED = timedelta(minutes=2)
"""How long after an attempt a vendor that lists nothing certainly has nothing: twice a request's patience and more."""

LATEST = timedelta(minutes=5)
"""How long after an attempt a vendor may write down a text that it took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One text that we sent, as a vendor lists it."""

    provider_id: str
    text: str
    at: datetime                             # when the vendor wrote it down, aware
    stage: Stage


def window(attempted_at: datetime) -> tuple[datetime, datetime]:
    """Return from when to when a vendor can have written down a text of that attempt."""
    return attempted_at - CLOCKS_APART, attempted_at + LATEST


def is_same(text: str, listed: str) -> bool:
    """Return whether a listed text is this one; spaces, and what a vendor puts before or after it, do not count."""
    ours, theirs = " ".join(text.split()), " ".join(listed.split())
    return bool(ours) and (theirs.startswith(ours) or theirs.endswith(ours))


def sought(
    text: str,
    listed: Sequence[Listed],
    *,
    answer: Answer,
    attempted_at: datetime,
    is_whole: bool,
    settled: timedelta = SETTLED,
) -> Outcome:
    """Return what became of a text.

    Args:
        text: As it was to leave.
        listed: What the vendor lists of ours to that person.
        answer: Whose `Date` says when, by the vendor's clock, it was asked.
        attempted_at: When we tried, aware.
        is_whole: Whether the list holds everything in the attempt's window.
        settled: How long after an attempt nothing listed means nothing taken.

    """
    first, end = window(attempted_at)
    found = [one for one in listed if first <= one.at <= end and is_same(text, one.text)]
    if len(found) == 1:
        return Accepted(provider_id=found[0].provider_id, stage=found[0].stage)
    if found:
        return Unknown(reason=f"{len(found)} such texts went to that person at about that time")
    if not is_whole:
        return Unknown(reason="the list that was asked for goes on")
    asked_at = _date(answer)
    if asked_at is None:
        return Unknown(reason="the list does not say when it was made")
    if asked_at < attempted_at + settled:
        return Unknown(reason="not listed yet; asked too early to be sure")
    return Deferred(reason="asked: it was never taken")


def _date(answer: Answer) -> datetime | None:
    try:
        at = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return at.replace(tzinfo=at.tzinfo or UTC)
