"""Customers a page at a time, in the order of their ids, which never changes, or in one that a person chose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, get_args

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.check import did_you_mean
from regulars.errors import NotFound
from regulars.events.ledger import REVENUE
from regulars.pipeline.find import Kind, matching, meaning_of
from regulars.pipeline.named import of_some
from regulars.pipeline.workspace import Workspace
from regulars.storage.engines.question import given


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which customers: all that are asked for at once; None asks nothing."""

    text: str | None = None                  # as `find.matching` understands it
    segment: str | None = None               # they are in it now
    seen_since: date | None = None           # business day of their last event, or later
    seen_before: date | None = None          # business day of their last event, or earlier; who was never seen, too
    source: str | None = None                # one of their profiles is from there
    is_part: bool = False                    # a name need only contain the text


Order = Literal["id", "name", "last_seen", "first_seen"]
"""Names from a on, days from the newest on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """How many of the customers one more wish would leave."""

    facet: Literal["all", "segment", "source"]
    value: str                               # "" of all
    customers: int


def customer_page(
    workspace: Workspace, wanted: Wanted, *, limit: int, after: str | None = None
) -> list[dict[str, Any]]:
    """Return customers as in the lake, those after an id when one is given.

    Raises NotFound for a segment that is not declared.
    """
    wish, values = _wish(workspace, wanted)
    return list(workspace.ask(_next, wish, limit, after=after or "", **values).to_pylist())


def ordered_page(
    workspace: Workspace, wanted: Wanted, *, order: Order, limit: int, after: tuple[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return customers as in the lake with their `place` in an order; what is not known comes last.

    Args:
        workspace: Whose customers.
        wanted: Which.
        order: By what, then by id.
        limit: How many.
        after: `place` and id of the last one of the page before.

    Raises NotFound for a segment that is not declared.

    """
    wish, values = _wish(workspace, wanted)
    beyond = {} if after is None else {"place": after[0], "after": after[1]}
    return list(workspace.ask(_ordered, wish, order, limit, bool(beyond), **beyond, **values).to_pylist())


def facets(workspace: Workspace, wanted: Wanted) -> list[Facet]:
    """Return how many customers are wanted, and how many of them are in each segment and known to each source.

    Raises NotFound for a segment that is not declared.
    """
    wish, values = _wish(workspace, wanted)
    return [Facet(**row) for row in workspace.ask(_facets, wish, **values).to_pylist()]


def beside(workspace: Workspace, ids: Sequence[str], *, since: date) -> list[dict[str, Any]]:
    """Return what stands beside some customers in a list: customer_id, segment or null, amount or null.

    A row for each segment somebody is in, and one with what they paid since a business day, in minor units.
    """
    stays, paid = (of_some(workspace.once(*each), ids) for each in ((_stays,), (_paid, since)))
    return [
        *({**row, "amount": None} for row in stays.sort_by([("segment", "ascending")]).to_pylist()),
        *({**row, "segment": None} for row in paid.to_pylist()),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What is asked of customers, without the values."""

    kind: Kind | None
    asks: frozenset[str]                     # fields of Wanted


def _wish(workspace: Workspace, wanted: Wanted) -> tuple[_Wish, dict[str, object]]:
    """Return what is wanted as a shape and values. Raises NotFound for a segment that is not declared."""
    declared = [segment.name for segment in workspace.project.segments]
    if wanted.segment is not None and wanted.segment not in declared:
        raise NotFound(f"there is no segment {wanted.segment!r}", hint=did_you_mean(wanted.segment, declared))
    asked = {name: getattr(wanted, name) for name in ("segment", "source", "seen_since", "seen_before")}
    values: dict[str, object] = {name: value for name, value in asked.items() if value is not None}
    wish = _Wish(kind=None, asks=frozenset(values))
    if wanted.text is None:
        return wish, values
    meaning = meaning_of(workspace, wanted.text, is_part=wanted.is_part)
    return replace(wish, kind=meaning.kind), {**values, **meaning.values}


def _customers(workspace: Workspace, wish: _Wish) -> ir.Table:
    """Return the customers that are asked for, columns as in the lake; the values of the wish are to be given."""
    rows = workspace.table("customers") if wish.kind is None else matching(workspace, wish.kind)
    if "segment" in wish.asks:
        memberships = workspace.table("memberships")
        rows = rows.semi_join(memberships.filter(memberships.segment == given("segment")), "customer_id")
    if "source" in wish.asks:
        identity = workspace.table("identity")
        rows = rows.semi_join(identity.filter(identity.profile_source == given("source")), "customer_id")
    if "seen_since" in wish.asks:
        rows = rows.filter(rows.last_seen >= given("seen_since", "date"))
    if "seen_before" in wish.asks:
        rows = rows.filter((rows.last_seen <= given("seen_before", "date")) | rows.last_seen.isnull())
    return rows


def _next(workspace: Workspace, wish: _Wish, limit: int) -> ir.Table:
    rows = _customers(workspace, wish)
    return rows.filter(rows.customer_id > given("after")).order_by("customer_id").limit(limit)


def _ordered(workspace: Workspace, wish: _Wish, order: Order, limit: int, is_behind: bool) -> ir.Table:  # noqa: FBT001  a shape
    rows = _customers(workspace, wish)
    is_up = order in {"id", "name"}
    rows = rows.mutate(place=_place(rows, order))
    if is_behind:
        place = given("place")
        is_beyond = rows.place > place if is_up else rows.place < place
        rows = rows.filter(is_beyond | ((rows.place == place) & (rows.customer_id > given("after"))))
    by = rows.place.asc() if is_up else rows.place.desc()
    return rows.order_by(by, rows.customer_id).limit(limit)


def _facets(workspace: Workspace, wish: _Wish) -> ir.Table:
    mine = _customers(workspace, wish).select("customer_id")
    memberships, identity = workspace.table("memberships"), workspace.table("identity")
    known = identity.select("customer_id", value="profile_source").distinct()
    stays = memberships.select("customer_id", value="segment")
    parts = [
        mine.agg(facet=ibis.literal("all"), value=ibis.literal(""), customers=mine.count()),
        _counted(stays.semi_join(mine, "customer_id"), "segment"),
        _counted(known.semi_join(mine, "customer_id"), "source"),
    ]
    found = ibis.union(*parts)
    return found.order_by("facet", found.customers.desc(), "value")


def _stays(workspace: Workspace) -> pa.Table:
    """Return who is in which segment: customer_id, segment."""
    return workspace.fetch(workspace.table("memberships").select("customer_id", "segment"))


def _paid(workspace: Workspace, since: date) -> pa.Table:
    """Return what everybody paid since a business day: customer_id, amount in minor units."""
    identity, money = workspace.table("identity"), workspace.table("money")
    recent = money.filter(money.business_day >= since, money.kind.isin(REVENUE))
    paid = recent.inner_join(identity, ["profile_source", "profile_id"]).group_by("customer_id").agg(
        amount=lambda t: t.amount.sum().cast("int64")
    )
    return workspace.fetch(paid)


def _place(rows: ir.Table, order: Order) -> ir.Value:
    """Return a text that sorts as the order does."""
    assert order in get_args(Order)
    match order:
        case "id":
            return rows.customer_id
        case "name":
            return rows.name.lower().fill_null("\U0010ffff")
        case _:
            return rows[order].cast("string").fill_null("")


def _counted(rows: ir.Table, facet: str) -> ir.Table:
    counted = rows.group_by("value").agg(customers=rows.customer_id.nunique())
    return counted.select(facet=ibis.literal(facet), value=counted["value"], customers=counted.customers)
