"""The gym's wall clock: local day and second of the day to and from UTC seconds, right across DST changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from regulars.testing.gym.chance import Numbers

ZONE = "America/Chicago"
EPOCH = date(1970, 1, 1)
DAY = 86_400
_FIRST, _LAST = date(2010, 1, 1), date(2028, 1, 1)


def day_number(day: date) -> int:
    """Return a date as days since 1970-01-01."""
    return (day - EPOCH).days


def date_of(number: int) -> date:
    """Return the date that lies so many days after 1970-01-01."""
    return EPOCH + timedelta(days=int(number))


def utc_seconds(days: Numbers, seconds: Numbers) -> Numbers:
    """Return UTC seconds of local days and seconds of the day; the gym is closed in the hours that DST repeats."""
    local = np.asarray(days) * DAY + np.asarray(seconds)
    changes, offsets = _changes()
    return local - offsets[np.searchsorted(changes + offsets[:-1], local, side="right")]


def local_seconds(utc: Numbers) -> Numbers:
    """Return local wall seconds since 1970-01-01 of UTC seconds."""
    changes, offsets = _changes()
    return np.asarray(utc) + offsets[np.searchsorted(changes, utc, side="right")]


def local_days(utc: Numbers) -> Numbers:
    """Return the local business day of UTC seconds."""
    return local_seconds(utc) // DAY


def iso_utc(utc: Numbers) -> npt.NDArray[np.str_]:
    """Return `2025-03-09T07:59:00Z` of UTC seconds."""
    return np.char.add(np.datetime_as_string(np.asarray(utc).astype("M8[s]")), "Z")


def iso_local(utc: Numbers, micros: Numbers) -> npt.NDArray[np.str_]:
    """Return `2025-03-09T01:59:00.012345-06:00`: local time with microseconds and its offset."""
    local = local_seconds(utc)
    hours = (np.asarray(utc) - local) // 3600
    text = np.datetime_as_string((local * 1_000_000 + micros).astype("M8[us]"))
    return np.char.add(text, np.where(hours == 5, "-05:00", "-06:00"))


def iso_days(days: Numbers) -> npt.NDArray[np.str_]:
    """Return `2025-03-09` of days since 1970-01-01."""
    return np.datetime_as_string(np.asarray(days).astype("M8[D]"))


def month_later(days: Numbers, months: Numbers) -> Numbers:
    """Return the same day of the month so many months later; days after the 28th become the 28th."""
    dates = np.asarray(days).astype("M8[D]")
    start = dates.astype("M8[M]")
    within = np.minimum((dates - start.astype("M8[D]")).astype(np.int64), 27)
    later: Numbers = (start + np.asarray(months)).astype("M8[D]").astype(np.int64) + within
    return later


@lru_cache(maxsize=1)
def _changes() -> tuple[Numbers, Numbers]:
    """UTC seconds of each change of the offset, and the offsets before, between and after them."""
    zone = ZoneInfo(ZONE)
    hours = range(int(datetime(_FIRST.year, 1, 1, tzinfo=UTC).timestamp()), day_number(_LAST) * DAY, DAY)
    daily = np.array([_offset(zone, at) for at in hours], dtype=np.int64)
    changed = np.flatnonzero(np.diff(daily))
    changes = [_exact(zone, hours[n], hours[n + 1]) for n in changed]
    return np.array(changes, dtype=np.int64), np.r_[daily[0], daily[changed + 1]]


def _exact(zone: ZoneInfo, low: int, high: int) -> int:
    before = _offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return high


def _offset(zone: ZoneInfo, utc: int) -> int:
    offset = datetime.fromtimestamp(utc, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
