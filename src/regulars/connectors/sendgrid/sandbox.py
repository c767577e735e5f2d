"""SendGrid as a sandbox: takes a request whole or not at all, keeps each mail as its reader would see it, and tells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from regulars.connectors.sandbox import Answer, Call, Shelf, answer_json

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
    "subject", "reply-to", "cc", "bcc",
}
_QUERY = re.compile(r"unique_args\['(?P<name>[^']+)'\]=\"(?P<value>[^\"]+)\"")


def answer(call: Call, shelf: Shelf) -> Answer:
    """Return what SendGrid answers to a request that follows its contract."""
    if call.path == "/v3/messages":
        return _activity(call, shelf)
    mail: Any = call.body
    faults = list(_faults(mail))
    if faults:
        errors = [{"message": message, "field": field, "help": None} for field, message in faults]
        return answer_json({"errors": errors}, status=400)
    id = f"sandbox-{len(shelf.kept('requests')):014}"  # noqa: A001  # SendGrid's own word
    shelf.keep("requests", {"id": id})
    for n, person in enumerate(mail["personalizations"]):
        shelf.keep("messages", _read(mail, person, id=f"{id}.recvd-sandbox-{n}.0"))
    return Answer(body=b"", status=202, headers={"x-message-id": id})


def posted(kept: Iterable[Mapping[str, Any]], event: str, *, at: datetime, **words: object) -> bytes:
    """Return what SendGrid posts of mails it kept: one event each, with the mail's custom arguments in it."""
    events = [
        {
            "email": mail["to"], "timestamp": int(at.timestamp()), "event": event, "sg_message_id": mail["id"],
            "sg_event_id": f"{event}-{mail['id']}", **words, **mail["custom_args"],
        }
        for mail in kept
    ]
    return msgspec.json.encode(events)


def _activity(call: Call, shelf: Shelf) -> Answer:
    asked = _QUERY.fullmatch(call.text("query"))
    if asked is None:
        return answer_json({"errors": [{"message": "invalid query", "field": "query"}]}, status=400)
    known: Sequence[Mapping[str, Any]] = shelf.kept("messages")
    found = [
        {"msg_id": mail["id"], "to_email": mail["to"], "subject": mail["subject"], "status": "processing"}
        for mail in known if mail["custom_args"].get(asked["name"]) == asked["value"]
    ]
    return answer_json({"messages": found[: call.number("limit", 10)]})


def _faults(mail: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield what SendGrid finds wrong: the field, and its sentence."""
    people = mail["personalizations"]
    if not 1 <= len(people) <= 1000:
        yield "personalizations", f"1 to 1000 personalizations per request, not {len(people)}"
    addresses = [to["email"].lower() for person in people for to in person["to"]]
    if len(set(addresses)) < len(addresses):
        yield "personalizations", "Each email address should only be included once."
    if not _ADDRESS.fullmatch(mail["from"]["email"]):
        yield "from.email", "Does not contain a valid address."
    for n, person in enumerate(people):
        if not all(_ADDRESS.fullmatch(to["email"]) for to in person["to"]):
            yield f"personalizations.{n}.to.0.email", "Does not contain a valid address."
        if not person.get("subject"):
            yield f"personalizations.{n}.subject", "The subject is required."
        if _RESERVED & {name.lower() for name in person.get("headers", {})}:
            yield f"personalizations.{n}.headers", "A reserved header cannot be set."
        if sum(len((tag + text).encode()) for tag, text in person.get("substitutions", {}).items()) > 10_000:
            yield f"personalizations.{n}.substitutions", "Substitutions are limited to 10000 bytes."


def _read(mail: Mapping[str, Any], person: Mapping[str, Any], *, id: str) -> dict[str, object]:  # noqa: A002  # SendGrid's own word
    """Return one mail as it arrives: its tags filled in."""
    contents = {content["type"]: content["value"] for content in mail["content"]}
    for tag, text in person.get("substitutions", {}).items():
        contents = {kind: value.replace(tag, text) for kind, value in contents.items()}
    return {
        "id": id, "to": person["to"][0]["email"], "from": mail["from"]["email"], "subject": person["subject"],
        "headers": person.get("headers", {}), "custom_args": person.get("custom_args", {}),
        "text": contents.get("text/plain", ""), "html": contents.get("text/html", ""),
        "categories": mail.get("categories", []),
    }
