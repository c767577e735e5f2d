"""Statistics of shops: what each product was shown, put into carts and sold, day by day, as one expression."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regulars.shops.order_events import RETURNED
from regulars.shops.pixel_events import ADDED, BOUGHT, SEEN, VIEWED

SHOP_DAY = ("shop_id", "days", "day")
"""By these columns whole days are counted anew."""

SHOP_STATISTICS = ibis.schema({
    "shop_id": "string", "days": "string", "day": "date", "product_id": "string", "variant_id": "string",
    "experiment": "string", "shown": "string", "impressions": "int64", "add_to_carts": "int64", "orders": "int64",
    "items": "int64", "revenue": "int64", "refunded": "int64", "currency": "string", "revenue_unknown": "int64",
    "ctr": "float64", "conversion_rate": "float64", "month": "string",
})
"""One row per shop, day, product, variant of it, and what an experiment showed of it then.

days: `utc` or `shop`, in whose days `day` is counted: every event is in one row of either. product_id, variant_id:
GIDs, the variant null where it was not told. experiment, shown: the experiment that was on and the variant of it that
everybody was shown at the moment of the event, or that an order says its buyer was shown; null while there was none.
orders: different orders with a line of it; items: their pieces. revenue: minor units of `currency`, the shop's, less
`refunded`: what of these orders was given back, whenever it was. revenue_unknown: lines whose amount was not told or is
in another currency, and is not in it. ctr: carts an impression, conversion_rate: orders an impression; null without
impressions.
"""

_BY = (*SHOP_DAY, "month", "product_id", "variant_id", "experiment", "shown", "shop_currency")
_OF_ORDER = ("shop_id", "order")
_OF_LINE = (*_OF_ORDER, "product_id", "variant")


def shop_statistics(
    events: ir.Table, *, days: ir.Table, shown: ir.Table, cases: ir.Table, returned: ir.Table | None = None
) -> ir.Table:
    """Return SHOP_STATISTICS of the days asked for.

    Args:
        events: Of the lake, of all that happened on these days and the ones beside them at least.
        days: `calendar.DAYS`.
        shown: `calendar.SHOWN`, of these days at least.
        cases: `calendar.CASES`.
        returned: Of the lake, whatever was given back, whenever; None: no shop tells of its orders, pixels alone do.

    """
    lines = product_lines(events, returned=returned)
    dated = lines.inner_join(days, ["shop_id", "utc_day"])
    dated = dated.filter(dated.occurred_at >= dated.begins, dated.occurred_at < dated.ends).drop("begins", "ends")
    seen = lines.select("event_id", "shop_id", "product_id", "utc_day", "occurred_at").inner_join(
        shown, ["shop_id", "product_id", "utc_day"]
    )
    seen = seen.filter(seen.occurred_at >= seen.begins, seen.occurred_at < seen.ends)
    found = dated.left_join(seen.select("event_id", "experiment", "shown"), "event_id").drop("event_id_right")
    said = found.left_join(cases, ["shop_id", "product_id", "told_test", "told_case"])
    is_said = said.case_shown.notnull()
    told = said.mutate(
        experiment=ibis.ifelse(is_said, said.told_test, said.experiment),
        shown=ibis.ifelse(is_said, said.case_shown, said.shown), month=said.day.cast("string").substr(0, 7),
    )
    return _counted(told)


def product_lines(events: ir.Table, *, returned: ir.Table | None) -> ir.Table:
    """Return what was told of products, each order by the word of one. One row per event; see `shop_statistics`."""
    return _lines(events) if returned is None else _told_once(events, returned)


def order_number(events: ir.Table) -> ir.StringColumn:
    """Return the orders of events as numbers: pixels call an order by its number or by its GID."""
    return events.order_id.re_replace(r"^gid://shopify/[A-Za-z]+/", "")


def order_days(events: ir.Table, *, of: ir.Table) -> ir.Table:
    """Return on which days of UTC orders were made of which some events tell. One row per: shop_id, utc_day."""
    asked = _orders(of).select(*_OF_ORDER).distinct()
    made = _orders(events).semi_join(asked, _OF_ORDER)
    return made.select("shop_id", utc_day=made.occurred_at.date()).distinct()


def _lines(events: ir.Table) -> ir.Table:
    """What was told of products. One row per event: event_id, event_type, occurred_at, utc_day, and its attributes."""
    told = events.filter(
        events.event_type.isin([VIEWED, ADDED, BOUGHT, SEEN]), events.shop_id.notnull(), events.product_id.notnull()
    )
    return _shaped(told)


def _told_once(events: ir.Table, returned: ir.Table) -> ir.Table:
    """`_lines`, without what pixels saw of orders that the shop told of too, and with what was given back of them.

    What was given back has the moment of its order, and is under what its order is under: a test is of what was sold.
    """
    lines = _lines(events)
    own, seen = lines.filter(lines.event_type == BOUGHT), lines.filter(lines.event_type == SEEN)
    alone = seen.anti_join(own, _OF_ORDER).mutate(event_type=ibis.literal(BOUGHT))
    kept = lines.filter(lines.event_type != SEEN).union(alone.select(*lines.columns))
    sold = kept.filter(kept.event_type == BOUGHT)
    sold = sold.group_by(*_OF_LINE).agg(
        sold_at=sold.occurred_at.min(), sold_test=sold.told_test.min(), sold_case=sold.told_case.min()
    )
    back = _shaped(returned.filter(returned.event_type == RETURNED, returned.shop_id.notnull()))
    back = back.inner_join(sold, _OF_LINE)
    back = back.mutate(
        occurred_at=back.sold_at, utc_day=back.sold_at.date(), told_test=back.sold_test, told_case=back.sold_case
    )
    return kept.union(back.select(*kept.columns))


def _shaped(told: ir.Table) -> ir.Table:
    """Lines, whose order is a number, and whose variant is "" beside `variant_id` where it was not told."""
    said = {
        name: told[name] if name in told.columns else ibis.null("string") for name in ("told_test", "told_case")
    }
    return told.select(
        "event_id", "event_type", "occurred_at", "shop_id", "product_id", "variant_id", "quantity", "revenue",
        "currency", **said, order=order_number(told),
        variant=told.variant_id.fill_null(""), utc_day=told.occurred_at.date(),
    )


def _orders(events: ir.Table) -> ir.Table:
    told = events.filter(
        events.event_type.isin([BOUGHT, SEEN, RETURNED]), events.shop_id.notnull(), events.product_id.notnull(),
        events.order_id.notnull(),
    )
    return _shaped(told)


def _counted(told: ir.Table) -> ir.Table:
    """Count events by what SHOP_STATISTICS has one row per."""
    is_bought, is_back = told.event_type == BOUGHT, told.event_type == RETURNED
    is_known = told.revenue.notnull() & (told.currency == told.shop_currency)
    is_counted = is_bought & is_known
    found = told.group_by(*_BY).agg(
        impressions=(told.event_type == VIEWED).sum().cast("int64"),
        add_to_carts=(told.event_type == ADDED).sum().cast("int64"),
        orders=told.order.fill_null(told.event_id).nunique(where=is_bought).cast("int64"),
        items=told.quantity.sum(where=is_bought).fill_null(0).cast("int64"),
        sold=told.revenue.sum(where=is_counted).fill_null(0).cast("int64"),
        refunded=told.revenue.sum(where=is_back & is_known).fill_null(0).cast("int64"),
        lines=is_bought.sum().cast("int64"), counted=is_counted.fill_null(False).sum().cast("int64"),
    )
    found = found.mutate(
        revenue=found.sold - found.refunded, currency=found.shop_currency,
        revenue_unknown=found.lines - found.counted, ctr=found.add_to_carts / found.impressions.nullif(0),
        conversion_rate=found.orders / found.impressions.nullif(0),
    )
    return found.select(*SHOP_STATISTICS.names)
