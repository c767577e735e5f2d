"""Quo as a sandbox: takes texts, lists them by person, ten requests a second, and tells of them in both its ways.

Of the numbers in `connectors.exchange` it takes those it would only know later: an opt-out or a landline ends as
`undelivered`. The id of one of our numbers is `PN` and its digits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from regulars.connectors.exchange import (
    NO_CREDIT,
    NOBODY,
    NOT_OURS,
    NOT_REGISTERED,
    Exchange,
    Subscription,
    Text,
    exchange,
    word,
)
from regulars.connectors.sandbox import Answer, Call, Post, Shelf, answer_json
from regulars.connectors.sending import moment

_FASTEST = 10
_TITLES = {400: "Bad Request", 401: "Unauthorized", 402: "Not Enough Credits", 403: "Not Phone Number User",
           404: "Not Found"}
_SENDERS = {NOT_REGISTERED: (400, "0206400"), NO_CREDIT: (402, "0200402"), NOT_OURS: (403, "0202403")}


def answer(call: Call, shelf: Shelf) -> Answer:
    """Return what Quo answers to a request that follows its contract."""
    desk = exchange(shelf, most_per_second=_FASTEST)
    if desk.is_too_fast(shelf.now):
        return Answer(body=b'{"message":"API rate limit exceeded"}', status=429, headers={"retry-after": "1"})
    match call.method, call.path.strip("/").split("/"):
        case "POST", ["v1", "messages"]:
            return _send(call, desk, shelf)
        case "GET", ["v1", "messages"]:
            return _list(call, desk)
        case "GET", ["v1", "messages", id_]:
            found = next((one for one in desk.texts if _id(one) == id_), None)
            return refusal(404, "Message not found") if found is None else answer_json({"data": _item(found)})
        case "POST", ["v1", "webhooks", "messages"] | ["webhooks"]:
            return _subscribe(call, desk, shelf)
    return refusal(404, "Not found")


def refusal(status: int, message: str, *, code: str = "", path: str = "") -> Answer:
    """Return what Quo answers to a request that it does not take."""
    errors = {"errors": [{"path": path, "message": message, "schema": {"type": "string"}}]} if path else {}
    head = {"message": message, "code": code or f"0200{status}", "status": status, "docs": "https://openphone.com/docs"}
    return answer_json({**head, "title": _TITLES.get(status, "Unknown"), **errors}, status=status)


def told(happening: str, words: Mapping[str, object], shelf: Shelf) -> Sequence[Post]:
    """Let something happen: `settle` (every text that waits ends), `reply` (from, to, text), `limit` (per_second).

    Returns the webhooks that Quo sends of it.
    """
    desk = exchange(shelf, most_per_second=_FASTEST)
    match happening:
        case "reply":
            came = desk.came(shelf, sender=word(words, "from"), to=word(words, "to"), text=word(words, "text"))
            return list(_posts(desk, came, "message.received", shelf.now))
        case "settle":
            ended = desk.settle(shelf.now)
            return [post for one in ended for post in _posts(desk, one, f"message.{one.status}", shelf.now)]
        case "limit":
            desk.most_per_second = int(word(words, "per_second")) or None
            return []
    raise ValueError(f"{happening!r} does not happen at Quo: settle, reply, limit")


def _send(call: Call, desk: Exchange, shelf: Shelf) -> Answer:
    body = call.body
    assert isinstance(body, dict)
    sender = _number(str(body["from"]))
    if sender in _SENDERS:
        status, code = _SENDERS[sender]
        return refusal(status, "The number may not send", code=code)
    if NOBODY in body["to"]:
        return refusal(400, f"{NOBODY} is not a valid phone number", path="/to/0")
    sent = desk.put(shelf, sender=sender, to=str(body["to"][0]), text=str(body["content"]))
    return answer_json({"data": _item(sent)}, status=202)


def _list(call: Call, desk: Exchange) -> Answer:
    number = call.text("phoneNumberId")
    if not number[2:].isdigit():
        return refusal(404, "Phone number not found")
    ours = _number(number)
    after, before = moment(call.text("createdAfter")), moment(call.text("createdBefore"))
    found = [
        one for one in reversed(desk.by_person[call.text("participants")])
        if ours in {one.sender, one.to} and (after is None or one.at > after) and (before is None or one.at < before)
    ]
    start, size = int(call.text("pageToken", "0")), call.number("maxResults", 10)
    following = str(start + size) if start + size < len(found) else None
    page = [_item(one) for one in found[start : start + size]]
    body = {"data": page, "totalItems": len(page), "nextPageToken": following}
    return Answer(body=msgspec.json.encode(body), items="data")


def _subscribe(call: Call, desk: Exchange, shelf: Shelf) -> Answer:
    body = call.body
    assert isinstance(body, dict)
    is_new = call.path == "/webhooks"
    number = len(desk.subscriptions) + 1
    secret = base64.b64encode(hashlib.sha256(f"sandbox {number}".encode()).digest()).decode()
    key = f"whsec_{secret}" if is_new else secret
    url, events = str(body["url"]), frozenset(body["events"])
    desk.subscriptions.append(Subscription(url=url, events=events, key=key, is_new_scheme=is_new))
    made = {"id": str(number) if is_new else f"WH{number}", "url": url, "events": sorted(events), "key": key,
            "status": "enabled", "createdAt": _iso(shelf.now)}
    return answer_json({"data": made}, status=201)


def _posts(desk: Exchange, one: Text, kind: str, now: datetime) -> Iterator[Post]:
    for number, subscription in enumerate(desk.subscriptions, start=1):
        if kind not in subscription.events:
            continue
        event_id = f"EV{one.number:08}{kind.removeprefix('message.')}"
        write: Callable[[Text], object] = _resource if subscription.is_new_scheme else _object
        event = {"id": event_id, "apiVersion": "2026-03-30" if subscription.is_new_scheme else "v4",
                 "createdAt": _iso(one.changed_at), "type": kind, "data": write(one)}
        body = msgspec.json.encode(event)
        sign = standard_signature if subscription.is_new_scheme else older_signature
        headers = sign(subscription.key, f"msg_{number}_{event_id}", now, body)
        yield Post(url=subscription.url, headers={"content-type": "application/json", **headers}, body=body)


def standard_signature(key: str, delivery_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that sign a webhook of the newer kind: Standard Webhooks, HMAC-SHA256."""
    seconds = str(int(at.timestamp()))
    secret = base64.b64decode(key.removeprefix("whsec_"))
    signature = _hmac(secret, f"{delivery_id}.{seconds}.".encode() + body)
    return {"webhook-id": delivery_id, "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}


def older_signature(key: str, delivery_id: str, at: datetime, body: bytes) -> dict[str, str]:  # noqa: ARG001  as above
    """Return the header that signs a webhook of the older kind: HMAC-SHA256 over milliseconds and body."""
    milliseconds = str(round(at.timestamp() * 1000))
    signature = _hmac(base64.b64decode(key), f"{milliseconds}.".encode() + body)
    return {"openphone-signature": f"hmac;1;{milliseconds};{signature}"}


def _hmac(secret: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()


def _resource(one: Text) -> object:
    has_failed = one.status in {"failed", "undelivered"}
    outcome: dict[str, object] = {"errorCode": one.code or None} if has_failed else {"media": []}
    resource = {"id": _id(one), "direction": one.direction, "text": one.text, "status": one.status,
                "createdAt": _iso(one.at), **outcome}
    ours = one.sender if one.direction == "outgoing" else one.to
    context = {"orgId": "OR1", "phoneNumberId": _number_id(ours), "conversationId": None, "userId": "US1",
               "contacts": {"ids": [], "lookupStatus": "unavailable"}, "senderIdentifier": one.sender,
               "recipientIdentifiers": [one.to]}
    return {"resource": resource, "context": context, "links": {"quo": None}}


def _object(one: Text) -> object:
    item = {**_item(one), "object": "message", "body": one.text, "to": one.to, "media": [], "conversationId": "CN1"}
    return {"object": {name: value for name, value in item.items() if name != "text"}}


def _item(one: Text) -> dict[str, object]:
    ours = one.sender if one.direction == "outgoing" else one.to
    return {"id": _id(one), "to": [one.to], "from": one.sender, "text": one.text, "phoneNumberId": _number_id(ours),
            "direction": one.direction, "userId": "US1", "status": one.status, "createdAt": _iso(one.at),
            "updatedAt": _iso(one.changed_at)}


def _id(one: Text) -> str:
    return f"AC{one.number:032x}"


def _number(text: str) -> str:
    return f"+{text.removeprefix('PN')}" if text.startswith("PN") else text


def _number_id(number: str) -> str:
    return f"PN{number.removeprefix('+')}"


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
