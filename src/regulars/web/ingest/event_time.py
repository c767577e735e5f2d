"""When something happened, by a clock we trust: the sender's clock is set right by what it said while sending."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

Mark = str | None
"""None, or why the time is not what the sender said: future, past, unreadable."""

AHEAD = timedelta(days=1)
"""How far in the future an event may lie."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""What lies before is a clock that was never set: 1970 and 1980 are where clocks begin."""

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_NONE = timedelta(0)
_MILLISECONDS = 100_000_000_000              # as seconds, a number beyond it lies after the year 5000


def read_time(value: object) -> datetime | None:
    """Return the moment (UTC) that a time, a text (ISO 8601) or a number (seconds or milliseconds since 1970) says.

    None: it says none. A time without an offset is UTC, as all known clients mean it.
    """
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _ZERO + timedelta(seconds=value / 1000 if abs(value) > _MILLISECONDS else value)
    except (ValueError, OverflowError):
        return None
    return None


class SenderClock(msgspec.Struct, frozen=True, gc=False):
    """A sender's clock, beside ours."""

    received: datetime                       # by ours: UTC
    behind: timedelta                        # what has to be added to what it shows

    @classmethod
    def of(cls, sent: datetime | None, *, received: datetime) -> SenderClock:
        """Return the clock that showed `sent` when it sent; without that it is taken at its word."""
        return cls(received, received - sent if sent is not None else _NONE)

    def date(self, said: object) -> tuple[datetime, Mark]:
        """Return when an event happened, and a mark when that is not what its sender said.

        said + (received - sent): what the clock is wrong by, it is wrong by at both moments. `said` is what `read_time`
        reads; None is no time, which is other than one that does not read. What comes to lie more than AHEAD in the
        future, or before EARLIEST, is put at the time of arrival.
        Source: the tracking API that all these clients speak; its `timestamp`.
        """
        moment = said if isinstance(said, datetime) and said.tzinfo is UTC else read_time(said)
        received = self.received
        if moment is None:
            return received, "unreadable" if said is not None else None
        try:
            at = moment + self.behind
        except OverflowError:
            return received, "future" if moment > received else "past"
        if at < EARLIEST:
            return received, "past"
        if at <= received or at <= received + AHEAD:   # nearly all lie behind, and are spared the addition
            return at, None
        return received, "future"
