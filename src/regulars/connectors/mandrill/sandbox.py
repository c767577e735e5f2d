"""Mailchimp Transactional as a sandbox: takes mails, keeps back those to `gone@…`, and finds what it took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from regulars.connectors.sandbox import Answer, Call, Shelf, answer_json


def answer(call: Call, shelf: Shelf) -> Answer:
    """Return what Mailchimp Transactional answers to a request that follows its contract."""
    body: Any = call.body
    if body["key"] == "wrong":
        return _fault(401, "Invalid_Key", "Invalid API key")
    if call.path == "/messages/search":
        address = body["query"].removeprefix("full_email:")
        return answer_json([one for one in shelf.kept("messages") if one["email"] == address][: body["limit"]])
    mail = body["message"]
    address = mail["to"][0]["email"]
    if "@" not in mail["from_email"]:
        # Errors of its validation come with status 500.
        return _fault(500, "ValidationError", 'Validation error: {"message":{"from_email":"Please enter an email"}}')
    id = f"sandbox{len(shelf.kept('messages')):025}"  # noqa: A001  # Mandrill's own word
    if "@" not in address:
        return answer_json([{"email": address, "status": "invalid", "_id": id, "reject_reason": None}])
    if address.startswith("gone@"):
        return answer_json([{"email": address, "status": "rejected", "_id": id, "reject_reason": "hard-bounce"}])
    shelf.keep("messages", {
        "_id": id, "email": address, "state": "sent", "subject": mail["subject"], "text": mail.get("text", ""),
        "html": mail.get("html", ""), "headers": mail["headers"], "metadata": mail["metadata"], "tags": mail["tags"],
    })
    return answer_json([{"email": address, "status": "sent", "_id": id, "reject_reason": None}])


def posted(kept: Iterable[Mapping[str, Any]], event: str, *, ts: int, **words: object) -> bytes:
    """Return what Mandrill posts of mails it kept: a form with one event each."""
    events = [{"event": event, "_id": mail["_id"], "ts": ts, "msg": dict(mail), **words} for mail in kept]
    return urlencode({"mandrill_events": msgspec.json.encode(events)}).encode()


def _fault(status: int, name: str, message: str) -> Answer:
    return answer_json({"status": "error", "code": -1, "name": name, "message": message}, status=status)
