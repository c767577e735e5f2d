"""One message judged: stored as it came with what the door knows of it in front, or refused with a reason.

A stored line is the sender's own JSON object, unchanged, with one more member before the others:

    {"door": {"id", "type", "at", "received_at", "user", "anonymous", "name", "links", "bot", "clamped", "plan"}, …}
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from regulars.sources.tracking.judge import Judge, Verdict
from regulars.storage.door.message_ids import message_hash
from regulars.web.ingest.event_time import event_time, read_time
from regulars.web.ingest.robots import is_robot

TYPES = frozenset({"identify", "track", "page", "screen", "group", "alias"})

LARGEST_MESSAGE = 32 << 10
"""Bytes of one message: what the tracking API allows."""

Id = str | int | float | None
Time = str | int | float | None


_NOTHING = msgspec.Raw()


class Message(msgspec.Struct, rename="camel", gc=False):
    """What the door looks at of a message; everything else it keeps unread."""

    type: str | None = None
    message_id: Id = None
    user_id: Id = None
    anonymous_id: Id = None
    previous_id: Id = None
    group_id: Id = None
    event: str | None = None
    name: str | None = None
    timestamp: Time = None
    original_timestamp: Time = None
    sent_at: Time = None
    write_key: Any = None
    context: msgspec.Raw = _NOTHING
    door: msgspec.Raw = _NOTHING


class Known(msgspec.Struct, omit_defaults=True, gc=False):
    """What the door knows of a message: the member `door` of its line."""

    id: str
    type: str
    at: datetime                             # when it happened, by our clock
    received_at: datetime
    user: str | None = None
    anonymous: str | None = None
    name: str | None = None                  # of the event, page or screen
    links: list[dict[str, str]] | None = None     # other ids of the user: [{"id": "anon-1"}]
    bot: bool = False
    clamped: str | None = None               # why `at` is not what the sender said: future, past, unreadable
    plan: tuple[str, ...] | None = None      # what is not as the tracking plan says: marks, see `tracking.judge`


class _Context(msgspec.Struct, rename="camel"):
    user_agent: Any = None


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What holds for all messages of one request."""

    prefix: bytes                            # `prefix_of` its source
    received: datetime                       # aware, UTC
    mint: Callable[[], str]                  # a new id, for messages that cannot be told apart otherwise
    type: str | None = None                  # by the path; None: each message says its own
    sent: datetime | None = None             # by the sender's clock
    context: Mapping[str, msgspec.Raw] | None = None   # of a batch: holds for each message that does not say its own
    is_robot: bool = False                   # by the request's own User-Agent
    is_on_one_line: bool = False             # no message of it has a line break
    names_agents: bool = True                # a message of it may say a user agent
    limit: int = LARGEST_MESSAGE
    needs_person: bool = True
    judge: Judge | None = None               # of the source's tracking plan, where it has one


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a message cannot be taken; the code is one of the quarantine's reasons."""

    reason: str
    message: str
    raw: bytes
    field: str = ""                          # marks of a tracking plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A message that the tracking plan keeps out: it is counted, and nothing of it is kept."""

    problem: str


_MESSAGE = msgspec.json.Decoder(Message)
_CONTEXT = msgspec.json.Decoder(_Context)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode

Stored = tuple[bytes, bytes]
"""Hash and line of a good message."""


def judged(raw: bytes, *, request: Request) -> Stored | Refusal | Blocked:
    """Return the hash and line of a message, or why it is refused. `raw` is valid JSON of one value, in UTF-8."""
    if len(raw) > request.limit:
        return Refusal(reason="too_large", message=f"{len(raw):,} bytes of {request.limit:,}", raw=raw)
    try:
        found = _MESSAGE.decode(raw)
    except msgspec.DecodeError as error:
        return Refusal(reason="wrong_type", message=str(error), raw=raw)
    except RecursionError:
        return Refusal(reason="wrong_type", message="it is nested too deeply", raw=raw)
    return weighed(found, raw, request=request)


def weighed(found: Message, raw: bytes, *, request: Request) -> Stored | Refusal | Blocked:
    """Return the hash and line of a message that was read, or why it is refused or kept out."""
    kind = request.type or found.type or ""
    user = None if found.user_id is None else _id(found.user_id)
    anonymous = None if found.anonymous_id is None else _id(found.anonymous_id)
    whole, marks = raw, None
    if request.context or found.door is not _NOTHING:
        whole = _remade(raw, request.context or {})
    if not request.is_on_one_line:
        whole = _on_one_line(whole)
    verdict = request.judge.verdict(whole, kind=kind, event=found.event) if request.judge is not None else None
    if verdict is not None and verdict.is_forbidden:
        return Blocked(problem=verdict.problem)        # before all else: it is not set aside for a smaller fault either
    refused = _refused(found, kind, user, anonymous, request)
    if refused is not None:
        return Refusal(reason=refused[0], message=refused[1], raw=raw)
    if verdict is not None:
        if verdict.policy in _KEPT_OUT:
            return _kept_out(verdict, raw)
        whole, marks = verdict.message, verdict.marks
    written = found.original_timestamp if found.original_timestamp is not None else found.timestamp
    sent = request.sent if found.sent_at is None else read_time(found.sent_at)
    at, mark = event_time(read_time(written), sent=sent, received=request.received, is_said=written is not None)
    message_id = _text(found.message_id) or _own_id(raw, is_timed=written is not None, mint=request.mint)
    other = _id(found.previous_id) if kind == "alias" else anonymous if kind == "identify" else None
    known = Known(
        message_id, kind, at, request.received, user, anonymous, found.event or found.name,
        [{"id": other}] if other and user and other != user else None,
        request.is_robot or (request.names_agents and _is_robot(found.context)), mark, marks,
    )
    try:
        hashed = message_hash(request.prefix + message_id.encode())
        told = _encode(known)
    except UnicodeEncodeError:
        return Refusal(reason="wrong_type", message="an id or name is not text", raw=raw)
    return hashed, b"".join((b'{"door":', told, b",", whole[1:], b"\n"))


