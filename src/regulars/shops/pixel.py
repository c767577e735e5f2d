"""What a shop's pixel says, checked and in the words of the tracking API; what it may not say is told with a status.

    {"sessionId", "eventType": IMPRESSION | ADD_TO_CART | PURCHASE, "productId", "variantId", "shopDomain",
     "revenue", "quantity", "metadata": {"orderId", "lineItemId", "currency", "timestamp"}, "eventId", "sentAt"}

The first three have to be there. A line of an order is one event, however often it is told: by shop, order and line.

Or it hands on an event of Shopify as it got it, with `shopDomain` and `sessionId` beside it: see `web_pixel`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import msgspec

from regulars.events.currency import CURRENCIES, minor_digits
from regulars.shops.named import Sort, gid, tail
from regulars.shops.shop import Shop, Shops
from regulars.shops.web_pixel import NAMES, ORDER_LINE, PAGE, Meant, WebPixelEvent, is_web_pixel, meant

SPOKEN: Mapping[str, str] = {
    "IMPRESSION": NAMES["product_viewed"], "ADD_TO_CART": NAMES["product_added_to_cart"], "PURCHASE": ORDER_LINE,
}
"""What a shop's own pixel calls an event -> its name in the tracking API."""

LARGEST = 32 << 10
"""Bytes of what a pixel says at once."""

_LONGEST = 200                               # characters of an id
_MOST = 10**12                               # minor units, and items, of a line
_NEEDED = {"sessionId": "hasSessionId", "eventType": "hasEventType", "productId": "hasProductId"}
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelEvent:
    """What was said, as messages for the door of the shop's source."""

    shop: Shop
    event_id: str                            # the first message's id: the same for the same thing told again
    product: str | None                      # GID, of the first message
    messages: tuple[bytes, ...]


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
    try:
        return _handed_on(said, shop, shops) if is_web_pixel(said) else _own(said, shop, mint)
    except _Bad as bad:
        told = {"error": "Invalid value", "field": bad.field, "message": str(bad)}
        return Fault(status=422, reason="wrong_type", told=told, shop=shop)


def _shop(said: Mapping[str, Any], shops: Shops) -> Shop | None:
    name = said.get("shopDomain")
    if name is None and len(shops.every) == 1:
        return shops.every[0]
    return shops.called(name)


def _fault(said: Mapping[str, Any], shop: Shop | None) -> Fault | None:
    """Return what is wrong on the whole with what a shop's own pixel says."""
    if not all(said.get(name) for name in _NEEDED):
        details = {has: bool(said.get(name)) for name, has in _NEEDED.items()}
        told = {"error": "Missing required fields", "details": details}
        return Fault(status=400, reason="missing_member", told=told, shop=shop)
    kind = said["eventType"]
    if not isinstance(kind, str) or kind not in SPOKEN:
        named = {"error": "Invalid eventType", "received": kind, "valid": list(SPOKEN)}
        return Fault(status=400, reason="unknown_event", told=named, shop=shop)
    return None


def _unknown_shop(said: Mapping[str, Any]) -> Fault:
    strange = {"error": "Unknown shop", "received": said.get("shopDomain"), "message": "kept in quarantine"}
    return Fault(status=404, reason="unknown_shop", told=strange)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """The members of what a pixel says."""

    own: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def first(self, *names: str) -> Any:
        """Return the first of some members that is there, of its own before those of `metadata`."""
        every = (part.get(name) for name in names for part in (self.own, self.metadata))
        return next((value for value in every if value is not None), None)


