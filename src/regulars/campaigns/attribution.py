"""Which messages a conversion is put down to: five models over one table of touches, exact to the cent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

import ibis
import ibis.expr.types as ir

Model = Literal["first", "last", "linear", "time_decay", "position"]

TOUCH = ibis.schema({"touch_id": "string", "customer": "string", "campaign": "string", "at": "timestamp"})
"""A message that reached somebody: what we did, never what they did. Times are UTC."""

CONVERSION = ibis.schema({
    "conversion_id": "string", "customer": "string", "at": "timestamp", "value": "int64", "currency": "string",
})
"""Something that was hoped for: `value` in minor units, negative for what was given back, below 5 * 10 ** 11."""

CREDIT = ibis.schema({
    "conversion_id": "string", "customer": "string", "converted_at": "timestamp", "touch_id": "string",
    "campaign": "string", "touched_at": "timestamp", "position": "int64", "touches": "int64", "value": "int64",
    "currency": "string",
})
"""One row per conversion and touch that has a part in it; one with null touch_id where no touch came before.
`position` counts from 1, oldest first. The values of a conversion sum to its value, whatever the model.
"""

_SCALE = 1 << 24                             # weights are whole numbers: every engine divides them alike


def attributed(touches: ir.Table, conversions: ir.Table, *, model: Model, window: timedelta = timedelta(days=30),
               half_life: timedelta = timedelta(days=7)) -> ir.Table:
    """Share each conversion's value among the touches before it. Columns of CREDIT.

    first and last give it to one touch; linear to all alike; time_decay half as much to a touch that is a half-life
    older; position 40 % to the first and the last and 20 % to those between (half each to two, all to one). Cents that
    do not divide go to those with the largest remainders, then to the older touch, so that no cent is lost or made.

    Args:
        touches: columns of TOUCH.
        conversions: columns of CONVERSION.
        model: How the value is shared.
        window: How long before the conversion a touch counts; one at the very moment does.
        half_life: Of time_decay; whole seconds.

    """
    paths = _paths(touches, conversions, window=window)
    weighed = paths.mutate(weight=_WEIGHTS[model](paths, int(half_life.total_seconds())))
    weighed = weighed.filter(weighed.weight > 0)
    of = ibis.window(group_by=weighed.conversion_id)
    parts = weighed.mutate(total=weighed.weight.sum().over(of).cast("int64"))
    # Shares are of the size; the sign comes back at the end, so that what is given back is shared alike.
    owed = parts["size"] * parts.weight
    parts = parts.mutate(floor=_quotient(owed, parts.total), remainder=owed % parts.total)
    of = ibis.window(group_by=parts.conversion_id)
    rank = ibis.row_number().over(
        group_by=parts.conversion_id, order_by=[parts.remainder.desc(), parts.position.asc()]
    )
    parts = parts.mutate(left=parts["size"] - parts.floor.sum().over(of).cast("int64"), rank=rank)
    value = (parts.floor + ibis.ifelse(parts["rank"] < parts.left, 1, 0)) * parts.sign
    return parts.mutate(value=value.cast("int64")).select(*CREDIT.names)


def by_campaign(credit: ir.Table) -> ir.Table:
    """Sum credit up. One row per campaign and currency: campaign (null: nobody was written to), currency, value.

    Also conversions (how many it had a part in) and customers (how many people they are of).
    """
    return credit.group_by("campaign", "currency").aggregate(
        value=credit["value"].sum().cast("int64"),
        conversions=credit.conversion_id.nunique(), customers=credit.customer.nunique(),
    )


def returns(earned: ir.Table, costs: ir.Table) -> ir.Table:
    """Set what campaigns brought against what they cost. One row per campaign and currency that has either.

    Args:
        earned: of `by_campaign`.
        costs: campaign, currency, cost (minor units); several rows add up.

    Columns: campaign, currency, value, cost, conversions, roi and roas (shares: 0.5 is 50 %), cost_per_conversion
    (minor units). A ratio without a denominator is null: nothing spent is no endless return.

    """
    spent = costs.group_by("campaign", "currency").aggregate(cost=costs.cost.sum().cast("int64"))
    won = earned.filter(earned.campaign.notnull())
    both = won.outer_join(spent, ["campaign", "currency"])
    named = both.select(
        campaign=ibis.coalesce(both.campaign, both.campaign_right),
        currency=ibis.coalesce(both.currency, both.currency_right),
        value=both["value"].fill_null(0), cost=both.cost.fill_null(0), conversions=both.conversions.fill_null(0),
    )
    paid = named.cost.nullif(0).cast("float64")
    return named.mutate(
        roi=(named["value"] - named.cost).cast("float64") / paid, roas=named["value"].cast("float64") / paid,
        cost_per_conversion=named.cost.cast("float64") / named.conversions.nullif(0).cast("float64"),
    )


def _paths(touches: ir.Table, conversions: ir.Table, *, window: timedelta) -> ir.Table:
    """Put the touches that count beside each conversion, in order of time."""
    told = touches.select("touch_id", "campaign", touched_by="customer", touched_at="at")
    age = conversions.at.epoch_seconds() - told.touched_at.epoch_seconds()
    joined = conversions.left_join(told, [
        conversions.customer == told.touched_by, told.touched_at <= conversions.at,
        age <= int(window.total_seconds()),
    ])
    amount = joined["value"]
    ordered = ibis.window(group_by=joined.conversion_id, order_by=[joined.touched_at, joined.touch_id])
    whole = ibis.window(group_by=joined.conversion_id)
    return joined.select(
        "conversion_id", "customer", "touch_id", "campaign", "touched_at", "currency", converted_at="at",
        position=(ibis.row_number().over(ordered) + 1).cast("int64"), touches=joined.touch_id.count().over(whole),
        latest=joined.touched_at.max().over(whole), size=amount.abs(), sign=ibis.ifelse(amount < 0, -1, 1),
    )


def _quotient(number: ir.IntegerValue, by: ir.IntegerValue) -> ir.IntegerValue:
    """Divide whole numbers, exactly: less its remainder a number divides without a rest, and so without rounding.

    Engines divide in floating point. The quotient is at most the value of one conversion, far below 2 ** 53.
    """
    return ((number - number % by) / by).round().cast("int64")


def _first(paths: ir.Table, _: int) -> ir.Value:
    return ibis.ifelse(paths.position == 1, 1, 0).cast("int64")


def _last(paths: ir.Table, _: int) -> ir.Value:
    return ibis.ifelse(paths.position >= paths.touches, 1, 0).cast("int64")


def _linear(_: ir.Table, __: int) -> ir.Value:
    return ibis.literal(1, "int64")


def _time_decay(paths: ir.Table, half_life: int) -> ir.Value:
    """Weigh by 2 ** -(age / half-life), the age behind the last touch: only the proportions count.

    Rounding to 24 bits makes it one number on every engine; a touch 25 half-lives older gets nothing.
    """
    behind = (paths.latest.epoch_seconds() - paths.touched_at.epoch_seconds()).fill_null(0).cast("float64")
    return (ibis.literal(2.0).pow(-behind / half_life) * _SCALE).round().cast("int64")


def _position(paths: ir.Table, _: int) -> ir.Value:
    """Weigh the ends 2 (n - 2) each and those between 1 each: of 5 (n - 2) that is 40, 20 and 40 per cent."""
    is_end = (paths.position == 1) | (paths.position == paths.touches)
    return ibis.cases(
        (paths.touches <= 2, 1), (is_end, 2 * (paths.touches - 2)), else_=1
    ).cast("int64")


_WEIGHTS: Mapping[Model, Callable[[ir.Table, int], ir.Value]] = MappingProxyType({
    "first": _first, "last": _last, "linear": _linear, "time_decay": _time_decay, "position": _position,
})
