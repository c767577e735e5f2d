"""Messages judged: stored as they came with what the door knows of them in front, or refused with a reason.

A stored line is the sender's own JSON object, unchanged, with one more member before the others:

    {"door": {"id", "type", "at", "received_at", "user", "anonymous", "name", "links", "bot", "clamped", "plan"}, …}

What is done here is done for every message, a hundred thousand times a second: a request's messages are read, told
and written together, and a message that is as nearly all are meets as few questions as may be.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from regulars.sources.tracking.judge import Judge, Verdict
from regulars.storage.door.message_ids import message_hashes
from regulars.web.ingest.event_time import SenderClock, read_time
from regulars.web.ingest.message import (
    LARGEST_MESSAGE,
    NOTHING,
    TYPES,
    Context,
    Id,
    Loose,
    Message,
    Plain,
    agent_in,
    read,
)
from regulars.web.ingest.robots import is_robot
from regulars.web.ingest.set_aside import Blocked, Refusal


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


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What holds for all messages of one request."""

    prefix: bytes                            # `prefix_of` its source
    received: datetime                       # aware, UTC
    mint: Callable[[], str]                  # a new id, for messages that cannot be told apart otherwise
    type: str | None = None                  # by the path; None: each message says its own
    clock: SenderClock                       # of messages that do not say when they were sent
    context: Mapping[str, msgspec.Raw] | None = None   # of a batch: holds for each message that does not say its own
    is_robot: bool = False                   # by the request's own User-Agent
    is_on_one_line: bool = False             # no message of it has a line break
    limit: int = LARGEST_MESSAGE
    needs_person: bool = True
    judge: Judge | None = None               # of the source's tracking plan, where it has one


