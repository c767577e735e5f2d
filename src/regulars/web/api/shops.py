"""Shops: which there are and what they show, what was counted of their products, and the statistics day by day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import msgspec

from regulars.pipeline.shop_answers import (
    CountsAsked,
    RotationNow,
    State,
    products_page,
    rotations_now,
    shop_named,
    statistics_page,
)
from regulars.pipeline.shop_report import ShopReport, shop_report
from regulars.shops.calendar import Days
from regulars.shops.named import Sort, gid
from regulars.shops.shop import Shop
from regulars.web.api.paging import Row, page_of, place_in
from regulars.web.api.problem import RequestMeaningless
from regulars.web.api.route import ApiRoute, Ask, Cursor, Limit, Page

Id = Annotated[str, msgspec.Meta(max_length=100, description="A number or a GID.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationLine:
    """A product under test."""

    experiment: str
    product_id: str
    slot_minutes: int
    state: State
    shown: str                               # the variant that is to be shown now
    until: datetime | None                   # when that may change by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopLine:
    """A declared shop."""

    shop: str
    domain: str
    domains: list[str]
    source: str                              # where its pixel's messages are kept
    timezone: str
    currency: str
    needs_key: bool
    experiments: list[RotationLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductLine:
    """What was counted of a product of a shop, all its variants together."""

    shop: str
    product_id: str
    variants: int                            # of the product that were told
    first_day: date                          # of those asked for
    last_day: date
    impressions: int
    add_to_carts: int
    orders: int                              # one of several variants counts for each
    items: int
    revenue: int                             # minor units, less what is refunded
    refunded: int                            # of these orders, whenever it was given back
    revenue_unknown: int                     # lines that are not in it
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsDay:
    """What was counted of a product on a day, of one variant of it and one that an experiment showed."""

    shop: str
    days: Days
    day: date
    product_id: str
    variant_id: str | None                   # null: it was not told
    experiment: str | None                   # null: none was on
    shown: str | None                        # the experiment's variant that everybody was shown
    impressions: int
    add_to_carts: int
    orders: int
    items: int
    revenue: int                             # minor units, less what is refunded
    refunded: int                            # of these orders, whenever it was given back
    revenue_unknown: int                     # lines that are not in it: no amount, or another currency
    currency: str
    ctr: float | None                        # carts an impression; null: there was none
    conversion_rate: float | None            # orders an impression


@dataclass(frozen=True, slots=True, kw_only=True)
class SomeProducts:
    """Days, both included, and how many products; all days where nothing is said."""

    days: Days = "shop"
    first: date | None = None
    last: date | None = None
    limit: Limit = 100
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SomeDays:
    """Which statistics: of a shop, a product, a variant of it, on days, both included; all where nothing is said."""

    shop: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    product: Id | None = None
    variant: Id | None = None
    days: Days = "shop"
    first: date | None = None
    last: date | None = None
    limit: Limit = 100
    cursor: Cursor | None = None


def shops(ask: Ask) -> Page[ShopLine]:
    """Return every declared shop."""
    return Page(items=[_line(ask, shop) for shop in ask.workspace.project.shops])


def shop(ask: Ask) -> ShopLine:
    """Return one shop."""
    return _line(ask, shop_named(ask.workspace, ask.path["shop"]))


def products(ask: Ask) -> Page[ProductLine]:
    """Return what was counted of each product of a shop."""
    query: SomeProducts = ask.query
    asked = CountsAsked(shop=ask.path["shop"], days=query.days, first=query.first, last=query.last)
    after = place_in(query.cursor, str)
    found = products_page(ask.workspace, asked, limit=query.limit + 1, after=after)
    return _page(found, query.limit, ProductLine)


def statistics(ask: Ask) -> Page[StatisticsDay]:
    """Return what was counted, day by day."""
    query: SomeDays = ask.query
    asked = CountsAsked(
        shop=query.shop, days=query.days, first=query.first, last=query.last,
        product=_gid(query.product, "Product"), variant=_gid(query.variant, "ProductVariant"),
    )
    after = place_in(query.cursor, str)
    return _page(statistics_page(ask.workspace, asked, limit=query.limit + 1, after=after), query.limit, StatisticsDay)


def rotation(ask: Ask) -> ShopReport:
    """Return whether what is shown of a product worked."""
    return shop_report(ask.workspace, ask.path["shop"], ask.path["rotation"])


def _page(found: Sequence[Mapping[str, Any]], limit: int, kind: Callable[..., Row]) -> Page[Row]:
    names = [name for name in kind.__dataclass_fields__ if name != "shop"]  # type: ignore[attr-defined]  # a dataclass
    return page_of(
        found, limit=limit, row=lambda row: kind(shop=row["shop_id"], **{name: row[name] for name in names}),
        place=lambda row: row["place"],
    )


def _gid(said: str | None, sort: Sort) -> str | None:
    if said is None:
        return None
    found = gid(said, sort)
    if found is None:
        raise RequestMeaningless(f"{said!r} is no {sort}", hint=f"7809670938693, or gid://shopify/{sort}/7809670938693")
    return found


def _line(ask: Ask, one: Shop) -> ShopLine:
    return ShopLine(
        shop=one.name, domain=one.domain, domains=list(one.domains), source=one.source, timezone=one.timezone,
        currency=one.currency, needs_key=one.needs_key,
        experiments=[_rotation(each) for each in rotations_now(ask.workspace, one)],
    )


def _rotation(now: RotationNow) -> RotationLine:
    rotation = now.rotated.rotation
    return RotationLine(
        experiment=rotation.experiment, product_id=rotation.product, slot_minutes=rotation.slot // timedelta(minutes=1),
        state=now.state, shown=now.variant, until=now.until,
    )


ROUTES = (
    ApiRoute(
        name="listShops", path="/shops", answer=shops, gives=Page[ShopLine],
        sentence="Every declared shop, and what it is to show of each product under test.",
    ),
    ApiRoute(
        name="getShop", path="/shops/{shop}", answer=shop, gives=ShopLine,
        sentence="One shop, and what it is to show of each product under test.", errors=(404,),
    ),
    ApiRoute(
        name="listShopProducts", path="/shops/{shop}/products", answer=products, gives=Page[ProductLine],
        query=SomeProducts, errors=(404,),
        sentence="What was counted of each product of a shop, over all days or some.",
    ),
    ApiRoute(
        name="getShopReport", path="/shops/{shop}/rotations/{rotation}", answer=rotation, gives=ShopReport,
        errors=(404,), sentence="Whether a product under test did better, slot by slot; named by its experiment.",
    ),
    ApiRoute(
        name="listStatistics", path="/statistics", answer=statistics, gives=Page[StatisticsDay], query=SomeDays,
        sentence="What each product was shown, put into carts and sold, day by day.", errors=(404,),
    ),
)
