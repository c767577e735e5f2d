"""Days of a shop as spans of time: UTC's, in which reports are exchanged, and its own, in which its people live.

What is asked for is a table, so that a day is a join and not a calculation that engines would do each in its own way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import pyarrow as pa

from regulars.shops.rotation import Rotated, case_of, midnight, showings
from regulars.shops.shop import Shop

Days = Literal["utc", "shop"]
"""Whose days: those of UTC, or those of the shop's own zone."""

_MOMENT = pa.timestamp("us")

DAYS = pa.schema([
    ("shop_id", pa.string()), ("utc_day", pa.date32()), ("days", pa.string()), ("day", pa.date32()),
    ("begins", _MOMENT), ("ends", _MOMENT), ("shop_currency", pa.string()),
])
"""One row per day of a shop and day of UTC that it lies in: `day`, whose, from a moment up to another (naive UTC)."""

SHOWN = pa.schema([
    ("shop_id", pa.string()), ("product_id", pa.string()), ("utc_day", pa.date32()), ("experiment", pa.string()),
    ("shown", pa.string()), ("begins", _MOMENT), ("ends", _MOMENT),
])
"""One row per showing and day of UTC that it lies in: the variant `shown`, from a moment up to another (naive UTC)."""

CASES = pa.schema([
    ("shop_id", pa.string()), ("product_id", pa.string()), ("told_test", pa.string()), ("told_case", pa.string()),
    ("case_shown", pa.string()),
])
"""One row per product under test and case of it, BASE or TEST: the variant that a page calls so."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ShopDay:
    """One day of a shop, of UTC or of its own zone."""

    shop_id: str
    days: Days
    day: date


def touched(shop: Shop, utc_days: Iterable[date]) -> set[ShopDay]:
    """Return the days of a shop, both UTC's and its own, in which moments of some days of UTC lie."""
    found: set[ShopDay] = set()
    for day in utc_days:
        found.add(ShopDay(shop_id=shop.name, days="utc", day=day))
        for near in (day - timedelta(days=1), day, day + timedelta(days=1)):
            begins, ends = span(shop, "shop", near)
            if begins.date() <= day <= (ends - timedelta(microseconds=1)).date():
                found.add(ShopDay(shop_id=shop.name, days="shop", day=near))
    return found


def span(shop: Shop, days: Days, day: date) -> tuple[datetime, datetime]:
    """Return a day as moments in UTC: from its first up to the next day's."""
    zone = "UTC" if days == "utc" else shop.timezone
    return midnight(day, zone), midnight(day + timedelta(days=1), zone)


def days_table(shops: Mapping[str, Shop], wanted: Iterable[ShopDay]) -> pa.Table:
    """Return days as DAYS. `shops`: by id."""
    rows: list[dict[str, Any]] = []
    for one in sorted(wanted):
        begins, ends = span(shops[one.shop_id], one.days, one.day)
        told = {"shop_id": one.shop_id, "days": one.days, "day": one.day, **_span(begins, ends)}
        currency = shops[one.shop_id].currency
        rows += [{**told, "utc_day": day, "shop_currency": currency} for day in _utc_days(begins, ends)]
    return pa.Table.from_pylist(rows, schema=DAYS)


def shown_table(rotated: Iterable[Rotated], *, first: datetime, end: datetime) -> pa.Table:
    """Return what is shown in [first, end) as SHOWN."""
    rows: list[dict[str, Any]] = []
    for one in rotated:
        told = {"shop_id": one.shop.name, "product_id": one.rotation.product, "experiment": one.experiment.name}
        for showing in showings(one, first=first, end=end):
            days = _utc_days(showing.begins, showing.ends)
            slot = {"shown": showing.variant, **_span(showing.begins, showing.ends)}
            rows += [{**told, **slot, "utc_day": day} for day in days]
    return pa.Table.from_pylist(rows, schema=SHOWN)


def cases_table(rotated: Iterable[Rotated]) -> pa.Table:
    """Return what the variants of products under test are called on pages, as CASES."""
    rows = [
        {
            "shop_id": one.shop.name, "product_id": one.rotation.product, "told_test": one.experiment.name,
            "told_case": case_of(one.experiment, variant.name), "case_shown": variant.name,
        }
        for one in rotated for variant in one.experiment.variants
    ]
    return pa.Table.from_pylist(rows, schema=CASES)


def _span(begins: datetime, ends: datetime) -> dict[str, datetime]:
    return {"begins": begins.replace(tzinfo=None), "ends": ends.replace(tzinfo=None)}


def _utc_days(begins: datetime, ends: datetime) -> Iterator[date]:
    """Yield the days of UTC that a span lies in."""
    day, last = begins.date(), (ends - timedelta(microseconds=1)).date()
    while day <= last:
        yield day
        day += timedelta(days=1)