def reject_line(refusal: Refusal, *, received: datetime, number: int, source: str) -> bytes:
    """Return the line by which a refused message goes into quarantine. `number` tells it from others of its request.

    Its file is a name by which it can be answered: see `answered_line`.
    """
    told = f"{source}|{received.isoformat()}|{number}|".encode() + refusal.raw
    name = hashlib.blake2b(told, digest_size=10).hexdigest()
    return _encode({
        "file": f"door-{name}", "line": 1, "reason": refusal.reason, "message": refusal.message,
        "field": refusal.field, "raw": refusal.raw.decode(errors="replace"),
    }) + b"\n"


def answered_line(file: str) -> bytes:
    """Return the line by which a message in quarantine is answered: a corrected one came."""
    return _encode({"file": file, "line": 1, "reason": "answered", "message": "", "raw": ""}) + b"\n"


def blocked_line(blocked: Blocked) -> bytes:
    """Return the line by which a blocked message is counted: what was wrong, and nothing it said."""
    return _encode(blocked.problem) + b"\n"


_KEPT_OUT = frozenset({"quarantine", "block"})
_REASONS = {"violation": "off_plan", "unplanned": "unplanned", "no_consent": "no_consent",
            "unknown_consent": "no_consent"}
"""Problem of a tracking plan -> why a message is set aside."""


def _kept_out(verdict: Verdict, raw: bytes) -> Refusal | Blocked:
    if verdict.policy == "block":
        return Blocked(problem=verdict.problem)
    marks = "; ".join(verdict.marks)
    return Refusal(reason=_REASONS[verdict.problem], message=marks, raw=raw, field=marks)


def _refused(
    found: Message, kind: str, user: str | None, anonymous: str | None, request: Request
) -> tuple[str, str] | None:
    if kind not in TYPES:
        return "unknown_type", f"{kind[:40]!r} is none of {', '.join(sorted(TYPES))}"
    if kind == "track" and not found.event:
        return "no_event_name", "a track needs `event`"
    if kind == "group" and _id(found.group_id) is None:
        return "no_group", "a group needs `groupId`"
    if kind == "alias" and (user is None or _id(found.previous_id) is None):
        return "no_person", "an alias needs `previousId` and `userId`"
    if user is None and anonymous is None and request.needs_person:
        return "no_person", "neither `userId` nor `anonymousId` names anybody"
    return None


_NOBODY = frozenset({"", "null", "none", "undefined", "nan", "-1", "anonymous", "(null)", "nil", "[object object]"})
_LONGEST_NOBODY = max(map(len, _NOBODY))


def _id(value: Id) -> str | None:
    """Return who an id names; None for what programs write when they know nobody, such as null, -1 or 0000-00."""
    text = value.strip() if isinstance(value, str) else _text(value)
    if not text or (text[0] in "0-" and not text.strip("0-")):
        return None
    return None if len(text) <= _LONGEST_NOBODY and text.lower() in _NOBODY else text


def _text(value: Id) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, float):
        return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)
    return None if value is None else str(value)


def _own_id(raw: bytes, *, is_timed: bool, mint: Callable[[], str]) -> str:
    """Return an id for a message without one.

    One that says its time is the same message when all of it is the same; of others two alike may be two.
    """
    return f"content-{hashlib.blake2b(raw, digest_size=16).hexdigest()}" if is_timed else mint()


def _is_robot(context: msgspec.Raw) -> bool:
    try:
        agent = _CONTEXT.decode(context).user_agent
    except (msgspec.DecodeError, RecursionError):
        return False
    return isinstance(agent, str) and is_robot(agent)


def _remade(raw: bytes, shared: Mapping[str, msgspec.Raw]) -> bytes:
    """Return the message with what its batch says, and with a member called `door` out of our way."""
    members = _MEMBERS.decode(raw)
    if "door" in members:
        members["door_as_sent"] = members.pop("door")
    for name, value in shared.items():
        members[name] = _both(value, members.get(name))
    return _encode(members)


def _on_one_line(raw: bytes) -> bytes:
    """Return JSON without line breaks: they stand between its tokens only, where a space means the same."""
    return raw.strip().replace(b"\r", b" ").replace(b"\n", b" ")


def _both(shared: msgspec.Raw, own: msgspec.Raw | None) -> msgspec.Raw:
    """Return two objects as one, the message's own words before the batch's."""
    if own is None:
        return shared
    try:
        return msgspec.Raw(_encode({**_MEMBERS.decode(shared), **_MEMBERS.decode(own)}))
    except (msgspec.DecodeError, RecursionError):
        return own
