"""Requests on privacy that a provider passes on: who is to be forgotten is kept out at once, and every one is audited.

A buyer who is to be forgotten leaves with what a shop knows of them: their orders, what was given back of these, and
the sessions of its pixel in which they bought. What other systems know of the same person stays: `regulars forget`
forgets a person as a whole. A shop that is to be forgotten leaves as a whole with the next run (`forget_shop`).
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from regulars.destinations.sender import News, PrivacyRequest
from regulars.pipeline.derive import EVENTS
from regulars.pipeline.forget import begin_profiles
from regulars.pipeline.workspace import Workspace
from regulars.shops.named import host_of, tail
from regulars.shops.order_events import tells_orders
from regulars.shops.pixel_events import BOUGHT, SEEN
from regulars.shops.shop import Shop, Shops
from regulars.shops.statistics import order_number
from regulars.storage.book.audit import Changed

Profile = tuple[str, str]                    # source, id


def take_requests(workspace: Workspace, news: Sequence[News]) -> None:
    """Write down what is asked and begin it; asked twice is asked once."""
    for one in news:
        if isinstance(one, PrivacyRequest):
            _take(workspace, one)


def profiles_of(workspace: Workspace, request: PrivacyRequest) -> list[Profile]:
    """Return by what a buyer is known: the shop's id of them, their orders, sessions in which nobody else bought."""
    shop = Shops(every=workspace.project.shops).called(request.shop)
    # A shop that is declared no more may have left rows: then its buyer is looked for in all that takes orders.
    told = [shop.orders] if shop is not None and shop.orders is not None else [
        source.name for source in workspace.project.sources if tells_orders(source)
    ]
    ids = [tail(one) for one in (request.customer, *request.orders) if one is not None]
    found = [(source, one) for source in told for one in ids]
    if shop is None or not workspace.has(EVENTS):
        return found
    return found + [(shop.source, one) for one in _sessions(workspace, shop, request)]


def _take(workspace: Workspace, request: PrivacyRequest) -> None:
    by, domain = request.provider, host_of(request.shop) or request.shop
    what, subject = f"privacy.{request.wanted}", domain
    if request.wanted == "forget_shop":
        if not workspace.book.shop_erasures.begin(domain, at=workspace.clock.now(), by=by):
            return                           # the next run does it
    elif request.wanted == "forget":
        profiles = profiles_of(workspace, request)
        if not profiles:
            return
        subject = begin_profiles(workspace, profiles, by=f"{by}:{domain}").erasure_id
    elif request.customer is not None:
        subject = f"{domain}: customer {tail(request.customer)}"
    workspace.book.audit.add(Changed(at=workspace.clock.now(), by=by, what=what, subject=subject))


def _sessions(workspace: Workspace, shop: Shop, request: PrivacyRequest) -> list[str]:
    found = sessions_of(
        workspace.table(EVENTS), shop=shop, customer=tail(request.customer or ""),
        orders=[tail(one) for one in request.orders],
    )
    return [row["session"] for row in workspace.rows(found.order_by("session"))]


def sessions_of(events: ir.Table, *, shop: Shop, customer: str, orders: Sequence[str]) -> ir.Table:
    """Return the sessions of a shop's pixel in which a buyer bought, by their orders, and nobody else. Column: session.

    Args:
        events: Of the lake.
        shop: Whose.
        customer: The shop's id of the buyer; "" for nobody.
        orders: Ids of orders that are the buyer's, beside those that the shop told to be.

    """
    told = events.filter(
        events.event_type.isin([BOUGHT, SEEN]), events.shop_id == shop.name, events.order_id.notnull()
    )
    is_own = told.profile_source == (shop.orders or "")
    lines = told.select(
        order=order_number(told),
        buyer=ibis.ifelse(is_own, told.profile_id, ""),
        session=ibis.ifelse(is_own, told.session_id, told.profile_id),
    )
    mine = lines.filter(lines.order.isin([*orders, ""]) | ((lines.buyer == customer) & (lines.buyer != "")))
    kept = lines.filter(lines.session.notnull())
    kept = kept.mutate(is_mine=kept.order.isin(mine.order))
    each = kept.group_by("session").agg(is_only=kept.is_mine.all())
    return each.filter(each.is_only).select("session")
