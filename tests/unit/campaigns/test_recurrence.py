"""A wall time stays a wall time when the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.campaigns.recurrence import Recurrence, declare_recurrence, instant, next_run, schedule

NEW_YORK = "America/New_York"
WALL = datetime(2025, 7, 1, 9)  # noqa: DTZ001  a wall time has no zone


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def test_daily_is_the_day_after_and_weekly_the_next_day_listed() -> None:
    monday = at("2025-08-25T10:00")

    assert next_run(monday, Recurrence(kind="daily"), zone="UTC") == at("2025-08-26T10:00")
    assert next_run(monday, Recurrence(kind="weekly", days_of_week=(0, 2, 4)), zone="UTC") == at("2025-08-27T10:00")


def test_two_in_the_afternoon_stays_so_when_the_clocks_change() -> None:
    found = next_run(at("2025-11-01T14:00", NEW_YORK), Recurrence(kind="daily"), zone=NEW_YORK)

    assert found == at("2025-11-02T19:00")


def test_every_second_week_leaves_one_out() -> None:
    friday = at("2025-08-29T10:00")
    every = Recurrence(kind="weekly", interval=2, days_of_week=(0, 4))

    assert next_run(friday, every, zone="UTC", first=at("2025-08-25T10:00")) == at("2025-09-08T10:00")


def test_a_month_without_the_day_takes_its_last_and_the_next_has_it_again() -> None:
    monthly, first = Recurrence(kind="monthly"), at("2027-01-31T09:00")

    february = next_run(at("2027-01-31T09:00"), monthly, zone="UTC", first=first)
    assert february == at("2027-02-28T09:00")
    assert next_run(february, monthly, zone="UTC", first=first) == at("2027-03-31T09:00")
    assert next_run(at("2028-01-31T09:00"), monthly, zone="UTC") == at("2028-02-29T09:00")


def test_nothing_goes_behind_the_end_date() -> None:
    daily = Recurrence(kind="daily", end_date=date(2025, 8, 26))

    assert next_run(at("2025-08-25T10:00"), daily, zone="UTC") is not None
    assert next_run(at("2025-08-26T10:00"), daily, zone="UTC") is None


def test_a_time_that_never_comes_is_the_first_moment_after_the_gap() -> None:
    assert instant(date(2026, 3, 8), time(2, 30), zone=NEW_YORK) == at("2026-03-08T03:00", NEW_YORK)


def test_after_a_gap_the_clock_is_back_at_its_time() -> None:
    first, daily = at("2026-03-07T02:30", NEW_YORK), Recurrence(kind="daily")

    in_gap = next_run(first, daily, zone=NEW_YORK, first=first)
    assert in_gap == at("2026-03-08T03:00", NEW_YORK)
    assert next_run(in_gap, daily, zone=NEW_YORK, first=first) == at("2026-03-09T02:30", NEW_YORK)


def test_a_time_that_comes_twice_is_the_first() -> None:
    assert instant(date(2026, 11, 1), time(1, 30), zone=NEW_YORK) == at("2026-11-01T05:30")


@given(
    st.dates(date(2024, 1, 1), date(2028, 12, 1)), st.times().map(lambda t: t.replace(microsecond=0)),
    st.sampled_from([NEW_YORK, "Europe/London", "Australia/Lord_Howe", "America/Havana"]),
)
def test_an_instant_shows_its_wall_time_or_the_end_of_a_gap(day: date, clock: time, zone: str) -> None:
    found = instant(day, clock, zone=zone)

    local = found.astimezone(ZoneInfo(zone))
    before = (found - timedelta(seconds=1)).astimezone(ZoneInfo(zone))
    wall = datetime.combine(day, clock)
    assert local.replace(tzinfo=None) == wall or before.replace(tzinfo=None) < wall < local.replace(tzinfo=None)


@pytest.mark.parametrize(("pattern", "message"), [
    ({"interval": 1}, "must include 'type'"),
    ({"type": "yearly"}, "yearly"),
    ({"type": "daily", "end_date": "2024-12-31"}, "in the past"),
    ({"type": "daily", "end_date": "soon"}, "soon"),
    ({"type": "daily", "interval": 0}, "interval"),
    ({"type": "daily", "interval": "2"}, "whole number"),
    ({"type": "daily", "interval": True}, "whole number"),
    ({"type": "weekly", "interval": 10**9}, "1 to 1,000"),
    ({"type": "weekly", "days_of_week": [7]}, "Monday"),
    ({"type": "weekly", "days_of_week": ["mon"]}, "Monday"),
    ({"type": "weekly", "days_of_week": 5}, "a list"),
])
def test_a_pattern_that_cannot_be_meant_is_refused(pattern: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        declare_recurrence(pattern, today=date(2025, 1, 1))


def test_a_schedule_is_a_wall_time_to_come_in_a_zone_that_exists() -> None:
    now = datetime(2025, 1, 1, tzinfo=UTC)

    assert schedule(WALL, zone=NEW_YORK, now=now) == at("2025-07-01T13:00")
    with pytest.raises(ValueError, match="Invalid timezone"):
        schedule(WALL, zone="Mars/Olympus", now=now)
    with pytest.raises(ValueError, match="Cannot schedule campaign in the past"):
        schedule(WALL.replace(year=2024), zone=NEW_YORK, now=now)
