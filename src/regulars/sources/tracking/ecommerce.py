"""The events of shops as Segment's e-commerce specification (version 2) names them, for a plan to begin with.

28 events with the properties of each and their types; https://www.twilio.com/docs/segment/connections/spec/ecommerce/v2.
"""

from __future__ import annotations

from typing import Any

_TEXT: dict[str, Any] = {"type": "string"}
_NUMBER: dict[str, Any] = {"type": "number"}
_NUMBERS = frozenset({
    "discount", "position", "price", "quantity", "revenue", "shipping", "step", "subtotal", "tax", "total", "value",
})
"""Properties that are numbers; all others of these events are text, but for lists and what `_OTHERWISE` says."""

_PRODUCT = (
    "product_id", "sku", "category", "name", "brand", "variant", "price", "quantity", "coupon", "position", "url",
    "image_url",
)
_SHARED_PRODUCT = tuple(name for name in _PRODUCT if name not in {"quantity", "coupon", "position"})
_ORDER = ("order_id", "affiliation", "revenue", "shipping", "tax", "discount", "coupon", "currency", "products")
_STEP = ("checkout_id", "step", "shipping_method", "payment_method")
_PROMOTION = ("promotion_id", "creative", "name", "position")
_COUPON = ("order_id", "cart_id", "coupon_id", "coupon_name")
_WISHLIST = ("wishlist_id", "wishlist_name")
_SHARED = ("share_via", "share_message", "recipient")

EVENTS: dict[str, tuple[str, ...]] = {
    "Products Searched": ("query",),
    "Product List Viewed": ("list_id", "category", "products"),
    "Product List Filtered": ("list_id", "category", "filters", "sorts", "products"),
    "Promotion Viewed": _PROMOTION,
    "Promotion Clicked": _PROMOTION,
    "Product Clicked": _PRODUCT,
    "Product Viewed": (*_PRODUCT, "currency", "value"),
    "Product Added": ("cart_id", *_PRODUCT),
    "Product Removed": ("cart_id", *_PRODUCT),
    "Cart Viewed": ("cart_id", "products"),
    "Checkout Started": (*_ORDER, "value"),
    "Checkout Step Viewed": _STEP,
    "Checkout Step Completed": _STEP,
    "Payment Info Entered": (*_STEP, "order_id"),
    "Order Updated": (*_ORDER, "total"),
    "Order Completed": ("checkout_id", *_ORDER, "subtotal", "total"),
    "Order Refunded": ("order_id", "total", "currency", "products"),
    "Order Cancelled": (*_ORDER, "total"),
    "Coupon Entered": ("order_id", "cart_id", "coupon_id"),
    "Coupon Applied": (*_COUPON, "discount"),
    "Coupon Denied": (*_COUPON, "reason"),
    "Coupon Removed": (*_COUPON, "discount"),
    "Product Added to Wishlist": (*_WISHLIST, *_PRODUCT),
    "Product Removed from Wishlist": (*_WISHLIST, *_PRODUCT),
    "Wishlist Product Added to Cart": (*_WISHLIST, "cart_id", *_PRODUCT),
    "Product Shared": (*_SHARED, *_SHARED_PRODUCT),
    "Cart Shared": (*_SHARED, "cart_id", "products"),
    "Product Reviewed": ("product_id", "review_id", "review_body", "rating"),
}
"""Each event with its properties, none of which the specification calls required."""


def properties(event: str) -> dict[str, Any]:
    """Return the schema of each property of an event."""
    return {name: _type(name, event) for name in EVENTS[event]}


def _type(name: str, event: str) -> dict[str, Any]:
    if name == "query":
        return {"type": ["string", "object"]}
    if name == "products":
        listed = ("product_id",) if event == "Cart Shared" else _PRODUCT
        return _list_of({each: _type(each, "Product Viewed") for each in listed})
    if name in {"filters", "sorts"}:
        return _list_of({"type": _TEXT, "value": _TEXT})
    # A promotion's position is the name of a place, a product's its number in a list.
    is_number = name in _NUMBERS and EVENTS[event] != _PROMOTION
    return dict(_NUMBER if is_number else _TEXT)


def _list_of(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object", "properties": {n: dict(t) for n, t in properties.items()}}}
