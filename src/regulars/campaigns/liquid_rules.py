"""What Liquid may do in a message: an allowed list of tags and filters, limits, and values that must be there."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from liquid import Environment, Undefined, soft_str
from liquid.exceptions import FilterArgumentError

from regulars.campaigns.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Callable

TAGS = frozenset({"assign", "break", "capture", "case", "comment", "continue", "for", "if", "raw", "unless", "#"})
"""Tags that a template may use. No tag of the list reads another template, a file or a clock."""

FILTERS = frozenset({
    "abs", "append", "at_least", "at_most", "capitalize", "ceil", "default", "divided_by", "downcase", "first", "floor",
    "last", "minus", "modulo", "plus", "prepend", "remove", "replace", "round", "size", "slice", "split",
    "strip", "times", "truncate", "truncatewords", "upcase", "url_encode",
})
"""Filters taken over from Liquid; `join`, `money`, `day` and `number` are ours. There is no `safe`: HTML is escaped."""

_INNER = frozenset({"content", "output", "illegal"})   # how the library names what is no tag


class _Rules(Environment):
    """Liquid within bounds: a template is written by people of the business, its values by anybody."""

    loop_iteration_limit: ClassVar[int] = 1_000
    local_namespace_limit: ClassVar[int | None] = 100_000
    output_stream_limit: ClassVar[int | None] = 800_000


def environment(wording: Wording, *, is_escaped: bool, missing: ContextVar[list[str]]) -> Environment:
    """Return Liquid for one part of a message.

    Args:
        wording: How money, days and numbers are written.
        is_escaped: Whether values are escaped for HTML.
        missing: Where the names of values go that are not there when they are to be shown.

    """

    class Missing(Undefined):
        """A value that is not there: false in conditions, replaced by `default`, and noted when it would be shown."""

        __slots__ = ()

        def __str__(self) -> str:
            missing.get().append(self.name)
            return ""

    rules = _Rules(undefined=Missing, autoescape=is_escaped)
    for name in set(rules.tags) - TAGS - _INNER:
        del rules.tags[name]
    for name in set(rules.filters) - FILTERS:
        del rules.filters[name]
    for name, write in _ours(wording).items():
        rules.add_filter(name, write)
    return rules


def _ours(wording: Wording) -> dict[str, Callable[..., object]]:
    def money(value: object, currency: object = None) -> object:
        return _written(value, lambda: wording.money(value, None if currency is None else str(currency)))  # type: ignore[arg-type]  # money() refuses what is no whole number

    def day(value: object, form: object = "long") -> object:
        if not isinstance(value, Undefined | date | datetime | str):
            raise FilterArgumentError(f"{value!r} is no day", token=None)
        return _written(value, lambda: wording.day(value, str(form)))  # type: ignore[arg-type]  # narrowed above

    def number(value: object) -> object:
        if not isinstance(value, Undefined | int | float | Decimal):
            raise FilterArgumentError(f"{value!r} is no number", token=None)
        return _written(value, lambda: wording.number(value))  # type: ignore[arg-type]  # narrowed above

    def join(value: object, between: object = ", ") -> object:
        # Liquid's own would write out a range of any length.
        if not isinstance(value, Undefined | list | tuple) or len(value) > _Rules.loop_iteration_limit:
            raise FilterArgumentError("only a list of at most 1,000 can be joined", token=None)
        return value if isinstance(value, Undefined) else soft_str(between).join(soft_str(one) for one in value)

    return {"money": money, "day": day, "number": number, "join": join}


def _written(value: object, write: Callable[[], str]) -> object:
    """Write a value; leave one that is missing to `default`, which stands behind."""
    if isinstance(value, Undefined):
        return value
    try:
        return write()
    except ValueError as error:
        raise FilterArgumentError(str(error), token=None) from error
