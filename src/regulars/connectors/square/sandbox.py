"""Square as a sandbox: cursors tied to their query, one location unless told, a year back unless told."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from regulars.connectors.sandbox import Answer, Call, Listing, Shelf, answer_json, joined

_DATED = frozenset({"payments", "refunds", "payouts"})


def answer(call: Call, shelf: Shelf) -> Answer:
    """Return what Square answers to a request that follows its contract."""
    match call.path.removeprefix("/v2/").split("/"):
        case ["locations"]:
            return Answer(body=b'{"locations":' + joined(_locations(shelf).items) + b"}", items="locations")
        case ["orders", "search"]:
            return _orders(call, shelf)
        case ["customers"]:
            listing = shelf.listing("customers", by=lambda item: str(item["id"]), name="all")
            return _page(call.text("cursor"), call.number("limit", 100), listing, listing.between(), member="customers",
                         query="customers")
        case [name] if name in _DATED:
            return _dated(call, shelf, name)
    return _error("NOT_FOUND", "Resource not found.", status=404)


def _dated(call: Call, shelf: Shelf, stream: str) -> Answer:
    location = call.text("location_id")
    if not location and stream != "refunds":                   # refunds alone are given for every location
        location = str(next(iter(_locations(shelf).ids), ""))
    listing = _at(shelf, stream, location, "created_at")
    first = _moment(call.text("begin_time")) if call.text("begin_time") else shelf.now - timedelta(days=365)
    end = _moment(call.text("end_time")) if call.text("end_time") else None
    inside = listing.between(first, end)
    if call.text("sort_order", "DESC") == "DESC":
        inside = inside[::-1]
    query = repr(sorted((name, values) for name, values in call.params.items() if name != "cursor"))
    return _page(call.text("cursor"), min(call.number("limit", 100), 100), listing, inside, member=stream, query=query)


def _orders(call: Call, shelf: Shelf) -> Answer:
    body = call.body if isinstance(call.body, dict) else {}
    locations = body.get("location_ids") or []
    if not 1 <= len(locations) <= 10:
        return _error("MISSING_REQUIRED_PARAMETER", "location_ids needs 1 to 10 locations.", status=400)
    query = body.get("query") or {}
    filters, sort = query.get("filter") or {}, query.get("sort") or {"sort_field": "CREATED_AT"}
    dated = filters.get("date_time_filter") or {}
    field = str(sort["sort_field"]).lower()
    if dated and set(dated) != {field}:
        return _error("BAD_REQUEST", "sort_field must match the date_time_filter field.", status=400)
    states = (filters.get("state_filter") or {}).get("states")
    listing = _at(shelf, "orders", "|".join(locations), field, states=tuple(states) if states else None)
    span = dated.get(field) or {}
    first = _moment(span["start_at"]) if "start_at" in span else None
    # The end is included; moments have milliseconds.
    end = _moment(span["end_at"]) + timedelta(milliseconds=1) if "end_at" in span else None
    inside = listing.between(first, end)
    if sort.get("sort_order", "DESC") == "DESC":
        inside = inside[::-1]
    named = repr((sorted(locations), query))
    return _page(str(body.get("cursor") or ""), body.get("limit", 500), listing, inside, member="orders", query=named)


def _page(cursor: str, limit: int, listing: Listing, inside: range, *, member: str, query: str) -> Answer:
    mark = hashlib.blake2b(query.encode(), digest_size=6).hexdigest()
    start = 0
    if cursor:
        seen, _, offset = base64.urlsafe_b64decode(cursor).decode().partition(":")
        if seen != mark:
            return _error("INVALID_CURSOR", "The cursor belongs to another query.", status=400)
        start = int(offset)
    chosen = inside[start : start + limit]
    parts = [f'"{member}":'.encode() + joined([listing.items[n] for n in chosen])] if chosen else []
    if start + limit < len(inside):
        following = base64.urlsafe_b64encode(f"{mark}:{start + limit}".encode()).decode()
        parts.append(b'"cursor":' + msgspec.json.encode(following))
    return Answer(body=b"{" + b",".join(parts) + b"}", items=member)


def _at(
    shelf: Shelf, stream: str, locations: str, field: str, *, states: tuple[str, ...] | None = None
) -> Listing:
    """Return a stream's records at some locations (`a|b`; empty: all) in order of a moment."""
    wanted = set(filter(None, locations.split("|")))

    def shape(item: dict[str, object]) -> dict[str, object] | None:
        is_wanted = (not wanted or item.get("location_id") in wanted) and (not states or item.get("state") in states)
        return item if is_wanted and item.get(field) else None

    needed: Callable[[dict[str, object]], object] | None = shape
    return shelf.listing(
        stream, by=lambda item: _moment(str(item.get(field) or "1970-01-01T00:00:00Z")), shape=needed,
        name=f"{locations} {field} {states}",
    )


def _locations(shelf: Shelf) -> Listing:
    """Return the seller's locations; when the world has no such file, those that its payments name."""
    listing = shelf.listing("locations", by=lambda item: str(item["id"]), name="all")
    if listing.items:
        return listing
    payments = shelf.listing("payments", by=lambda item: str(item["location_id"]), shape=_only_location, name="where")
    names = sorted({str(key) for key in payments.keys})
    items = [msgspec.json.encode({"id": name, "name": name, "status": "ACTIVE"}) for name in names]
    return Listing(items=items, keys=names, ids={name: n for n, name in enumerate(names)})


def _only_location(item: dict[str, object]) -> dict[str, object]:
    return {"id": item["location_id"]}


def _moment(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _error(code: str, detail: str, *, status: int) -> Answer:
    error = {"category": "INVALID_REQUEST_ERROR", "code": code, "detail": detail}
    return answer_json({"errors": [error]}, status=status)
