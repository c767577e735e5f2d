"""The numbers a rule can ask about, out of YAML: counts, sums, days, gaps, spend, age, engagement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.events.measure import DaysAhead, InForce, Measure
from regulars.events.value import OneOf, Where
from regulars.events.vocabulary import SPEND_KINDS, Vocabulary, no_strangers, rows
from regulars.events.window import WINDOW_KEYS, Path, declare_window
from regulars.rules.engagement import declare_engagement
from regulars.rules.forms import Age, Gap, Measured, Quantity

Reads = Callable[[Mapping[str, object], Path, Vocabulary], Quantity]


def _count(data: Mapping[str, object], path: Path, known: Vocabulary) -> Quantity:
    events, where = rows("count", data, path, known)
    return Measured(Measure(take="count", events=events, where=where, when=declare_window(data, path)))


def _taken(take: Literal["sum", "min", "max", "average"]) -> Reads:
    def read(data: Mapping[str, object], path: Path, known: Vocabulary) -> Quantity:
        events, where = rows("of", data, path, known)
        attribute = known.attribute(data[take], events, (*path, take))
        return Measured(Measure(take=take, of=attribute, events=events, where=where, when=declare_window(data, path)))

    return read


def _distinct(data: Mapping[str, object], path: Path, known: Vocabulary) -> Quantity:
    events, where = rows("of", data, path, known)
    what = data["distinct"]
    column = "business_day" if what == "days" else known.attribute(what, events, (*path, "distinct"))
    return Measured(Measure(take="distinct", of=column, events=events, where=where, when=declare_window(data, path)))


def _days_since(data: Mapping[str, object], path: Path, known: Vocabulary) -> Quantity:
    events, where = rows("days_since", data, path, known)
    return Measured(Measure(take="min", of="days_ago", events=events, where=where))


def _gap(data: Mapping[str, object], path: Path, known: Vocabulary) -> Quantity:
    events, where = rows("gap_before_last", data, path, known)
    return Gap(
        newest=Measure(take="min", of="days_ago", events=events, where=where),
        before=Measure(take="second_newest_day", events=events, where=where),
    )


def _during(data: Mapping[str, object], path: Path, known: Vocabulary) -> Quantity:
    events, where = rows("during", data, path, known)
    return Measured(Measure(take="count", events=events, where=where, when=InForce()))


def _on_date(data: Mapping[str, object], path: Path, known: Vocabulary) -> Quantity:
    events, where = rows("of", data, path, known)
    attribute = known.attribute(data["on_date"], events, (*path, "on_date"))
    ends = data.get("in_days")
    numbers = ends if isinstance(ends, list) else [ends, ends]
    if len(numbers) != 2 or not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        raise DeclarationError(
            f"{ends!r} does not say how many days ahead", hint="write `in_days: [1, 7]`", path=(*path, "in_days")
        )
    first, last = sorted(numbers)
    when = DaysAhead(attribute=attribute, first=first, last=last)
    return Measured(Measure(take="count", events=events, where=where, when=when))


def _spend(data: Mapping[str, object], path: Path, known: Vocabulary) -> Quantity:  # noqa: ARG001  # one shape for all
    kind = data["spend"]
    if kind not in SPEND_KINDS:
        raise DeclarationError(
            f"spend {kind!r} is unknown", hint="gross: what was paid; net: less refunds", path=(*path, "spend")
        )
    where = [Where("kind", OneOf(SPEND_KINDS[str(kind)]))]
    if "category" in data:
        names = data["category"]
        where.append(Where("category", OneOf(tuple(map(str, names if isinstance(names, list) else [names])))))
    return Measured(
        Measure(take="sum", of="amount", where=tuple(where), when=declare_window(data, path), rows="money")
    )


def _age(data: Mapping[str, object], path: Path, known: Vocabulary) -> Quantity:  # noqa: ARG001  # one shape for all
    return Age()


QUANTITIES: Mapping[str, tuple[Reads, frozenset[str]]] = {
    "count": (_count, frozenset({"where"}) | WINDOW_KEYS),
    **{take: (_taken(take), frozenset({"of", "where"}) | WINDOW_KEYS) for take in ("sum", "min", "max", "average")},
    "distinct": (_distinct, frozenset({"of", "where"}) | WINDOW_KEYS),
    "days_since": (_days_since, frozenset({"where"})),
    "gap_before_last": (_gap, frozenset({"where"})),
    "during": (_during, frozenset({"where"})),
    "on_date": (_on_date, frozenset({"of", "where", "in_days"})),
    "spend": (_spend, frozenset({"category"}) | WINDOW_KEYS),
    "age": (_age, frozenset()),
    "engagement": (declare_engagement, frozenset()),
}
"""Each number's key in YAML: how it is read, and the keys that may stand beside it."""


def declare_quantity(data: object, path: Path, known: Vocabulary) -> Quantity:
    """Return a number to store beside a segment's members: `data: {passes: {count: day_pass, within: 14 days}}`.

    Raises DeclarationError with the path of what is wrong.
    """
    if not isinstance(data, Mapping):
        raise DeclarationError(f"{data!r} is not a number", hint="write `{count: EVENT}`", path=path)
    forms = [key for key in data if key in QUANTITIES]
    if len(forms) != 1:
        hint = did_you_mean(str(next(iter(data), "")), QUANTITIES)
        raise DeclarationError(f"{dict(data)!r} names no number", hint=hint, path=path)
    read, beside = QUANTITIES[forms[0]]
    no_strangers(data, beside | {forms[0]}, path)
    return read(data, path, known)
