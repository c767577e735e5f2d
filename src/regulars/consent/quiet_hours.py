"""When a message may reach a person: inside every window that counts, in every zone they may be in.

A window is a week of local hours in one zone. Windows become openings, spans of UTC that are inside all of them; who
may not be written to now is told when the next opening begins. Work is numpy over spans, so one person at the moment of
sending and a million in a preview ask the same function.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from regulars.consent.place import Place
from regulars.later import np, npt

Week = tuple[tuple[int, int], ...]
"""Minutes after local midnight [start, end) of Monday to Sunday; start = end: closed that day."""

EVERYWHERE = "US"
"""The rule that counts in every state, and is kept abroad too."""

AHEAD = timedelta(days=9)
"""How far the next opening is looked for: a week that opens once is found, one that never opens is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Hours of a week in one zone."""

    zone: str                                # IANA name
    week: Week


@dataclass(frozen=True, slots=True, kw_only=True)
class Openings:
    """Spans [start, end) in seconds since 1970 UTC, in order, without overlap."""

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]


def quiet_windows(place: Place) -> tuple[Window, ...]:
    """Return the windows that the law leaves open for marketing by text message: one for each zone.

    The rules of all states that count hold in all zones that count: the strictest reading.
    """
    rules = sending_hours()
    week = _all_of([rules[state] for state in (EVERYWHERE, *place.states) if state in rules])
    return tuple(Window(zone=zone, week=week) for zone in place.zones)


def business_hours(zone: str, hours: Sequence[str]) -> Window:
    """Return the window of a business: seven texts `09:00-18:00`, Monday first, empty where it is closed.

    Raises ValueError for hours that do not read.
    """
    if len(hours) != 7:
        raise ValueError("business hours are seven texts, Monday first; a closed day is empty")
    return Window(zone=zone, week=tuple(_minutes(text) for text in hours))


def next_allowed(at: datetime, windows: Sequence[Window]) -> datetime | None:
    """Return the first moment from `at` on that is inside all windows, `at` itself if it is; None if there is none.

    Without windows that is `at`. To the second; asked again at the moment of sending, as hours change and people move.
    """
    if not windows:
        return at
    day = at.astimezone(UTC).date()
    found = _ahead(tuple(windows), datetime.combine(day, time(), tzinfo=UTC))
    second = int(_next_open(np.array([int(at.timestamp())]), found)[0])
    if second < 0:
        return None
    return at if second == int(at.timestamp()) else datetime.fromtimestamp(second, UTC)


def next_allowed_of(
    moments: npt.NDArray[np.datetime64], places: npt.NDArray[np.int64], windows: Sequence[Sequence[Window]]
) -> npt.NDArray[np.datetime64]:
    """Return the next allowed moment of many: the same as `next_allowed`, one column at a time.

    Args:
        moments: Shape (n,), UTC; cut to seconds.
        places: Shape (n,), whole numbers: which of `windows` counts.
        windows: One sequence of windows for each distinct place; an empty one is always open.

    Returns datetime64[s] of shape (n,); NaT where nothing opens.

    """
    seconds = moments.astype("datetime64[s]").astype(np.int64)
    found = seconds.copy()
    if not len(seconds):
        return found.astype("datetime64[s]")
    first, last = (datetime.fromtimestamp(int(edge), UTC) for edge in (seconds.min(), seconds.max()))
    order = np.argsort(places, kind="stable")
    edges = np.searchsorted(places[order], np.arange(len(windows) + 1))
    for place, each in enumerate(windows):
        mine = order[edges[place]:edges[place + 1]]
        if len(mine) and each:
            found[mine] = _next_open(seconds[mine], openings(each, since=first, until=last + AHEAD))
    result = found.astype("datetime64[s]")
    result[found < 0] = np.datetime64("NaT")
    return result


def openings(windows: Sequence[Window], *, since: datetime, until: datetime) -> Openings:
    """Return the spans between two moments that are inside every one of the windows; whole local days at both ends."""
    first, last = (moment.astimezone(UTC).date() for moment in (since, until))
    spans = np.concatenate([_spans(window, first, last) for window in set(windows)])
    times = spans.reshape(-1)
    steps = np.tile(np.array([1, -1]), len(spans))
    # At the same second an end goes before a start: spans of two days of one window touch, they do not overlap.
    order = np.lexsort((steps, times))
    times, inside = times[order], np.cumsum(steps[order])
    is_open = np.flatnonzero(inside == len(set(windows)))
    starts, ends = times[is_open], times[is_open + 1]
    return Openings(starts=starts[ends > starts], ends=ends[ends > starts])


@lru_cache(maxsize=1)
def sending_hours() -> dict[str, Week]:
    """Return the hours of each state, and those of the country under EVERYWHERE: `sending_hours.json`."""
    text = (files("regulars.consent") / "sending_hours.json").read_text(encoding="utf-8")
    told: dict[str, list[str]] = json.loads(text)["windows"]
    return {state: tuple(_minutes(hours) for hours in week) for state, week in told.items()}


@lru_cache(maxsize=8192)
def _ahead(windows: tuple[Window, ...], since: datetime) -> Openings:
    return openings(windows, since=since, until=since + AHEAD)


def _next_open(seconds: npt.NDArray[np.int64], found: Openings) -> npt.NDArray[np.int64]:
    """Return the second, from each on, that lies in an opening; -1 behind the last."""
    at = np.searchsorted(found.ends, seconds, side="right")
    starts = np.append(found.starts, -1)[at]
    return np.where(starts < 0, -1, np.maximum(seconds, starts))


@lru_cache(maxsize=1024)
def _spans(window: Window, first: date, last: date) -> npt.NDArray[np.int64]:
    """Spans of one window, a row a local day that is not closed, a day more at both ends; shape (days, 2)."""
    zone = ZoneInfo(window.zone)
    day, rows = first - timedelta(days=1), []
    while day <= last + timedelta(days=1):
        start, end = window.week[day.weekday()]
        midnight = datetime.combine(day, time())
        if start < end:
            # A local time that comes twice or never: the later reading opens, the earlier one closes.
            opens, closes = (midnight + timedelta(minutes=minute) for minute in (start, end))
            rows.append((max(_readings(opens, zone)), min(_readings(closes, zone))))
        day += timedelta(days=1)
    return np.array(rows, np.int64).reshape(-1, 2)


def _readings(local: datetime, zone: ZoneInfo) -> tuple[int, int]:
    """Both seconds that a local time can mean; the same one twice on all but two days of the year."""
    return (
        int(local.replace(tzinfo=zone, fold=0).timestamp()), int(local.replace(tzinfo=zone, fold=1).timestamp())
    )


def _all_of(weeks: Sequence[Week]) -> Week:
    days = (tuple(zip(*day, strict=True)) for day in zip(*weeks, strict=True))
    return tuple((max(starts), max(*starts, min(ends))) for starts, ends in days)


def _minutes(text: str) -> tuple[int, int]:
    if not text:
        return (0, 0)
    start, end = (60 * int(clock[:2]) + int(clock[3:]) for clock in text.split("-"))
    if not 0 <= start < end <= 24 * 60:
        raise ValueError(f"{text!r} are no hours of a day: write 09:00-18:00")
    return start, end
