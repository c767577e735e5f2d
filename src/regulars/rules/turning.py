"""Turning: which customers a rule may decide otherwise only because days have passed, though nothing happened to them.

A row of events or money begins to count, or ceases to, when a date of it becomes so many days old: the ends of windows,
the bounds of comparisons of days, the end of an interval. Who has no such row, no birthday and no stay that is over
stands as before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import floor
from typing import Literal

import ibis
import ibis.expr.types as ir

from regulars.events.measure import ENTERED, DaysAhead, InForce, Measure
from regulars.events.window import AsOf, Comparison, Window
from regulars.identity.age import age_on
from regulars.rules.condition import All, Any, Condition, Not, together
from regulars.rules.engagement import Engagement
from regulars.rules.forms import (
    Age,
    EndIs,
    Gap,
    InBucket,
    IsMinor,
    Measured,
    MemberOf,
    NumberIs,
    Sequence,
    TraitIs,
    Trend,
)
from regulars.rules.segment import Segment

_EVERY = ""
"""Stands for the type of rows that have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Rows that count otherwise once a date of theirs is of one of some ages; below 0 it is ahead."""

    rows: Literal["events", "money"]
    types: tuple[str, ...]                   # of events; entries into segments are named as measures name them
    column: str                              # a date
    ages: frozenset[int]                     # whole days


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """By what days alone turn rules."""

    rows: tuple[Turn, ...] = ()
    has_birthdays: bool = False


def turns_of(segments: Iterable[Segment]) -> Turns | None:
    """Return by what days turn segments, their stays and cooldowns included; None when a condition does not say.

    A plug-in's condition never says: it may make of a measure what it likes.
    """
    return _all(turns for segment in segments for turns in (_of(segment.when), _stays(segment)))


def turned(rows: ir.Table, turns: Iterable[Turn], *, since: AsOf, now: AsOf) -> ir.BooleanValue:
    """Return whether rows count otherwise now than at a moment before, though they were there then.

    Rows have an event_type where turns name types. A row that then was in the future is among them.
    """
    days = [since.day + timedelta(days=n + 1) for n in range((now.day - since.day).days)]
    columns: dict[str, dict[str, set[date]]] = {}
    for turn in turns:
        for name in turn.types or (_EVERY,):
            when = columns.setdefault(turn.column, {}).setdefault(name, set())
            when.update(day - timedelta(days=age) for day in days for age in turn.ages)
    has_come = (rows.occurred_at > since.moment) & (rows.occurred_at <= now.moment)
    return ibis.or_(has_come, *(_passes(rows, *each) for each in columns.items() if days))


def had_birthday(customers: ir.Table, *, since: AsOf, now: AsOf) -> ir.BooleanValue:
    """Return who is older now than at a moment before; missing without a birthday."""
    return age_on(customers.birthday, since.day) != age_on(customers.birthday, now.day)


def stood(
    ledger: ir.Table, segments: Collection[Segment], turns: Turns, *, since: AsOf, now: AsOf
) -> ir.Table:
    """Return those whose stays, cooldowns or counted entries may say something else now, as customer_id.

    `ledger`: all transitions, those that the evaluation at the moment before came to among them.
    """
    rows = ledger.mutate(event_type=ibis.literal(ENTERED) + ledger.segment, occurred_at=ledger["at"])
    ages = [turn for turn in turns.rows if turn.rows == "events" and turn.column == "business_day"]
    measures = together(*(segment.when.needs() for segment in segments)).measures
    counted = sorted({name for measure in measures for name in measure.events})
    # An entry counts from the moment after it; who left a stay may begin the next one on the day after.
    is_first_counted = rows.event_type.isin(counted) & (rows.occurred_at == since.moment)
    held = [segment.name for segment in segments if segment.holds_for is not None]
    has_just_left = rows.segment.isin(held) & (rows.change == "left") & (rows.business_day >= since.day)
    is_other = turned(rows, ages, since=since, now=now) | is_first_counted | has_just_left
    return rows.filter(is_other).select("customer_id")


def _passes(rows: ir.Table, column: str, types: Mapping[str, set[date]]) -> ir.BooleanValue:
    """Return whether a date of rows is one of those on which rows of their type turn; never missing."""
    day = rows[column].cast("date")
    # Dates first: few rows have one of them, and for these alone it is asked of which type they are.
    passes = day.isin(sorted(set().union(*types.values()))).fill_null(False)
    if _EVERY in types:
        return passes
    return passes & ibis.or_(*((rows.event_type == name) & day.isin(sorted(when)) for name, when in types.items()))


def _stays(segment: Segment) -> Turns:
    ages = frozenset(length for length in (segment.holds_for, segment.reenter_after) if length is not None)
    entries = Turn(rows="events", types=(ENTERED + segment.name,), column="business_day", ages=ages)
    return Turns(rows=(entries,) if ages else ())


def _all(turns: Iterable[Turns | None]) -> Turns | None:
    """Return what all of them say; None when one of them does not say."""
    rows, has_birthdays = list[Turn](), False
    for each in turns:
        if each is None:
            return None
        rows, has_birthdays = [*rows, *each.rows], has_birthdays or each.has_birthdays
    return Turns(rows=tuple(rows), has_birthdays=has_birthdays)


def _of(condition: Condition) -> Turns | None:
    says = _SAYS.get(type(condition))
    return None if says is None else says(condition)


def _parts(condition: All | Any) -> Turns | None:
    return _all(map(_of, condition.parts))


def _number(condition: NumberIs) -> Turns | None:
    match condition.quantity:
        case Measured(measure=Measure(take="min" | "max", of="days_ago") as measure):
            return _counted(measure, _bounds(condition.comparison))
        case Measured(measure=measure) if measure.of != "days_ago" and measure.take != "second_newest_day":
            return _counted(measure)
        case Gap(newest=newest, before=before):          # the days between two days are as many tomorrow
            return _all((_counted(newest), _counted(before)))
        case Engagement() as score:
            return _all(map(_counted, score.needs().measures))
        case Age():
            return Turns(has_birthdays=True)
        case _:
            return None


def _end(condition: EndIs) -> Turns | None:
    return _all((_counted(condition.among), _counted(condition.matching, _ends(condition.window))))


def _sequence(condition: Sequence) -> Turns | None:
    newest = _counted(condition.second_days_ago, _ends(condition.window))
    return _all((_counted(condition.first), _counted(condition.second), newest))


def _counted(measure: Measure, ages: frozenset[int] = frozenset()) -> Turns:
    """Return when rows of a measure begin and cease to count, and what else matters of the age of their day."""
    def of(column: str, ages: frozenset[int]) -> Turn:
        return Turn(rows=measure.rows, types=measure.events, column=column, ages=ages)

    rows = []
    match measure.when:
        case Window() as window:
            ages |= _ends(window)
        case InForce():
            rows.append(of("until_day", frozenset({0})))
        case DaysAhead(attribute=attribute, first=first, last=last):
            rows.append(of(attribute, frozenset({-last, 1 - first})))
        case None:
            pass
    return Turns(rows=(*rows, of("business_day", ages)) if ages else tuple(rows))


def _ends(window: Window | None) -> frozenset[int]:
    return frozenset() if window is None else frozenset({window.newest, window.oldest + 1})


def _bounds(comparison: Comparison) -> frozenset[int]:
    """Return the whole numbers at which a growing one may begin or cease to pass."""
    bounds = (
        comparison.exactly, comparison.at_least, comparison.more_than, comparison.at_most, comparison.less_than
    )
    least = [floor(bound) for bound in bounds if bound is not None]
    return frozenset(least) | frozenset(bound + 1 for bound in least)


_SAYS: Mapping[type, Callable[..., Turns | None]] = {
    All: _parts, Any: _parts, Not: lambda condition: _of(condition.part),
    NumberIs: _number, EndIs: _end, Sequence: _sequence,
    Trend: lambda condition: _all((_counted(condition.recent), _counted(condition.before))),
    IsMinor: lambda _: Turns(has_birthdays=True),
    **dict.fromkeys((MemberOf, TraitIs, InBucket), lambda _: Turns()),
}
"""What each form of condition says. By its very type: what is made of one may hold for others."""
