"""Shopify's webhooks on privacy: who asks what is known of them, who is to be forgotten, and which shop as a whole.

Source: https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance. They are told apart by what they hold,
which is signed; their topic, a header, is not. Orders, products and the like are records and no news.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from regulars.connectors.decoded import decoded
from regulars.destinations.sender import News, PrivacyRequest, Wanted
from regulars.errors import WebhookUnreadable

_OF_SHOP = {"shop_id", "shop_domain"}


def read(body: bytes, content_type: str, at: datetime) -> list[News]:  # noqa: ARG001  # every reader takes it
    """Return the request in what Shopify posted at a moment; none for what is about no one's privacy.

    Raises WebhookUnreadable for what is no object.
    """
    said = decoded(body, dict[str, Any])
    if said is None:
        raise WebhookUnreadable("not an object of Shopify's")
    wanted = _wanted(said)
    shop = said.get("shop_domain")
    if wanted is None or not isinstance(shop, str):
        return []
    customer = said.get("customer")
    orders = said.get("orders_to_redact" if wanted == "forget" else "orders_requested")
    return [PrivacyRequest(
        provider="shopify", wanted=wanted, shop=shop, at=at,
        customer=_id(customer.get("id")) if isinstance(customer, dict) else None,
        orders=tuple(one for one in map(_id, orders if isinstance(orders, list) else ()) if one is not None),
    )]


def _wanted(said: Mapping[str, object]) -> Wanted | None:
    if not said.keys() >= _OF_SHOP:
        return None
    if "orders_to_redact" in said:
        return "forget"
    if "data_request" in said or "orders_requested" in said:
        return "tell"
    return "forget_shop" if said.keys() == _OF_SHOP else None


def _id(value: object) -> str | None:
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) and str(value) else None
