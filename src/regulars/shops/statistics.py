"""Statistics of shops: what each product was shown, put into carts and sold, day by day, as one expression."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regulars.shops.pixel_events import ADDED, BOUGHT, VIEWED

SHOP_DAY = ("shop_id", "days", "day")
"""By these columns whole days are counted anew."""

SHOP_STATISTICS = ibis.schema({
    "shop_id": "string", "days": "string", "day": "date", "product_id": "string", "variant_id": "string",
    "experiment": "string", "shown": "string", "impressions": "int64", "add_to_carts": "int64", "orders": "int64",
    "items": "int64", "revenue": "int64", "currency": "string", "revenue_unknown": "int64", "ctr": "float64",
    "conversion_rate": "float64", "month": "string",
})
"""One row per shop, day, product, variant of it, and what an experiment showed of it then.

days: `utc` or `shop`, in whose days `day` is counted: every event is in one row of either. product_id, variant_id:
GIDs, the variant null where it was not told. experiment, shown: the experiment that was on and the variant of it that
everybody was shown at the moment of the event; null while there was none. orders: different orders with a line of it;
items: their pieces. revenue: minor units of `currency`, the shop's; revenue_unknown: lines whose amount was not told or
is in another currency, and is not in it. ctr: carts an impression, conversion_rate: orders an impression; null without
impressions.
"""

_BY = (*SHOP_DAY, "month", "product_id", "variant_id", "experiment", "shown", "shop_currency")


def shop_statistics(events: ir.Table, *, days: ir.Table, shown: ir.Table) -> ir.Table:
    """Return SHOP_STATISTICS of the days asked for.

    Args:
        events: Of the lake, of all that happened on these days at least.
        days: `calendar.DAYS`.
        shown: `calendar.SHOWN`, of these days at least.

    """
    lines = _lines(events)
    dated = lines.inner_join(days, ["shop_id", "utc_day"])
    dated = dated.filter(dated.occurred_at >= dated.begins, dated.occurred_at < dated.ends).drop("begins", "ends")
    seen = lines.select("event_id", "shop_id", "product_id", "utc_day", "occurred_at").inner_join(
        shown, ["shop_id", "product_id", "utc_day"]
    )
    seen = seen.filter(seen.occurred_at >= seen.begins, seen.occurred_at < seen.ends)
    told = dated.left_join(seen.select("event_id", "experiment", "shown"), "event_id").drop("event_id_right")
    return _counted(told.mutate(month=told.day.cast("string").substr(0, 7)))


def _lines(events: ir.Table) -> ir.Table:
    """What pixels told. One row per event: event_id, event_type, occurred_at, utc_day, and its attributes."""
    told = events.filter(
        events.event_type.isin([VIEWED, ADDED, BOUGHT]), events.shop_id.notnull(), events.product_id.notnull()
    )
    return told.select(
        "event_id", "event_type", "occurred_at", "shop_id", "product_id", "variant_id", "order_id", "quantity",
        "revenue", "currency", utc_day=told.occurred_at.date(),
    )


def _counted(told: ir.Table) -> ir.Table:
    """Count events by what SHOP_STATISTICS has one row per."""
    is_bought = told.event_type == BOUGHT
    is_counted = is_bought & told.revenue.notnull() & (told.currency == told.shop_currency)
    found = told.group_by(*_BY).agg(
        impressions=(told.event_type == VIEWED).sum().cast("int64"),
        add_to_carts=(told.event_type == ADDED).sum().cast("int64"),
        orders=told.order_id.fill_null(told.event_id).nunique(where=is_bought).cast("int64"),
        items=told.quantity.sum(where=is_bought).fill_null(0).cast("int64"),
        revenue=told.revenue.sum(where=is_counted).fill_null(0).cast("int64"),
        lines=is_bought.sum().cast("int64"), counted=is_counted.fill_null(False).sum().cast("int64"),
    )
    found = found.mutate(
        currency=found.shop_currency, revenue_unknown=found.lines - found.counted,
        ctr=found.add_to_carts / found.impressions.nullif(0),
        conversion_rate=found.orders / found.impressions.nullif(0),
    )
    return found.select(*SHOP_STATISTICS.names)
