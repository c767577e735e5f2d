"""What was counted of every variant of a product on days of UTC, those on which nothing came too."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.pipeline.shops import STATISTICS
from regulars.pipeline.workspace import Workspace

_SUMS = ("impressions", "add_to_carts", "orders", "revenue")
_KEY = ("shop_id", "product_id", "variant_id", "day")


def variant_days(workspace: Workspace, *, shop: str, first: date, last: date) -> list[dict[str, Any]]:
    """Return a row for each day, both included, and each variant that was told of until then: the sums of its day.

    Rows have shop_id, product_id, variant_id, day, impressions, add_to_carts, orders, revenue (minor units), by day,
    product, variant. Nothing before the first run that counts.
    """
    if not workspace.has(STATISTICS):
        return []
    wanted = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    days = workspace.stores.engine.arrow(pa.table({"day": pa.array(wanted, pa.date32())}))
    found = workspace.fetch(_dense(workspace.table(STATISTICS), days, shop=shop, last=last))
    return list(found.sort_by([(name, "ascending") for name in ("day", "product_id", "variant_id")]).to_pylist())


def _dense(statistics: ir.Table, days: ir.Table, *, shop: str, last: date) -> ir.Table:
    own = statistics.filter(statistics.days == "utc", statistics.shop_id == shop, statistics.day <= last)
    # One name for a variant that nobody told, so that it joins.
    own = own.mutate(variant=own.variant_id.fill_null(""))
    known = own.group_by("shop_id", "product_id", "variant")
    known = known.agg(first_day=own.day.min(), variant_id=own.variant_id.max())
    each = known.cross_join(days).filter(lambda t: t.day >= t.first_day)
    sums = own.group_by("product_id", "variant", "day").agg(**{name: own[name].sum().cast("int64") for name in _SUMS})
    told = each.left_join(sums, ["product_id", "variant", "day"])
    return told.select(*_KEY, **{name: told[name].fill_null(ibis.literal(0, "int64")) for name in _SUMS})
