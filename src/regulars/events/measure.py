"""Numbers per customer out of many rows, all of them in one grouped pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.events.value import Where
from regulars.events.window import AsOf, Window, days
from regulars.later import dt, ibis, ir

Take = Literal["count", "sum", "min", "max", "average", "distinct", "second_newest_day"]

ENTERED = "entered "
"""In front of a segment's name: the type of the rows that say somebody entered it."""


@dataclass(frozen=True, slots=True)
class InForce:
    """An interval event covers the as-of day: from its business day until its until_day, which is no longer covered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysAhead:
    """A date the event itself carries lies so many days after the as-of day, both ends included."""

    attribute: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number per customer: something taken over those rows of the events, or of the money ledger, that count.

    Rows of events have the events' own columns and `days_ago` (whole business days, 0 is the as-of day). Equal measures
    of different rules are one column. Counts and sums over no row are 0; every other number over no row is missing.
    `second_newest_day` is the days_ago of the newest business day but one.
    """

    take: Take
    of: str | None = None                    # the column; not of a count
    events: tuple[str, ...] = ()             # event types; empty for money
    where: tuple[Where, ...] = ()
    when: Window | InForce | DaysAhead | None = None
    rows: Literal["events", "money"] = "events"

    def columns(self) -> set[str]:
        """Return the columns it reads beside those every row has."""
        own = {where.attribute for where in self.where} | ({self.of} if self.of else set())
        if isinstance(self.when, DaysAhead):
            own.add(self.when.attribute)
        return own - ROW_COLUMNS

    def subject(self) -> str:
        """Return which rows count, as a reader says it: `check_in where kind is day_pass, in the last 3 days`."""
        names = [name.replace(ENTERED, "entering ") for name in self.events]
        text = " or ".join(names) if names else "money"
        if self.where:
            text += " where " + " and ".join(where.sentence() for where in self.where)
        match self.when:
            case Window():
                text += f", {self.when.sentence()}"
            case InForce():
                text += ", in force on the day"
            case DaysAhead(attribute=attribute, first=first, last=last):
                text += f", whose {attribute} is " + (
                    f"in {days(first)}" if first == last else f"in {first} to {days(last)}"
                )
        return text


ROW_COLUMNS = frozenset({"customer_id", "event_type", "occurred_at", "business_day", "until_day", "days_ago"})
"""What every row of events has beside its attributes."""


def rows_of_events(
    events: ir.Table, transitions: ir.Table | None, measures: Iterable[Measure], *, as_of: AsOf
) -> ir.Table:
    """Rows the measures count: events up to the as-of moment, and entries into segments before it.

    Of a type that every measure looks at for some days only, what is older is left out.
    Columns: customer_id, event_type, occurred_at, business_day, until_day, days_ago, and the attributes measures read.
    Entries at the as-of moment itself are left out, so asking twice about one moment gives one answer.
    """
    measures = [measure for measure in measures if measure.rows == "events"]
    attributes = sorted(set().union(*(measure.columns() for measure in measures)))
    for attribute in attributes:
        if attribute not in events.columns:
            raise DeclarationError(
                f"no event carries {attribute!r}", hint=did_you_mean(attribute, set(events.columns) - ROW_COLUMNS)
            )
    types = sorted({name for measure in measures for name in measure.events})
    shared = [column for column in events.columns if column in ROW_COLUMNS]
    rows = events.filter(
        events.customer_id.notnull(), _may_count(events, types, measures, as_of=as_of),
        events.occurred_at <= as_of.moment,
    ).select(*shared, *attributes)
    if "until_day" not in shared:
        rows = rows.mutate(until_day=ibis.null("date"))
    entered = [name for name in types if name.startswith(ENTERED)]
    if entered and transitions is not None:
        rows = ibis.union(rows, _entries(transitions, entered, rows.schema(), as_of=as_of))
    return rows.mutate(days_ago=days_between(rows.business_day, as_of.day))


def rows_of_money(money: ir.Table, *, as_of: AsOf) -> ir.Table:
    """Lines of the money ledger that somebody is behind, up to the as-of moment, with days_ago."""
    lines = money.filter(money.customer_id.notnull(), money.occurred_at <= as_of.moment)
    return lines.mutate(days_ago=days_between(lines.business_day, as_of.day))


