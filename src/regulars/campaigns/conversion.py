"""A conversion: whatever counts towards a campaign's goal, once each, and who converted after they were asked."""

from __future__ import annotations

from datetime import timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns.attribution import CONVERSION
from regulars.campaigns.goal import CampaignGoal
from regulars.campaigns.spans import SECOND, moments, pairs, second_of, whole_seconds
from regulars.metrics.metric import Metric, Taken, countable

ONCE_A_DAY = ("customer_id", "business_day")
"""Distinct customers and days: whatever one does on a business day is one conversion."""


def conversions(goal: CampaignGoal, metric: Metric, rows: ir.Table, *, currency: str) -> ir.Table:
    """Return whatever counts towards a goal, once each. Columns of CONVERSION.

    Lines of one payment are one conversion; what was given back is one with a negative value. What a metric counts
    only once (`distinct: membership_id`) converts a customer once.

    Args:
        goal: Of a metric that is `countable`.
        metric: The one it names.
        rows: Events with customer_id, or lines of the money ledger with it.
        currency: Of the business: that of `worth`.

    """
    formula = countable(metric)
    assert formula is not None, f"{metric.name} is a number of a day"
    known = rows.filter(rows.customer_id.notnull())
    known = known.filter(known.event_type.isin(formula.events)) if formula.events else known
    tests = [where.test.holds(known[where.attribute]) for where in formula.where]
    known = known.filter(tests) if tests else known
    is_money = formula.take == "sum" and metric.unit == "money"
    told = known.select(
        conversion_id=_identity(known, formula), customer="customer_id", at="occurred_at",
        value=known[str(formula.of)].cast("int64") if is_money else ibis.literal(goal.worth or 0, "int64"),
        currency=ibis.literal(currency) if formula.events else known.currency,
    )
    told = told.filter(told.conversion_id.notnull())
    whole = told.group_by("conversion_id", "customer", "currency").aggregate(
        at=told.at.min(), value=(told["value"].sum() if is_money else told["value"].max()).cast("int64"),
    )
    return whole.select(*CONVERSION.names)


def redeemed(goal: CampaignGoal, rows: ir.Table, code: str) -> ir.Table:
    """Return the rows of a goal's metric that say a promo code, in small letters or large."""
    said = rows[str(goal.code)].cast("string")
    return rows.filter(said.strip().upper() == code.strip().upper())


def reached(asked: pa.Table, found: pa.Table, *, within: timedelta, currency: str) -> pa.Table:
    """Say who converted after they were asked. One row per row of asked, in order: its columns, converted_at, value.

    converted_at is null for who did not; what was only given back is no conversion, and is taken off the value. Only
    what is in the currency has a value: others do not add up with it.

    Args:
        asked: customer, asked_at.
        found: columns of CONVERSION.
        within: How long after asked_at still counts; whole seconds.
        currency: Of the value.

    """
    since = moments(asked["asked_at"])
    both = pairs(
        asked["customer"], since, second_of(since) + whole_seconds(within) + SECOND, right=found["customer"],
        at=moments(found["at"]),
    )
    amount = found["value"].combine_chunks().to_numpy()[both.right]
    is_ours = pc.equal(found["currency"], currency).combine_chunks().to_numpy(zero_copy_only=False)[both.right]
    value = np.zeros(asked.num_rows, np.int64)
    np.add.at(value, both.left, np.where(is_ours, amount, 0))
    # Pairs stand in order of time, so that the first of a row that was not given back is when it converted.
    rows, at = np.unique(both.left[amount >= 0], return_index=True)
    first = np.full(asked.num_rows, -1)
    first[rows] = both.right[amount >= 0][at]
    converted = found["at"].take(pa.array(first, mask=first < 0))
    return asked.append_column("converted_at", converted).append_column("value", pa.array(value))


def _identity(rows: ir.Table, formula: Taken) -> ir.StringValue:
    """Name what converts: the event, the payment, the thing that is new to the customer, or the customer's day."""
    if formula.take != "distinct":
        if formula.events:
            return rows.event_id
        return ibis.literal("").join([
            rows.source, ibis.literal("/"), ibis.coalesce(rows.payment_id, rows.line_id), ibis.literal("/"),
            rows.currency,
        ])
    thing = rows.business_day if formula.of in ONCE_A_DAY else rows[str(formula.of)]
    return rows.customer_id + ibis.literal("/") + thing.cast("string")
