"""Occasions: what begins journeys, out of transitions, events and days, for everybody in one expression."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import reduce

import ibis
import ibis.expr.types as ir

from regulars.events.value import Where
from regulars.flows.flow import Flow, OnDate, OnEvent, OnSegment, OnTrait, Total
from regulars.rules.evaluate import Tables
from regulars.rules.transition import GONE


def occasions(flow: Flow, tables: Tables, *, first: date, last: date) -> ir.Table:
    """Return the occasions of a flow on some business days, both included. One row an occasion of a customer.

    Columns: customer_id, occasion, anchor_day, anchor_at (UTC; null of an occasion that is a day).
    Of transitions customer_id is who it was then.
    """
    match flow.trigger:
        case OnSegment():
            return _on_segment(flow.trigger, tables, first, last)
        case OnEvent():
            return _on_event(flow.trigger, tables.events, first, last)
        case OnDate():
            return _on_date(flow.trigger, tables.events, first, last)
        case OnTrait(is_yearly=False):
            customers = tables.customers
            days = customers.select("customer_id", anchor_day=customers[flow.trigger.trait].cast("date"))
            return _on_days(days, first, last)
        case OnTrait():
            return _on_anniversary(flow.trigger, tables.customers, first, last)


def facts(
    flow: Flow, events: ir.Table, journeys: ir.Table, *, attributes: Iterable[str], totals: Iterable[str]
) -> ir.Table:
    """Return what messages say of occasions that are events. One row a journey whose event is there.

    Columns: customer_id, occasion, `o_<attribute>` of the newest event of the occasion, `t_<total>`.

    Args:
        flow: Whose.
        events: The events table, with customer_id.
        journeys: customer_id, occasion.
        attributes: Of the event.
        totals: Of the flow.

    """
    trigger = flow.trigger
    assert isinstance(trigger, OnEvent | OnDate)
    wanted = [flow.totals[name] for name in totals]
    names = sorted({*attributes, *(one.same for one in wanted)})
    rows = _of(events, trigger.events, trigger.where)
    rows = rows.mutate(occasion=_occasion(rows, trigger))
    rows = rows.semi_join(journeys, ["customer_id", "occasion"])
    place = ibis.row_number().over(
        group_by=["customer_id", "occasion"], order_by=[rows.occurred_at.desc(), rows.event_id.asc()]
    )
    told = rows.mutate(place=place).filter(ibis._["place"] == 0)
    told = told.select("customer_id", "occasion", **{f"o_{name}": told[name] for name in names})
    for name, one in zip(totals, wanted, strict=True):
        summed = _total(events, one)
        joined = told.left_join(summed, told[f"o_{one.same}"].cast("string") == summed.same)
        told = joined.mutate(**{f"t_{name}": joined.total.fill_null(0)}).drop("same", "total")
    return told


def _on_segment(trigger: OnSegment, tables: Tables, first: date, last: date) -> ir.Table:
    ledger = tables.transitions
    assert ledger is not None
    rows = ledger.filter(
        ledger.segment == trigger.segment, ledger.change == trigger.change, ledger.business_day.between(first, last),
        # Who was merged into another has left nothing: the other one stands for them.
        ledger.reason.fill_null("") != GONE,
    )
    found = rows.group_by("customer_id", anchor_day=rows.business_day).aggregate(anchor_at=rows["at"].min())
    return found.select("customer_id", "anchor_day", "anchor_at", occasion=found.anchor_day.cast("string"))


def _on_event(trigger: OnEvent, events: ir.Table, first: date, last: date) -> ir.Table:
    rows = _of(events, trigger.events, trigger.where)
    rows = rows.filter(rows.business_day.between(first, last))
    rows = rows.mutate(occasion=_occasion(rows, trigger))
    rows = rows.filter(rows.occasion.notnull())
    return rows.group_by("customer_id", "occasion").aggregate(
        anchor_day=rows.business_day.min(), anchor_at=rows.occurred_at.min()
    )


def _on_date(trigger: OnDate, events: ir.Table, first: date, last: date) -> ir.Table:
    rows = _of(events, trigger.events, trigger.where)
    rows = rows.mutate(anchor_day=rows[trigger.day].cast("date"), occasion=_occasion(rows, trigger))
    rows = rows.filter(rows.anchor_day.between(first, last), rows.occasion.notnull())
    found = rows.group_by("customer_id", "occasion").aggregate(anchor_day=rows.anchor_day.min())
    return found.mutate(anchor_at=ibis.null("timestamp(6)"))


def _on_anniversary(trigger: OnTrait, customers: ir.Table, first: date, last: date) -> ir.Table:
    """One row a customer and year: of 29 February, in a year without one, the 28th."""
    rows = customers.select("customer_id", born=customers[trigger.trait].cast("date"))
    rows = rows.filter(rows.born.notnull())
    years = []
    for year in range(first.year, last.year + 1):
        is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        day = rows.born.day() if is_leap else (
            ((rows.born.month() == 2) & (rows.born.day() == 29)).ifelse(28, rows.born.day())
        )
        found = rows.filter(rows.born.year() < year)
        years.append(found.select("customer_id", anchor_day=ibis.date(ibis.literal(year), rows.born.month(), day)))
    return _on_days(years[0] if len(years) == 1 else ibis.union(*years), first, last)


def _on_days(days: ir.Table, first: date, last: date) -> ir.Table:
    rows = days.filter(days.anchor_day.between(first, last))
    return rows.select(
        "customer_id", "anchor_day", occasion=rows.anchor_day.cast("string"), anchor_at=ibis.null("timestamp(6)")
    )


def _of(events: ir.Table, types: tuple[str, ...], where: tuple[Where, ...]) -> ir.Table:
    tests: Mapping[int, ir.Value] = {n: one.test.holds(events[one.attribute]) for n, one in enumerate(where)}
    return events.filter(events.event_type.isin(list(types)), events.customer_id.notnull(), *tests.values())


def _occasion(rows: ir.Table, trigger: OnEvent | OnDate) -> ir.Value:
    """Return what tells the occasion apart: a party that is moved to another day is another occasion."""
    name = rows.event_id if trigger.occasion is None else rows[trigger.occasion]
    if isinstance(trigger, OnEvent):
        return name.cast("string")
    return name.cast("string") + "@" + rows[trigger.day].cast("date").cast("string")


def _total(events: ir.Table, one: Total) -> ir.Table:
    """One row a value of the attribute: same, total."""
    tests = reduce(lambda held, where: held & where.test.holds(events[where.attribute]), one.where, ibis.literal(True))
    rows = events.filter(events.event_type.isin(list(one.events)), tests)
    counted = rows.count() if one.of is None else rows[one.of].sum()
    return rows.group_by(same=rows[one.same].cast("string")).aggregate(total=counted)
