"""A metric over business days, weeks or months: an expression, and the answer read from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.events.engine import Engine
from regulars.events.window import AsOf
from regulars.metrics.metric import InForceAtEnd, Metric, Ratio, Taken

Per = Literal["day", "week", "month"]
Value = int | Decimal | float
_TRUNCATE: Mapping[Per, str] = {"day": "D", "week": "W", "month": "M"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Over which days, in which periods, as of when."""

    first: date                              # business days, both included
    last: date
    per: Per
    as_of: AsOf

    def periods(self) -> dict[date, date]:
        """Return the periods that touch the days: first day -> last day. Weeks begin on Monday."""
        periods, day = {}, _start(self.first, self.per)
        while day <= self.last:
            periods[day] = _end(day, self.per)
            day = periods[day] + timedelta(1)
        return periods


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A metric over one period."""

    first: date                              # of the period; weeks begin on Monday
    last: date
    value: Value | None                      # None: not known, or nothing to divide by; 0 is a number
    sample: int                              # rows behind it; for a ratio, behind its denominator
    is_complete: bool                        # the period lies wholly inside the question and before the as-of day ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A metric with everything a reader needs beside the number."""

    metric: Metric
    points: tuple[Point, ...]
    question: Question

    @property
    def definition(self) -> str:
        """Return what the number is."""
        return self.metric.definition


def by_period(formula: Taken | InForceAtEnd, rows: ir.Table, question: Question) -> ir.Table:
    """Return a formula over every period that has rows: period (its first day), value, sample (rows).

    `rows` are the events with customer_id, or the money lines; only those up to the as-of moment and on the days asked
    about count. Periods without rows are absent: `ask` decides whether they are 0 or unknown.
    """
    known = _known(formula, rows, question)
    tests = [where.test.holds(known[where.attribute]) for where in formula.where]
    kept = known.filter(tests) if tests else known
    if isinstance(formula, InForceAtEnd):
        return _in_force(kept, question)
    inside = kept.filter(kept.business_day.between(question.first, question.last))
    dated = inside.mutate(period=inside.business_day.truncate(_TRUNCATE[question.per]).cast("date"))
    return dated.group_by("period").aggregate(value=_value(dated, formula), sample=dated.count())


def ask(
    metric: Metric,
    metrics: Mapping[str, Metric],
    *,
    events: ir.Table,
    money: ir.Table | None,
    question: Question,
    engine: Engine,
) -> Answer:
    """Return a metric for every period that touches the days asked about, with the rows behind each.

    Counts and sums are 0 where nothing happened, but only from the first day its events have any row until the as-of
    day: before and after, nothing is known. Averages and ratios of nothing are missing. `metrics` resolves the two of a
    ratio.
    """
    def points(name: str) -> dict[date, Point]:
        formula = metrics[name].formula
        assert not isinstance(formula, Ratio)
        rows = events if formula.events else money
        return _points(formula, rows, question, engine)

    if not isinstance(metric.formula, Ratio):
        rows = events if metric.formula.events else money
        return Answer(
            metric=metric, points=tuple(_points(metric.formula, rows, question, engine).values()), question=question
        )
    above, below = points(metric.formula.numerator), points(metric.formula.denominator)
    shares = [replace(point, value=_share(above[day].value, point.value)) for day, point in below.items()]
    return Answer(metric=metric, points=tuple(shares), question=question)


def _points(
    formula: Taken | InForceAtEnd, rows: ir.Table | None, question: Question, engine: Engine
) -> dict[date, Point]:
    values: dict[date, tuple[Value | None, int]] = {}
    since: date | None = None
    if rows is not None:
        found = engine.fetch(by_period(formula, rows, question)).to_pylist()
        values = {row["period"]: (row["value"], row["sample"]) for row in found}
        known = _known(formula, rows, question)
        since = engine.fetch(known.aggregate(day=known.business_day.min())).to_pylist()[0]["day"]
    adds_up = isinstance(formula, InForceAtEnd) or formula.take != "average"
    today = question.as_of.day
    points = {}
    for first, last in question.periods().items():
        value, sample = values.get(first, (None, 0))
        if value is None and adds_up and since is not None and since <= last and first <= today:
            value = 0
        is_complete = question.first <= first and last <= question.last and last < today
        points[first] = Point(first=first, last=last, value=value, sample=sample, is_complete=is_complete)
    return points