def _own(own: Mapping[str, Any], shop: Shop | None, mint: Callable[[], str]) -> PixelEvent | Fault:
    """Return what a shop's own pixel says."""
    fault = _fault(own, shop)
    if fault is not None:
        return fault
    if shop is None:
        return _unknown_shop(own)
    metadata = own.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise _Bad("metadata", "it is no object")
    said, kind = _Said(own=own, metadata=metadata or {}), own["eventType"]
    order, line = _optional(said.first("orderId"), "orderId"), _optional(said.first("lineItemId"), "lineItemId")
    session, named = _id(own["sessionId"], "sessionId"), _optional(said.first("eventId", "messageId"), "eventId")
    part = line or own.get("variantId") or own["productId"]
    one = Meant(
        event=SPOKEN[kind], product=own["productId"], variant=own.get("variantId"), order=order, line_item=line,
        known_by=f"order/{tail(order)}/{tail(str(part).strip())}" if kind == "PURCHASE" and order else None,
        line=None if kind == "IMPRESSION" else {
            "quantity": own.get("quantity"), "revenue": own.get("revenue"), "currency": said.first("currency"),
        },
    )
    common = {
        "anonymousId": _optional(own.get("visitorId"), "visitorId") or session,
        "timestamp": said.first("timestamp"), "sentAt": own.get("sentAt"),
    }
    return _event([one], own, common, shop=shop, session=session, named=named or mint())


def _handed_on(said: Mapping[str, Any], shop: Shop | None, shops: Shops) -> PixelEvent | Fault:
    """Return what an event of Shopify means that was handed on as it was."""
    if said["name"] not in (PAGE, *NAMES):
        told = {"error": "Invalid name", "received": said["name"], "valid": [PAGE, *NAMES]}
        return Fault(status=400, reason="unknown_event", told=told, shop=shop)
    try:
        event = msgspec.convert(said, WebPixelEvent)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at ")
        raise _Bad(place.strip("`").removeprefix("$.") or "event", message) from error
    shop = shop or (shops.called(event.address) if said.get("shopDomain") is None else None)
    if shop is None:
        return _unknown_shop(said)
    common = {
        "anonymousId": _id(event.client_id, "clientId"), "timestamp": event.timestamp, "sentAt": said.get("sentAt"),
        "context": event.surroundings(),
    }
    session, named = _optional(said.get("sessionId"), "sessionId"), _id(event.id, "id")
    return _event(list(meant(event)), said, common, shop=shop, session=session, named=named)


def _event(
    every: Sequence[Meant], said: Mapping[str, Any], common: Mapping[str, Any], *,
    shop: Shop, session: str | None, named: str,
) -> PixelEvent:
    """Return what was said as messages; the first of them keeps how it was said."""
    messages: list[dict[str, Any]] = [
        {
            "type": one.type, "event" if one.type == "track" else "name": one.event,
            "messageId": f"{shop.name}/{one.known_by or named}", **common,
            "properties": _properties(one, shop=shop, session=session), "pixel": None if n else said,
        }
        for n, one in enumerate(every)
    ]
    first = messages[0]
    return PixelEvent(
        shop=shop, event_id=first["messageId"], product=first["properties"].get("product_id"),
        messages=tuple(_encode(_there(message)) for message in messages),
    )


def _properties(one: Meant, *, shop: Shop, session: str | None) -> dict[str, Any]:
    return {**one.properties, **_there({
        "shop_id": shop.name, "product_id": _gid(one.product, "productId", "Product"),
        "variant_id": _gid(one.variant, "variantId", "ProductVariant"), "session_id": session,
        "order_id": _optional(one.order, "orderId"), "line_item_id": _optional(one.line_item, "lineItemId"),
        **({} if one.line is None else _line(one.line, shop)),
    })}


def _there(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _line(told: Mapping[str, Any], shop: Shop) -> dict[str, object]:
    """Return quantity, revenue in minor units, and currency; None: it is not said."""
    currency, quantity, revenue = told["currency"] or shop.currency, told["quantity"], told["revenue"]
    if not isinstance(currency, str) or currency.upper() not in CURRENCIES:
        raise _Bad("currency", "three letters of ISO 4217")
    if quantity is not None and (type(quantity) is not int or not 1 <= quantity <= _MOST):
        raise _Bad("quantity", "a whole number from 1 on")
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


def _gid(value: object, name: str, sort: Sort) -> str | None:
    found = gid(value, sort)
    if found is None and value is not None:
        raise _Bad(name, f"a number, or gid://shopify/{sort}/ and a number")
    return found


def _id(value: object, name: str) -> str:
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not 0 < len(text) <= _LONGEST or not text.isprintable():
        raise _Bad(name, f"a text of at most {_LONGEST} characters")
    return text


def _optional(value: object, name: str) -> str | None:
    return None if value is None or value == "" else _id(value, name)