class Judged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of messages, each kind in the order of the messages."""

    hashes: Sequence[bytes] = ()             # of the good ones, `message_hash`
    text: bytes = b""                        # of the good ones, a line each
    refused: Sequence[Refusal] = ()
    blocked: Sequence[Blocked] = ()


def judged(messages: Sequence[bytes], *, request: Request, plain: Sequence[Plain] | None = None) -> Judged:
    """Return what becomes of messages. Each is valid JSON of one value, in UTF-8.

    `plain` is what they say, where all are plain, none is beyond the limit, and they were read together.
    """
    if plain is None or request.context or request.judge is not None or not request.is_on_one_line:
        pairs = [_looked_at(raw, request) for raw in messages]
        return _sorted_out([told for told, _ in pairs], [whole for _, whole in pairs], request)
    return _sorted_out(_weighed(plain, messages, request), messages, request)


_Told = Known | Refusal | Blocked


def _sorted_out(told: Sequence[_Told], wholes: Sequence[bytes], request: Request) -> Judged:
    """Write the good ones down. `wholes`: all of them, as they are to be stored."""
    known = [one for one in told if isinstance(one, Known)]
    if len(known) < len(told):
        wholes = [whole for one, whole in zip(told, wholes, strict=True) if isinstance(one, Known)]
    return Judged(
        hashes=message_hashes(request.prefix, [one.id for one in known]),
        text=_lines(_encode_lines(known).split(b"\n")[:-1], wholes),
        refused=[one for one in told if isinstance(one, Refusal)] if len(known) < len(told) else (),
        blocked=[one for one in told if isinstance(one, Blocked)] if len(known) < len(told) else (),
    )


def _lines(heads: Sequence[bytes], wholes: Sequence[bytes]) -> bytes:
    """Return a line for each message, with what is known of it in front."""
    parts = [b'{"door":', b"", b",", b"", b"\n"] * len(heads)
    parts[1::5], parts[3::5] = heads, [whole[1:] for whole in wholes]
    return b"".join(parts)


def _looked_at(raw: bytes, request: Request) -> tuple[_Told, bytes]:
    """Return what is told of one message that may be anything, and what is to be stored of it."""
    if len(raw) > request.limit:
        return Refusal(reason="too_large", message=f"{len(raw):,} bytes of {request.limit:,}", raw=raw), raw
    try:
        said = read(raw)
    except msgspec.DecodeError as error:
        return Refusal(reason="wrong_type", message=str(error), raw=raw), raw
    except RecursionError:
        return Refusal(reason="wrong_type", message="it is nested too deeply", raw=raw), raw
    whole = raw
    if request.context or (isinstance(said, Loose) and said.door is not NOTHING):
        whole = _remade(raw, request.context or {})
    if not request.is_on_one_line:
        whole = _on_one_line(whole)
    return _planned(said, raw, whole, request)


def _planned(said: Message, raw: bytes, whole: bytes, request: Request) -> tuple[_Told, bytes]:
    """Return what is told of a message, by the tracking plan too, and what is to be stored of it."""
    kind = request.type or said.type or ""
    verdict = request.judge.verdict(whole, kind=kind, event=said.event) if request.judge is not None else None
    if verdict is not None and verdict.is_forbidden:
        return Blocked(problem=verdict.problem), whole     # before all else: no smaller fault sets it aside either
    [told] = _weighed((said,), (raw,), request)
    if verdict is None or isinstance(told, Refusal):
        return told, whole
    if verdict.policy in _KEPT_OUT:
        return _kept_out(verdict, raw), whole
    return msgspec.structs.replace(told, plan=verdict.marks), verdict.message


def _weighed(said: Sequence[Message], messages: Sequence[bytes], request: Request) -> list[Known | Refusal]:
    """Return what is known of messages that no tracking plan keeps out, or why they are refused."""
    by_path, by_robot, received = request.type, request.is_robot, request.received
    told: list[Known | Refusal] = []
    for one, raw in zip(said, messages, strict=True):
        kind = by_path or one.type or ""
        user = one.user_id if one.user_id is None else _id(one.user_id)
        anonymous = one.anonymous_id if one.anonymous_id is None else _id(one.anonymous_id)
        # Nothing is the matter with a track that names what and who.
        if kind != "track" or not one.event or (user is None and anonymous is None):
            refused = _refused(one, kind, user, anonymous, request)
            if refused is not None:
                told.append(Refusal(reason=refused[0], message=refused[1], raw=raw))
                continue
        written = one.timestamp if one.original_timestamp is None else one.original_timestamp
        clock = request.clock if one.sent_at is None else SenderClock.of(read_time(one.sent_at), received=received)
        at, mark = clock.date(written)
        context = one.context
        agent = context.user_agent if isinstance(context, Context) else agent_in(context)
        told.append(Known(
            (one.message_id.strip() if isinstance(one.message_id, str) else _text(one.message_id))
            or _own_id(raw, is_timed=written is not None, mint=request.mint),
            kind, at, received, user, anonymous, one.event or one.name,
            None if kind == "track" else _links(one, kind, user, anonymous),
            by_robot or (agent is not None and is_robot(agent)), mark,
        ))
    return told


_encode = msgspec.json.Encoder().encode
_encode_lines = msgspec.json.Encoder().encode_lines
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
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
    said: Message, kind: str, user: str | None, anonymous: str | None, request: Request
) -> tuple[str, str] | None:
    if kind not in TYPES:
        return "unknown_type", f"{kind[:40]!r} is none of {', '.join(sorted(TYPES))}"
    if kind == "track" and not said.event:
        return "no_event_name", "a track needs `event`"
    if kind == "group" and _id(said.group_id) is None:
        return "no_group", "a group needs `groupId`"
    if kind == "alias" and (user is None or _id(said.previous_id) is None):
        return "no_person", "an alias needs `previousId` and `userId`"
    if user is None and anonymous is None and request.needs_person:
        return "no_person", "neither `userId` nor `anonymousId` names anybody"
    return None


def _links(said: Message, kind: str, user: str | None, anonymous: str | None) -> list[dict[str, str]] | None:
    """Return by what other ids the sender says it knows the user."""
    other = _id(said.previous_id) if kind == "alias" else anonymous if kind == "identify" else None
    return [{"id": other}] if other and user and other != user else None


_NOBODY = frozenset({"", "null", "none", "undefined", "nan", "-1", "anonymous", "(null)", "nil", "[object object]"})
_LONGEST_NOBODY = max(map(len, _NOBODY))


def _id(value: Id) -> str | None:
    """Return who an id names; None for what programs write when they know nobody, such as null, -1 or 0000-00."""
    text = value.strip() if isinstance(value, str) else _text(value)
    if text and len(text) > _LONGEST_NOBODY and text[0] > "0":
        return text                          # as nearly all are
    if not text or (text[0] in "0-" and not text.strip("0-")):
        return None
    return None if text.lower() in _NOBODY else text


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
