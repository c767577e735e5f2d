"""Mailchimp as a sandbox: lists by offset with their count, people by the MD5 of their address, batches at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from regulars.connectors.sandbox import Answer, Call, Listing, Shelf, answer_json, joined

_OF_REPORTS = {
    "sent-to": ("sent_to", "sent_to"), "email-activity": ("email_activity", "emails"),
    "unsubscribed": ("unsubscribed", "unsubscribes"),
}


def answer(call: Call, shelf: Shelf) -> Answer:
    """Return what Mailchimp answers to a request that follows its contract."""
    parts = call.path.strip("/").split("/")
    match (call.method, *parts):
        case ("GET", "lists" | "campaigns" | "reports"):
            return _whole(call, shelf, parts[0])
        case ("GET", "lists", list_id, "members"):
            return _of(call, shelf, "members", "members", list_id, by=_by_change)
        case ("GET", "reports", campaign_id, part):
            stream, items = _OF_REPORTS[part]
            return _of(call, shelf, stream, items, campaign_id, by=_by_recipient)
        case ("POST", "batches"):
            return _batch(call, shelf)
        case ("GET", "batches", batch_id):
            found: Sequence[Mapping[str, Any]] = [one for one in shelf.kept("batches") if one["id"] == batch_id]
            return answer_json(found[0]) if found else _problem(404, "Resource Not Found", "No such batch.")
    return _change(call, shelf)


def _whole(call: Call, shelf: Shelf, stream: str) -> Answer:
    listing = shelf.listing(stream, by=lambda item: (_moment(item.get("send_time")), item["id"]), name="by time")
    end = (_moment(call.text("before_send_time")),) if "before_send_time" in call.params else None
    inside: Sequence[int] = listing.between((_moment(call.text("since_send_time")),), end)
    if "status" in call.params:
        inside = [n for n in inside if msgspec.json.decode(listing.items[n])["status"] == call.text("status")]
    return _page(call, listing, inside, stream)


def _of(
    call: Call, shelf: Shelf, stream: str, items: str, whose: str, *, by: Callable[[dict[str, object]], object]
) -> Answer:
    listing = shelf.listing(stream, by=by, name="by whose")
    before = call.text("before_last_changed")
    end = (whose, _moment(before)) if before else (f"{whose}\0",)
    return _page(call, listing, listing.between((whose, _moment(call.text("since_last_changed"))), end), items)


def _page(call: Call, listing: Listing, inside: Sequence[int], items: str) -> Answer:
    count, offset = call.number("count", 10), call.number("offset", 0)
    if not 0 <= count <= 1000:
        return _problem(400, "Invalid Resource", "count must be at most 1000.")
    chosen = [listing.items[n] for n in inside[offset : offset + count]]
    head = msgspec.json.encode({"total_items": len(inside)})[:-1]
    return Answer(body=head + b',"' + items.encode() + b'":' + joined(chosen) + b"}", items=items)


def _change(call: Call, shelf: Shelf) -> Answer:
    """Take a change of one member."""
    _, list_id, _, member, *rest = call.path.strip("/").split("/")
    body: Any = call.body
    if rest:
        if member not in _members(shelf, list_id):
            return _problem(404, "Resource Not Found", "The requested resource could not be found.")
        shelf.keep("tags", {"list": list_id, "member": member, "tags": body["tags"]})
        return Answer(body=b"", status=204)
    email = body["email_address"]
    if "@" not in email:
        return _problem(400, "Invalid Resource", f"Please provide a valid email address, not {email}.")
    if hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest() != member:
        return _problem(400, "Invalid Resource", "The hash is not that of the address.")
    if email.startswith("gone@") and "subscribed" in {body.get("status"), body["status_if_new"]}:
        return _problem(400, "Member In Compliance State", f"{email} cannot be subscribed.")
    shelf.keep("members", {"list": list_id, "id": member, **body})
    return answer_json({"id": member, "email_address": email, "status": body["status_if_new"]})


def _members(shelf: Shelf, list_id: str) -> set[object]:
    listing = shelf.listing("members", by=_by_change, name="by whose")
    there = {key[2] for key in listing.keys if key[0] == list_id}
    return there | {one["id"] for one in shelf.kept("members") if one["list"] == list_id}


def _batch(call: Call, shelf: Shelf) -> Answer:
    """Do a batch's operations one by one, in their order."""
    body: Any = call.body
    if len(body["operations"]) > 1000:
        return _problem(400, "Invalid Resource", "at most 1000 operations.")
    results = []
    for one in body["operations"]:
        part = Call(method=one["method"], path=one["path"], body=msgspec.json.decode(one["body"]))
        done = answer(part, shelf)
        results.append({
            "status_code": done.status, "operation_id": one.get("operation_id", ""), "response": done.body.decode()
        })
    state = {
        "id": f"batch{len(shelf.kept('batches'))}", "status": "finished", "total_operations": len(results),
        "finished_operations": len(results), "errored_operations": sum(one["status_code"] >= 400 for one in results),
        "response_body_url": "",
    }
    shelf.keep("batches", state)
    shelf.keep("results", {"id": state["id"], "results": results})
    return answer_json(state)


def _by_change(item: dict[str, object]) -> object:
    return item["list_id"], _moment(item["last_changed"]), item["id"]


def _by_recipient(item: dict[str, object]) -> object:
    return item["campaign_id"], 0.0, item["email_id"]


def _moment(written: object) -> float:
    """Return a moment as a number that sorts; 0 for none."""
    return datetime.fromisoformat(str(written)).timestamp() if written else 0.0


def _problem(status: int, title: str, detail: str) -> Answer:
    return answer_json({"type": "about:blank", "title": title, "status": status, "detail": detail}, status=status)
