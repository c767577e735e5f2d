"""What a REST source answered: its records as they came, its count, and where the next page is. All of it pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from regulars.errors import SourceChanged, SourceIncomplete
from regulars.sources.rest_request import Paging, RestRequest, TimeFormat
from regulars.sources.source import State

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_LINK = re.compile(r'<([^>]*)>\s*;[^,]*?\brel="?next"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One page as it came."""

    items: tuple[bytes, ...]
    total: int | None
    body: bytes
    link: str | None = None                  # the Link header


def read_answer(body: bytes, request: RestRequest, *, link: str | None, stream: str) -> Answer:
    """Return the records and the count in an answer.

    Raises SourceChanged when the list or the count is not where the request says.
    """
    found = dig(body, request.items)
    if found is None and request.may_lack_items and dig(body, "errors") is None:
        return Answer(items=(), total=None, body=body, link=link)
    try:
        items = tuple(_one_line(bytes(raw)) for raw in _ELEMENTS.decode(found or b""))
    except msgspec.DecodeError:
        raise SourceChanged(
            f"{stream}: the answer has no list at {request.items or 'its top'!r}; it has {_outline(body)}",
            hint="correct `items:` of the request",
        ) from None
    for item in items:
        if not item.startswith(b"{"):
            raise SourceChanged(f"{stream}: a record is {item[:40].decode(errors='replace')}, not an object")
    total = None if request.total is None else value_at(body, request.total)
    if request.total is not None and (isinstance(total, bool) or not isinstance(total, int)):
        raise SourceChanged(
            f"{stream}: the count at {request.total!r} is {total!r}; the answer has {_outline(body)}",
            hint="correct `total:` of the request",
        )
    return Answer(items=items, total=total if isinstance(total, int) else None, body=body, link=link)


def dig(body: bytes | msgspec.Raw, path: str | None) -> bytes | None:
    """Return the JSON text at a dotted path, untouched; None when it is not there."""
    found: bytes | msgspec.Raw = body
    for part in path.split(".") if path else ():
        try:
            found = (
                _ELEMENTS.decode(found)[int(part)] if part.isdigit() else _MEMBERS.decode(found)[part]
            )
        except (msgspec.DecodeError, KeyError, IndexError):
            return None
    return bytes(found)


def value_at(body: bytes, path: str) -> object:
    """Return the value at a dotted path; None when it is null or not there."""
    found = dig(body, path)
    return None if found is None else msgspec.json.decode(found)


def first_place(paging: Paging) -> State:
    """Return where a list begins."""
    match paging.style:
        case "page":
            return {"page": paging.first}
        case "offset":
            return {"offset": 0}
        case _:
            return {}


def next_place(paging: Paging, place: State, answer: Answer, *, fetched: int, stream: str) -> State | None:
    """Return where the page after this one is; None at the end of the list.

    `fetched` counts the records so far, this page's included. Raises SourceIncomplete when the source gives the same
    place again, or says that there is more after an empty page.
    """
    if paging.style == "none":
        return None
    if not answer.items and paging.more is not None and value_at(answer.body, paging.more):
        raise SourceIncomplete(f"{stream}: a page came empty though more was promised", hint="run again")
    following = _following(paging, place, answer, fetched=fetched)
    if following is not None and following == place:
        raise SourceIncomplete(f"{stream}: the source points from a page to itself", hint="run again")
    return following


def _following(paging: Paging, place: State, answer: Answer, *, fetched: int) -> State | None:
    match paging.style:
        case "link":
            found = _LINK.search(answer.link or "")
            return {"url": found[1]} if found else None
        case "next_url" | "cursor":
            value = value_at(answer.body, str(paging.source))
            return {"url" if paging.style == "next_url" else "cursor": str(value)} if value else None
        case "page" | "offset" | "last_id" if not _has_more(paging, answer, fetched=fetched):
            return None
        case "page":
            return {"page": int(str(place["page"])) + 1}
        case "offset":
            return {"offset": int(str(place["offset"])) + len(answer.items)}
        case _:
            return {"after": value_at(answer.items[-1], paging.field)}


def _has_more(paging: Paging, answer: Answer, *, fetched: int) -> bool:
    if not answer.items:
        return False                         # whether that was too early, the count tells
    if paging.more is not None:
        return bool(value_at(answer.body, paging.more))
    # Without a word from the source the end is an empty page: a short one may be one that lost records.
    return answer.total is None or fetched < answer.total


def applied(paging: Paging, place: State) -> tuple[dict[str, object], dict[str, object]]:
    """Return the query parameters and the body members (dotted paths) that ask for the page at a place."""
    params: dict[str, object] = {}
    members: dict[str, object] = {}
    if paging.size is not None:
        params |= {paging.size_param: paging.size} if paging.size_param else {}
        members |= {paging.size_body: paging.size} if paging.size_body else {}
    value = next(iter(place.values()), None)
    if value is not None:
        params |= {paging.param: value} if paging.param else {}
        members |= {paging.body: value} if paging.body else {}
    return params, members


def with_members(body: Mapping[str, object], members: Mapping[str, object]) -> dict[str, object]:
    """Return a request's body with values put at dotted paths."""
    result = dict(body)
    for path, value in members.items():
        first, _, rest = path.partition(".")
        inner = result.get(first)
        result[first] = with_members(inner if isinstance(inner, Mapping) else {}, {rest: value}) if rest else value
    return result


def moment(value: object, *, zone: ZoneInfo) -> datetime | None:
    """Return the moment that a record's value means, in UTC; None when it means none.

    Numbers are Unix seconds, or milliseconds when they are too large for that; texts are ISO 8601, in `zone` without
    an offset.
    """
    try:
        match value:
            case bool():
                return None
            case int() | float():
                return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
            case str():
                read = datetime.fromisoformat(value)
                return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
            case _:
                return None
    except (ValueError, OverflowError, OSError):
        return None


def written_moment(at: datetime, form: TimeFormat, *, zone: ZoneInfo) -> str | int:
    """Return a moment as the source wants it in a request."""
    match form:
        case "unix":
            return int(at.timestamp())
        case "date":
            return at.astimezone(zone).date().isoformat()
        case "local":
            return at.astimezone(zone).replace(tzinfo=None).isoformat(timespec="microseconds")
        case _:
            return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(item: bytes) -> bytes:
    """Return a record without line breaks between its members: the landing keeps one a line."""
    return msgspec.json.format(item, indent=-1) if b"\n" in item or b"\r" in item else item


def _outline(body: bytes) -> str:
    try:
        return ", ".join(list(_MEMBERS.decode(body))[:12]) or "nothing"
    except msgspec.DecodeError:
        return "no members"
