"""When, in business days before the as-of day: windows, and the comparison a number must pass."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import reduce
from zoneinfo import ZoneInfo

from regulars.errors import DeclarationError
from regulars.later import ir
from regulars.records.record import duration

Path = tuple[str | int, ...]
Number = int | Decimal

WINDOW_KEYS = frozenset({"within", "between", "ever"})
COMPARISON_KEYS = ("is", "at_least", "more_than", "at_most", "less_than")


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """The moment a question is asked about, and the zone whose calendar says which business day that is.

    Nothing that happened after the moment exists.
    """

    at: datetime                             # aware
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError(f"as-of needs an aware time, not {self.at!r}")

    @property
    def day(self) -> date:
        """Return the business day of the moment."""
        return self.at.astimezone(ZoneInfo(self.zone)).date()

    @property
    def moment(self) -> datetime:
        """Return the moment as tables hold it: UTC without a zone."""
        return self.at.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Business days before the as-of day, both ends included.

    `days ago` of a row is the as-of day minus its business day, so 0 is the as-of day itself.
    `within: 3 days` keeps 0 <= days ago <= 3; `between: [60 days, 3 days]` keeps 3 < days ago <= 60: the second begins
    where the first ends, and no day is in both.
    """

    oldest: int                              # days ago
    newest: int = 0

    def holds(self, days_ago: ir.Value) -> ir.Value:
        """Return whether days ago lie in the window."""
        if self.newest == 0:
            return days_ago <= self.oldest
        return (days_ago >= self.newest) & (days_ago <= self.oldest)

    def sentence(self) -> str:
        """Return the window as a reader says it."""
        if self.newest == 0:
            return "today" if self.oldest == 0 else f"in the last {days(self.oldest)}"
        return f"{self.newest} to {days(self.oldest)} ago"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a number has to be. All given bounds must hold; a missing number passes none."""

    exactly: Number | None = None
    at_least: Number | None = None
    more_than: Number | None = None
    at_most: Number | None = None
    less_than: Number | None = None

    def holds(self, value: ir.Value) -> ir.Value:
        """Return whether the value passes; false where it is missing."""
        bounds: list[tuple[Number | None, Callable[[ir.Value, Number], ir.Value]]] = [
            (self.exactly, operator.eq), (self.at_least, operator.ge), (self.more_than, operator.gt),
            (self.at_most, operator.le), (self.less_than, operator.lt),
        ]
        tests = [compare(value, bound) for bound, compare in bounds if bound is not None]
        return reduce(operator.and_, tests).fill_null(False)

    def sentence(self) -> str:
        """Return what is required: `at least 3 and at most 5`."""
        words = {
            "": self.exactly, "at least ": self.at_least, "more than ": self.more_than,
            "at most ": self.at_most, "less than ": self.less_than,
        }
        return " and ".join(f"{word}{bound}" for word, bound in words.items() if bound is not None)


AT_LEAST_ONE = Comparison(at_least=1)


def declare_window(data: Mapping[str, object], path: Path) -> Window | None:
    """Return the window that `within:`, `between:` or `ever:` declares; None means ever.

    Raises DeclarationError if there are several, or they name no days.
    """
    given = [key for key in ("within", "between", "ever") if key in data]
    if len(given) > 1:
        message = f"{given[0]!r} and {given[1]!r} cannot both hold"
        raise DeclarationError(message, hint="keep one", path=(*path, given[1]))
    if not given or given == ["ever"]:
        return None
    if given == ["within"]:
        return Window(oldest=whole_days(data["within"], (*path, "within")))
    ends = data["between"]
    if not isinstance(ends, list) or len(ends) != 2:
        raise DeclarationError(
            f"{ends!r} is not two ages", hint="write `between: [60 days, 3 days]`", path=(*path, "between")
        )
    oldest, newest = (whole_days(end, (*path, "between", n)) for n, end in enumerate(ends))
    if oldest <= newest:
        raise DeclarationError(
            f"no day is more than {days(newest)} and at most {days(oldest)} ago",
            hint="the older end comes first: `between: [60 days, 3 days]`",
            path=(*path, "between"),
        )
    return Window(oldest=oldest, newest=newest + 1)


def declare_comparison(
    data: Mapping[str, object], path: Path, *, default: Comparison | None = None
) -> Comparison:
    """Return the comparison among the keys is, at_least, more_than, at_most, less_than.

    Bounds are numbers, or lengths such as `60 days`, which count as days.
    Raises DeclarationError if there is none and no default.
    """
    bounds = {key: _bound(data[key], (*path, key)) for key in COMPARISON_KEYS if key in data}
    if not bounds:
        if default is None:
            raise DeclarationError(
                "nothing is required of this number", hint="add `at_least:`, `at_most:` or `is:`", path=path
            )
        return default
    return Comparison(exactly=bounds.pop("is", None), **bounds)


def whole_days(value: object, path: Path) -> int:
    """Return the days of a length such as `3 days` or `1 week`, or of a bare whole number."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    length = duration(value, path)
    if length % timedelta(days=1):
        raise DeclarationError(f"{value!r} is not whole days", hint="rules count business days: `1 day`", path=path)
    return length.days


def days(count: int) -> str:
    """Return `1 day` or `3 days`."""
    return f"{count} day" if count == 1 else f"{count} days"


def _bound(value: object, path: Path) -> Number:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise DeclarationError(f"{value!r} is not a number", hint="write `at_least: 3`", path=path)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return Decimal(str(value))
    return whole_days(value, path)
