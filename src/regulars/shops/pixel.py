"""What a shop's pixel says, checked and in the words of the tracking API; what it may not say is told with a status.

    {"sessionId", "eventType": IMPRESSION | ADD_TO_CART | PURCHASE, "productId", "variantId", "shopDomain",
     "revenue", "quantity", "metadata": {"orderId", "lineItemId", "currency", "timestamp"}, "eventId", "sentAt"}

The first three have to be there. A line of an order is one event, however often it is told: by shop, order and line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import msgspec

from regulars.events.currency import CURRENCIES, minor_digits
from regulars.shops.named import Sort, gid, tail
from regulars.shops.shop import Shop, Shops

SPOKEN: Mapping[str, str] = {
    "IMPRESSION": "Product Viewed", "ADD_TO_CART": "Product Added", "PURCHASE": "Order Line",
}
"""What a pixel calls an event -> its name in the tracking API."""

LARGEST = 32 << 10
"""Bytes of what a pixel says at once."""

_LONGEST = 200                               # characters of an id
_MOST = 10**12                               # minor units, and items, of a line
_NEEDED = {"sessionId": "hasSessionId", "eventType": "hasEventType", "productId": "hasProductId"}
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelEvent:
    """What was said, as a message for the door of the shop's source."""

    shop: Shop
    event_id: str                            # the message's id: the same for the same thing told again
    product: str                             # GID
    message: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why what a pixel says is not taken."""

    status: int
    reason: str                              # of the quarantine
    told: Mapping[str, object]               # the answer, beside `success`
    shop: Shop | None = None                 # where it named one


class _Bad(ValueError):
    """A member has a value it cannot have."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.field = name


def is_pixels(text: bytes) -> bool:
    """Return whether a JSON object is a pixel's, and no event of another client that posts to the same path."""
    try:
        said = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return False
    return not said.keys() & {"event", "properties", "$distinct_id", "$token"}


def read_pixel(text: bytes, *, shops: Shops, mint: Callable[[], str]) -> PixelEvent | Fault:
    """Return what a pixel says as a message, or why it is not taken.

    Args:
        text: JSON.
        shops: Of the project. Who names none means the only one there is.
        mint: A new id, for what cannot be told from the same said again.

    """
    if len(text) > LARGEST:
        return Fault(status=413, reason="too_large", told={"error": "Payload too large", "limit": LARGEST})
    try:
        said = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return Fault(status=400, reason="bad-json", told={"error": "Invalid JSON"})
    if not isinstance(said, dict):
        return Fault(status=400, reason="wrong_type", told={"error": "Invalid JSON", "message": "it is no object"})
    shop = _shop(said, shops)
    fault = _fault(said, shop)
    if fault is not None:
        return fault
    assert shop is not None
    try:
        return _event(said, shop, mint)
    except _Bad as bad:
        told = {"error": "Invalid value", "field": bad.field, "message": str(bad)}
        return Fault(status=422, reason="wrong_type", told=told, shop=shop)


def _shop(said: Mapping[str, Any], shops: Shops) -> Shop | None:
    name = said.get("shopDomain")
    if name is None and len(shops.every) == 1:
        return shops.every[0]
    return shops.called(name)


def _fault(said: Mapping[str, Any], shop: Shop | None) -> Fault | None:
    """Return what is wrong on the whole."""
    if not all(said.get(name) for name in _NEEDED):
        details = {has: bool(said.get(name)) for name, has in _NEEDED.items()}
        told = {"error": "Missing required fields", "details": details}
        return Fault(status=400, reason="missing_member", told=told, shop=shop)
    kind = said["eventType"]
    if not isinstance(kind, str) or kind not in SPOKEN:
        named = {"error": "Invalid eventType", "received": kind, "valid": list(SPOKEN)}
        return Fault(status=400, reason="unknown_event", told=named, shop=shop)
    if shop is None:
        strange = {"error": "Unknown shop", "received": said.get("shopDomain"), "message": "kept in quarantine"}
        return Fault(status=404, reason="unknown_shop", told=strange)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """The members of what a pixel says."""

    own: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def first(self, *names: str) -> Any:
        """Return the first of some members that is there, of its own before those of `metadata`."""
        every = (part.get(name) for name in names for part in (self.own, self.metadata))
        return next((value for value in every if value is not None), None)


def _event(own: Mapping[str, Any], shop: Shop, mint: Callable[[], str]) -> PixelEvent:
    metadata = own.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise _Bad("metadata", "it is no object")
    said = _Said(own=own, metadata=metadata or {})
    kind = own["eventType"]
    product = _gid(own["productId"], "productId", "Product")
    variant = None if own.get("variantId") is None else _gid(own["variantId"], "variantId", "ProductVariant")
    session = _id(own["sessionId"], "sessionId")
    order = _optional(said.first("orderId"), "orderId")
    line = _optional(said.first("lineItemId"), "lineItemId")
    properties: dict[str, object] = {
        "shop_id": shop.name, "product_id": product, "variant_id": variant, "session_id": session, "order_id": order,
        "line_item_id": line, **({} if kind == "IMPRESSION" else _line(said, shop)),
    }
    named = _optional(said.first("eventId", "messageId"), "eventId")
    if kind == "PURCHASE" and order is not None:
        event_id = f"{shop.name}/order/{tail(order)}/{tail(line or variant or product)}"
    else:
        event_id = f"{shop.name}/{named or mint()}"
    message = {
        "type": "track", "event": SPOKEN[kind], "messageId": event_id,
        "anonymousId": _optional(own.get("visitorId"), "visitorId") or session,
        "timestamp": said.first("timestamp"), "sentAt": own.get("sentAt"),
        "properties": {name: value for name, value in properties.items() if value is not None}, "pixel": own,
    }
    told = _encode({name: value for name, value in message.items() if value is not None})
    return PixelEvent(shop=shop, event_id=event_id, product=product, message=told)


def _line(said: _Said, shop: Shop) -> dict[str, object]:
    """Return quantity, revenue in minor units, and currency; None: it is not said."""
    currency = said.first("currency") or shop.currency
    if not isinstance(currency, str) or currency.upper() not in CURRENCIES:
        raise _Bad("currency", "three letters of ISO 4217")
    quantity = said.own.get("quantity")
    if quantity is not None and (type(quantity) is not int or not 1 <= quantity <= _MOST):
        raise _Bad("quantity", "a whole number from 1 on")
    revenue = said.own.get("revenue")
    minor = None if revenue is None else _minor(revenue, digits=minor_digits(currency.upper()))
    return {"quantity": quantity or 1, "revenue_minor": minor, "currency": currency.upper()}


def _minor(value: object, *, digits: int) -> int:
    """Return an amount of major units in minor ones: 29.99 is what was written, whatever a float makes of it."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _Bad("revenue", "a number")
    try:
        amount = Decimal(str(value)).scaleb(digits).to_integral_value(rounding=ROUND_HALF_UP)
    except InvalidOperation as error:
        raise _Bad("revenue", "a number") from error
    if not amount.is_finite() or not 0 <= amount <= _MOST:
        raise _Bad("revenue", "a number that is not below 0")
    return int(amount)


def _gid(value: object, name: str, sort: Sort) -> str:
    found = gid(value, sort)
    if found is None:
        raise _Bad(name, f"a number, or gid://shopify/{sort}/ and a number")
    return found


def _id(value: object, name: str) -> str:
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not 0 < len(text) <= _LONGEST or not text.isprintable():
        raise _Bad(name, f"a text of at most {_LONGEST} characters")
    return text


def _optional(value: object, name: str) -> str | None:
    return None if value is None or value == "" else _id(value, name)
