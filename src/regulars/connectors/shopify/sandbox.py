"""Shopify's Admin API as a sandbox: orders and products by last change, page by page, as GraphQL answers."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

from regulars.connectors.sandbox import Answer, Call, Shelf, answer_json, joined

_SINCE = re.compile(r"updated_at:>='([^']+)'")


def answer(call: Call, shelf: Shelf) -> Answer:
    """Return what Shopify answers to a query that follows its contract."""
    body = call.body if isinstance(call.body, dict) else {}
    asked = re.search(r"\b(orders|products)\(", str(body.get("query")))
    if asked is None:
        return answer_json({"errors": [{"message": "only orders and products are asked for here"}]})
    said = body.get("variables") or {}
    listing = shelf.listing(asked[1], by=lambda item: _moment(str(item["updatedAt"])), name="by change")
    since = _SINCE.search(str(said.get("query") or ""))
    inside = listing.between(_moment(since[1]) if since else None)
    start = int(said["after"]) if said.get("after") else inside.start
    chosen = range(start, min(start + int(said["first"]), inside.stop))
    end = msgspec.json.encode(str(chosen.stop)) if chosen.stop < inside.stop else b"null"
    nodes = joined([listing.items[n] for n in chosen])
    return Answer(body=b'{"data":{"%b":{"pageInfo":{"endCursor":%b},"nodes":%b}}}' % (asked[1].encode(), end, nodes))


def _moment(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)
