"""When something happened, by a clock we trust: the sender's clock is set right by what it said while sending."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

Mark = str | None
"""None, or why the time is not what the sender said: future, past, unreadable, missing."""

AHEAD = timedelta(days=1)
"""How far in the future an event may lie."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""What lies before is a clock that was never set: 1970 and 1980 are where clocks begin."""

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = 100_000_000_000              # as seconds, a number beyond it lies after the year 5000


def read_time(value: object) -> datetime | None:
    """Return the moment that a text (ISO 8601) or number (seconds or milliseconds since 1970) says; None: none.

    A time without an offset is UTC, as all known clients mean it.
    """
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is UTC:         # as nearly all are
                return moment
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _ZERO + timedelta(seconds=value / 1000 if abs(value) > _MILLISECONDS else value)
    except (ValueError, OverflowError):
        return None
    return None


def event_time(
    said: datetime | None, *, sent: datetime | None, received: datetime, is_said: bool = True
) -> tuple[datetime, Mark]:
    """Return when an event happened, and a mark when that is not what its sender said.

    received - (sent - said): what the sender's clock is wrong by, it is wrong by at both moments. Without `sent` the
    clock is taken at its word. `is_said` tells a time that does not read from none. What comes to lie more than AHEAD
    in the future, or before EARLIEST, is put at the time of arrival.
    Source: the tracking API that all these clients speak; its `timestamp`.
    """
    if said is None:
        return received, "unreadable" if is_said else None
    try:
        at = said if sent is None else received - (sent - said)
    except OverflowError:
        return received, "future" if said > received else "past"
    if at < EARLIEST:
        return received, "past"
    if at <= received or at <= received + AHEAD:       # nearly all lie behind, and are spared the addition
        return at, None
    return received, "future"
