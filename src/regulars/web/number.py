"""Numbers as people read them: thin, signed, with their unit, and a dash when missing."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from regulars.metrics.metric import Unit

MISSING = "—"
MINUS = "\u2212"
THIN = "\u202f"
"""A narrow space that no line breaks at."""


def money(minor: int | None, currency: str) -> str:
    """Return an amount in minor units as people read it: `1,204.50 USD`; — when missing."""
    if minor is None:
        return MISSING
    sign = MINUS if minor < 0 else ""
    return f"{sign}{abs(minor) // 100:,}.{abs(minor) % 100:02d} {currency}"


def percent(share: float | None, *, sign: str = "+") -> str:
    """Return a share of 1 in percent without its sign `%`: `+4.2`, `+31`; "no end" when infinite, — when missing.

    One decimal under 10, none from there on; `sign` is written before what is above 0.
    """
    if share is None:
        return MISSING
    if math.isinf(share):
        return "no end"
    value = 100 * share
    digits = f"{abs(value):,.1f}" if round(abs(value), 1) < 10 else f"{abs(value):,.0f}"
    return _signed(digits, value, sign)


def quantity(value: float | None, *, sign: str = "") -> str:
    """Return a number with three digits that count: `0.166`, `1.98`; "no end" when infinite, — when missing."""
    if value is None:
        return MISSING
    if math.isinf(value):
        return "no end"
    size = abs(value)
    decimals = 0 if size >= 100 else 2 - math.floor(math.log10(size)) if size > 0 else 0
    return _signed(f"{size:,.{min(decimals, 8)}f}", value, sign)


def count(value: int | None) -> str:
    """Return how many as people read it: `11,300`; — when missing."""
    return MISSING if value is None else f"{value:,}"


def seconds(value: float | None) -> str:
    """Return how long something took: `0.4 s`, `3 min 20 s`; — when missing."""
    if value is None:
        return MISSING
    minutes, rest = divmod(value, 60)
    return f"{int(minutes)} min {int(rest)} s" if minutes else f"{rest:.1f}{THIN}s"


def measured(value: float | None, unit: Unit, currency: str) -> str:
    """Return the value of a metric with its unit; money comes in minor units."""
    if value is None:
        return MISSING
    match unit:
        case "money":
            return money(round(value), currency)
        case "share":
            return f"{percent(value, sign='')}{THIN}%"
        case "days":
            return f"{quantity(value)} days"
        case "count" | "customers":
            return f"{value:,.0f}"
        case "number":
            return quantity(value)


def day(value: date | None) -> str:
    """Return a day as people say it: `Tue 5 Jan 2026`; — when missing."""
    return MISSING if value is None else f"{value:%a %-d %b %Y}"


def moment(value: datetime | None, zone: ZoneInfo) -> str:
    """Return a moment as the business's clock shows it: `Tue 5 Jan 2026, 09:00`; — when missing."""
    return MISSING if value is None else f"{value.astimezone(zone):%a %-d %b %Y, %H:%M}"


def plain(name: str) -> str:
    """Return a declared name as words: `check_in` is `check in`."""
    return name.replace("_", " ")


def _signed(digits: str, value: float, sign: str) -> str:
    if not any(digit in "123456789" for digit in digits):
        return digits
    return f"{MINUS if value < 0 else sign}{digits}"
