"""Capitan as a sandbox: pages by number with count, next and previous; big pages of customers answer 502, as there."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

import msgspec

from regulars.connectors.sandbox import Answer, Call, Listing, Shelf, answer_json, joined

STREAMS = {
    "customer-memberships": "memberships",
    "customers": "customers",
    "check-ins": "check_ins",
    "associations": "associations",
    "association-members": "association_members",
    "events": "events",
    "membership-referrals": "referrals",
    "activity-log": "activity_log",
}
_LARGEST = {"memberships": 100, "customers": 100}         # beyond it the vendor's proxy gives up
_DATES = {"check_ins": "check_in_datetime", "activity_log": "created_at"}
_ROOT = "/api/"


def answer(call: Call, shelf: Shelf) -> Answer:
    """Return what Capitan answers to a request that follows its contract."""
    parts = call.path.removeprefix(_ROOT).strip("/").split("/")
    if parts == [""]:
        return answer_json({name: f"{call.url}{name}/" for name in STREAMS})
    stream = STREAMS.get(parts[0])
    if stream is None:
        return answer_json({"detail": "Not found."}, status=404)
    if len(parts) == 3 and parts[2] == "relations":
        return _relations(shelf, parts[1])
    if len(parts) == 2:
        return _one(_by_id(shelf, stream), parts[1])
    return _page(call, shelf, stream)


def _page(call: Call, shelf: Shelf, stream: str) -> Answer:
    size, number = call.number("page_size", 20), call.number("page", 1)
    if size > _LARGEST.get(stream, 1000):
        return Answer(body=b"<html><body>502 Bad Gateway</body></html>", status=502)
    dated = _DATES.get(stream)
    listing = _by_id(shelf, stream) if dated is None else _by_date(shelf, stream, dated)
    since = next((_naive(values[-1]) for name, values in call.params.items() if name.endswith("__gte")), None)
    inside = listing.between(since)
    chosen = inside[(number - 1) * size : number * size]
    if call.text("ordering").startswith("-"):
        chosen = inside[::-1][(number - 1) * size : number * size]
    if not chosen and number > 1:
        return answer_json({"detail": "Invalid page."}, status=404)
    head = {
        "count": len(inside),
        "next": _link(call, number + 1) if number * size < len(inside) else None,
        "previous": _link(call, number - 1) if number > 1 else None,
    }
    body = msgspec.json.encode(head)[:-1] + b',"results":' + joined([listing.items[n] for n in chosen]) + b"}"
    return Answer(body=body, items="results")


def _relations(shelf: Shelf, customer: str) -> Answer:
    """Return a customer's relations: 404 for none, and never whose they are."""
    listing = shelf.listing("relations", by=lambda item: str(item["customer_id"]), shape=_without_customer, name="of")
    whole = listing.between(customer, f"{customer}\0")
    if not whole:
        return answer_json({"detail": "Not found."}, status=404)
    head = msgspec.json.encode({"count": len(whole), "next": None, "previous": None})
    items = joined([listing.items[n] for n in whole])
    return Answer(body=head[:-1] + b',"results":' + items + b"}", items="results")


def _without_customer(item: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in item.items() if name != "customer_id"}


def _one(listing: Listing, text: str) -> Answer:
    position = listing.ids.get(int(text) if text.isdigit() else text)
    if position is None:
        return answer_json({"detail": "Not found."}, status=404)
    return Answer(body=listing.items[position])


def _by_id(shelf: Shelf, stream: str) -> Listing:
    return shelf.listing(stream, by=lambda item: item["id"], name="by id")


def _by_date(shelf: Shelf, stream: str, member: str) -> Listing:
    return shelf.listing(stream, by=lambda item: _naive(str(item[member])), name="by date")


def _naive(text: str) -> datetime:
    """Return a local time: offsets are the gym's own and say nothing more."""
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _link(call: Call, number: int) -> str:
    params = [(name, value) for name, values in call.params.items() if name != "page" for value in values]
    return f"{call.url}?{urlencode([*params, ('page', str(number))])}"
