"""Moments on the command line: a day or a time, read strictly, in UTC unless an offset is given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from regulars.clock import Clock, FixedClock, SystemClock


class Moment(click.ParamType[datetime]):
    """A day (its end) or a moment in ISO 8601."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the aware moment that a text means; a day alone is its last second in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no moment; write 2026-01-05 or 2026-01-05T09:00", param, ctx)
        if len(str(value)) == len("2026-01-05"):
            at = at.replace(hour=23, minute=59, second=59)
        return at if at.tzinfo else at.replace(tzinfo=UTC)


class Span(click.ParamType[tuple[datetime, datetime]]):
    """A day, from its beginning to its end, or a moment in ISO 8601, which begins and ends at once."""

    name = "moment"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[datetime, datetime]:
        """Return the first and the last moment that a text means."""
        if isinstance(value, tuple):
            return value
        last = MOMENT.convert(value, param, ctx)
        is_day = len(str(value)) == len("2026-01-05")
        return last.replace(hour=0, minute=0, second=0) if is_day else last, last


MOMENT = Moment()

SPAN = Span()


def clock_at(at: datetime | None) -> Clock:
    """Return a clock that stands at a moment, or the machine's."""
    return FixedClock(at) if at else SystemClock()
