"""Stripe as a sandbox: newest first, `starting_after` and `has_more`, objects as ids until they are expanded."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

import msgspec

from regulars.connectors.sandbox import Answer, Call, Listing, Shelf, answer_json, joined

STREAMS = frozenset({
    "payment_intents", "refunds", "disputes", "balance_transactions", "payouts", "customers"
})
_EXPANDABLE = {
    "payment_intents": ("latest_charge",),
    "refunds": ("charge",),
    "disputes": ("charge",),
    "balance_transactions": ("source",),
}


def answer(call: Call, shelf: Shelf) -> Answer:
    """Return what Stripe answers to a request that follows its contract."""
    parts = call.path.strip("/").split("/")
    if parts[1] not in STREAMS or len(parts) > 3:
        return _error(f"Unrecognized request URL ({call.method}: {call.path}).", status=404)
    stream = parts[1]
    asked = tuple(name.removeprefix("data.") for name in call.params.get("expand[]", ()))
    shape, name = _shape(stream, asked)
    payout = call.text("payout")
    by = _by_payout(shelf) if payout else _by_time
    listing = shelf.listing(stream, by=by, shape=shape, name=f"by {'payout' if payout else 'time'} {name}")
    if len(parts) == 3:
        position = listing.ids.get(parts[2])
        return _missing(parts[2]) if position is None else Answer(body=listing.items[position])
    first, end = _span(call)
    if payout:
        until = (payout, end) if end else (f"{payout}\0",)
        return _page(call, listing, listing.between((payout, first or (0, "")), until))
    return _page(call, listing, listing.between(first, end))


def _page(call: Call, listing: Listing, inside: range) -> Answer:
    limit = call.number("limit", 10)
    if not 1 <= limit <= 100:
        return _error("Invalid integer: limit must be between 1 and 100.", status=400)
    newest_first = inside[::-1]
    start, after = 0, call.text("starting_after")
    if after:
        if after not in listing.ids:
            return _missing(after)
        start = inside.stop - listing.ids[after]
    chosen = newest_first[start : start + limit]
    head = {"object": "list", "url": call.path, "has_more": start + limit < len(inside)}
    body = msgspec.json.encode(head)[:-1] + b',"data":' + joined([listing.items[n] for n in chosen]) + b"}"
    return Answer(body=body, items="data")


def _span(call: Call) -> tuple[tuple[int, str] | None, tuple[int, str] | None]:
    """Return the first key and the end that `created[...]` asks for."""
    first = [call.number("created[gte]", 0)] if "created[gte]" in call.params else []
    first += [call.number("created[gt]", 0) + 1] if "created[gt]" in call.params else []
    end = [call.number("created[lt]", 0)] if "created[lt]" in call.params else []
    end += [call.number("created[lte]", 0) + 1] if "created[lte]" in call.params else []
    return (max(first), "") if first else None, (min(end), "") if end else None


def _shape(stream: str, asked: tuple[str, ...]) -> tuple[Callable[[dict[str, object]], object] | None, str]:
    """Return how records go out: with only those objects in full that were asked for."""
    folded = tuple(name for name in _EXPANDABLE.get(stream, ()) if name not in asked)
    if not folded:
        return None, "whole"
    return lambda item: {name: _folded(value) if name in folded else value for name, value in item.items()}, str(folded)


def _by_time(item: dict[str, object]) -> object:
    return item["created"], item["id"]


def _by_payout(shelf: Shelf) -> Callable[[dict[str, object]], object]:
    """Return the key that sorts movements by the payout that took them, "" for none.

    An automatic payout takes what became available since the one before; its own movement is not among them.
    """
    payouts = shelf.listing("payouts", by=_by_time, name="by time whole")
    moments, names = [key[0] for key in payouts.keys], [*payouts.ids, ""]

    def by(item: dict[str, object]) -> object:
        payout = "" if item["type"] == "payout" else names[bisect_right(moments, item["available_on"])]
        return payout, _by_time(item)

    return by


def _folded(value: object) -> object:
    return value.get("id") if isinstance(value, dict) else value


def _missing(id: str) -> Answer:  # noqa: A002  # Stripe's own word
    return _error(f"No such object: '{id}'", status=400)


def _error(message: str, *, status: int) -> Answer:
    return answer_json({"error": {"type": "invalid_request_error", "message": message}}, status=status)
