"""What shops are asked for: orders, of which a webhook may have been missed, and products with their pictures.

An order is landed as a webhook of its change would have brought it, so that it is one record, whoever told of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import structlog

from regulars.connectors.shopify import admin
from regulars.errors import RegularsError
from regulars.pipeline.workspace import Workspace
from regulars.shops.order_events import PRODUCTS, PROVIDER
from regulars.shops.shop import Shop
from regulars.sources.door import EVENTS
from regulars.sources.webhook.declare import WebhookSource
from regulars.sources.webhook.delivery import Delivery
from regulars.sources.webhook.scheme import line_of
from regulars.sources.webhook.shopify_orders import UPDATED

log = structlog.get_logger()

Item = Mapping[str, Any]
Tells = Callable[[Item], Sequence[bytes]]
"""Returns what is landed of an item that a shop answered."""


def asked_shops(workspace: Workspace, source: WebhookSource) -> list[Shop]:
    """Return the shops that tell a source of their orders and can be asked."""
    return [shop for shop in workspace.project.shops if shop.orders == source.name and shop.admin is not None]


def ask_for_orders(workspace: Workspace, source: WebhookSource) -> tuple[int, str]:
    """Ask every shop of a source for the orders that changed since; return how many came, and what to say of it.

    A shop that does not answer keeps nobody else from being heard: it is asked again by the next run.
    """
    came, silent = 0, list[str]()
    for shop in asked_shops(workspace, source):
        try:
            came += _landed(workspace, source, shop, stream=EVENTS, tells=partial(_order_lines, source, shop))
        except RegularsError as error:
            log.warning("shop not asked for orders", shop=shop.name, why=error.code)
            silent.append(f"{shop.name} did not tell its orders: {error.message}")
    return came, "; ".join(silent)


def ask_for_products(workspace: Workspace, source: WebhookSource, shop: Shop) -> int:
    """Ask a shop for the products that changed since, and return how many came. Raises what asking raises."""
    def lines(item: Item) -> Sequence[bytes]:
        return [msgspec.json.encode({"shop": shop.name, **admin.product_told(item)})]

    return _landed(workspace, source, shop, stream=PRODUCTS, tells=lines)


def asked_longest_ago(workspace: Workspace, shops: Sequence[Shop]) -> Shop:
    """Return the shop whose products were asked for longest ago, or never."""
    def last(shop: Shop) -> str:
        cursors = workspace.book.pages.cursor(str(shop.orders), PRODUCTS) or {}
        return str((cursors.get(shop.name) or {}).get("pulled_at", ""))

    return min(shops, key=lambda shop: (last(shop), shop.name))


def _landed(workspace: Workspace, source: WebhookSource, shop: Shop, *, stream: str, tells: Tells) -> int:
    """Land what a shop answers, and move its cursor; killed anywhere, the same is asked for again."""
    cursors = workspace.book.pages.cursor(source.name, stream) or {}
    since = cursors.get(shop.name)
    set_id = f"asked.{shop.name}.{stream}.{hashlib.md5(repr(since).encode(), usedforsecurity=False).hexdigest()}"
    workspace.landing.discard(set_id)
    count, after = 0, since
    for number, (items, cursor) in enumerate(_answers(workspace, source, shop, stream=stream, since=since)):
        lines = [line for item in items for line in tells(item)]
        workspace.landing.stage(set_id, source=source.name, stream=stream, page=number, items=lines)
        count, after = count + len(items), cursor or after
    workspace.landing.commit(set_id, cursor={**cursors, shop.name: after}, is_complete=False)
    return count


def _answers(
    workspace: Workspace, source: WebhookSource, shop: Shop, *, stream: str, since: dict[str, Any] | None
) -> Iterator[tuple[list[Item], dict[str, Any] | None]]:
    """Yield items of a shop, page by page, the last one with the cursor after it."""
    assert shop.admin is not None
    what = admin.PRODUCTS if stream == PRODUCTS else admin.ORDERS
    said = {"kind": PROVIDER, "shop": shop.domain, "token": shop.admin.token}
    asked = admin.declare(shop.name, said | ({"url": shop.admin.url} if shop.admin.url else {}), at=source.at)
    wanted = next(stream for stream in asked.streams if stream.name == what)
    for page in asked.pull(wanted, cursor=since, resume=None, clock=workspace.clock):
        assert isinstance(page.items, tuple)
        yield [msgspec.json.decode(item) for item in page.items], page.cursor


def _order_lines(source: WebhookSource, shop: Shop, item: Item) -> Sequence[bytes]:
    told = admin.order_told(item)
    if told is None:
        log.warning("order with too many lines left to its webhook", shop=shop.name)
        return ()
    delivery = Delivery(url="", headers={
        "x-shopify-topic": UPDATED, "x-shopify-shop-domain": shop.domain, "content-type": "application/json",
    }, body=msgspec.json.encode(told))
    # The order's own moment: what is answered twice is the same line.
    at = datetime.fromisoformat(str(told["updated_at"])).astimezone(UTC)
    return [
        line_of(piece, delivery, provider=source.provider, scheme=source.scheme, at=at).rstrip(b"\n")
        for piece in source.scheme.split(delivery) if piece.version or piece.topic
    ]
