"""Answers about shops: what they show now, what was counted of them day by day and product by product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Literal

import ibis
import ibis.expr.types as ir

from regulars.check import did_you_mean
from regulars.errors import NotFound
from regulars.pipeline.judge import served
from regulars.pipeline.shops import STATISTICS, rotated_of
from regulars.pipeline.workspace import Workspace
from regulars.shops.calendar import Days
from regulars.shops.rotation import Rotated, showing_at
from regulars.shops.shop import Shop
from regulars.storage.engines.question import given

State = Literal["draft", "waits", "runs", "stopped", "ended"]
"""Of a rotation: stopped can be undone, ended is over by its days, its power or a winner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationNow:
    """How a product under test stands at a moment."""

    rotated: Rotated
    state: State
    variant: str                             # that is to be shown: of the slot, the control, or the winner
    until: datetime | None                   # aware; when that may change by itself; None: it does not


@dataclass(frozen=True, slots=True, kw_only=True)
class CountsAsked:
    """Which statistics; None asks nothing."""

    days: Days = "shop"
    shop: str | None = None                  # its id
    product: str | None = None               # GID
    variant: str | None = None               # GID
    first: date | None = None
    last: date | None = None                 # included


def shop_named(workspace: Workspace, name: str) -> Shop:
    """Return a declared shop. Raises NotFound with the closest name."""
    by_name = {shop.name: shop for shop in workspace.project.shops}
    if name not in by_name:
        raise NotFound(f"there is no shop {name!r}", hint=did_you_mean(name, by_name))
    return by_name[name]


def rotations_now(workspace: Workspace, shop: Shop) -> list[RotationNow]:
    """Return what is to be shown of each product of a shop that is under test, as of now."""
    now = workspace.clock.now()
    return [_now(workspace, one, now) for one in rotated_of(workspace) if one.shop.name == shop.name]


def rotation_of(workspace: Workspace, shop: Shop, product: str) -> RotationNow | None:
    """Return what is to be shown of a product now, by the experiment that began last; None: no experiment has begun."""
    begun = [
        one for one in rotations_now(workspace, shop)
        if one.rotated.rotation.product == product and one.state not in {"draft", "waits"}
    ]
    return max(begun, key=lambda one: str(one.rotated.experiment.begins), default=None)


def statistics_page(
    workspace: Workspace, asked: CountsAsked, *, limit: int, after: str | None = None
) -> list[dict[str, Any]]:
    """Return rows of the statistics with their `place`, in the order of days, shops, products; those after a place.

    Raises NotFound for a shop that is not declared.
    """
    return _rows(workspace, _next, asked, limit, after)


def products_page(
    workspace: Workspace, asked: CountsAsked, *, limit: int, after: str | None = None
) -> list[dict[str, Any]]:
    """Return what was counted of each product over the days asked for, by product, with its `place`.

    Raises NotFound for a shop that is not declared.
    """
    return _rows(workspace, _by_product, asked, limit, after)


def _rows(
    workspace: Workspace, make: Any, asked: CountsAsked, limit: int, after: str | None
) -> list[dict[str, Any]]:
    if asked.shop is not None:
        shop_named(workspace, asked.shop)
    if not workspace.has(STATISTICS):
        return []
    values: Mapping[str, object] = {
        each.name: value for each in fields(asked) if (value := getattr(asked, each.name)) is not None
    }
    beyond = {} if after is None else {"after": after}
    return list(workspace.ask(make, tuple(sorted(values)), limit, bool(beyond), **beyond, **values).to_pylist())


def _now(workspace: Workspace, rotated: Rotated, now: datetime) -> RotationNow:
    control, span = rotated.experiment.control, rotated.span
    if span is None or now < span[0]:
        state: State = "draft" if span is None else "waits"
        return RotationNow(rotated=rotated, state=state, variant=control, until=None if span is None else span[0])
    showing = showing_at(rotated, now)
    if showing is not None:
        return RotationNow(rotated=rotated, state="runs", variant=showing.variant, until=showing.ends)
    chosen = served(workspace, rotated.experiment)
    is_over = span[1] is not None and now >= span[1]
    decided = workspace.book.experiments.decisions(rotated.experiment.name)
    is_paused = not is_over and decided[-1].kind in {"stopped", "tripped"}
    return RotationNow(
        rotated=rotated, state="stopped" if is_paused else "ended", variant=chosen or control, until=None
    )


def _asked(workspace: Workspace, asks: tuple[str, ...]) -> ir.Table:
    """Return the statistics that are asked for. A question: what is asked is to be given."""
    rows = workspace.table(STATISTICS)
    tests = {
        "days": lambda: rows.days == given("days"), "shop": lambda: rows.shop_id == given("shop"),
        "product": lambda: rows.product_id == given("product"), "variant": lambda: rows.variant_id == given("variant"),
        "first": lambda: rows.day >= given("first", "date"), "last": lambda: rows.day <= given("last", "date"),
    }
    return rows.filter(*(tests[name]() for name in asks))


def _next(workspace: Workspace, asks: tuple[str, ...], limit: int, is_beyond: bool) -> ir.Table:  # noqa: FBT001  a shape
    rows = _asked(workspace, asks)
    parts = [rows.day.cast("string"), rows.shop_id, rows.product_id, *(
        rows[name].fill_null("") for name in ("variant_id", "experiment", "shown")
    )]
    return _after(rows.mutate(place=_joined(parts)), limit, is_beyond=is_beyond)


def _by_product(workspace: Workspace, asks: tuple[str, ...], limit: int, is_beyond: bool) -> ir.Table:  # noqa: FBT001  a shape
    rows = _asked(workspace, asks)
    found = rows.group_by("shop_id", "product_id", "currency").agg(
        first_day=rows.day.min(), last_day=rows.day.max(), variants=rows.variant_id.nunique(),
        **{name: rows[name].sum().cast("int64") for name in _SUMS},
    )
    return _after(found.mutate(place=_joined([found.shop_id, found.product_id])), limit, is_beyond=is_beyond)


_SUMS = ("impressions", "add_to_carts", "orders", "items", "revenue", "refunded", "revenue_unknown")


def _after(rows: ir.Table, limit: int, *, is_beyond: bool) -> ir.Table:
    if is_beyond:
        rows = rows.filter(rows.place > given("after"))
    return rows.order_by("place").limit(limit)


def _joined(parts: list[ir.Value]) -> ir.Value:
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + ibis.literal("|") + part
    return joined