def _share(above: Value | None, below: Value | None) -> float | None:
    if above is None or not below:
        return None
    return float(above) / float(below)


def _known(formula: Taken | InForceAtEnd, rows: ir.Table, question: Question) -> ir.Table:
    known = rows.filter(rows.occurred_at <= question.as_of.moment)
    return known.filter(known.event_type.isin(formula.events)) if formula.events else known


def _in_force(intervals: ir.Table, question: Question) -> ir.Table:
    """Customers covered on the last day of each period that has begun; of an unfinished one, on the last day known.

    Counted by who begins and who ends each day: days times customers would be a hundred times the work.
    """
    today = min(question.last, question.as_of.day)
    ends = {first: min(last, today) for first, last in question.periods().items() if first <= today}
    calendar = ibis.memtable(
        pa.table({"period": pa.array(ends.keys(), pa.date32()), "day": pa.array(ends.values(), pa.date32())})
    )
    lasting = intervals.select(
        "customer_id", since=intervals.business_day, until=intervals.until_day.fill_null(_OPEN_END)
    )
    lasting = lasting.filter(lasting.until > lasting.since)
    steps = ibis.union(_steps(_stays(lasting), "people"), _steps(lasting, "rows"))
    by_day = steps.group_by("day").aggregate(people=steps.people.sum(), rows=steps["rows"].sum())
    asked = by_day.outer_join(calendar, "day")
    asked = asked.select("period", "people", "rows", day=ibis.coalesce(asked.day, asked.day_right))
    so_far = ibis.window(order_by=asked.day, preceding=None, following=0)
    counted = asked.mutate(value=asked.people.sum().over(so_far), sample=asked["rows"].sum().over(so_far))
    return counted.filter(counted.period.notnull(), counted["sample"] > 0).select("period", "value", "sample")


_OPEN_END = date(9999, 12, 31)


def _stays(lasting: ir.Table) -> ir.Table:
    """One row a customer and unbroken stay, of intervals that may overlap: since, until (exclusive)."""
    mine = lasting.filter(lasting.customer_id.notnull())
    in_order: dict[str, Any] = {"group_by": "customer_id", "order_by": ["since", "until"]}
    so_far = ibis.window(**in_order, preceding=None, following=0)
    reached = mine.mutate(reached=mine.until.max().over(so_far))
    before = reached.mutate(before=reached.reached.lag().over(ibis.window(**in_order)))
    begun = before.mutate(begins=(before.before.isnull() | (before.since > before.before)).cast("int64"))
    numbered = begun.mutate(stay=begun.begins.sum().over(so_far))
    return numbered.group_by("customer_id", "stay").aggregate(since=numbered.since.min(), until=numbered.until.max())


def _steps(lasting: ir.Table, counted: str) -> ir.Table:
    """Two rows an interval, one more on its first day and one less on the day it ends: day, people, rows."""
    parts = []
    for day, change in ((lasting.since, 1), (lasting.until, -1)):
        changes = {name: ibis.literal(change if name == counted else 0, "int64") for name in ("people", "rows")}
        parts.append(lasting.select(day=day, **changes))
    return ibis.union(*parts)


def _value(rows: ir.Table, formula: Taken) -> ir.Value:
    if formula.take == "count":
        return rows.count()
    assert formula.of is not None
    column = rows[formula.of]
    match formula.take:
        case "sum":
            return column.sum()
        case "average":
            return column.mean()
        case "distinct":
            return column.nunique()


def _start(day: date, per: Per) -> date:
    match per:
        case "day":
            return day
        case "week":
            return day - timedelta(day.weekday())
        case "month":
            return day.replace(day=1)


def _end(start: date, per: Per) -> date:
    match per:
        case "day":
            return start
        case "week":
            return start + timedelta(6)
        case "month":
            return (start.replace(day=28) + timedelta(4)).replace(day=1) - timedelta(1)
