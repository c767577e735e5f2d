"""What Shopify tells of lines of orders: those of an order that is paid, and those that a refund gave back.

    {"kind": "sold" | "returned", "order", "line", "product", "variant", "quantity", "amount", "currency", "at",
     "customer", "session", "test", "case"}

Ids are Shopify's numbers as text. amount: major units of the shop's own money, of all pieces together, without what was
taken off; a refund's is what was given back. session: of the buyer's visit, test and case what was
shown of this line's product, both as the cart's attribute `ModelSwapAB` says.
Source: shopify.dev, the REST resources Order and Refund.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any

import msgspec

PAID, UPDATED, REFUNDED = "orders/paid", "orders/updated", "refunds/create"
"""The topics that tell of lines; each refund is made once, an order is told of when it is paid and when it changes."""

Line = Mapping[str, object]


class _WithRefunds(msgspec.Struct):
    refunds: list[msgspec.Raw] = []


_REFUNDS = msgspec.json.Decoder(_WithRefunds)
_ATTRIBUTE = "ModelSwapAB"
_CASES = {"BASE": "BASE", "A": "BASE", "CONTROL": "BASE", "TEST": "TEST", "B": "TEST"}
_STATES = ("paid", "partially_refunded", "refunded")     # no set: what is looked up may be a list
_LONGEST = 200                               # characters of an id
_DIGITS = 19                                 # of an amount, an id or a count: a number of 64 bits
_NOTHING: Mapping[str, Any] = {}
_ZERO = datetime(1970, 1, 1, tzinfo=UTC)


def order_id(topic: str, said: bytes | None) -> str | None:
    """Return by what a paid order, or a refund, is known however often it is told; None for other news."""
    about = _about(topic, said)
    number = _id(about.get("id"))
    return None if number is None else f"{PAID if topic == UPDATED else topic}/{number}"


def order_version(topic: str, said: bytes | None) -> str:
    """Return which state of an order is told: its moment in UTC, in the order of time, and a hash; "" of all else."""
    if topic not in (PAID, UPDATED) or said is None:
        return ""
    at = _moment(_about(topic, said).get("updated_at"))
    return f"{at} {blake2b(said, digest_size=8).hexdigest()}"


def refunds_of(topic: str, said: bytes | None) -> Iterator[tuple[str, bytes]]:
    """Yield the refunds that news of an order tells of too, each by what it is known, in its own JSON."""
    if topic != UPDATED or said is None or not _about(topic, said):
        return
    try:
        found = _REFUNDS.decode(said).refunds
    except (msgspec.DecodeError, RecursionError):
        return
    for one in found:
        number = _id(_object(msgspec.json.decode(one)).get("id"))
        if number is not None:
            yield f"{REFUNDED}/{number}", bytes(one)


def order_lines(topic: str, said: bytes | None) -> Sequence[Line]:
    """Return the lines that a delivery tells of; none for other news, whatever it holds."""
    about = _about(topic, said)
    found = _returned(about) if topic == REFUNDED else _sold(about)
    return [{name: value for name, value in line.items() if value is not None} for line in found]


def _about(topic: str, said: bytes | None) -> Mapping[str, Any]:
    if topic not in (PAID, UPDATED, REFUNDED) or said is None:
        return _NOTHING
    try:
        about = msgspec.json.decode(said)
    except (msgspec.DecodeError, RecursionError):
        return _NOTHING
    # Topics are not signed: an order that is not paid is none, whatever topic it comes under.
    if not isinstance(about, dict) or (topic != REFUNDED and about.get("financial_status", "paid") not in _STATES):
        return _NOTHING
    return about


def _moment(value: object) -> str:
    """Return a moment as text that sorts by time; of what is none, a time before all others."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else _ZERO
        return f"{(read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    except (ValueError, OverflowError):
        return f"{_ZERO:%Y-%m-%dT%H:%M:%S.%fZ}"


def _sold(order: Mapping[str, Any]) -> list[dict[str, object]]:
    session, product, seen = _seen(order)
    of_all = {
        "kind": "sold", "order": _id(order.get("id")), "currency": _text(order.get("currency")),
        "at": _text(order.get("processed_at")) or _text(order.get("created_at")),
        "customer": _id(_object(order.get("customer")).get("id")), "session": session,
    }
    return [
        {
            **of_all, "line": _id(line.get("id")), **_what(line), "quantity": _count(line.get("quantity")),
            "amount": _paid(line), **(seen if product in (None, _id(line.get("product_id"))) else {}),
        }
        for line in _objects(order.get("line_items"))
    ]


def _returned(refund: Mapping[str, Any]) -> list[dict[str, object]]:
    return [
        {
            "kind": "returned", "order": _id(refund.get("order_id")), "line": _id(line.get("line_item_id")),
            **_what(_object(line.get("line_item"))), "quantity": _count(line.get("quantity")),
            "amount": _amount(_decimal(line.get("subtotal"))), "currency": _currency(line.get("subtotal_set")),
            "at": _text(refund.get("processed_at")) or _text(refund.get("created_at")),
        }
        for line in _objects(refund.get("refund_line_items"))
    ]


def _what(line: Mapping[str, Any]) -> dict[str, object]:
    return {"product": _id(line.get("product_id")), "variant": _id(line.get("variant_id"))}


def _seen(order: Mapping[str, Any]) -> tuple[str | None, str | None, dict[str, object]]:
    """Return session, product and what was shown of it, as the cart's attribute says: the shop's page writes it."""
    text = next((
        one.get("value") for one in _objects(order.get("note_attributes")) if one.get("name") == _ATTRIBUTE
    ), None)
    try:
        said = _object(msgspec.json.decode(text)) if isinstance(text, str) else _NOTHING
    except (msgspec.DecodeError, RecursionError):
        said = _NOTHING
    case = said.get("variant")
    shown: dict[str, object] = {
        "test": _id(said.get("testId")), "case": _CASES.get(case) if isinstance(case, str) else None,
    }
    return _text(said.get("sessionId")), _id(said.get("productId")), shown if None not in shown.values() else {}


def _paid(line: Mapping[str, Any]) -> str | None:
    """Return what all pieces of a line cost, without its part of every discount."""
    price, quantity = _decimal(line.get("price")), _count(line.get("quantity"))
    taken_off = [_decimal(one.get("amount")) for one in _objects(line.get("discount_allocations"))]
    if price is None or quantity is None or None in taken_off:
        return None
    return _amount(price * quantity - sum((one for one in taken_off if one is not None), Decimal(0)))


def _amount(value: Decimal | None) -> str | None:
    return None if value is None or value < 0 else f"{value:f}"


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or _is_long(value):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) < _DIGITS else None


def _currency(prices: object) -> str | None:
    return _text(_object(_object(prices).get("shop_money")).get("currency_code"))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 10**9 else None


def _id(value: object) -> str | None:
    """Return a number or text as text, of a GID its number."""
    if isinstance(value, bool) or not isinstance(value, int | str) or (isinstance(value, int) and _is_long(value)):
        return None
    return _text(str(value).rpartition("/")[2])


def _is_long(value: float | str) -> bool:
    """Return whether a value has too many digits; to write out a number of thousands would fail."""
    return len(value) > _DIGITS if isinstance(value, str) else not abs(value) < 10**_DIGITS


def _text(value: object) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return text if 0 < len(text) <= _LONGEST and text.isprintable() else None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NOTHING


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