def measured(rows: ir.Table, names: Mapping[Measure, str], *, as_of: AsOf) -> ir.Table:
    """All measures at once. One row per customer that has a row: customer_id and one column per measure, so named."""
    return rows.group_by("customer_id").aggregate(
        **{name: _taken(rows, measure, as_of=as_of) for measure, name in names.items()}
    )


def is_zero_when_empty(measure: Measure) -> bool:
    """Return whether the measure over no row is 0 rather than missing."""
    return measure.take in {"count", "sum", "distinct"}


def days_between(day: ir.Value, later: object) -> ir.Value:
    """Return whole days from a date column to a date."""
    return (ibis.literal(later, type="date") if not isinstance(later, ir.Value) else later).delta(day, unit="day")


def _taken(rows: ir.Table, measure: Measure, *, as_of: AsOf) -> ir.Value:  # noqa: PLR0911  # one case a way of taking
    counts = _counts(rows, measure, as_of=as_of)
    if measure.take == "count":
        return counts.ifelse(1, 0).sum()
    if measure.take == "second_newest_day":
        newest_first = rows.days_ago.collect(where=counts, distinct=True).sort()
        return (newest_first.length() > 1).ifelse(newest_first[1], ibis.null("int64"))
    assert measure.of is not None
    column = rows[measure.of]
    match measure.take:
        case "sum":
            return _number(column).sum(where=counts)
        case "average":
            return _number(column).mean(where=counts)
        case "min":
            return column.min(where=counts)
        case "max":
            return column.max(where=counts)
        case "distinct":
            return column.nunique(where=counts)


def _counts(rows: ir.Table, measure: Measure, *, as_of: AsOf) -> ir.Value:
    """Whether a row counts; never missing."""
    counts = _is_one_of(rows.event_type, measure.events) if measure.rows == "events" else ibis.literal(True)
    for where in measure.where:
        counts = counts & where.test.holds(rows[where.attribute])
    match measure.when:
        case Window():
            counts = counts & measure.when.holds(rows.days_ago)
        case InForce():
            counts = counts & (rows.until_day.isnull() | (rows.until_day > as_of.day).fill_null(False))
        case DaysAhead(attribute=attribute, first=first, last=last):
            day = rows[attribute].cast("date")
            counts = counts & (-days_between(day, as_of.day)).between(first, last).fill_null(False)
        case None:
            pass
    return counts


def _may_count(events: ir.Table, types: Iterable[str], measures: Sequence[Measure], *, as_of: AsOf) -> ir.Value:
    """Whether a row is of one of the types, and no older than a measure looks."""
    looks = {
        name: [measure.when.oldest if isinstance(measure.when, Window) else None for measure in measures
               if name in measure.events]
        for name in types
    }
    ever = [name for name, oldest in looks.items() if None in oldest]
    recent = {name: max(days for days in oldest if days is not None) for name, oldest in looks.items()
              if None not in oldest}
    days_ago = days_between(events.business_day, as_of.day)
    return ibis.or_(
        events.event_type.isin(ever),
        *((events.event_type == name) & (days_ago <= oldest) for name, oldest in recent.items()),
    )


def _is_one_of(event_type: ir.Value, names: tuple[str, ...]) -> ir.Value:
    # Engines compare faster than they look up, and most measures count one type.
    return event_type == names[0] if len(names) == 1 else event_type.isin(names)


def _number(column: ir.Value) -> ir.Value:
    return column.cast("int64") if column.type().is_null() else column


def _entries(transitions: ir.Table, types: list[str], schema: ibis.Schema, *, as_of: AsOf) -> ir.Table:
    """Entries into segments as rows of events."""
    named = transitions.filter(
        transitions.change == "entered", transitions["at"] < as_of.moment
    ).mutate(event_type=ibis.literal(ENTERED) + transitions.segment)
    rows = named.filter(named.event_type.isin(types))
    own = {
        "customer_id": rows.customer_id, "event_type": rows.event_type,
        "occurred_at": rows["at"], "business_day": rows.business_day,
    }
    return rows.select(
        **{
            name: own[name].cast(kind) if name in own else ibis.null(kind if not kind.is_null() else dt.string)
            for name, kind in schema.items()
        }
    )
