"""What a shop says when it is asked: its orders in the words of its webhooks, its products with their pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from regulars.connectors.declared import declare_connector
from regulars.sources.source import Source, Surroundings

PRODUCTS, ORDERS = "products", "orders"
"""What a shop is asked for."""

_Said = Mapping[str, Any]


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> Source:
    """Return the source that asks a shop. `data`: shop, token, and url where it is not the shop's own."""
    return declare_connector("regulars.connectors.shopify", name, data, at=at)


def order_told(order: _Said) -> dict[str, Any] | None:
    """Return an order of the Admin API as a webhook of its change tells it, with the refunds that were made of it.

    None for one with more lines than are asked for, and without refunds with more: what is told in part would take the
    place of the whole.
    """
    if not _is_whole(order, "lineItems"):
        return None
    number, customer = _number(order["id"]), order.get("customer")
    lines = {_number(one["id"]): _line(one) for one in _nodes(order, "lineItems")}
    return {
        "id": number, "name": order.get("name"), "email": order.get("email"), "phone": order.get("phone"),
        "currency": order.get("currencyCode"), "financial_status": str(order.get("displayFinancialStatus")).lower(),
        "created_at": order.get("createdAt"), "processed_at": order.get("processedAt"),
        "updated_at": order.get("updatedAt"),
        "note_attributes": [
            {"name": one.get("key"), "value": one.get("value")} for one in order.get("customAttributes") or ()
        ],
        "customer": None if customer is None else {
            "id": _number(customer["id"]), "first_name": customer.get("firstName"),
            "last_name": customer.get("lastName"),
        },
        "line_items": [
            {**lines[_number(one["id"])], "quantity": one.get("quantity"), **_price(one)}
            for one in _nodes(order, "lineItems")
        ],
        "refunds": [
            _refund(one, number, lines) for one in order.get("refunds") or () if _is_whole(one, "refundLineItems")
        ],
    }


def product_told(product: _Said) -> dict[str, Any]:
    """Return a product of the Admin API: its number, what it is called, and its pictures as `media`."""
    pictures = [
        {"id": one.get("id"), "alt": one.get("alt"), "url": ((one.get("preview") or {}).get("image") or {}).get("url")}
        for one in _nodes(product, "media")
    ]
    kept = ("title", "handle", "status", "vendor", "tags")
    return {
        "id": _number(product["id"]), **{name: product.get(name) for name in kept},
        "product_type": product.get("productType"), "url": product.get("onlineStoreUrl"),
        "updated_at": product.get("updatedAt"), "media": [one for one in pictures if one["url"]],
    }


def _refund(refund: _Said, order: str, lines: Mapping[str, _Said]) -> dict[str, Any]:
    return {
        "id": _number(refund["id"]), "order_id": order, "created_at": refund.get("createdAt"),
        "refund_line_items": [
            {
                "line_item_id": _number(one["lineItem"]["id"]),
                "line_item": lines.get(_number(one["lineItem"]["id"]), {}),
                "quantity": one.get("quantity"), "subtotal": _money(one.get("subtotalSet")).get("amount"),
                "subtotal_set": {"shop_money": {"currency_code": _money(one.get("subtotalSet")).get("currencyCode")}},
            }
            for one in _nodes(refund, "refundLineItems")
        ],
    }


def _line(line: _Said) -> dict[str, Any]:
    return {
        "id": _number(line["id"]),
        **{f"{name}_id": _number(line[name]["id"]) for name in ("product", "variant") if line.get(name)},
    }


def _price(line: _Said) -> dict[str, Any]:
    return {
        "price": _money(line.get("originalUnitPriceSet")).get("amount"),
        "discount_allocations": [
            {"amount": _money(one.get("allocatedAmountSet")).get("amount")}
            for one in line.get("discountAllocations") or ()
        ],
    }


def _is_whole(of: _Said, name: str) -> bool:
    return not ((of.get(name) or {}).get("pageInfo") or {}).get("hasNextPage")


def _nodes(of: _Said, name: str) -> Sequence[_Said]:
    return (of.get(name) or {}).get("nodes") or ()


def _money(prices: _Said | None) -> _Said:
    return (prices or {}).get("shopMoney") or {}


def _number(gid: str) -> str:
    return gid.rpartition("/")[2]
