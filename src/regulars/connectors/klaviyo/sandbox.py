"""Klaviyo as a sandbox: filters and links to the next page, profiles known by any identifier, events counted once."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from regulars.connectors.sandbox import Answer, Call, Shelf, answer_json, joined

_LARGEST = {"profiles": 100, "events": 1000, "campaigns": 100, "lists": 10, "list_members": 100, "metrics": 200}
_SMALLEST_PAGE = {"profiles": 20, "events": 200, "campaigns": 100, "lists": 10, "list_members": 20, "metrics": 200}
_FILTER = re.compile(r"(?P<how>[a-z-]+)\((?P<field>[\w.]+),(?P<value>[^()]*)\)")
_HOW: Mapping[str, Callable[[Any, Any], bool]] = {
    "equals": operator.eq, "greater-than": operator.gt, "less-than": operator.lt, "greater-or-equal": operator.ge,
}
_IDENTIFIERS = ("external_id", "email", "phone_number")


def answer(call: Call, shelf: Shelf) -> Answer:
    """Return what Klaviyo answers to a request that follows its contract."""
    parts = call.path.strip("/").split("/")[1:]
    match (call.method, *parts):
        case ("GET", "lists", list_id, "profiles"):
            return _page(call, shelf, "list_members", lambda item: item["list_id"] == list_id)
        case ("GET", stream):
            return _page(call, shelf, stream, lambda _: True)
        case ("POST", "profile-import"):
            return _profile(call, shelf)
        case ("POST", "events"):
            return _event(call, shelf)
        case (method, "lists", list_id, "relationships", "profiles"):
            body: Any = call.body
            ids = [one["id"] for one in body["data"]]
            shelf.keep("members", {"list": list_id, "is_on": method == "POST", "ids": ids})
            return Answer(body=b"", status=204)
    made: Any = call.body
    shelf.keep(parts[0], made["data"])
    return answer_json({"data": {"type": made["data"]["type"], "id": f"job{len(shelf.kept(parts[0]))}"}}, status=202)


def _page(call: Call, shelf: Shelf, stream: str, is_wanted: Callable[[dict[str, Any]], bool]) -> Answer:
    if stream == "campaigns" and "equals(messages.channel," not in call.text("filter"):
        return _error("filter", "A channel filter is required to list campaigns.")
    size = call.number("page[size]", _SMALLEST_PAGE[stream])
    if not 1 <= size <= _LARGEST[stream]:
        return _error("page[size]", f"Page size must be an integer between 1 and {_LARGEST[stream]}.")
    listing = shelf.listing(stream, by=_by, name="by time")
    filters = [found.groupdict() for found in _FILTER.finditer(call.text("filter"))]
    items = [msgspec.json.decode(raw) for raw in listing.items]
    inside = [n for n, item in enumerate(items) if is_wanted(item) and all(_holds(item, one) for one in filters)]
    start = call.number("page[cursor]", 0)
    following = None
    if start + size < len(inside):
        words = {name: values[-1] for name, values in call.params.items()} | {"page[cursor]": str(start + size)}
        following = f"{call.url}?{urlencode(words)}"
    links = msgspec.json.encode({"self": call.url, "next": following, "prev": None})
    data = joined([listing.items[n] for n in inside[start : start + size]])
    return Answer(body=b'{"data":' + data + b',"links":' + links + b"}", items="data")


def _holds(item: dict[str, Any], one: Mapping[str, str]) -> bool:
    field, value = one["field"], one["value"].strip("'\"")
    if field == "messages.channel":
        return bool(item["channel"] == value)
    return _HOW[one["how"]](_moment(item["attributes"].get(field)), _moment(value))


def _by(item: dict[str, Any]) -> object:
    known = item.get("attributes", {})
    return _moment(known.get("datetime") or known.get("updated_at") or known.get("updated")), item["id"]


def _moment(written: object) -> float:
    return datetime.fromisoformat(str(written)).timestamp() if written else 0.0


def _profile(call: Call, shelf: Shelf) -> Answer:
    body: Any = call.body
    said = body["data"]["attributes"]
    wrong = _wrong(said, "/data/attributes")
    if wrong is not None:
        return wrong
    known = next((n for n, one in enumerate(shelf.kept("profiles")) if _is_same(one, said)), None)
    if known is not None:
        return answer_json({"data": {"type": "profile", "id": f"profile{known}"}}, status=200)
    shelf.keep("profiles", said)
    return answer_json({"data": {"type": "profile", "id": f"profile{len(shelf.kept('profiles')) - 1}"}}, status=201)


def _event(call: Call, shelf: Shelf) -> Answer:
    body: Any = call.body
    said = body["data"]["attributes"]
    person, metric = said["profile"]["data"]["attributes"], said["metric"]["data"]["attributes"]["name"]
    wrong = _wrong(person, "/data/attributes/profile/data/attributes")
    if wrong is not None:
        return wrong
    told = {"unique_id": said["unique_id"], "metric": metric, "person": person, "value": said.get("value")}
    if not any(_is_told(one, told) for one in shelf.kept("events")):
        shelf.keep("events", told)
    return Answer(body=b"", status=202)


def _is_told(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one["unique_id"] == other["unique_id"] and one["metric"] == other["metric"] and _is_same(
        one["person"], other["person"]
    )


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return any(one.get(name) and one.get(name) == other.get(name) for name in _IDENTIFIERS)


def _wrong(person: Mapping[str, Any], where: str) -> Answer | None:
    if not any(person.get(name) for name in _IDENTIFIERS):
        return _error(where, "One of email, phone_number or external_id must be provided.")
    if "email" in person and "@" not in person["email"]:
        return _error(f"{where}/email", "Invalid email address.")
    if "phone_number" in person and not re.fullmatch(r"\+\d{7,15}", person["phone_number"]):
        return _error(f"{where}/phone_number", "Invalid phone number format.")
    return None


def _error(pointer: str, detail: str) -> Answer:
    fault = {
        "id": "sandbox", "status": 400, "code": "invalid", "title": "Invalid input.", "detail": detail,
        "source": {"pointer": pointer},
    }
    return answer_json({"errors": [fault]}, status=400)
