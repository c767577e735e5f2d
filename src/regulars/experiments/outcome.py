"""Outcome: what the units of an experiment did after they were exposed, as sums that every statistic is made of.

The sums are kept by day as what each day adds to them, so that adding up the days until any one of them gives that
day's cumulative report, squares and products too, and no day is ever computed again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import ibis
import ibis.expr.types as ir

from regulars.errors import DeclarationError
from regulars.events.window import AsOf
from regulars.metrics.metric import Formula, Metric, Ratio, Taken

SUMS = ("n", "y", "yy", "d", "dd", "yd", "x", "xx", "xy", "xd")
"""n units; y outcome, d denominator of a ratio (else 0), x the same outcome before the exposure; yy is the sum of y
squared, yd of y times d, and so on. Each is a sum over units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a metric counts for one unit."""

    numerator: Taken
    denominator: Taken | None = None         # of a ratio
    is_share: bool = False                   # 1 for a unit that has any row, 0 for one that has none
    within: int | None = None                # business days after that of the exposure; None: until the as-of moment
    before: timedelta | None = None          # how long before the exposure the same is looked at, to adjust for it
    cap: float | None = None                 # what a unit counts at most, see `cap_at`


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """Who takes part and what happened to everybody.

    exposed: one row a unit: unit, variant, exposed_at (UTC), exposed_day (business day), and columns to report by.
    owners: one row a customer of a unit: unit, customer_id.
    events, money: all rows with their customer_id.
    """

    exposed: ir.Table
    owners: ir.Table
    events: ir.Table
    money: ir.Table | None
    as_of: AsOf


def outcome_of(
    metric: Metric, metrics: Mapping[str, Metric], *, within: int | None = None, before: timedelta | None = None
) -> Outcome:
    """Return how a metric counts for one unit; `metrics` resolves the two of a ratio. `within` days as in rules.

    A number of different customers is whether the unit did it; an average is the sum over the rows. Raises
    DeclarationError for what only a day has, such as memberships in force.
    """
    above: Formula
    below: Formula | None = None
    match metric.formula:
        case Ratio(numerator=one, denominator=other):
            above, below = metrics[one].formula, metrics[other].formula
        case Taken(take="average", of=of, events=events, where=where):
            above = Taken(take="sum", of=of, events=events, where=where)
            below = Taken(take="count", events=events, where=where)
        case formula:
            above = formula
    if not isinstance(above, Taken) or not isinstance(below, Taken | None):
        raise DeclarationError(
            f"{metric.name!r} is a number of a day, not of a unit",
            hint="count what units do: `count: membership_started`",
        )
    is_share = below is None and above.take == "distinct" and above.of == "customer_id"
    return Outcome(numerator=above, denominator=below, is_share=is_share, within=within, before=before)


def sums_by_day(outcome: Outcome, subjects: Subjects, *, by: Sequence[str] = ()) -> ir.Table:
    """Return what each business day adds to the SUMS: variant, the columns of `by`, day, and SUMS.

    A unit is counted on the day of its exposure, together with what it did before.
    """
    keys = ["variant", *by]
    earlier = _earlier(outcome, subjects)
    units = subjects.exposed.left_join(earlier, "unit").drop("unit_right")
    units = units.mutate(x=units.x.fill_null(0.0))
    entered = units.group_by(*keys, day=units.exposed_day).agg(
        n=units.count().cast("float64"), x=units.x.sum(), xx=(units.x * units.x).sum()
    )
    steps = _steps(outcome, subjects).inner_join(units.select("unit", "x", *keys), "unit")
    happened = steps.group_by(*keys, "day").agg(
        **{name: steps[name].sum() for name in ("y", "yy", "d", "dd", "yd")},
        xy=(steps.x * steps.y).sum(), xd=(steps.x * steps.d).sum(),
    )
    both = ibis.union(*(_with_zeros(table, [*keys, "day"]) for table in (entered, happened)))
    return both.group_by(*keys, "day").agg(**{name: both[name].sum() for name in SUMS})


def totals(outcome: Outcome, subjects: Subjects) -> ir.Table:
    """Return what each unit did: unit, variant, y (0 for who did nothing), x (the same before the exposure)."""
    after = _totals(_after(outcome.numerator, outcome, subjects), outcome)
    units = subjects.exposed.select("unit", "variant").left_join(after, "unit").drop("unit_right")
    both = units.left_join(_earlier(outcome, subjects), "unit").drop("unit_right")
    return both.select("unit", "variant", y=_capped(both.total.fill_null(0.0), outcome), x=both.x.fill_null(0.0))


def by_week(outcome: Outcome, subjects: Subjects) -> ir.Table:
    """Return what units did in each week after their exposure, whatever the outcome's own days: unit, week, value.

    Weeks begin at 0, with the day of the exposure; there is no row where a unit did nothing. Uncapped.
    """
    rows = _by_day(_after(outcome.numerator, dataclasses.replace(outcome, within=None), subjects), outcome)
    dated = rows.inner_join(subjects.exposed.select("unit", "exposed_day"), "unit")
    week = dated.day.delta(dated.exposed_day, unit="day") // 7
    told = dated.select("unit", "value", week=week.cast("int64"))
    return told.group_by("unit", "week").agg(value=told["value"].sum())


def cap_at(outcome: Outcome, subjects: Subjects, *, share: float) -> ir.Scalar:
    """Return the quantile of what single units count for, nothing counted as 0: the cap for winsorising.

    `share` in (0, 1), such as 0.99: one unit in a hundred is capped. Taken over all variants together, so that the cap
    itself says nothing of any.
    """
    each = _totals(_after(outcome.numerator, outcome, subjects), outcome)
    every = subjects.exposed.left_join(each, "unit")
    return every.total.fill_null(0.0).quantile(share)


def _earlier(outcome: Outcome, subjects: Subjects) -> ir.Table:
    """One row a unit that did anything before: unit, x."""
    if outcome.before is None:
        return subjects.exposed.select("unit", x=ibis.literal(0.0)).limit(0)
    rows = _rows(outcome.numerator, subjects)
    since = rows.exposed_at - _interval(outcome.before)
    found = _totals(rows.filter(rows.occurred_at < rows.exposed_at, rows.occurred_at >= since), outcome)
    return found.select("unit", x=_capped(found.total, outcome))


def _steps(outcome: Outcome, subjects: Subjects) -> ir.Table:
    """One row a unit and day on which anything changed: unit, day, and what it added to y, yy, d, dd, yd."""
    parts = [_by_day(_after(outcome.numerator, outcome, subjects), outcome).mutate(under=ibis.literal(0.0))]
    if outcome.denominator is not None:
        below = _by_day(_after(outcome.denominator, outcome, subjects), outcome)
        parts.append(below.select("unit", "day", value=ibis.literal(0.0), under=below.value))
    both = ibis.union(*parts) if len(parts) > 1 else parts[0]
    days = both.group_by("unit", "day").agg(value=both.value.sum(), under=both.under.sum())
    so_far = ibis.window(group_by=days.unit, order_by=days.day, preceding=None, following=0)
    reached = days.select(
        "unit", "day", y=_capped(days.value.sum().over(so_far), outcome), d=days.under.sum().over(so_far)
    )
    before = ibis.window(group_by=reached.unit, order_by=reached.day)
    pairs = reached.mutate(**{
        f"last_{name}": reached[name].lag().over(before).fill_null(0.0) for name in ("y", "d")
    })
    return pairs.select(
        "unit", "day",
        y=pairs.y - pairs.last_y, d=pairs.d - pairs.last_d,
        yy=pairs.y * pairs.y - pairs.last_y * pairs.last_y, dd=pairs.d * pairs.d - pairs.last_d * pairs.last_d,
        yd=pairs.y * pairs.d - pairs.last_y * pairs.last_d,
    )


def _rows(formula: Taken, subjects: Subjects) -> ir.Table:
    """Rows that count, of units that take part: unit, exposed_at, exposed_day, occurred_at, day, value, thing."""
    rows = subjects.events if formula.events else subjects.money
    assert rows is not None, "a metric of money needs the ledger"
    known = rows.filter(rows.occurred_at <= subjects.as_of.moment)
    if formula.events:
        known = known.filter(known.event_type.isin(formula.events))
    tests = [where.test.holds(known[where.attribute]) for where in formula.where]
    known = known.filter(tests) if tests else known
    is_sum = formula.take == "sum"
    value = known[formula.of].cast("float64").fill_null(0.0) if is_sum else ibis.literal(1.0)
    thing = known[formula.of].cast("string") if formula.take == "distinct" else ibis.null("string")
    told = known.select("customer_id", "occurred_at", day=known.business_day, value=value, thing=thing)
    mine = told.inner_join(subjects.owners, "customer_id")
    with_unit = mine.inner_join(subjects.exposed.select("unit", "exposed_at", "exposed_day"), "unit")
    return with_unit.filter(with_unit.thing.notnull()) if formula.take == "distinct" else with_unit


def _after(formula: Taken, outcome: Outcome, subjects: Subjects) -> ir.Table:
    rows = _rows(formula, subjects)
    after = rows.filter(rows.occurred_at >= rows.exposed_at)
    if outcome.within is None:
        return after
    # As everywhere in rules: 3 days keep the day itself and three more, to the end of the last.
    return after.filter(after.day <= after.exposed_day + ibis.interval(days=outcome.within))


def _by_day(rows: ir.Table, outcome: Outcome) -> ir.Table:
    """Return what each unit's day adds to what it counts for: unit, day, value."""
    if outcome.is_share:
        return rows.group_by("unit").agg(day=rows.day.min()).mutate(value=ibis.literal(1.0))
    # A thing counts when it comes for the first time; rows without one are told apart by nothing and all count.
    fresh = rows.filter(rows.thing.notnull())
    first = fresh.group_by("unit", "thing").agg(day=fresh.day.min()).mutate(value=ibis.literal(1.0))
    plain = rows.filter(rows.thing.isnull()).select("unit", "day", "value")
    every = ibis.union(first.select("unit", "day", "value"), plain)
    return every.group_by("unit", "day").agg(value=every.value.sum())


def _totals(rows: ir.Table, outcome: Outcome) -> ir.Table:
    """Return what each unit counts for on the whole, uncapped: unit, total."""
    days = _by_day(rows, outcome)
    return days.group_by("unit").agg(total=days.value.sum())


def _capped(value: ir.Value, outcome: Outcome) -> ir.Value:
    return value if outcome.cap is None else ibis.least(value, ibis.literal(outcome.cap, "float64"))


def _with_zeros(table: ir.Table, keys: Sequence[str]) -> ir.Table:
    sums = {name: table[name] if name in table.columns else ibis.literal(0.0) for name in SUMS}
    return table.select(*keys, **sums)


def _interval(span: timedelta) -> ir.Value:
    return ibis.interval(seconds=int(span.total_seconds()))
