"""When a campaign goes: a local wall time in the zone of the business or of each recipient, once or again and again.

What is kept is the wall time and the zone; an instant is made of it only for one day, so that 14:00 stays 14:00 when
the clocks change. A wall time that never comes (spring) is the first moment after the gap; one that comes twice
(autumn) is the first of both.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

Kind = Literal["daily", "weekly", "monthly"]

_KINDS: tuple[Kind, ...] = ("daily", "weekly", "monthly")

_LONGEST = 1_000                             # days, weeks or months between two runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """How often: every `interval` days, weeks or months. Raises ValueError for what cannot be meant."""

    kind: Kind
    interval: int = 1
    days_of_week: tuple[int, ...] = ()       # of weekly, 0 = Monday; empty: the day of the first run
    end_date: date | None = None             # the last local day on which it may go

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"Recurrence type must be one of {', '.join(_KINDS)}, not {self.kind!r}")
        if not _is_within(self.interval, 1, _LONGEST) or not all(_is_within(day, 0, 6) for day in self.days_of_week):
            raise ValueError(
                f"Recurrence interval is a whole number from 1 to {_LONGEST:,}; days of the week are 0 (Monday) to 6"
            )


def _is_within(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def declare_recurrence(pattern: Mapping[str, Any], *, today: date) -> Recurrence:
    """Return the recurrence that a pattern `{type, interval, days_of_week, end_date}` means.

    Raises ValueError with the sentence of the reference system for each thing that is wrong.
    """
    if "type" not in pattern:
        raise ValueError("Recurrence pattern must include 'type'")
    end, days = pattern.get("end_date"), pattern.get("days_of_week") or ()
    end_date = date.fromisoformat(str(end)[:10]) if end is not None else None
    if not isinstance(days, list | tuple):
        raise ValueError(f"Recurrence days_of_week is a list: [0, 2], not {days!r}")  # noqa: TRY004  a pattern is data
    if end_date is not None and end_date < today:
        raise ValueError("Recurrence end date cannot be in the past")
    return Recurrence(
        kind=pattern["type"], interval=pattern.get("interval", 1),
        days_of_week=tuple(days), end_date=end_date,
    )


def schedule(wall: datetime, *, zone: str, now: datetime) -> datetime:
    """Return the instant of a wall time in a zone. Raises ValueError for a zone nobody knows, or one that is past."""
    if zone not in available_timezones():
        raise ValueError("Invalid timezone")
    at = instant(wall.date(), wall.time(), zone=zone)
    if at <= now:
        raise ValueError("Cannot schedule campaign in the past")
    return at


def instant(day: date, clock: time, *, zone: str) -> datetime:
    """Return the moment of a wall time on a day, in UTC."""
    local = datetime.combine(day, clock.replace(tzinfo=None, fold=0), tzinfo=ZoneInfo(zone))
    at = local.astimezone(UTC)
    if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local.replace(tzinfo=None):
        return at
    return _after_gap(local)


def next_run(run: datetime, recurrence: Recurrence, *, zone: str, first: datetime | None = None) -> datetime | None:
    """Return the run after one, at the wall time of the first; None when it would be behind the end date.

    Args:
        run: The run before, aware.
        recurrence: How often.
        zone: Where the wall time is one.
        first: Wall time of the first run: a month's end is counted from its day, so that 31 January, 28 February and
            31 March follow one another, and so are the weeks of an interval; a clock that was moved on over a gap is
            back at its time the next day. That of `run` when not given.

    """
    local = run.astimezone(ZoneInfo(zone))
    said = local if first is None else first
    match recurrence.kind:
        case "daily":
            day = local.date() + timedelta(days=recurrence.interval)
        case "weekly":
            day = _next_week_day(local.date(), recurrence, said.date())
        case "monthly":
            day = _next_month_day(local.date(), recurrence.interval, said.date())
    if recurrence.end_date is not None and day > recurrence.end_date:
        return None
    return instant(day, said.time(), zone=zone)


def _next_week_day(day: date, recurrence: Recurrence, first: date) -> date:
    days = recurrence.days_of_week or (first.weekday(),)
    monday = first - timedelta(days=first.weekday())
    following = day + timedelta(days=1)
    while (following - monday).days // 7 % recurrence.interval or following.weekday() not in days:
        following += timedelta(days=1)
    return following


def _next_month_day(day: date, interval: int, first: date) -> date:
    months = day.year * 12 + day.month - 1 + interval
    year, month = divmod(months, 12)
    return date(year, month + 1, min(first.day, calendar.monthrange(year, month + 1)[1]))


def _after_gap(local: datetime) -> datetime:
    """Return the first moment after a gap that a wall time falls in: that of the change itself."""
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None
    # The wall stands still at the change: what the clock would have shown by the old rule, less what it jumped over.
    low, high = local.astimezone(UTC) - (after - before), local.astimezone(UTC)
    zone = local.tzinfo
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return high.replace(microsecond=0)
